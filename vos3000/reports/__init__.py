"""What becomes of records outside of the database: text files, datagrams."""
