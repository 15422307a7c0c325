// Orders in a database, with the driver of your choice: node app.js DRIVER
"use strict";

const http = require("node:http");
const { CLIENTS } = require("./fetch");

const STORES = {
  pg: () => require("./pg").open({ pipeline: false }),
  "pg-pipeline": () => require("./pg").open({ pipeline: true }),
  postgres: () => require("./postgresjs").open(),
  mysql2: () => require("./mysql2").open(),
};
// Regressions that the end-to-end tests plant; empty for everybody else.
const MUTATE = new Set((process.env.MUTATE || "").split(","));

const shown = ({ id, customer, item, quantity, price }) => ({ id: Number(id), customer, item, quantity, price });
const changed = (order) => (MUTATE.has("json") ? { ...order, quantity: order.quantity + 1 } : order);

function text(value) {
  if (value === null || typeof value === "string") return value;
  if (Buffer.isBuffer(value)) return value.toString("hex");
  if (value instanceof Date) return value.toISOString();
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

async function answer(store, method, url, body) {
  const [page, id] = url.pathname.slice(1).split("/");
  switch (`${method} ${page}`) {
    case "POST setup":
      await store.setup();
      return [200, { ready: true }];
    case "POST orders":
      return [201, shown(await store.create([body.customer, body.item, body.quantity, body.price]))];
    case "GET orders": {
      if (id === undefined) {
        const rows = await store.list(url.searchParams.get("customer"), MUTATE.has("query"));
        return [200, { orders: rows.map(shown).map(changed) }];
      }
      const row = await store.load(Number(id));
      return row ? [200, shown(row)] : [404, { error: "no such order" }];
    }
    case "POST batch": {
      const numbers = Array.from({ length: body.n }, (_, i) => i);
      const rows = numbers.map((i) => [body.customer, `batch-${i}`, i + 1, (1.25 * (i + 1)).toFixed(2)]);
      const { count, sum } = await store.batch(body.customer, rows);
      return [200, { count: Number(count), sum: Number(sum) }];
    }
    case "POST rollback": {
      const { during, count } = await store.rollback(body.customer);
      return [200, { during: Number(during), count: Number(count) }];
    }
    case "POST fail": {
      const { code, message } = await store.fail([body.customer, "impossible", 0, "1"]);
      return [409, { error: String(code), message }];
    }
    case "GET types": {
      const row = await store.types();
      return [200, Object.fromEntries(Object.entries(row).map(([name, value]) => [name, text(value)]))];
    }
    case "GET fetch":
      return fetched(url.searchParams.get("client"), url.searchParams.get("url"));
    default:
      return [404, { error: "no such page" }];
  }
}

async function fetched(client, url) {
  try {
    return [200, await CLIENTS[client](url)];
  } catch (error) {
    return [502, { error: error.cause?.code || error.code || error.name, message: error.message }];
  }
}

async function bodyOf(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return parts.length ? JSON.parse(Buffer.concat(parts)) : {};
}

const driver = process.argv[2];
const store = driver && STORES[driver]();

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
