// Orders in MongoDB, with the driver of your choice: node app.js mongodb|mongoose
"use strict";

const http = require("node:http");
const { Binary, BSONRegExp, Code, Decimal128, Double, Long, MaxKey, MinKey, ObjectId, Timestamp } = require("mongodb");

const STORES = {
  mongodb: () => require("./store_mongodb").open(process.env.MONGO_URI),
  mongoose: () => require("./store_mongoose").open(process.env.MONGO_URI),
};
// Regressions that the end-to-end tests plant; empty for everybody else.
const MUTATE = new Set((process.env.MUTATE || "").split(","));

const shown = ({ _id, customer, item, quantity, price }) => ({ id: String(_id), customer, item, quantity, price });
const changed = (order) => (MUTATE.has("json") ? { ...order, quantity: order.quantity + 1 } : order);

function everyType() {
  return {
    int: 42,
    bigint: Long.fromString("9007199254740993"),
    long: Long.fromNumber(5),
    double: new Double(2),
    decimal: Decimal128.fromString("12345.6789"),
    text: "ünïcode ✓",
    null: null,
    bool: true,
    date: new Date("2024-02-29T12:34:56.789Z"),
    old: new Date("1900-01-01T00:00:00Z"),
    timestamp: new Timestamp({ t: 1700000000, i: 7 }),
    id: new ObjectId("65f000000000000000000001"),
    uuid: new Binary(Buffer.from("a0eebc999c0b4ef8bb6d6bb9bd380a11", "hex"), 4),
    bytes: Buffer.from([0xde, 0xad, 0xbe, 0xef]),
    regex: new BSONRegExp("^a.*b$", "im"),
    code: new Code("function () { return 1 }"),
    min: new MinKey(),
    max: new MaxKey(),
    nested: { list: [1, [2, { three: 3.5 }], null], empty: {} },
  };
}

async function answer(store, method, url, body) {
  const [page, id] = url.pathname.slice(1).split("/");
  const customer = body.customer || url.searchParams.get("customer");
  switch (`${method} ${page}`) {
    case "POST setup":
      await store.setup();
      return [200, { ready: true }];
    case "POST orders": {
      const { item, quantity, price } = body;
      return [201, shown(await store.create({ customer, item, quantity, price, created: new Date() }))];
    }
    case "GET orders": {
      if (id === undefined) {
        const orders = await store.list(customer, MUTATE.has("query"));
        return [200, { orders: orders.map(shown).map(changed) }];
      }
      const order = await store.load(new ObjectId(id));
      return order ? [200, shown(order)] : [404, { error: "no such order" }];
    }
    case "POST batch": {
      const numbers = Array.from({ length: body.n }, (_, i) => i);
      const rows = numbers.map((i) => ({ customer, item: `batch-${i}`, quantity: i + 1, price: "1.25" }));
      const { count, sum } = await store.batch(customer, rows);
      return [200, { count, sum }];
    }
    case "POST count":
      return [200, { n: await store.count(customer) }];
    case "POST transaction":
      return [200, await store.transaction(customer)];
    case "POST fail":
      return [409, { error: await store.fail(customer) }];
    case "POST forget":
      await store.forget(customer);
      return [202, { sent: true }];
    case "GET types": {
      const found = await store.types(customer, everyType());
      return [200, Object.fromEntries(Object.entries(found).map(([name, value]) => [name, text(value)]))];
    }
    default:
      return [404, { error: "no such page" }];
  }
}

function text(value) {
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Binary) return value.toString("hex");
  return value !== null && typeof value === "object" && !(value instanceof Long) && !(value instanceof ObjectId)
    ? JSON.stringify(value)
    : String(value);
}

async function bodyOf(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return parts.length ? JSON.parse(Buffer.concat(parts)) : {};
}

const store = STORES[process.argv[2]]();

http
  .createServer(async (request, response) => {
    let status, document;
    try {
      const url = new URL(request.url, "http://localhost");
      [status, document] = await answer(store, request.method, url, await bodyOf(request));
    } catch (error) {
      [status, document] = [500, { error: error.code || error.name, message: error.message }];
    }
    const encoded = JSON.stringify(document);
    const headers = { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(encoded) };
    response.writeHead(status, headers).end(encoded);
  })
  .listen(Number(process.env.PORT || 8080), "127.0.0.1");
