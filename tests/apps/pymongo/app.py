"""Orders in MongoDB, with the driver of your choice: python app.py pymongo|motor"""

import importlib
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from bson import Binary, Code, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp

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
                return 201, shown(store.create({name: body[name] for name in ("customer", "item", "quantity", "price")}))
            case ["GET", "orders", order_id]:
                order = store.load(ObjectId(order_id))
                return (200, shown(order)) if order else (404, {"error": "no such order"})
            case ["GET", "orders"]:
                orders = store.list(query["customer"], "query" in MUTATE)
                return 200, {"orders": [changed(shown(order)) for order in orders]}
            case ["POST", "batch"]:
                count, total = store.batch(body["customer"], body["n"])
                return 200, {"count": count, "sum": total}
            case ["POST", "count"]:
                return 200, {"n": store.count(body["customer"])}
            case ["POST", "transaction"]:
                during, count = store.transaction(body["customer"])
                return 200, {"during": during, "count": count}
            case ["POST", "fail"]:
                return 409, {"error": store.fail(body["customer"])}
            case ["POST", "forget"]:
                store.forget(body["customer"])
                return 202, {"sent": True}
            case ["GET", "types"]:
                return 200, {name: text(value) for name, value in store.types(query["customer"], every_type()).items()}
            case _:
                return 404, {"error": "no such page"}

    def log_message(self, *_):
        pass


def shown(order):
    return {"id": str(order["_id"])} | {name: order[name] for name in ("customer", "item", "quantity", "price")}


def changed(order):
    return order | {"quantity": order["quantity"] + 1} if "json" in MUTATE else order


def every_type():
    import datetime
    import uuid

    return {
        "int": 42,
        "bigint": 9007199254740993,
        "long": Int64(5),
        "double": 0.5,
        "decimal": Decimal128("12345.6789"),
        "text": "ünïcode ✓",
        "null": None,
        "bool": True,
        "date": datetime.datetime(2024, 2, 29, 12, 34, 56, 789000),
        "old": datetime.datetime(1900, 1, 1),
        "timestamp": Timestamp(1700000000, 7),
        "id": ObjectId("65f000000000000000000001"),
        "uuid": Binary.from_uuid(uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
        "bytes": b"\xde\xad\xbe\xef",
        "regex": Regex("^a.*b$", "im"),
        "code": Code("function () { return 1 }"),
        "min": MinKey(),
        "max": MaxKey(),
        "nested": {"list": [1, [2, {"three": 3.5}], None], "empty": {}},
    }


def text(value):
    return value.hex() if isinstance(value, bytes) else str(value)


class Server(ThreadingHTTPServer):
    # A crowd may come at once.
    request_queue_size = 64


def main():
    Handler.store = importlib.import_module(f"store_{sys.argv[1]}").open_store(os.environ["MONGO_URI"])
    Server(("127.0.0.1", int(os.environ.get("PORT", "8080"))), Handler).serve_forever()


if __name__ == "__main__":
    main()
