"""
Follow the records by flowno, as a billing system beside the switch does:
follow.py SOCKET DATABASE LAST [LIMIT]. Prints each new number, and the last one.
"""

import sys

import pymysql

socket, database, last = sys.argv[1:4]
limit = int(sys.argv[4]) if len(sys.argv) > 4 else 100
db = pymysql.connect(unix_socket=socket, user="root", database=database)
cur = db.cursor()
cur.execute(
    "select table_name from information_schema.tables where table_schema = %s"
    " and table_name like 'e\\_cdr%%'",
    (database,),
)
tables = [name for (name,) in cur.fetchall()]
last = int(last)
while True:
    union = " union all ".join(
        "(select flowno, callere164, fee from " + table + " where flowno > %d"
        " order by flowno limit %d)" % (last, limit)
        for table in tables
    )
    cur.execute(union + " order by flowno limit %d" % limit)
    rows = cur.fetchall()
    db.commit()
    for flowno, _, _ in rows:
        print(flowno)
        last = flowno
    if len(rows) < limit:
        break
print("last", last)
