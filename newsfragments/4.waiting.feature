Records that wait are an alarm: more than 1,000 are told in the log once a minute, as an event and
as `vos3000_db_cdr_waiting_alarm` (VOS3000's alarm 20006), until they are fewer. `healthz` goes on
telling of a journal that cannot be written when only the database is back.
