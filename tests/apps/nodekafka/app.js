// Orders over Kafka with kafkajs: node app.js. The API is that of ../pykafka/app.py.
"use strict";

const http = require("node:http");
const { open } = require("./broker");

// Regressions that the end-to-end tests plant; empty for everybody else.
const MUTATE = new Set((process.env.MUTATE || "").split(","));

// What the consumer has seen, by customer, and who waits for more.
class Audit {
  seen = new Map();
  waiting = [];

  saw(order) {
    this.seen.set(order.customer, [...(this.seen.get(order.customer) || []), order.item]);
    this.waiting = this.waiting.filter((look) => !look());
  }

  of(customer, count) {
    return new Promise((resolve) => {
      const look = () => {
        const items = this.seen.get(customer) || [];
        if (items.length >= count) resolve(items);
        return items.length >= count;
      };
      if (!look()) this.waiting.push(look);
    });
  }
}

async function answer(broker, audit, method, url, body) {
  const customer = body.customer || url.searchParams.get("customer");
  switch (`${method} ${url.pathname.slice(1)}`) {
    case "POST orders": {
      const order = MUTATE.has("publish") ? { ...body, changed: true } : body;
      await broker.produce(MUTATE.has("topic") ? "returns" : "orders", customer, [order]);
      return [201, MUTATE.has("json") ? { ...body, item: "another" } : body];
    }
    case "POST batch":
      await broker.produce("batches", customer, Array.from({ length: body.n }, (_, n) => ({ n })));
      return [201, { sent: body.n }];
    case "GET audit":
      return [200, { items: await audit.of(customer, Number(url.searchParams.get("n"))) }];
    default:
      return [404, { error: "no such page" }];
  }
}

async function bodyOf(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return parts.length ? JSON.parse(Buffer.concat(parts)) : {};
}

async function main() {
  const audit = new Audit();
  const broker = await open(process.env.KAFKA || "127.0.0.1:9092", (order) => audit.saw(order));
  http
    .createServer(async (request, response) => {
      let status, document;
      try {
        const url = new URL(request.url, "http://localhost");
        [status, document] = await answer(broker, audit, request.method, url, await bodyOf(request));
      } catch (error) {
        [status, document] = [500, { error: error.code || error.name, message: error.message }];
      }
      const encoded = JSON.stringify(document);
      const headers = { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(encoded) };
      response.writeHead(status, headers).end(encoded);
    })
    .listen(Number(process.env.PORT || 8080), "127.0.0.1");
}

main();
