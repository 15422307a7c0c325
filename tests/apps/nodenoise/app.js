// Items, with Express, mysql2 and ioredis: node app.js. ../NOISE.md says what each request does.
"use strict";

const crypto = require("node:crypto");
const { setTimeout: sleep } = require("node:timers/promises");
const cookieParser = require("cookie-parser");
const express = require("express");
const Redis = require("ioredis");
const jwt = require("jsonwebtoken");
const background = require("./background");
const store = require("./store");
const { broken, hours, later, newCode, newItemId, newRef } = require("./fresh");

const PATIENCE_MS = 10_000;
const SECRET = process.env.JWT_SECRET || "a secret of thirty-two bytes, at least";
const TOKEN_LIFE_S = 35;
const SESSION_LIFE_MS = hours(7 * 24);
const ITEM_CACHE_S = 300;
const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const LIMITS = [10, 100, 100, 100, 100, 100, 50];

const cache = new Redis({
  host: process.env.REDIS_HOST || "127.0.0.1",
  port: Number(process.env.REDIS_PORT || 6379),
  lazyConnect: true,
});
cache.on("error", (error) => console.error(`redis: ${error.message}`));

const app = express();
app.disable("x-powered-by");
// Items have their own.
app.disable("etag");
app.use((request, response, next) => {
  response.set("X-Request-Id", crypto.randomUUID());
  next();
});
app.use(express.json(), cookieParser());

class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

function signedIn(request, response, next) {
  const [, token] = (request.get("Authorization") || "").match(/^Bearer (.+)$/) || [];
  try {
    request.claims = jwt.verify(token, SECRET, { algorithms: ["HS256"] });
  } catch (error) {
    throw new Refused(401, `no valid token: ${error.message}`);
  }
  next();
}

app.post("/login", async (request, response) => {
  const user = request.body?.user;
  if (!user) throw new Refused(400, "user is needed");
  const iat = Math.floor(Date.now() / 1000);
  const claims = { sub: user, iat, exp: iat + (broken("token-life") ? 3635 : TOKEN_LIFE_S), jti: crypto.randomUUID() };
  const session = crypto.randomBytes(16).toString("hex");
  await cache.set(`session:${session}`, user, "EX", SESSION_LIFE_MS / 1000);
  const expires = broken("no-cookie-expiry") ? undefined : later(new Date(), SESSION_LIFE_MS);
  response.cookie("session", session, { httpOnly: true, expires });
  response.json({
    token: jwt.sign(claims, SECRET),
    expires_in: TOKEN_LIFE_S,
    expires_at: new Date((iat + TOKEN_LIFE_S) * 1000).toISOString().replace(".000", ""),
    session,
  });
});

app.get("/verify", signedIn, (request, response) => {
  const { sub, exp } = request.claims;
  response.json({ valid: true, sub, seconds_left: Math.floor(exp - Date.now() / 1000) });
});

app.post("/items", signedIn, async (request, response) => {
  const { name, price, quantity, tags = [] } = request.body ?? {};
  if (!name || typeof price !== "number" || !Number.isInteger(quantity)) {
    throw new Refused(400, "name, price and quantity are needed");
  }
  const instant = new Date();
  const [item, itemsOfUser] = await store.create(request.claims.sub, {
    id: newItemId(),
    ref: newRef(instant),
    code: newCode(),
    name,
    tags,
    price: store.cents(price),
    quantity,
    created_at: broken("late") ? later(instant, -hours(1)) : instant,
    updated_at: instant,
  });
  const answer = store.shown(item);
  const key = broken("cache-key") ? "items" : "item";
  await cache.set(`${key}:${item.id}`, JSON.stringify(answer), "EX", ITEM_CACHE_S);
  await cache.incr("items:created");
  if (broken("repeated-call")) await cache.incr("items:created");
  if (tags.length) await cache.sadd("tags", tags);
  response.status(201).location(`/items/${item.id}`).json({ ...answer, items_of_user: itemsOfUser });
});

