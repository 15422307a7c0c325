// mysql2: `query` sends text with the values in it, `execute` prepares.
"use strict";

const mysql = require("mysql2/promise");
const { where, tls, POOL_SIZE } = require("./config");

const TABLE = `create table if not exists orders (
  id bigint auto_increment primary key,
  customer varchar(100) not null,
  item varchar(100) not null,
  quantity int not null,
  price decimal(10,2) not null,
  key of_customer (customer),
  constraint positive check (quantity > 0)
)`;
const TYPES = `select 42 as \`int\`, 9007199254740993 as \`bigint\`, 12345.6789 as \`numeric\`, 0.1e0 as \`float\`, true as \`bool\`,
  'ünïcode ✓' as \`text\`, x'deadbeef' as \`bytes\`, date'2024-02-29' as \`date\`,
  timestamp'2024-02-29 12:34:56.789' as \`timestamp\`, json_object('a', json_array(1, null)) as \`json\`, null as \`null\``;
const COLUMNS = "id, customer, item, quantity, price";
const INSERT = "insert into orders (customer, item, quantity, price) values (?, ?, ?, ?)";
const LOAD = `select ${COLUMNS} from orders where id = ?`;
const COUNT = "select count(*) as count from orders where customer = ?";

class Store {
  constructor() {
    const numbers = { supportBigNumbers: true, timezone: "Z", dateStrings: true };
    this.pool = mysql.createPool({ ...where, ssl: tls || undefined, connectionLimit: POOL_SIZE, ...numbers });
  }

  setup() {
    return this.pool.query(TABLE);
  }

  async create(row) {
    const [done] = await this.pool.execute(INSERT, row);
    return this.load(done.insertId);
  }

  async load(id) {
    return (await this.pool.execute(LOAD, [id]))[0][0];
  }

  async list(customer, other) {
    const more = other ? "and quantity < 1000" : "";
    return (await this.pool.query(`select ${COLUMNS} from orders where customer = ? ${more} order by id`, [customer]))[0];
  }

  batch(customer, rows) {
    return this.withConnection(async (connection) => {
      await connection.beginTransaction();
      await connection.query("insert into orders (customer, item, quantity, price) values ?", [rows]);
      const sql = "select count(*) as count, sum(quantity) as sum from orders where customer = ? and item like 'batch-%'";
      const [[totals]] = await connection.execute(sql, [customer]);
      await connection.commit();
      return totals;
    });
  }

  rollback(customer) {
    return this.withConnection(async (connection) => {
      const count = async () => (await connection.execute(COUNT, [customer]))[0][0].count;
      await connection.beginTransaction();
      await connection.execute(INSERT, [customer, "undone", 1, "1"]);
      await connection.query("savepoint half");
      await connection.execute(INSERT, [customer, "undone at once", 1, "1"]);
      await connection.query("rollback to savepoint half");
      const during = await count();
      await connection.rollback();
      return { during, count: await count() };
    });
  }

  async fail(row) {
    try {
      await this.create(row);
    } catch (error) {
      if (error.errno) return { code: error.errno, message: error.message };
      throw error;
    }
    throw new Error("the constraint did not hold");
  }

  async types() {
    return (await this.pool.execute(TYPES))[0][0];
  }

  async withConnection(work) {
    const connection = await this.pool.getConnection();
    try {
      return await work(connection);
    } finally {
      connection.release();
    }
  }
}

exports.open = () => new Store();
