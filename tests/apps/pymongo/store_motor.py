"""Motor: one event loop in a thread of its own."""

import asyncio
import datetime
import threading

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import DeleteOne, InsertOne, ReturnDocument, UpdateOne, WriteConcern
from pymongo.errors import DuplicateKeyError

UNACKNOWLEDGED = WriteConcern(w=0)


class Store:
    def __init__(self, uri):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.client = AsyncIOMotorClient(uri, maxPoolSize=4, io_loop=self.loop)
        self.db = self.client.get_default_database()
        self.orders, self.events = self.db.orders, self.db.events

    def wait(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def setup(self):
        async def work():
            await self.orders.create_index([("customer", 1), ("item", -1)], name="of_customer")
            await self.events.create_index("key", unique=True, sparse=True)

        self.wait(work())

    def create(self, order):
        async def work():
            made = await self.orders.insert_one(order | {"created": datetime.datetime.now(datetime.timezone.utc)})
            return await self.orders.find_one({"_id": made.inserted_id})

        return self.wait(work())

    def load(self, order_id):
        async def work():
            return await self.orders.find_one({"_id": order_id})

        return self.wait(work())

    def list(self, customer, other):
        async def work():
            wanted = {"customer": customer} | ({"quantity": {"$lt": 1000}} if other else {})
            found = self.orders.find(wanted, {"created": 0}).sort([("quantity", 1), ("item", 1)]).batch_size(2)
            return [order async for order in found]

        return self.wait(work())

    def batch(self, customer, n):
        async def work():
            rows = [{"customer": customer, "item": f"batch-{i}", "quantity": i + 1, "price": "1.25"} for i in range(n)]
            await self.orders.insert_many(rows)
            await self.orders.bulk_write(
                [
                    UpdateOne({"customer": customer, "item": "batch-0"}, {"$inc": {"quantity": 10}}),
                    InsertOne({"customer": customer, "item": "batch-extra", "quantity": 100, "price": "9"}),
                    DeleteOne({"customer": customer, "item": "batch-1"}),
                ]
            )
            pipeline = [
                {"$match": {"customer": customer, "item": {"$regex": "^batch-"}}},
                {"$group": {"_id": None, "count": {"$sum": 1}, "sum": {"$sum": "$quantity"}}},
            ]
            (found,) = await self.orders.aggregate(pipeline).to_list(None)
            return found["count"], found["sum"]

        return self.wait(work())

    def count(self, customer):
        async def work():
            found = await self.db.counters.find_one_and_update(
                {"_id": customer}, {"$inc": {"n": 1}}, upsert=True, return_document=ReturnDocument.AFTER
            )
            return found["n"]

        return self.wait(work())

    def transaction(self, customer):
        async def work():
            async with await self.client.start_session() as session:
                async with session.start_transaction():
                    await self.events.insert_one({"customer": customer, "what": "kept"}, session=session)
                    await self.events.insert_one({"customer": customer, "what": "kept, too"}, session=session)
                session.start_transaction()
                await self.events.insert_one({"customer": customer, "what": "undone"}, session=session)
                during = await self.events.count_documents({"customer": customer}, session=session)
                await session.abort_transaction()
            return during, await self.events.count_documents({"customer": customer})

        return self.wait(work())

    def fail(self, customer):
        async def work():
            await self.events.insert_one({"customer": f"fails-{customer}", "key": customer})
            try:
                await self.events.insert_one({"customer": f"fails-{customer}", "key": customer})
            except DuplicateKeyError as error:
                return error.code
            raise AssertionError("the index did not hold")

        return self.wait(work())

    def forget(self, customer):
        async def work():
            notes = self.db.get_collection("notes", write_concern=UNACKNOWLEDGED)
            await notes.insert_one({"customer": customer, "what": "not waited for"})

        self.wait(work())

    def types(self, customer, values):
        async def work():
            await self.db.types.replace_one({"_id": customer}, values, upsert=True)
            return await self.db.types.find_one({"_id": customer}, {"_id": 0})

        return self.wait(work())


def open_store(uri):
    return Store(uri)
