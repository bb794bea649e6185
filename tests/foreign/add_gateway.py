"""
Add a vendor's gateway behind the switch's back:
add_gateway.py SOCKET DATABASE NAME ADDRESS PORT PREFIX
"""

import sys

import pymysql

socket, database, name, address, port, prefix = sys.argv[1:7]
db = pymysql.connect(unix_socket=socket, user="root", database=database)
cur = db.cursor()
cur.execute("select max(id) from e_gatewayrouting")
number = (cur.fetchone()[0] or 0) + 1
cur.execute(
    "insert into e_gatewayrouting (id, name, remoteip, signalport, prefix, capacity)"
    " values (%s, %s, %s, %s, %s, 10)",
    (number, name, address, int(port), prefix),
)
cur.execute("insert into e_gatewayroutingsetting (id) values (%s)", (number,))
db.commit()
print(number)
