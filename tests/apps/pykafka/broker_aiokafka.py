"""aiokafka: an event loop in a thread of its own."""

import asyncio
import json
import threading

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer


class Broker:
    def __init__(self, servers, saw):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.wait(self.open(servers))
        asyncio.run_coroutine_threadsafe(self.consume(saw), self.loop)

    def wait(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    async def open(self, servers):
        self.producer = AIOKafkaProducer(bootstrap_servers=servers, linger_ms=5)
        await self.producer.start()
        reset = "earliest"
        self.consumer = AIOKafkaConsumer("orders", bootstrap_servers=servers, group_id="audit", auto_offset_reset=reset)
        await self.consumer.start()

    async def consume(self, saw):
        async for message in self.consumer:
            saw(json.loads(message.value))

    def produce(self, topic, key, value):
        self.produce_all(topic, key, [value])

    def produce_all(self, topic, key, values):
        async def work():
            headers = [("source", b"app")]
            sent = [await self.producer.send(topic, json.dumps(value).encode(), key.encode(), headers=headers) for value in values]
            await asyncio.gather(*sent)

        self.wait(work())


def open_broker(servers, saw):
    return Broker(servers, saw)
