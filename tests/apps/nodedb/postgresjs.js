// postgres.js, which prepares everything and pipelines by itself.
"use strict";

const postgres = require("postgres");
const { where, tls, POOL_SIZE, POSTGRES_TABLE, POSTGRES_TYPES } = require("./config");

class Undone extends Error {}

class Store {
  constructor() {
    this.sql = postgres({ ...where, ssl: tls, max: POOL_SIZE, onnotice: () => {} });
  }

  setup() {
    return this.sql.unsafe(POSTGRES_TABLE);
  }

  async create(row, sql = this.sql) {
    const [customer, item, quantity, price] = row;
    const rows = await sql`insert into orders ${sql({ customer, item, quantity, price })} returning *`;
    return rows[0];
  }

  async load(id) {
    return (await this.sql`select * from orders where id = ${id}`)[0];
  }

  list(customer, other) {
    const more = other ? this.sql`and quantity < 1000` : this.sql``;
    return this.sql`select * from orders where customer = ${customer} ${more} order by id`;
  }

  batch(customer, rows) {
    return this.sql.begin(async (sql) => {
      await Promise.all(rows.map((row) => this.create(row, sql)));
      const [totals] = await sql`select count(*), sum(quantity) from orders where customer = ${customer} and item like 'batch-%'`;
      return totals;
    });
  }

  async rollback(customer) {
    const count = async (sql) => (await sql`select count(*) from orders where customer = ${customer}`)[0].count;
    const undone = (error) => {
      if (!(error instanceof Undone)) throw error;
    };
    let during;
    await this.sql
      .begin(async (sql) => {
        await this.create([customer, "undone", 1, "1"], sql);
        await sql
          .savepoint(async (sql) => {
            await this.create([customer, "undone at once", 1, "1"], sql);
            throw new Undone();
          })
          .catch(undone);
        during = await count(sql);
        throw new Undone();
      })
      .catch(undone);
    return { during, count: await count(this.sql) };
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

  async types() {
    return (await this.sql.unsafe(POSTGRES_TYPES, [], { prepare: true }))[0];
  }
}

exports.open = () => new Store();
