"""kafka-python: all in Python, gzip."""

import json
import os
import threading

from kafka import KafkaConsumer, KafkaProducer


def log_in():
    if "KAFKA_MECHANISM" not in os.environ:
        return {}
    return {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": os.environ["KAFKA_MECHANISM"],
        "sasl_plain_username": "ada",
        "sasl_plain_password": os.environ["KAFKA_PASSWORD"],
    }


class Broker:
    def __init__(self, servers, saw):
        common = {"bootstrap_servers": servers} | log_in()
        self.producer = KafkaProducer(compression_type="gzip", linger_ms=5, **common)
        self.consumer = KafkaConsumer("orders", group_id="audit", auto_offset_reset="earliest", **common)
        threading.Thread(target=self.consume, args=(saw,), daemon=True).start()

    def consume(self, saw):
        for message in self.consumer:
            saw(json.loads(message.value))

    def produce(self, topic, key, value):
        self.produce_all(topic, key, [value])

    def produce_all(self, topic, key, values):
        headers = [("source", b"app")]
        sent = [self.producer.send(topic, json.dumps(value).encode(), key.encode(), headers) for value in values]
        for future in sent:
            future.get(timeout=30)


def open_broker(servers, saw):
    return Broker(servers, saw)
