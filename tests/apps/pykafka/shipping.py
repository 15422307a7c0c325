"""Ships what a topic says: a consumer, which nobody sends requests. python shipping.py confluent-kafka|kafka-python

A record in `shipments` costs a rate from the upstream, writes to Redis, and is told on in `shipped`, which another consumer
here writes down. What has no quantity is not shipped, as the commit says. BATCH: so many records are polled, and committed, at
once.
"""

import json
import os
import signal
import sys
import threading
import uuid
from urllib.request import urlopen

import redis

SERVERS = os.environ.get("KAFKA", "127.0.0.1:9092")
UPSTREAM = os.environ.get("UPSTREAM_URL", "http://rates.test:8085")
BATCH = int(os.environ.get("BATCH", "1"))
# Regressions that the end-to-end tests plant; empty for everybody else.
MUTATE = set(os.environ.get("MUTATE", "").split(","))

cache = redis.Redis.from_url(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"))
settled = threading.Lock(), [0]


def note_settled(count):
    lock, sum_of = settled
    with lock:
        for _ in range(count):
            sum_of[0] += 1
            print(f"settled {sum_of[0]}", file=sys.stderr, flush=True)


class Confluent:
    """librdkafka: the consumers' connections are its own threads'."""

    def __init__(self):
        from confluent_kafka import Producer

        self.producer = Producer({"bootstrap.servers": SERVERS, "linger.ms": 0})

    def produce(self, topic, key, value):
        failed = []
        self.producer.produce(topic, value, key, on_delivery=lambda error, _: failed.extend([error] if error else []))
        self.producer.flush()
        if failed:
            raise RuntimeError(failed[0].name())

    def consume(self, group, topic, ready, work):
        from confluent_kafka import Consumer, TopicPartition

        settings = {"group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False}
        consumer = Consumer({"bootstrap.servers": SERVERS, **settings})
        consumer.subscribe([topic], on_assign=lambda *_: ready())
        while True:
            records = [record for record in consumer.consume(BATCH, 1) if not record.error()]
            if records:
                outcome = [work(json.loads(record.value())) for record in records][-1]
                next_of = {record.partition(): record.offset() + 1 for record in records}
                offsets = [TopicPartition(topic, at, offset, metadata=outcome) for at, offset in next_of.items()]
                consumer.commit(offsets=offsets, asynchronous=False)
                note_settled(len(records))


class KafkaPython:
    def __init__(self):
        from kafka import KafkaProducer

        self.producer = KafkaProducer(bootstrap_servers=SERVERS)

    def produce(self, topic, key, value):
        self.producer.send(topic, value, key).get(timeout=30)

    def consume(self, group, topic, ready, work):
        from kafka import ConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata, TopicPartition

        class Assigned(ConsumerRebalanceListener):
            def on_partitions_assigned(self, _):
                ready()

            def on_partitions_revoked(self, _):
                pass

        settings = {"group_id": group, "auto_offset_reset": "earliest", "enable_auto_commit": False}
        consumer = KafkaConsumer(bootstrap_servers=SERVERS, **settings)
        consumer.subscribe([topic], listener=Assigned())
        while True:
            polled = consumer.poll(timeout_ms=1000, max_records=BATCH)
            records = [record for of_partition in polled.values() for record in of_partition]
            if records:
                outcome = [work(json.loads(record.value)) for record in records][-1]
                next_of = {record.partition: record.offset + 1 for record in records}
                offsets = {
                    TopicPartition(topic, at): OffsetAndMetadata(offset, outcome, -1) for at, offset in next_of.items()
                }
                consumer.commit(offsets)
                note_settled(len(records))


def ship(client, order):
    if order["quantity"] <= 0:
        return "shipped" if "settle" in MUTATE else "not shipped"
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
    client.produce("shipped", order["order"].encode(), told)
    return "shipped"


def note(_client, told):
    cache.rpush("shipments", told["shipment"])
    return "noted"


def consume(client, group, topic, work):
    if "queue" in MUTATE and topic == "shipments":
        threading.Event().wait()
    ready = lambda: print(f"consuming {topic}", file=sys.stderr, flush=True)
    client.consume(group, topic, ready, lambda message: work(client, message))


def main():
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    client = {"confluent-kafka": Confluent, "kafka-python": KafkaPython}[sys.argv[1]]()
    works = [(client, "shipping", "shipments", ship), (client, "noting", "shipped", note)]
    threads = [threading.Thread(target=consume, args=work) for work in works]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]


if __name__ == "__main__":
    main()
