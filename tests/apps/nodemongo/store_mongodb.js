// The driver itself.
"use strict";

const { MongoClient } = require("mongodb");

function open(uri) {
  const client = new MongoClient(uri, { maxPoolSize: 4 });
  const db = client.db();
  const [orders, events] = [db.collection("orders"), db.collection("events")];
  const kept = { promoteLongs: false, promoteValues: true, bsonRegExp: true };

  return {
    async setup() {
      await orders.createIndex({ customer: 1, item: -1 }, { name: "of_customer" });
      await events.createIndex({ key: 1 }, { unique: true, sparse: true });
    },

    async create(order) {
      const { insertedId } = await orders.insertOne(order);
      return orders.findOne({ _id: insertedId });
    },

    load: (id) => orders.findOne({ _id: id }),

    list(customer, other) {
      const wanted = other ? { customer, quantity: { $lt: 1000 } } : { customer };
      // Small batches, so that the cursor has to be asked for more.
      return orders.find(wanted, { projection: { created: 0 } }).sort({ quantity: 1, item: 1 }).batchSize(2).toArray();
    },

    async batch(customer, rows) {
      await orders.insertMany(rows);
      await orders.bulkWrite([
        { updateOne: { filter: { customer, item: "batch-0" }, update: { $inc: { quantity: 10 } } } },
        { insertOne: { document: { customer, item: "batch-extra", quantity: 100, price: "9" } } },
        { deleteOne: { filter: { customer, item: "batch-1" } } },
      ]);
      const [found] = await orders
        .aggregate([
          { $match: { customer, item: { $regex: "^batch-" } } },
          { $group: { _id: null, count: { $sum: 1 }, sum: { $sum: "$quantity" } } },
        ])
        .toArray();
      return found;
    },

    async count(customer) {
      const counters = db.collection("counters");
      const options = { upsert: true, returnDocument: "after" };
      return (await counters.findOneAndUpdate({ _id: customer }, { $inc: { n: 1 } }, options)).n;
    },

    async transaction(customer) {
      const during = await client.withSession(async (session) => {
        await session.withTransaction(async () => {
          await events.insertOne({ customer, what: "kept" }, { session });
          await events.insertOne({ customer, what: "kept, too" }, { session });
        });
        session.startTransaction();
        await events.insertOne({ customer, what: "undone" }, { session });
        const count = await events.countDocuments({ customer }, { session });
        await session.abortTransaction();
        return count;
      });
      return { during, count: await events.countDocuments({ customer }) };
    },

    async fail(customer) {
      await events.insertOne({ customer: `fails-${customer}`, key: customer });
      try {
        await events.insertOne({ customer: `fails-${customer}`, key: customer });
      } catch (error) {
        return error.code;
      }
      throw new Error("the index did not hold");
    },

    forget: (customer) =>
      db.collection("notes").insertOne({ customer, what: "not waited for" }, { writeConcern: { w: 0 } }),

    async types(customer, values) {
      const types = db.collection("types");
      await types.replaceOne({ _id: customer }, values, { upsert: true });
      return types.findOne({ _id: customer }, { projection: { _id: 0 }, ...kept });
    },
  };
}

module.exports = { open };
