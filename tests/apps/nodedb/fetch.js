// One HTTPS GET with each of Node's usual clients, none of which is told whom to trust.
"use strict";

const axios = require("axios");
const https = require("node:https");

exports.CLIENTS = {
  async fetch(url) {
    const answer = await fetch(url);
    return { status: answer.status, body: await answer.text() };
  },

  async axios(url) {
    const answer = await axios.get(url, { responseType: "text", transformResponse: (body) => body, validateStatus: null });
    return { status: answer.status, body: answer.data };
  },

  https(url) {
    return new Promise((resolve, reject) => {
      const take = (answer) => {
        const parts = [];
        answer.on("data", (part) => parts.push(part));
        answer.on("end", () => resolve({ status: answer.statusCode, body: Buffer.concat(parts).toString() }));
      };
      https.get(url, take).on("error", reject);
    });
  },
};
