"""Items, their audit and finished jobs, in PostgreSQL."""

import os
import uuid
from datetime import timedelta

from fresh import broken, in_berlin, utc
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

TABLES = """
create table if not exists items (
    number bigserial primary key,
    id uuid not null,
    owner text not null,
    ref char(24) not null,
    code text not null,
    name text not null,
    tags text[] not null,
    price numeric(10,2) not null,
    quantity int not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create index if not exists items_id on items (id);
create index if not exists items_owner on items (owner);
create table if not exists audit (id uuid not null, item uuid not null, action text not null, at timestamptz not null);
create table if not exists done_jobs (
    id uuid primary key,
    job uuid not null unique,
    owner text not null,
    text text not null,
    finished_at timestamptz not null
)"""

COLUMNS = "number, id, ref, code, name, tags, price, quantity, created_at, updated_at"
INSERT = """insert into items (id, owner, ref, code, name, tags, price, quantity, created_at, updated_at)
    values (%(id)s, %(owner)s, %(ref)s, %(code)s, %(name)s, %(tags)s, %(price)s, %(quantity)s, %(created_at)s, %(updated_at)s)
    returning number"""

pool = ConnectionPool(
    kwargs={
        "host": os.environ.get("DB_HOST", "127.0.0.1"),
        "port": os.environ.get("DB_PORT", "5432"),
        "user": os.environ.get("DB_USER", "t"),
        "password": os.environ.get("DB_PASSWORD", "pw"),
        "dbname": os.environ.get("DB_NAME", "test"),
        "sslmode": "disable",
        "row_factory": dict_row,
    },
    min_size=4,
    max_size=10,
    open=False,
)


def start(patience_s):
    pool.open(wait=True, timeout=patience_s)
    with pool.connection() as connection:
        connection.execute(TABLES)


def create(item):
    """The item with its number, and how many its owner has now."""
    written = item | {"quantity": item["quantity"] + 1} if broken("wrong-value") else item
    with pool.connection() as connection:
        number = connection.execute(INSERT, written).fetchone()["number"]
        if not broken("skipped-write"):
            audit = item["id"] if broken("equal-ids") else uuid.uuid4()
            sql = "insert into audit (id, item, action, at) values (%s, %s, 'created', %s)"
            connection.execute(sql, (audit, item["id"], item["updated_at"]))
        count = connection.execute("select count(*) from items where owner = %s", (item["owner"],)).fetchone()["count"]
    return item | {"number": number}, count + 1 if broken("count") else count


def load(item_id):
    return one(f"select {COLUMNS} from items where id = %s", (item_id,))


def change(item_id, quantity, instant):
    sql = f"update items set quantity = %s, updated_at = %s where id = %s returning {COLUMNS}"
    return one(sql, (quantity, instant, item_id))


def names(tag):
    with pool.connection() as connection:
        rows = connection.execute("select name from items where %s = any(tags) order by name, number", (tag,))
        return [row["name"] for row in rows]


def count():
    return one("select count(*) from items")["count"]


def worth():
    return float(one("select coalesce(sum(price * quantity), 0) as sum from items")["sum"])


def finish(job, instant):
    with pool.connection() as connection:
        sql = "insert into done_jobs (id, job, owner, text, finished_at) values (%s, %s, %s, %s, %s)"
        connection.execute(sql, (uuid.uuid4(), job["job"], job["user"], job["text"], instant))


def finished(job_id):
    return one("select 1 from done_jobs where job = %s", (job_id,)) is not None


def one(sql, parameters=()):
    with pool.connection() as connection:
        return connection.execute(sql, parameters).fetchone()


def shown(item):
    """An item as clients see it."""
    created = item["created_at"]
    fields = {
        "id": str(item["id"]),
        "ref": item["ref"],
        "code": item["code"],
        "name": item["name"],
        "tags": item["tags"],
        "price": float(item["price"]),
        "quantity": item["quantity"],
        "total": float(item["price"] * item["quantity"]),
        "created_at": utc(created),
        "updated_at": utc(item["updated_at"]),
        "created_local": in_berlin(created),
        "expires_at": utc(created + timedelta(hours=2 if broken("expiry") else 1)),
        "number": item["number"],
    }
    if broken("total"):
        fields["total"] = round(fields["total"] + 0.01, 2)
    if broken("wrong-zone"):
        local = in_berlin(created)[:-6]
        fields |= {"created_at": f"{local}Z", "created_local": f"{local}+00:00"}
    if broken("wrong-format"):
        fields["created_at"] = int(created.timestamp())
    if broken("missing-field"):
        del fields["updated_at"]
    return fields
