Records go to text files and to a receiver as they do in VOS3000: hourly files with 18 fields (SS_CDR_RECORD_TO_FILE,
SS_CDR_RECORD_NONCONNECT), `cdr_*.csv` with 52 (SERVER_CDR_FILE_WRITE_INTERVAL, SERVER_CDR_FILE_WRITE_MAX), datagrams that are
answered with the flowno (SERVER_CDR_REAL_TIME_REPORT_SERVER). Each record is in each kind of files once, through crashes, full
disks and outages; docs/cdrfiles.md has every field. `vos3000 export-cdr`
writes either form at any time. GetCdr in an hour of SERVER_QUERY_CDR_DENY_TIME answers -10033 instead of
-20004.
