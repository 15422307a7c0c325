"""Orders over RabbitMQ, with the driver of your choice: python app.py pika|aio-pika

What the other applications of this kind do, too: publish with confirmations, get messages back that nobody takes, fetch,
consume, and call a worker that answers (worker.py).
"""

import importlib
import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

STORES = {"pika": "broker_pika", "aio-pika": "broker_aio_pika"}
# Regressions that the end-to-end tests plant; empty for everybody else.
MUTATE = set(os.environ.get("MUTATE", "").split(","))


class Audit:
    """What the consumer has seen, by customer."""

    def __init__(self):
        self.seen = {}
        self.changed = threading.Condition()

    def saw(self, order):
        with self.changed:
            self.seen.setdefault(order["customer"], []).append(order["item"])
            self.changed.notify_all()

    def of(self, customer, count):
        with self.changed:
            self.changed.wait_for(lambda: len(self.seen.get(customer, [])) >= count, timeout=10)
            return self.seen.get(customer, [])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    broker = None
    audit = Audit()

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
        broker = self.broker
        match [method, *path.strip("/").split("/")]:
            case ["POST", "orders"]:
                key = f"order.{body['customer']}.{'changed' if 'publish' in MUTATE else 'created'}"
                broker.publish("orders", key, body)
                return 201, body | ({"item": "another"} if "json" in MUTATE else {})
            case ["POST", "unroutable"]:
                code, text = broker.publish_unroutable("orders", f"nobody.{body['customer']}", body)
                return 409, {"code": code, "text": text}
            case ["POST", "mailbox"]:
                queue = f"mailbox.{body['customer']}"
                broker.declare(queue)
                for n in range(body["n"]):
                    broker.publish("", queue, {"n": n})
                return 201, {"sent": body["n"]}
            case ["GET", "mailbox"]:
                message = broker.fetch(f"mailbox.{query['customer']}", "settle" not in MUTATE)
                return (200, message) if message else (404, {"error": "no message"})
            case ["POST", "call"]:
                return 200, broker.call("worker", {"customer": body["customer"], "number": body["number"]})
            case ["GET", "audit"]:
                return 200, {"items": self.audit.of(query["customer"], int(query["n"]))}
            case _:
                return 404, {"error": "no such page"}

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    # A crowd may come at once.
    request_queue_size = 64


def main():
    url = os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672")
    driver = importlib.import_module(STORES[sys.argv[1]])
    Handler.broker = driver.open_broker(url, Handler.audit.saw)
    Server(("127.0.0.1", int(os.environ.get("PORT", "8080"))), Handler).serve_forever()


if __name__ == "__main__":
    main()
