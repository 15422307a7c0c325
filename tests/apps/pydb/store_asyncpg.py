"""asyncpg: one event loop in a thread of its own, everything prepared, everything binary."""

import asyncio
import threading
from decimal import Decimal

import asyncpg
import config

COLUMNS = "id, customer, item, quantity, price"
INSERT = "insert into orders (customer, item, quantity, price) values ($1, $2, $3, $4)"
COUNT = "select count(*) from orders where customer = $1"


class Store:
    def __init__(self):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.pool = self.wait(self.open())

    async def open(self):
        return await asyncpg.create_pool(
            host=config.HOST,
            port=config.PORT,
            user=config.USER,
            password=config.PASSWORD,
            database=config.NAME,
            ssl=config.tls_context() or False,
            min_size=config.POOL_SIZE,
            max_size=config.POOL_SIZE,
        )

    def wait(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def setup(self):
        self.wait(self.pool.execute(config.POSTGRES_TABLE))

    def create(self, row):
        return self.wait(self.pool.fetchrow(f"{INSERT} returning {COLUMNS}", *row))

    def load(self, order_id):
        return self.wait(self.pool.fetchrow(f"select {COLUMNS} from orders where id = $1", order_id))

    def list(self, customer, other):
        more = "and quantity < 1000" if other else ""
        return self.wait(self.pool.fetch(f"select {COLUMNS} from orders where customer = $1 {more} order by id", customer))

    def batch(self, customer, rows):
        async def work():
            async with self.pool.acquire() as connection, connection.transaction():
                await connection.executemany(INSERT, rows)
                sql = "select count(*), sum(quantity) from orders where customer = $1 and item like 'batch-%'"
                return await connection.fetchrow(sql, customer)

        return self.wait(work())

    def rollback(self, customer):
        async def work():
            async with self.pool.acquire() as connection:
                whole = connection.transaction()
                await whole.start()
                await connection.execute(INSERT, customer, "undone", 1, Decimal(1))
                half = connection.transaction()
                await half.start()
                await connection.execute(INSERT, customer, "undone at once", 1, Decimal(1))
                await half.rollback()
                during = await connection.fetchval(COUNT, customer)
                await whole.rollback()
                return during, await connection.fetchval(COUNT, customer)

        return self.wait(work())

    def fail(self, row):
        try:
            self.wait(self.pool.execute(INSERT, *row))
        except asyncpg.PostgresError as error:
            return error.sqlstate, str(error)
        raise AssertionError("the constraint did not hold")

    def types(self):
        return dict(self.wait(self.pool.fetchrow(config.POSTGRES_TYPES)))


def open_store(_driver):
    return Store()
