MariaDB and MySQL beside SQLite: `[database] url = mysql://...`, over a socket of the machine or TLS whose certificate is checked.
Records, calls and interfaces have connections of their own, so that none holds up another; lost connections, deadlocks and
held locks are survived, each record is written once. `vos3000 migrate --to REVISION` goes back to what an earlier release
needs, `--views` shows every table in a database `vos3000db`. Day tables are made before midnight. Numbers that other programs
took by MAX(id) + 1 are stepped over. `python -m bench.storage` measures
how many records a second a machine writes.
