"""Ships what a queue says: a consumer, which nobody sends requests. python shipping.py

A message in `shipments` costs a rate from the upstream, writes to Redis, and is told on in `shipped`, which another consumer
here writes down. What has no quantity is rejected. PREFETCH: how many messages each consumer may have; CONSUMERS: how many
there are of `shipments`, each on a connection of its own; BATCH: so many are settled by one word.
"""

import json
import os
import signal
import sys
import threading
import uuid
from urllib.request import urlopen

import pika
import redis

UPSTREAM = os.environ.get("UPSTREAM_URL", "http://rates.test:8085")
PREFETCH, CONSUMERS, BATCH = (int(os.environ.get(name, "1")) for name in ("PREFETCH", "CONSUMERS", "BATCH"))
# Regressions that the end-to-end tests plant; empty for everybody else.
MUTATE = set(os.environ.get("MUTATE", "").split(","))

cache = redis.Redis.from_url(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"))
parameters = pika.URLParameters(os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672"))
settled = threading.Lock(), [0]


def note_settled():
    lock, count = settled
    with lock:
        count[0] += 1
        print(f"settled {count[0]}", file=sys.stderr, flush=True)


def ship(channel, order):
    with urlopen(f"{UPSTREAM}/rates/{order['currency']}") as answer:
        rate = json.load(answer)["rate"]
    shipment = str(uuid.uuid4())
    quantity = order["quantity"] + (1 if "call" in MUTATE else 0)
    cache.incrby(f"shipped:{order['item']}", quantity)
    if "skip" not in MUTATE:
        cache.set(f"shipment:{shipment}", json.dumps({"order": order["order"], "cost": quantity * rate}))
    if "extra" in MUTATE:
        cache.get("who-asks-this")
    told = json.dumps({"shipment": shipment, "order": order["order"]}).encode()
    channel.basic_publish("", "shipped", told, pika.BasicProperties(message_id=shipment))


def consume(queue, work, batch):
    channel = pika.BlockingConnection(parameters).channel()
    channel.queue_declare("shipments")
    channel.queue_declare("shipped")
    channel.basic_qos(prefetch_count=PREFETCH)
    waiting = 0

    def on_message(channel, method, properties, body):
        nonlocal waiting
        message = json.loads(body)
        if message.get("quantity", 1) <= 0:
            channel.basic_reject(method.delivery_tag, requeue="settle" in MUTATE)
            return note_settled()
        work(channel, message)
        waiting += 1
        if waiting == batch:
            channel.basic_ack(method.delivery_tag, multiple=batch > 1)
            for _ in range(batch):
                note_settled()
            waiting = 0

    if "queue" in MUTATE:
        threading.Event().wait()
    channel.basic_consume(queue, on_message)
    print(f"consuming {queue}", file=sys.stderr, flush=True)
    channel.start_consuming()


def main():
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    note = lambda _channel, message: cache.rpush("shipments", message["shipment"])
    works = [("shipments", ship, BATCH)] * CONSUMERS + [("shipped", note, 1)]
    threads = [threading.Thread(target=consume, args=work) for work in works]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]


if __name__ == "__main__":
    main()