app.get("/items/:id", async (request, response) => {
  const { id } = request.params;
  const cached = await cache.get(`item:${id}`);
  let answer = cached && JSON.parse(cached);
  if (!answer) {
    const row = await store.load(id);
    if (!row) throw new Refused(404, `no item ${id}`);
    answer = store.shown(row);
  }
  const version = broken("etag") ? "constant" : `${answer.id} ${answer.updated_at}`;
  const etag = `"${crypto.createHash("sha256").update(version).digest("hex").slice(0, 32)}"`;
  response.set("ETag", etag);
  if (request.get("If-None-Match") === etag) response.status(304).end();
  else response.json(answer);
});

app.put("/items/:id", signedIn, async (request, response) => {
  const { id } = request.params;
  const quantity = request.body?.quantity;
  if (!Number.isInteger(quantity)) throw new Refused(400, "quantity is needed");
  const row = await store.change(id, quantity, new Date());
  if (!row) throw new Refused(404, `no item ${id}`);
  await cache.del(`item:${id}`);
  response.json(store.shown(row));
});

app.get("/items", async (request, response) => {
  const names = await store.names(request.query.tag ?? "");
  const tags = await cache.smembers("tags");
  const words = shuffled(new Set(names.flatMap((name) => name.split(" "))));
  if (broken("duplicated-tag")) {
    tags.push(...tags.slice(0, 1));
    words.push(...words.slice(0, 1));
  }
  response.json({ items: names, tags, words });
});

/** Each order is as likely as any other. */
function shuffled(set) {
  const list = [...set];
  for (let i = list.length - 1; i > 0; i--) {
    const j = crypto.randomInt(i + 1);
    [list[i], list[j]] = [list[j], list[i]];
  }
  return list;
}

app.get("/dashboard", async (request, response) => {
  const { session } = request.cookies;
  if (!session || (await cache.get(`session:${session}`)) === null) throw new Refused(401, "no session");
  const began = performance.now();
  const [count, sum, created] = await Promise.all([store.count(), store.worth(), cache.get("items:created")]);
  response.json({
    count,
    sum,
    created: Number(created),
    took_ms: Number((performance.now() - began).toFixed(3)),
    generated_at: new Date().toISOString(),
    server_uptime_s: Number(process.uptime().toFixed(3)),
  });
});

app.get("/quota", async (request, response) => {
  const instant = new Date();
  const used = await cache.incr(`quota:${instant.toISOString().slice(0, 10)}:${request.query.user ?? ""}`);
  const day = (instant.getUTCDay() + (broken("weekday") ? 6 : 0)) % 7;
  const midnight = new Date(instant).setUTCHours(24, 0, 0, 0);
  const limit = LIMITS[day];
  response.set("X-RateLimit-Remaining", String(Math.max(limit - used, 0)));
  response.set("X-RateLimit-Reset", String(midnight / 1000));
  const left = Math.floor((midnight - instant) / 1000);
  response.status(used > limit ? 429 : 200).json({ weekday: DAYS[day], limit, used, resets_in_s: left });
});

app.post("/jobs", async (request, response) => {
  const { user, text } = request.body ?? {};
  if (!user || !text) throw new Refused(400, "user and text are needed");
  const job = crypto.randomUUID();
  await cache.lpush("jobs", JSON.stringify({ job, user, text, enqueued_at: new Date().toISOString() }));
  response.status(202).json({ job });
});

app.get("/jobs/:id", async (request, response) => {
  response.json({ state: (await store.finished(request.params.id)) ? "done" : "queued" });
});

app.get("/metrics", (request, response) => {
  response.type("text/plain").send(`# TYPE items gauge\nitems ${background.gauge.items}\n`);
});

app.use((request) => {
  throw new Refused(404, `no page ${request.path}`);
});

// Express knows handlers of errors by their four parameters.
app.use((error, request, response, _next) => {
  if (!error.status) console.error(error);
  response.status(error.status || 500).json({ error: error.status ? error.message : "internal error" });
});

/** Tries until it works, or patience has an end. */
async function eventually(attempt) {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await sleep(100);
    }
  }
}

async function main() {
  await eventually(store.ping);
  await store.setup();
  await eventually(() => cache.ping());

  const ending = new AbortController();
  background.start(cache, ending.signal);
  const server = app.listen(Number(process.env.PORT || 8080), "127.0.0.1", 511);
  const end = () => {
    ending.abort();
    server.close(async () => {
      cache.disconnect();
      await store.close();
    });
    server.closeIdleConnections();
  };
  process.once("SIGTERM", end).once("SIGINT", end);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
