// node-postgres. With `pipeline`, questions are sent without waiting for the answers to those before.
"use strict";

const { Client, Pool } = require("pg");
const { where, tls, POOL_SIZE, POSTGRES_TABLE, POSTGRES_TYPES } = require("./config");

const COLUMNS = "id, customer, item, quantity, price";
const INSERT = "insert into orders (customer, item, quantity, price) values ($1, $2, $3, $4)";
const COUNT = "select count(*) from orders where customer = $1";
const BATCH = "select count(*), sum(quantity) from orders where customer = $1 and item like 'batch-%'";

class Store {
  constructor(pipeline) {
    const config = { ...where, ssl: tls, pipeline };
    this.pipeline = pipeline;
    this.pool = new Pool({ ...config, max: POOL_SIZE });
    this.shared = this.pool;
    if (pipeline) {
      // What needs no transaction goes through one connection, whoever asks.
      this.shared = new Client(config);
      this.shared.connect();
    }
  }

  async one(sql, parameters, from = this.shared) {
    return (await from.query(sql, parameters)).rows[0];
  }

  setup() {
    return this.shared.query(POSTGRES_TABLE);
  }

  create(row) {
    // Named: prepared once for each connection.
    return this.one({ name: "create", text: `${INSERT} returning ${COLUMNS}`, values: row });
  }

  load(id) {
    return this.one({ name: "load", text: `select ${COLUMNS} from orders where id = $1`, values: [id] });
  }

  async list(customer, other) {
    const more = other ? "and quantity < 1000" : "";
    const sql = `select ${COLUMNS} from orders where customer = $1 ${more} order by id`;
    return (await this.shared.query(sql, [customer])).rows;
  }

  batch(customer, rows) {
    return this.withClient(async (client) => {
      const work = [
        () => client.query("begin"),
        ...rows.map((row) => () => client.query(INSERT, row)),
        () => this.one(BATCH, [customer], client),
        () => client.query("commit"),
      ];
      const answers = this.pipeline ? await Promise.all(work.map((step) => step())) : await inTurn(work);
      return answers[rows.length + 1];
    });
  }

  rollback(customer) {
    return this.withClient(async (client) => {
      await client.query("begin");
      await client.query(INSERT, [customer, "undone", 1, 1]);
      await client.query("savepoint half");
      await client.query(INSERT, [customer, "undone at once", 1, 1]);
      await client.query("rollback to savepoint half");
      const during = (await this.one(COUNT, [customer], client)).count;
      await client.query("rollback");
      return { during, count: (await this.one(COUNT, [customer], client)).count };
    });
  }

  async fail(row) {
    try {
      await this.create(row);
    } catch (error) {
      if (error.severity) return error;
      throw error;
    }
    throw new Error("the constraint did not hold");
  }

  types() {
    return this.one(POSTGRES_TYPES);
  }

  async withClient(work) {
    const client = await this.pool.connect();
    try {
      return await work(client);
    } finally {
      client.release();
    }
  }
}

async function inTurn(work) {
  const answers = [];
  for (const step of work) answers.push(await step());
  return answers;
}

exports.open = ({ pipeline }) => new Store(pipeline);
