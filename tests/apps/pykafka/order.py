"""Somebody who sends records to a topic: python order.py TOPIC JSON..."""

import os
import sys

from confluent_kafka import Producer


def main():
    topic, *messages = sys.argv[1:]
    producer = Producer({"bootstrap.servers": os.environ.get("KAFKA", "127.0.0.1:9092")})
    for number, message in enumerate(messages):
        producer.produce(topic, message, f"order-{number}", headers={"number": str(number)})
    producer.flush()


if __name__ == "__main__":
    main()
