// kafkajs: a producer, and a consumer in a group.
"use strict";

const { Kafka, Partitioners, logLevel } = require("kafkajs");

async function open(servers, saw) {
  const kafka = new Kafka({ brokers: servers.split(","), clientId: "orders", logLevel: logLevel.ERROR });
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  const consumer = kafka.consumer({ groupId: "audit" });
  await consumer.connect();
  await consumer.subscribe({ topics: ["orders"], fromBeginning: true });
  await consumer.run({ eachMessage: async ({ message }) => saw(JSON.parse(message.value)) });
  return {
    async produce(topic, key, values) {
      const messages = values.map((value) => ({ key, value: JSON.stringify(value), headers: { source: "app" } }));
      await producer.send({ topic, messages });
    },
  };
}

module.exports = { open };
