"""pymongo: threads that share a pool."""

import datetime

from pymongo import DeleteOne, InsertOne, MongoClient, ReturnDocument, UpdateOne, WriteConcern
from pymongo.errors import DuplicateKeyError

UNACKNOWLEDGED = WriteConcern(w=0)


class Store:
    def __init__(self, uri):
        self.client = MongoClient(uri, maxPoolSize=4)
        self.db = self.client.get_default_database()
        self.orders, self.events = self.db.orders, self.db.events

    def setup(self):
        self.orders.create_index([("customer", 1), ("item", -1)], name="of_customer")
        self.events.create_index("key", unique=True, sparse=True)

    def create(self, order):
        made = self.orders.insert_one(order | {"created": datetime.datetime.now(datetime.timezone.utc)})
        return self.orders.find_one({"_id": made.inserted_id})

    def load(self, order_id):
        return self.orders.find_one({"_id": order_id})

    def list(self, customer, other):
        wanted = {"customer": customer} | ({"quantity": {"$lt": 1000}} if other else {})
        # Small batches, so that the cursor has to be asked for more.
        return list(self.orders.find(wanted, {"created": 0}).sort([("quantity", 1), ("item", 1)]).batch_size(2))

    def batch(self, customer, n):
        rows = [{"customer": customer, "item": f"batch-{i}", "quantity": i + 1, "price": "1.25"} for i in range(n)]
        self.orders.insert_many(rows)
        self.orders.bulk_write(
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
        (found,) = self.orders.aggregate(pipeline)
        return found["count"], found["sum"]

    def count(self, customer):
        found = self.db.counters.find_one_and_update(
            {"_id": customer}, {"$inc": {"n": 1}}, upsert=True, return_document=ReturnDocument.AFTER
        )
        return found["n"]

    def transaction(self, customer):
        with self.client.start_session() as session:
            with session.start_transaction():
                self.events.insert_one({"customer": customer, "what": "kept"}, session=session)
                self.events.insert_one({"customer": customer, "what": "kept, too"}, session=session)
            session.start_transaction()
            self.events.insert_one({"customer": customer, "what": "undone"}, session=session)
            during = self.events.count_documents({"customer": customer}, session=session)
            session.abort_transaction()
        return during, self.events.count_documents({"customer": customer})

    def fail(self, customer):
        self.events.insert_one({"customer": f"fails-{customer}", "key": customer})
        try:
            self.events.insert_one({"customer": f"fails-{customer}", "key": customer})
        except DuplicateKeyError as error:
            return error.code
        raise AssertionError("the index did not hold")

    def forget(self, customer):
        notes = self.db.get_collection("notes", write_concern=UNACKNOWLEDGED)
        notes.insert_one({"customer": customer, "what": "not waited for"})

    def types(self, customer, values):
        self.db.types.replace_one({"_id": customer}, values, upsert=True)
        return self.db.types.find_one({"_id": customer}, {"_id": 0})


def open_store(uri):
    return Store(uri)
