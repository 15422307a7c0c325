// amqplib: one connection, a channel for each purpose.
"use strict";

const { randomUUID } = require("node:crypto");
const amqp = require("amqplib");

const encoded = (body) => Buffer.from(JSON.stringify(body));
const decoded = (message) => JSON.parse(message.content);

async function open(url, saw) {
  const connection = await amqp.connect(url);
  const channel = await connection.createConfirmChannel();
  await channel.assertExchange("orders", "topic", { durable: true });
  await channel.assertQueue("audit", { durable: true });
  await channel.bindQueue("audit", "orders", "order.#");

  const consumer = await connection.createChannel();
  await consumer.prefetch(2);
  await consumer.consume("audit", (message) => {
    saw(decoded(message));
    consumer.ack(message);
  });

  const answers = new Map();
  const calls = await connection.createChannel();
  const replies = (await calls.assertQueue("", { exclusive: true })).queue;
  const answered = (message) => answers.get(message.properties.correlationId)?.(decoded(message));
  await calls.consume(replies, answered, { noAck: true });

  const returned = new Map();
  channel.on("return", (message) => returned.set(message.content.toString(), message.fields));

  const publish = (exchange, key, body, options) =>
    new Promise((resolve, reject) =>
      channel.publish(exchange, key, encoded(body), options, (error) => (error ? reject(error) : resolve())),
    );

  return {
    publish: (exchange, key, body) =>
      publish(exchange, key, body, { contentType: "application/json", persistent: true, headers: { attempt: 1 } }),

    async publishUnroutable(exchange, key, body) {
      await publish(exchange, key, body, { mandatory: true });
      const { replyCode, replyText } = returned.get(JSON.stringify(body)) || {};
      return { code: replyCode, text: replyText };
    },

    declare: (queue) => channel.assertQueue(queue, { durable: true }),

    async fetch(queue, takes) {
      const message = await channel.get(queue);
      if (!message) return null;
      if (takes) channel.ack(message);
      else channel.reject(message);
      return decoded(message);
    },

    call: (queue, body) =>
      new Promise((resolve) => {
        const correlationId = randomUUID();
        answers.set(correlationId, resolve);
        calls.sendToQueue(queue, encoded(body), { correlationId, replyTo: replies });
      }),
  };
}

module.exports = { open };
