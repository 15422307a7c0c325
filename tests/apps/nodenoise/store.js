// Items, their audit and finished jobs, in MySQL.
"use strict";

const { randomUUID } = require("node:crypto");
const mysql = require("mysql2/promise");
const { broken, hours, inBerlin, later } = require("./fresh");

const TABLES = [
  `create table if not exists items (
    number bigint auto_increment primary key,
    id char(36) not null,
    owner varchar(100) not null,
    ref char(24) not null,
    code char(16) not null,
    name varchar(200) not null,
    tags varchar(500) not null,
    price decimal(10,2) not null,
    quantity int not null,
    created_at datetime(3) not null,
    updated_at datetime(3) not null,
    key of_id (id),
    key of_owner (owner)
  )`,
  `create table if not exists audit (
    id char(36) not null,
    item char(36) not null,
    action varchar(20) not null,
    at datetime(3) not null
  )`,
  `create table if not exists done_jobs (
    id char(36) primary key,
    job char(36) not null unique,
    owner varchar(100) not null,
    text varchar(500) not null,
    finished_at datetime(3) not null
  )`,
];
const COLUMNS = "number, id, ref, code, name, tags, price, quantity, created_at, updated_at";
const LOAD = `select ${COLUMNS} from items where id = ?`;

const pool = mysql.createPool({
  host: process.env.DB_HOST || "127.0.0.1",
  port: Number(process.env.DB_PORT || 3306),
  user: process.env.DB_USER || "t",
  password: process.env.DB_PASSWORD || "pw",
  database: process.env.DB_NAME || "test",
  connectionLimit: 10,
  timezone: "Z",
  decimalNumbers: true,
});

async function rows(sql, parameters = []) {
  return (await pool.execute(sql, parameters))[0];
}

exports.ping = () => pool.query("select 1");

exports.setup = async () => {
  for (const table of TABLES) await pool.query(table);
};

exports.close = () => pool.end();

/** Runs `work` in a transaction. */
async function inTransaction(work) {
  const connection = await pool.getConnection();
  try {
    await connection.beginTransaction();
    const result = await work(connection);
    await connection.commit();
    return result;
  } catch (error) {
    await connection.rollback();
    throw error;
  } finally {
    connection.release();
  }
}

/** The item with its number, and how many its owner has now. */
exports.create = (owner, item) =>
  inTransaction(async (connection) => {
    const fields = {
      ...item,
      owner,
      tags: item.tags.join(","),
      quantity: broken("wrong-value") ? item.quantity + 1 : item.quantity,
    };
    const names = Object.keys(fields);
    const insert = `insert into items (${names}) values (${names.map(() => "?")})`;
    const [{ insertId }] = await connection.execute(insert, Object.values(fields));
    if (!broken("skipped-write")) {
      const audit = broken("equal-ids") ? item.id : randomUUID();
      const sql = "insert into audit (id, item, action, at) values (?, ?, 'created', ?)";
      await connection.execute(sql, [audit, item.id, item.updated_at]);
    }
    const [[{ count }]] = await connection.execute("select count(*) as count from items where owner = ?", [owner]);
    return [{ ...item, number: insertId }, broken("count") ? count + 1 : count];
  });

exports.load = async (id) => fromRow((await rows(LOAD, [id]))[0]);

exports.change = (id, quantity, instant) =>
  inTransaction(async (connection) => {
    await connection.execute("update items set quantity = ?, updated_at = ? where id = ?", [quantity, instant, id]);
    return fromRow((await connection.execute(LOAD, [id]))[0][0]);
  });

const fromRow = (row) => row && { ...row, tags: row.tags ? row.tags.split(",") : [] };

exports.names = async (tag) => {
  const found = await rows("select name from items where find_in_set(?, tags) order by name, number", [tag]);
  return found.map((row) => row.name);
};

exports.count = async () => (await rows("select count(*) as count from items"))[0].count;

exports.worth = async () => (await rows("select coalesce(sum(price * quantity), 0) as sum from items"))[0].sum;

exports.finish = (job, instant) => {
  const sql = "insert into done_jobs (id, job, owner, text, finished_at) values (?, ?, ?, ?, ?)";
  return rows(sql, [randomUUID(), job.job, job.user, job.text, instant]);
};

exports.finished = async (id) => (await rows("select 1 from done_jobs where job = ?", [id])).length > 0;

/** An item as clients see it. */
exports.shown = (item) => {
  const created = item.created_at;
  const fields = {
    id: item.id,
    ref: item.ref,
    code: item.code,
    name: item.name,
    tags: item.tags,
    price: item.price,
    quantity: item.quantity,
    total: cents(item.price * item.quantity),
    created_at: created.toISOString(),
    updated_at: item.updated_at.toISOString(),
    created_local: inBerlin(created),
    expires_at: later(created, hours(broken("expiry") ? 2 : 1)).toISOString(),
    number: item.number,
  };
  if (broken("total")) fields.total = cents(fields.total + 0.01);
  if (broken("wrong-zone")) {
    const local = inBerlin(created).slice(0, -6);
    Object.assign(fields, { created_at: `${local}Z`, created_local: `${local}+00:00` });
  }
  if (broken("wrong-format")) fields.created_at = Math.floor(created / 1000);
  if (broken("missing-field")) delete fields.updated_at;
  return fields;
};

const cents = (amount) => Math.round(amount * 100) / 100;

exports.cents = cents;
