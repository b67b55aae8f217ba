"""Answers SQL over Iceberg tables with DuckDB: a JSON request a line in, a JSON answer a line out.

Request: {"catalog": SQLite file, "table": "namespace.name", "sql": text with {table}}.
Answer:  {"columns": [...], "rows": [[...]], "metadata": file} or {"error": text}.
The metadata file is the one that the catalog names; every value is returned as text or null."""
import datetime
import decimal
import glob
import json
import os
import sqlite3
import sys

import duckdb


def connect():
    site = os.path.dirname(os.path.dirname(duckdb.__file__))
    con = duckdb.connect()
    for name in ("avro", "httpfs", "iceberg"):
        con.execute("LOAD '%s'" % glob.glob("%s/duckdb_extension_%s/extensions/*/%s.duckdb_extension" % (site, name, name))[0])
    con.execute("SET TimeZone = 'UTC'")
    con.execute("SET enable_progress_bar = false")
    return con


def metadata(catalog, table):
    namespace, name = table.rsplit(".", 1)
    db = sqlite3.connect("file:%s?mode=ro" % catalog, uri=True, timeout=10)
    try:
        row = db.execute("SELECT metadata_location FROM iceberg_tables WHERE table_namespace = ? AND table_name = ?", (namespace, name)).fetchone()
    finally:
        db.close()
    if row is None:
        raise LookupError("the catalog has no table %s" % table)
    return row[0].removeprefix("file://")


def text(value):
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).hex()
    if isinstance(value, datetime.datetime):
        plain = value.astimezone(datetime.timezone.utc).replace(tzinfo=None) if value.tzinfo else value
        return plain.isoformat(" ", "microseconds") + ("Z" if value.tzinfo else "")
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, (dict, list)):
        return json.dumps(value, default=text)
    return str(value) if not isinstance(value, float) else repr(value)


def answer(con, request):
    path = metadata(request["catalog"], request["table"])
    cursor = con.execute(request["sql"].replace("{table}", "iceberg_scan('%s')" % path))
    return {"columns": [c[0] for c in cursor.description], "rows": [[text(v) for v in row] for row in cursor.fetchall()], "metadata": path}


def main():
    # DuckDB draws the progress of slow queries on the standard output, those of its extensions whatever is set.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    con = connect()
    for line in sys.stdin:
        try:
            reply = answer(con, json.loads(line))
        except Exception as error:  # the caller decides what an error means
            reply = {"error": "%s: %s" % (type(error).__name__, error)}
        print(json.dumps(reply), file=answers, flush=True)


main()
