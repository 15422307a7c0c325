"""Orders in a database, with the driver of your choice: python app.py DRIVER"""

import importlib
import json
import os
import sys
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from fetch import CLIENTS

# Where each driver's store is. A store has the methods that `Handler.answer` calls, and says Refused for what the
# database does not accept.
STORES = {
    "psycopg": "store_dbapi",
    "asyncpg": "store_asyncpg",
    "sqlalchemy": "store_sqlalchemy",
    "django": "store_django",
    "pymysql": "store_dbapi",
    "mysql-connector": "store_dbapi",
    "mysql-connector-c": "store_dbapi",
    "mysqlclient": "store_dbapi",
}
# Regressions that the end-to-end tests plant; empty for everybody else.
MUTATE = set(os.environ.get("MUTATE", "").split(","))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store = None

    def do_GET(self):
        self.reply("GET", {})

    def do_POST(self):
        self.reply("POST", json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{}"))

    def reply(self, method, body):
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        try:
            status, answer = self.answer(method, url.path, query, body)
        except Exception as error:
            status, answer = 500, {"error": type(error).__name__, "message": str(error)}
        text = json.dumps(answer, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def answer(self, method, path, query, body):
        store = self.store
        match [method, *path.strip("/").split("/")]:
            case ["POST", "setup"]:
                store.setup()
                return 200, {"ready": True}
            case ["POST", "orders"]:
                row = (body["customer"], body["item"], body["quantity"], Decimal(body["price"]))
                return 201, shown(store.create(row))
            case ["GET", "orders", order_id]:
                row = store.load(int(order_id))
                return (200, shown(row)) if row else (404, {"error": "no such order"})
            case ["GET", "orders"]:
                rows = store.list(query["customer"], "query" in MUTATE)
                return 200, {"orders": [changed(shown(row)) for row in rows]}
            case ["POST", "batch"]:
                customer = body["customer"]
                rows = [(customer, f"batch-{i}", i + 1, Decimal("1.25") * (i + 1)) for i in range(body["n"])]
                count, total = store.batch(customer, rows)
                return 200, {"count": count, "sum": int(total)}
            case ["POST", "rollback"]:
                during, count = store.rollback(body["customer"])
                return 200, {"during": during, "count": count}
            case ["POST", "fail"]:
                code, message = store.fail((body["customer"], "impossible", 0, Decimal(1)))
                return 409, {"error": str(code), "message": message}
            case ["GET", "types"]:
                return 200, {name: text(value) for name, value in store.types().items()}
            case ["GET", "fetch"]:
                return fetch(query["client"], query["url"])
            case _:
                return 404, {"error": "no such page"}

    def log_message(self, *_):
        pass


def shown(row):
    order_id, customer, item, quantity, price = row
    return {"id": order_id, "customer": customer, "item": item, "quantity": quantity, "price": str(price)}


def changed(order):
    return order | {"quantity": order["quantity"] + 1} if "json" in MUTATE else order


def text(value):
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    return json.dumps(value) if isinstance(value, (dict, list)) else None if value is None else str(value)


def fetch(client, url):
    try:
        status, body = CLIENTS[client](url)
    except Exception as error:
        return 502, {"error": type(error).__name__, "message": str(error)}
    return 200, {"status": status, "body": body}


class Server(ThreadingHTTPServer):
    # A crowd may come at once.
    request_queue_size = 64


def main():
    driver = sys.argv[1] if len(sys.argv) > 1 else None
    if driver:
        Handler.store = importlib.import_module(STORES[driver]).open_store(driver)
    Server(("127.0.0.1", int(os.environ.get("PORT", "8080"))), Handler).serve_forever()


if __name__ == "__main__":
    main()
