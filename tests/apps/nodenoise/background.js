// What runs beside the requests: a heartbeat, a gauge, and the worker that does the jobs.
"use strict";

const crypto = require("node:crypto");
const { setTimeout: sleep } = require("node:timers/promises");
const store = require("./store");

const KEY = `heartbeat:${crypto.randomBytes(4).toString("hex")}`;

exports.gauge = { items: 0 };

/** Until `signal` is aborted. */
exports.start = (cache, signal) => {
  // Who waits in Redis has a connection to itself.
  const queue = cache.duplicate();
  signal.addEventListener("abort", () => queue.disconnect());

  const beat = () => cache.set(KEY, Date.now(), "EX", 5);
  const measure = async () => {
    exports.gauge.items = await store.count();
  };
  const work = async () => {
    const taken = await queue.brpop("jobs", 1);
    if (taken) await store.finish(JSON.parse(taken[1]), new Date());
  };
  every(300, beat, signal);
  every(500, measure, signal);
  every(0, work, signal);
};

async function every(pauseMs, task, signal) {
  while (!signal.aborted) {
    let wait = pauseMs;
    try {
      await task();
    } catch (error) {
      if (signal.aborted) return;
      console.error(`${task.name}: ${error.message}`);
      wait = 1000;
    }
    await sleep(wait, undefined, { signal }).catch(() => {});
  }
}
