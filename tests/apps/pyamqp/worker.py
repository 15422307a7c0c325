"""Answers the applications' calls: a service of somebody else's, which is gone in replay. python worker.py"""

import json
import os
import sys

import pika


def main():
    connection = pika.BlockingConnection(pika.URLParameters(os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672")))
    channel = connection.channel()
    channel.queue_declare("worker")

    def on_call(channel, method, properties, body):
        called = json.loads(body)
        answer = json.dumps({"customer": called["customer"], "doubled": 2 * called["number"]}).encode()
        back = pika.BasicProperties(correlation_id=properties.correlation_id)
        channel.basic_publish("", properties.reply_to, answer, back)
        channel.basic_ack(method.delivery_tag)

    channel.basic_consume("worker", on_call)
    print("ready", file=sys.stderr, flush=True)
    channel.start_consuming()


if __name__ == "__main__":
    main()
