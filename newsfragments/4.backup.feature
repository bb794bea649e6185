`vos3000 backup` writes the whole database into one file while calls run, with checksums of every table and of the ledger;
`vos3000 restore` puts it back, whole or not at all, and keeps the old database aside. The journal keeps what the database
has for some time (`[state] journal_keep_hours`, `journal_keep_mib`), and the next start writes from it what the backup lacks, each
record once. Old records and histories are removed by `e_autoclean`, three years after they were written unless you say otherwise:
see `vos3000 autoclean`.
