// Ships what a topic says, as pykafka/shipping.py does.
"use strict";

const { randomUUID } = require("node:crypto");
const Redis = require("ioredis");
const { Kafka, Partitioners, logLevel } = require("kafkajs");

const { UPSTREAM_URL = "http://rates.test:8085", REDIS_URL, KAFKA = "127.0.0.1:9092" } = process.env;
// Regressions that the end-to-end tests plant; empty for everybody else.
const MUTATE = new Set((process.env.MUTATE ?? "").split(","));

let settled = 0;

async function main() {
  process.on("SIGTERM", () => process.exit(0));
  const cache = new Redis(REDIS_URL);
  const kafka = new Kafka({ brokers: KAFKA.split(","), clientId: "shipping", logLevel: logLevel.ERROR });
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();

  async function ship(order) {
    if (order.quantity <= 0) return MUTATE.has("settle") ? "shipped" : "not shipped";
    const { rate } = await (await fetch(`${UPSTREAM_URL}/rates/${order.currency}`)).json();
    const shipment = randomUUID();
    const quantity = order.quantity + (MUTATE.has("call") ? 1 : 0);
    await cache.incrby(`shipped:${order.item}`, quantity);
    const document = JSON.stringify({ order: order.order, cost: quantity * rate });
    if (!MUTATE.has("skip")) await cache.set(`shipment:${shipment}`, document);
    if (MUTATE.has("extra")) await cache.get("who-asks-this");
    const value = JSON.stringify({ shipment, order: order.order });
    await producer.send({ topic: "shipped", messages: [{ key: order.order, value }] });
    return "shipped";
  }

  async function note(told) {
    await cache.rpush("shipments", told.shipment);
    return "noted";
  }

  async function consume(groupId, topic, work) {
    const consumer = kafka.consumer({ groupId });
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    consumer.on(consumer.events.GROUP_JOIN, () => console.error(`consuming ${topic}`));
    await consumer.run({
      autoCommit: false,
      eachMessage: async ({ partition, message }) => {
        const metadata = await work(JSON.parse(message.value));
        const offset = String(BigInt(message.offset) + 1n);
        await consumer.commitOffsets([{ topic, partition, offset, metadata }]);
        console.error(`settled ${++settled}`);
      },
    });
  }

  await consume("shipping", "shipments", ship);
  await consume("noting", "shipped", note);
}

main();
