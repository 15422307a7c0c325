// Mongoose: schemas, and ids that it makes itself.
"use strict";

const mongoose = require("mongoose");

function open(uri) {
  const connected = mongoose.connect(uri, { maxPoolSize: 4, autoIndex: false });
  const money = { customer: String, item: String, quantity: Number, price: String };
  const orderSchema = new mongoose.Schema({ ...money, created: Date }, { timestamps: true });
  orderSchema.index({ customer: 1, item: -1 }, { name: "of_customer" });
  const eventSchema = new mongoose.Schema({ customer: String, what: String, key: String });
  eventSchema.index({ key: 1 }, { unique: true, sparse: true });
  const Order = mongoose.model("Order", orderSchema);
  const Event = mongoose.model("Event", eventSchema);
  const Note = mongoose.model("Note", new mongoose.Schema({ customer: String, what: String }));
  const Counter = mongoose.model("Counter", new mongoose.Schema({ _id: String, n: Number }));
  const Types = mongoose.model("Types", new mongoose.Schema({ _id: String }, { strict: false }));

  return {
    async setup() {
      await connected;
      await Order.createIndexes();
      await Event.createIndexes();
    },

    async create(order) {
      const made = await new Order(order).save();
      return Order.findById(made._id).lean();
    },

    load: (id) => Order.findById(id).lean(),

    async list(customer, other) {
      const wanted = other ? { customer, quantity: { $lt: 1000 } } : { customer };
      const found = [];
      for await (const order of Order.find(wanted, { created: 0 }).sort({ quantity: 1, item: 1 }).batchSize(2).cursor()) {
        found.push(order);
      }
      return found;
    },

    async batch(customer, rows) {
      await Order.insertMany(rows);
      await Order.bulkWrite([
        { updateOne: { filter: { customer, item: "batch-0" }, update: { $inc: { quantity: 10 } } } },
        { insertOne: { document: { customer, item: "batch-extra", quantity: 100, price: "9" } } },
        { deleteOne: { filter: { customer, item: "batch-1" } } },
      ]);
      const [found] = await Order.aggregate([
        { $match: { customer, item: { $regex: "^batch-" } } },
        { $group: { _id: null, count: { $sum: 1 }, sum: { $sum: "$quantity" } } },
      ]);
      return found;
    },

    async count(customer) {
      const options = { upsert: true, returnDocument: "after" };
      return (await Counter.findByIdAndUpdate(customer, { $inc: { n: 1 } }, options)).n;
    },

    async transaction(customer) {
      const session = await mongoose.startSession();
      await session.withTransaction(async () => {
        await Event.create([{ customer, what: "kept" }], { session });
        await Event.create([{ customer, what: "kept, too" }], { session });
      });
      session.startTransaction();
      await Event.create([{ customer, what: "undone" }], { session });
      const during = await Event.countDocuments({ customer }).session(session);
      await session.abortTransaction();
      await session.endSession();
      return { during, count: await Event.countDocuments({ customer }) };
    },

    async fail(customer) {
      await Event.create({ customer: `fails-${customer}`, key: customer });
      try {
        await Event.create({ customer: `fails-${customer}`, key: customer });
      } catch (error) {
        return error.code;
      }
      throw new Error("the index did not hold");
    },

    forget: (customer) => new Note({ customer, what: "not waited for" }).save({ writeConcern: { w: 0 } }),

    async types(customer, values) {
      await Types.replaceOne({ _id: customer }, values, { upsert: true });
      const { _id, ...found } = await Types.findById(customer, {}, { promoteLongs: false, bsonRegExp: true }).lean();
      return found;
    },
  };
}

module.exports = { open };
