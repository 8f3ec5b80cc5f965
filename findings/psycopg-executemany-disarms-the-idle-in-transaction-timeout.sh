#!/bin/sh
# idle_in_transaction_session_timeout ends a session that leaves a transaction open. It does not after executemany() of
# psycopg 3: that sends the rows in a pipeline whose last message is a Flush, which comes after the Sync. The server turns
# its idle timer off when the Flush arrives, and on again only with the next ReadyForQuery, which a Flush does not lead to.
# So a client that stops right after executemany() keeps its locks for as long as its connection stands.
#
# Seen with psycopg 3.3.9 and PostgreSQL 15.18, a limit of 1 s, and 4 s without a statement, in five sessions each (on a busy
# machine some of the five are ended after executemany, too: it depends on when the Flush is read):
#   execute: ended by the server
#   executemany: still there
#   executemany, then a query: ended by the server
#
# Needs Debian's PostgreSQL; runs a private server in a temporary folder.
set -eu
dir=$(mktemp -d)
bin=$(find /usr/lib/postgresql -path "*/bin/initdb" | sort | tail -n 1)
bin=${bin%/initdb}
as=''
[ "$(id -u)" != 0 ] || { chown postgres "$dir"; as='runuser -u postgres --'; }
trap '$as "$bin/pg_ctl" stop -s -m immediate -D "$dir/data" || :; rm -rf "$dir"' EXIT
cd /
$as "$bin/initdb" --auth=trust --username=postgres --no-sync -D "$dir/data" >"$dir/initdb.log"
$as "$bin/pg_ctl" start -s --wait -D "$dir/data" -l "$dir/data/server.log" -o "-c listen_addresses= -k $dir"
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" -q --disable-pip-version-check install 'psycopg[binary]==3.3.9'
"$dir/venv/bin/python" - "$dir" >"$dir/said" <<'PYTHON'
import sys
import time

import psycopg

DSN = f"host={sys.argv[1]} user=postgres dbname=postgres options='-c idle_in_transaction_session_timeout=1s'"
ROWS = [(1,), (2,)]


def execute(connection):
    connection.execute("INSERT INTO t VALUES (1)")


def executemany(connection):
    connection.cursor().executemany("INSERT INTO t VALUES (%s)", ROWS)


def both(connection):
    executemany(connection)
    connection.execute("SELECT 1")


with psycopg.connect(DSN, autocommit=True) as made:
    made.execute("CREATE TABLE t (a int)")
for name, begin in (("execute", execute), ("executemany", executemany), ("executemany, then a query", both)):
    connections = [psycopg.connect(DSN) for _ in range(5)]
    for connection in connections:
        begin(connection)
    time.sleep(4)
    there = 0
    for connection in connections:
        try:
            connection.execute("SELECT 1")
            there += 1
        except psycopg.Error:
            pass
        connection.close()
    print(f"{name}: {'still there' if there else 'ended by the server'}")
PYTHON
cat "$dir/said"
[ "$(tr '\n' '|' <"$dir/said")" = \
  'execute: ended by the server|executemany: still there|executemany, then a query: ended by the server|' ]
