"""psycopg, PyMySQL, MySQL Connector/Python (pure, and with the C library) and mysqlclient: all speak DB-API."""

import queue
from contextlib import contextmanager

import config
from config import POOL_SIZE

COLUMNS = "id, customer, item, quantity, price"
INSERT = "insert into orders (customer, item, quantity, price) values (%s, %s, %s, %s)"
LOAD = f"select {COLUMNS} from orders where id = %s"
LIST = f"select {COLUMNS} from orders where customer = %s"
COUNT = "select count(*) from orders where customer = %s"
BATCH = "select count(*), sum(quantity) from orders where customer = %s and item like 'batch-%%'"


class Store:
    def __init__(self, pool, table, types, code):
        # pool() is a context manager: a connection whose transaction ends with it.
        self.pool, self.table, self.types_sql, self.code = pool, table, types, code

    def setup(self):
        with self.pool() as connection:
            connection.cursor().execute(self.table)

    def create(self, row):
        with self.pool() as connection:
            cursor = connection.cursor()
            cursor.execute(INSERT, row)
            cursor.execute(LOAD, (cursor.lastrowid,))
            return cursor.fetchone()

    def load(self, order_id):
        return next(iter(self.rows(LOAD, (order_id,))), None)

    def list(self, customer, other):
        return self.rows(f"{LIST} {'and quantity < 1000' if other else ''} order by id", (customer,))

    def batch(self, customer, rows):
        with self.pool() as connection:
            cursor = connection.cursor()
            cursor.executemany(INSERT, rows)
            cursor.execute(BATCH, (customer,))
            return cursor.fetchone()

    def rollback(self, customer):
        with self.pool() as connection:
            cursor = connection.cursor()
            cursor.execute(INSERT, (customer, "undone", 1, 1))
            cursor.execute("savepoint half")
            cursor.execute(INSERT, (customer, "undone at once", 1, 1))
            cursor.execute("rollback to savepoint half")
            cursor.execute(COUNT, (customer,))
            (during,) = cursor.fetchone()
            connection.rollback()
            cursor.execute(COUNT, (customer,))
            (count,) = cursor.fetchone()
            return during, count

    def fail(self, row):
        try:
            with self.pool() as connection:
                connection.cursor().execute(INSERT, row)
        except Exception as error:
            return self.code(error)
        raise AssertionError("the constraint did not hold")

    def types(self):
        with self.pool() as connection:
            cursor = connection.cursor()
            cursor.execute(self.types_sql)
            names = [column[0] for column in cursor.description]
            return dict(zip(names, cursor.fetchone()))

    def rows(self, sql, parameters):
        with self.pool() as connection:
            cursor = connection.cursor()
            cursor.execute(sql, parameters)
            return cursor.fetchall()


class PostgresStore(Store):
    def create(self, row):
        return self.rows(f"{INSERT} returning {COLUMNS}", row)[0]


class Pool:
    """For drivers that have none: connections made when first needed, used by one thread at a time."""

    def __init__(self, connect):
        self.connect = connect
        self.idle = queue.LifoQueue()
        for _ in range(POOL_SIZE):
            self.idle.put(None)

    @contextmanager
    def __call__(self):
        connection = self.idle.get() or self.connect()
        try:
            yield connection
            connection.commit()
        except Exception:
            connection.rollback()
            raise
        finally:
            self.idle.put(connection)


def open_store(driver):
    return {
        "psycopg": open_psycopg,
        "pymysql": open_pymysql,
        "mysql-connector": lambda: open_connector(pure=True),
        "mysql-connector-c": lambda: open_connector(pure=False),
        "mysqlclient": open_mysqlclient,
    }[driver]()


def open_psycopg():
    from psycopg.conninfo import make_conninfo
    from psycopg_pool import ConnectionPool

    where = make_conninfo(
        host=config.HOST,
        port=config.PORT,
        user=config.USER,
        password=config.PASSWORD,
        dbname=config.NAME,
        sslmode=config.POSTGRES_SSLMODE,
        sslrootcert=(config.CA or "system") if config.TLS == "verify" else None,
    )
    pool = ConnectionPool(where, min_size=POOL_SIZE, max_size=POOL_SIZE, open=True)
    code = lambda error: (error.sqlstate, str(error))
    return PostgresStore(pool.connection, config.POSTGRES_TABLE, config.POSTGRES_TYPES, code)


def mysql_store(pool):
    return Store(pool, config.MYSQL_TABLE, config.MYSQL_TYPES, lambda error: (error.args[0], str(error.args[1])))


WHERE = {"host": config.HOST, "port": config.PORT, "user": config.USER, "password": config.PASSWORD, "database": config.NAME}


def open_pymysql():
    import pymysql

    tls = {"ssl_disabled": True} if config.TLS == "off" else {"ssl": config.tls_context()}
    return mysql_store(Pool(lambda: pymysql.connect(**WHERE, **tls, charset="utf8mb4")))


def open_connector(pure):
    from mysql.connector.pooling import MySQLConnectionPool

    tls = {
        "off": {"ssl_disabled": True},
        "require": {"ssl_disabled": False},
        "verify": {"ssl_ca": config.CA, "ssl_verify_cert": True, "ssl_verify_identity": True},
    }[config.TLS]
    pool = MySQLConnectionPool(pool_name="orders", pool_size=POOL_SIZE, use_pure=pure, **WHERE, **tls)
    return mysql_store(Pool(pool.get_connection))


def open_mysqlclient():
    import MySQLdb

    tls = {
        "off": {"ssl_mode": "DISABLED"},
        "require": {"ssl_mode": "REQUIRED"},
        "verify": {"ssl_mode": "VERIFY_IDENTITY", "ssl": {"ca": config.CA}},
    }[config.TLS]
    return mysql_store(Pool(lambda: MySQLdb.connect(**WHERE, **tls, charset="utf8mb4")))
