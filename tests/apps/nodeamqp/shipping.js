// Ships what a queue says, as pyamqp/shipping.py does, on one connection.
"use strict";

const { randomUUID } = require("node:crypto");
const amqp = require("amqplib");
const Redis = require("ioredis");

const { UPSTREAM_URL = "http://rates.test:8085", REDIS_URL, AMQP_URL, PREFETCH = "1" } = process.env;
// Regressions that the end-to-end tests plant; empty for everybody else.
const MUTATE = new Set((process.env.MUTATE ?? "").split(","));

let settled = 0;
const noteSettled = () => console.error(`settled ${++settled}`);

async function main() {
  const cache = new Redis(REDIS_URL);
  const connection = await amqp.connect(AMQP_URL);
  const channels = [];
  const end = async () => {
    // First the channels: what they still have to say (an ack) would be overtaken by the connection's end.
    await Promise.all(channels.map((channel) => channel.close()));
    await connection.close();
    process.exit(0);
  };
  process.once("SIGTERM", end).once("SIGINT", end);

  async function ship(channel, order) {
    const { rate } = await (await fetch(`${UPSTREAM_URL}/rates/${order.currency}`)).json();
    const shipment = randomUUID();
    const quantity = order.quantity + (MUTATE.has("call") ? 1 : 0);
    await cache.incrby(`shipped:${order.item}`, quantity);
    const document = JSON.stringify({ order: order.order, cost: quantity * rate });
    if (!MUTATE.has("skip")) await cache.set(`shipment:${shipment}`, document);
    if (MUTATE.has("extra")) await cache.get("who-asks-this");
    const told = Buffer.from(JSON.stringify({ shipment, order: order.order }));
    channel.sendToQueue("shipped", told, { messageId: shipment });
  }

  async function consume(queue, work) {
    const channel = await connection.createChannel();
    channels.push(channel);
    await channel.assertQueue("shipments", { durable: false });
    await channel.assertQueue("shipped", { durable: false });
    await channel.prefetch(Number(PREFETCH));
    await channel.consume(queue, async (delivered) => {
      const message = JSON.parse(delivered.content);
      if ((message.quantity ?? 1) <= 0) {
        channel.reject(delivered, MUTATE.has("settle"));
      } else {
        await work(channel, message);
        channel.ack(delivered);
      }
      noteSettled();
    });
    console.error(`consuming ${queue}`);
  }

  await consume("shipments", ship);
  await consume("shipped", (_channel, message) => cache.rpush("shipments", message.shipment));
}

main();
