// Where the database is, from the environment; and the SQL that several stores share.
"use strict";

const fs = require("node:fs");

const env = process.env;
// off, require (encrypt, trust anybody) or verify (also the name in the certificate; DB_CA says whom to trust).
const mode = env.DB_TLS || "off";

// What node:tls takes, or false.
exports.tls =
  mode !== "off" && (mode === "require" ? { rejectUnauthorized: false } : { ca: env.DB_CA && fs.readFileSync(env.DB_CA) });

exports.where = {
  host: env.DB_HOST || "127.0.0.1",
  port: Number(env.DB_PORT || 5432),
  user: env.DB_USER || "t",
  password: env.DB_PASSWORD || "pw",
  database: env.DB_NAME || "test",
};

exports.POOL_SIZE = 4;

exports.POSTGRES_TABLE = `create table if not exists orders (
  id bigserial primary key,
  customer text not null,
  item text not null,
  quantity int not null constraint positive check (quantity > 0),
  price numeric(10,2) not null
)`;

exports.POSTGRES_TYPES = `select 42::int4 as int, 9007199254740993::int8 as bigint, 12345.6789::numeric as numeric, 0.1::float8 as float,
  true as bool, 'ünïcode ✓'::text as text, '\\xdeadbeef'::bytea as bytes, date '2024-02-29' as date,
  timestamp '2024-02-29 12:34:56.789' as timestamp, timestamptz '2024-02-29 12:34:56.789+00' as timestamptz,
  '{"a": [1, null]}'::jsonb as json, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid as uuid, null::text as null,
  array[1, 2, 3]::int4[] as array`;
