"""Somebody who sends messages to a queue: python order.py QUEUE JSON..."""

import os
import sys

import pika


def main():
    queue, *messages = sys.argv[1:]
    connection = pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"]))
    channel = connection.channel()
    channel.queue_declare(queue)
    channel.confirm_delivery()
    for number, message in enumerate(messages):
        properties = pika.BasicProperties(content_type="application/json", headers={"number": number})
        channel.basic_publish("", queue, message.encode(), properties)
    connection.close()


if __name__ == "__main__":
    main()
