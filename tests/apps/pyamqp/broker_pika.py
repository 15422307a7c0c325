"""pika: blocking connections, one thread at a time on each."""

import json
import queue
import threading
import uuid
from contextlib import contextmanager

import pika
from pika.exceptions import UnroutableError

POOL_SIZE = 4


class Broker:
    def __init__(self, url, saw):
        self.parameters = pika.URLParameters(url)
        self.pool = queue.SimpleQueue()
        for _ in range(POOL_SIZE):
            channel = pika.BlockingConnection(self.parameters).channel()
            channel.confirm_delivery()
            self.pool.put(channel)
        with self.channel() as channel:
            channel.exchange_declare("orders", "topic", durable=True)
            channel.queue_declare("audit", durable=True)
            channel.queue_bind("audit", "orders", "order.#")
        threading.Thread(target=self.consume, args=(saw,), daemon=True).start()

    @contextmanager
    def channel(self):
        channel = self.pool.get()
        try:
            yield channel
        finally:
            self.pool.put(channel)

    def consume(self, saw):
        channel = pika.BlockingConnection(self.parameters).channel()
        channel.basic_qos(prefetch_count=2)

        def on_message(channel, method, _properties, body):
            channel.basic_ack(method.delivery_tag)
            saw(json.loads(body))

        channel.basic_consume("audit", on_message)
        channel.start_consuming()

    def declare(self, name):
        with self.channel() as channel:
            channel.queue_declare(name, durable=True)

    def publish(self, exchange, key, body):
        properties = pika.BasicProperties(content_type="application/json", delivery_mode=2, headers={"attempt": 1})
        with self.channel() as channel:
            channel.basic_publish(exchange, key, json.dumps(body).encode(), properties)

    def publish_unroutable(self, exchange, key, body):
        with self.channel() as channel:
            try:
                channel.basic_publish(exchange, key, json.dumps(body).encode(), mandatory=True)
            except UnroutableError as error:
                method = error.messages[0].method
                return method.reply_code, method.reply_text
        return None, None

    def fetch(self, name, takes):
        with self.channel() as channel:
            method, _, body = channel.basic_get(name)
            if method is None:
                return None
            if takes:
                channel.basic_ack(method.delivery_tag)
            else:
                channel.basic_reject(method.delivery_tag)
            return json.loads(body)

    def call(self, name, body):
        with self.channel() as channel:
            answers = []
            called = str(uuid.uuid4())

            def on_answer(_channel, _method, properties, body):
                if properties.correlation_id == called:
                    answers.append(json.loads(body))

            tag = channel.basic_consume("amq.rabbitmq.reply-to", on_answer, auto_ack=True)
            properties = pika.BasicProperties(correlation_id=called, reply_to="amq.rabbitmq.reply-to")
            channel.basic_publish("", name, json.dumps(body).encode(), properties)
            while not answers:
                channel.connection.process_data_events(time_limit=10)
            channel.basic_cancel(tag)
            return answers[0]


def open_broker(url, saw):
    return Broker(url, saw)
