"""aio-pika: one connection and several channels, on one event loop in a thread of its own."""

import asyncio
import json
import threading
import uuid

import aio_pika
from aio_pika import DeliveryMode, ExchangeType, Message
from aio_pika.exceptions import PublishError


class Broker:
    def __init__(self, url, saw):
        self.saw = saw
        self.answers = {}
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.wait(self.open(url))

    def wait(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    async def open(self, url):
        self.connection = await aio_pika.connect(url)
        self.channel = await self.connection.channel(on_return_raises=True)
        self.orders = await self.channel.declare_exchange("orders", ExchangeType.TOPIC, durable=True)
        audit = await self.channel.declare_queue("audit", durable=True)
        await audit.bind(self.orders, "order.#")
        self.replies = await self.channel.declare_queue(exclusive=True)
        await self.replies.consume(self.on_answer, no_ack=True)
        consumer = await self.connection.channel(publisher_confirms=False)
        await consumer.set_qos(prefetch_count=2)
        await (await consumer.get_queue("audit")).consume(self.on_order)

    async def on_order(self, message):
        await message.ack()
        self.saw(json.loads(message.body))

    async def on_answer(self, message):
        waiting = self.answers.pop(message.correlation_id, None)
        if waiting:
            waiting.set_result(json.loads(message.body))

    def exchange(self, name):
        return self.orders if name else self.channel.default_exchange

    def declare(self, name):
        self.wait(self.channel.declare_queue(name, durable=True))

    def publish(self, exchange, key, body):
        message = Message(
            json.dumps(body).encode(),
            content_type="application/json",
            delivery_mode=DeliveryMode.PERSISTENT,
            headers={"attempt": 1},
        )
        self.wait(self.exchange(exchange).publish(message, key, mandatory=False))

    def publish_unroutable(self, exchange, key, body):
        message = Message(json.dumps(body).encode())
        try:
            self.wait(self.exchange(exchange).publish(message, key, mandatory=True))
        except PublishError as error:
            returned = error.message.delivery
            return returned.reply_code, returned.reply_text
        return None, None

    def fetch(self, name, takes):
        async def work():
            queue = await self.channel.get_queue(name, ensure=False)
            message = await queue.get(fail=False)
            if message is None:
                return None
            await (message.ack() if takes else message.reject(requeue=True))
            return json.loads(message.body)

        return self.wait(work())

    def call(self, name, body):
        async def work():
            called = str(uuid.uuid4())
            self.answers[called] = self.loop.create_future()
            message = Message(json.dumps(body).encode(), correlation_id=called, reply_to=self.replies.name)
            await self.channel.default_exchange.publish(message, name)
            return await asyncio.wait_for(self.answers[called], 10)

        return self.wait(work())


def open_broker(url, saw):
    return Broker(url, saw)
