"""Orders over Kafka, with the driver of your choice: python app.py confluent-kafka|kafka-python|aiokafka

The API: produce, produce several at once, and see what a consumer of the same application has got.
"""

import importlib
import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

STORES = {"confluent-kafka": "broker_confluent", "kafka-python": "broker_kafka_python", "aiokafka": "broker_aiokafka"}
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
            self.changed.wait_for(lambda: len(self.seen.get(customer, [])) >= count, timeout=30)
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
                value = body | ({"changed": True} if "publish" in MUTATE else {})
                broker.produce("returns" if "topic" in MUTATE else "orders", body["customer"], value)
                return 201, body | ({"item": "another"} if "json" in MUTATE else {})
            case ["POST", "batch"]:
                broker.produce_all("batches", body["customer"], [{"n": n} for n in range(body["n"])])
                return 201, {"sent": body["n"]}
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
    servers = os.environ.get("KAFKA", "127.0.0.1:9092")
    driver = importlib.import_module(STORES[sys.argv[1]])
    Handler.broker = driver.open_broker(servers, Handler.audit.saw)
    Server(("127.0.0.1", int(os.environ.get("PORT", "8080"))), Handler).serve_forever()


if __name__ == "__main__":
    main()
