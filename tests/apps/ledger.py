"""A ledger in PostgreSQL or MySQL, over HTTP: what verdicts are tried on with SQL. DRIVER is psycopg or pymysql; CHANGE (a
comma-separated list) makes it another version."""

import importlib
import json
import os
import uuid
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer

CHANGES = os.environ.get("CHANGE", "").split(",")
driver = importlib.import_module(os.environ["DRIVER"])
named = {
    "host": os.environ["DB_HOST"],
    "port": int(os.environ["DB_PORT"]),
    "user": os.environ["DB_USER"],
    "password": os.environ["DB_PASSWORD"],
}
name = {"psycopg": "dbname", "pymysql": "database"}[driver.__name__]
database = driver.connect(**named, **{name: os.environ["DB_NAME"]}, autocommit=True)


def sql(statement, *values):
    cursor = database.cursor()
    cursor.execute(statement, values)
    return cursor.fetchall() if cursor.description else []


def setup():
    for table in ["entries", "postings"]:
        columns = "id varchar(36) primary key, account varchar(20), amount integer, made varchar(40)"
        sql(f"create table if not exists {table} ({columns})")
    sql("create table if not exists accounts (account varchar(20) primary key, balance integer)")
    sql("create table if not exists audit (what varchar(40))")
    return 200, {"ready": True}


def enter(account, amount):
    entry = {"id": str(uuid.uuid4()), "account": account, "amount": amount, "made": datetime.now(timezone.utc).isoformat()}
    table = "postings" if "table" in CHANGES else "entries"
    sql(f"insert into {table} (id, account, amount, made) values (%s, %s, %s, %s)", *entry.values())
    if not sql("select balance from accounts where account = %s", account):
        sql("insert into accounts values (%s, 0)", account)
    if "skip" not in CHANGES:
        sql("update accounts set balance = balance + %s where account = %s", amount, account)
    if "extra" in CHANGES:
        sql("insert into audit values (%s)", account)
    if "field" in CHANGES:
        entry["version"] = 2
    return 201, entry


def show(account):
    found = sql("select balance from accounts where account = %s", account)
    # Asked for, and used by nobody: a blind spot.
    sql("select count(*) from audit")
    return (200, {"account": account, "balance": found[0][0]}) if found else (404, {"error": "no such account"})


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.answer(*(setup() if self.path == "/setup" else enter(**body)))

    def do_GET(self):
        self.answer(*show(self.path.rsplit("/", 1)[1]))

    def answer(self, status, body):
        body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
