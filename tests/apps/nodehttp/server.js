// Orders, with node:http: node server.js
"use strict";
const http = require("node:http");
const Redis = require("ioredis");

const PORT = Number(process.env.PORT ?? 8080);
const UPSTREAM = process.env.UPSTREAM_URL ?? "http://rates.test:8085";
const RATE_TTL_SECONDS = 3600;
// Regressions that the end-to-end tests plant; empty for everybody else.
const MUTATE = new Set((process.env.MUTATE ?? "").split(","));

const cache = new Redis(process.env.REDIS_URL ?? "redis://127.0.0.1:6379/0");
cache.on("error", (error) => console.error(`redis: ${error.message}`));

class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** The rate as the upstream says it; undefined when it knows no such currency. */
async function upstreamRate(currency) {
  const answer = await fetch(`${UPSTREAM}/rates/${currency}`, { signal: AbortSignal.timeout(10_000) });
  const document = await answer.json();
  if (answer.status === 404) return undefined;
  if (!answer.ok) throw new Refused(502, `the upstream answered ${answer.status}`);
  return document.rate;
}

async function load(id) {
  const text = await cache.get(`order:${id}`);
  if (text === null) throw new Refused(404, `no order ${id}`);
  return JSON.parse(text);
}

/** An order as clients see it. */
function publicView(order) {
  return MUTATE.has("json") ? { ...order, total: order.total + 1 } : order;
}

async function customerOrders(customer) {
  const ids = await cache.lrange(`orders:${customer}`, 0, -1);
  if (ids.length === 0) return [];
  const texts = await cache.mget(ids.map((id) => `order:${id}`));
  return texts.filter((text) => text !== null).map((text) => JSON.parse(text));
}

async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function jsonOf(request) {
  try {
    return JSON.parse((await bodyOf(request)).toString()) ?? {};
  } catch {
    return {};
  }
}

const json = (status, document, headers = {}) => ({
  status,
  headers: { "Content-Type": "application/json", ...headers },
  body: JSON.stringify(document),
});
const text = (body) => ({ status: 200, headers: { "Content-Type": "text/plain; charset=utf-8" }, body });
const isAmount = (amount) => Number.isInteger(amount) && amount > 0;

async function create(request) {
  const { customer, currency, amount } = await jsonOf(request);
  if (!customer || !currency || !isAmount(amount)) {
    throw new Refused(400, "customer, currency and a positive amount are needed");
  }
  const rate = await upstreamRate(currency);
  if (rate === undefined) throw new Refused(422, `unknown currency ${currency}`);
  const id = `${customer}-${await cache.incr(`orders:${customer}:next`)}`;
  const order = { id, customer, currency, amount, total: amount * rate };
  await cache.set(`order:${id}`, JSON.stringify(order));
  await cache.rpush(`orders:${customer}`, id);
  return json(MUTATE.has("status") ? 200 : 201, publicView(order), {
    Location: `/orders/${id}`,
    "X-Api-Version": MUTATE.has("header") ? "2" : "1",
  });
}

async function show(id) {
  if (MUTATE.has("extra-call")) await upstreamRate("SEK").catch(() => {}); // only the call is new, not the answer
  return json(200, publicView(await load(id)));
}

async function change(id, request) {
  const order = await load(id);
  const { amount } = await jsonOf(request);
  if (!isAmount(amount)) throw new Refused(400, "a positive amount is needed");
  order.total = (order.total / order.amount) * amount;
  order.amount = amount;
  const results = await cache.multi().set(`order:${id}`, JSON.stringify(order)).incr(`order:${id}:rev`).exec();
  return json(200, { ...publicView(order), revision: results[1][1] });
}

async function remove(id) {
  const order = await load(id);
  await cache.pipeline().del(`order:${id}`).lrem(`orders:${order.customer}`, 1, id).exec();
  return { status: 204, headers: {}, body: undefined };
}

async function rate(currency) {
  const cached = await cache.get(`rate:${currency}`);
  if (cached !== null) return json(200, { currency, rate: Number(cached) });
  const value = await upstreamRate(currency);
  if (value === undefined) throw new Refused(404, `unknown currency ${currency}`);
  if (!MUTATE.has("skip-cache-write")) await cache.setex(`rate:${currency}`, RATE_TTL_SECONDS, value);
  return json(200, { currency, rate: value });
}

async function report(customer) {
  const orders = await customerOrders(customer);
  const lines = orders.map((o) => `${o.id}\t${o.amount} ${o.currency}\t${o.total.toFixed(2)}`);
  const total = orders.reduce((sum, o) => sum + o.total, 0);
  return text([`Orders of ${customer}`, ...lines, `Total\t${total.toFixed(2)}`, ""].join("\n"));
}

async function ticket(request) {
  const { customer } = await jsonOf(request);
  if (!customer) throw new Refused(400, "customer is needed");
  const number = await cache.incr("tickets:next");
  await cache.set(`ticket:${number}`, customer);
  return json(201, { ticket: number, customer });
}

async function route(request) {
  const url = new URL(request.url, "http://localhost");
  const [, resource, id] = url.pathname.split("/");
  const customer = url.searchParams.get("customer") ?? "";
  switch (`${request.method} /${resource}${id ? "/*" : ""}`) {
    case "GET /health":
      return text(MUTATE.has("text") ? "fine\n" : "ok\n");
    case "POST /orders":
      return create(request);
    case "GET /orders":
      return json(200, { orders: (await customerOrders(customer)).map(publicView) });
    case "GET /orders/*":
      return show(id);
    case "PATCH /orders/*":
      return change(id, request);
    case "DELETE /orders/*":
      return remove(id);
    case "GET /rates/*":
      return rate(id);
    case "GET /report.txt":
      return report(customer);
    case "POST /echo": {
      const type = request.headers["content-type"] ?? "application/octet-stream";
      return { status: 200, headers: { "Content-Type": type }, body: await bodyOf(request) };
    }
    case "POST /tickets":
      return ticket(request);
    default:
      throw new Refused(404, "no such page");
  }
}

const server = http.createServer(async (request, response) => {
  let answer;
  try {
    answer = await route(request);
  } catch (error) {
    answer = json(error.status ?? 500, { error: error.message });
  }
  response.writeHead(answer.status, answer.headers).end(answer.body);
});

server.listen(PORT);
