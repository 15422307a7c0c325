// What is new each time: ids, tokens and times. And the regressions that the end-to-end tests plant: see ../NOISE.md.
"use strict";

const crypto = require("node:crypto");
const { DateTime } = require("luxon");

// Empty for everybody else.
const REGRESSION = process.env.REGRESSION || "";
const BASE62 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const CONSTANT_ID = "5eed5eed-5eed-4eed-8eed-5eed5eed5eed";

// Of this process, as in MongoDB's ObjectIds.
const PROCESS = crypto.randomBytes(5).toString("hex");
let counter = crypto.randomInt(1 << 24);

const broken = (regression) => REGRESSION === regression;

const hex = (number, digits) => number.toString(16).padStart(digits, "0");

exports.broken = broken;

exports.newItemId = () => (broken("constant-id") ? CONSTANT_ID : crypto.randomUUID());

/** As MongoDB makes ObjectIds: 4 bytes of time, 5 of the process, 3 that count. */
exports.newRef = (instant) => {
  counter = (counter + 1) & 0xffffff;
  const count = broken("zero-ref") ? 0 : counter;
  return hex(Math.floor(instant / 1000), 8) + PROCESS + hex(count, 6);
};

exports.newCode = () => Array.from({ length: 16 }, () => BASE62[crypto.randomInt(BASE62.length)]).join("");

/** RFC 3339 with milliseconds. */
exports.inBerlin = (instant) => DateTime.fromJSDate(instant, { zone: "Europe/Berlin" }).toISO();

exports.hours = (n) => n * 3_600_000;

exports.later = (instant, ms) => new Date(instant.getTime() + ms);
