"""
Minutes and money of a gateway on one day, from the table of the day and from the
newest records: day_report.py SOCKET DATABASE GATEWAY BEGIN_MS END_MS
"""

import sys

import pymysql

socket, database, gateway, begin, end = sys.argv[1:6]
db = pymysql.connect(unix_socket=socket, user="root", database=database, charset="utf8")
cur = db.cursor()
cur.execute(
    "select table_name from information_schema.tables where table_schema = %s"
    " and (table_name like 'e\\_cdr\\_%%' or table_name = 'e_cdr')",
    (database,),
)
calls, seconds, money = 0, 0, 0
for (table,) in cur.fetchall():
    cur.execute(
        "select callertogatewaye164, calleegatewayid, holdtime, fee, stoptime"
        " from " + table + " where callergatewayid = %s"
        " and stoptime >= %s and stoptime < %s",
        (gateway, int(begin), int(end)),
    )
    for number, vendor, holdtime, fee, stoptime in cur.fetchall():
        assert int(begin) <= stoptime < int(end)
        print(number, vendor, holdtime, fee)
        calls += 1
        seconds += holdtime
        money += fee
print("calls", calls, "seconds", seconds, "fee", money)
