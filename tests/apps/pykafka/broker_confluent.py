"""confluent-kafka: librdkafka, an idempotent producer, a consumer in a group."""

import json
import os
import threading

from confluent_kafka import Consumer, Producer


def log_in():
    if "KAFKA_MECHANISM" not in os.environ:
        return {}
    return {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": os.environ["KAFKA_MECHANISM"],
        "sasl.username": "ada",
        "sasl.password": os.environ["KAFKA_PASSWORD"],
    }


class Broker:
    def __init__(self, servers, saw):
        common = {"bootstrap.servers": servers} | log_in()
        self.producer = Producer(common | {"enable.idempotence": True, "linger.ms": 5})
        group = {"group.id": "audit", "group.protocol": os.environ.get("KAFKA_GROUP_PROTOCOL", "classic")}
        members = int(os.environ.get("KAFKA_MEMBERS", "1"))
        self.consumers = [Consumer(common | group | {"auto.offset.reset": "earliest"}) for _ in range(members)]
        assigned = threading.Semaphore(0), set()
        for consumer in self.consumers:
            threading.Thread(target=self.consume, args=(consumer, assigned, saw), daemon=True).start()
        # One alone gets what there is at any time.
        while members > 1 and len(assigned[1]) < members:
            assigned[0].acquire()

    def consume(self, consumer, assigned, saw):
        changed, having = assigned

        def change(_, partitions):
            (having.add if partitions else having.discard)(consumer)
            changed.release()

        consumer.subscribe(["orders"], on_assign=change, on_revoke=lambda _, gone: change(_, []))
        while True:
            message = consumer.poll(0.5)
            if message is not None and not message.error():
                saw(json.loads(message.value()))

    def produce(self, topic, key, value):
        self.produce_all(topic, key, [value])

    def produce_all(self, topic, key, values):
        done = threading.Semaphore(0)
        failed = []

        def delivered(error, _message):
            failed.extend([error] if error else [])
            done.release()

        for value in values:
            headers = [("source", b"app")]
            self.producer.produce(topic, json.dumps(value).encode(), key, headers=headers, on_delivery=delivered)
        for _ in values:
            while not done.acquire(timeout=0.001):
                self.producer.poll(0.01)
        if failed:
            raise RuntimeError(failed[0].name())


def open_broker(servers, saw):
    return Broker(servers, saw)
