"""kafka-python: all in Python, gzip."""

import json
import threading

from kafka import KafkaConsumer, KafkaProducer


class Broker:
    def __init__(self, servers, saw):
        self.producer = KafkaProducer(bootstrap_servers=servers, compression_type="gzip", linger_ms=5)
        self.consumer = KafkaConsumer("orders", bootstrap_servers=servers, group_id="audit", auto_offset_reset="earliest")
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
