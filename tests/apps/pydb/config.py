"""Where the database is, from the environment; and the SQL that is the same for all who write SQL themselves."""

import os
import ssl

HOST = os.environ.get("DB_HOST", "127.0.0.1")
PORT = int(os.environ.get("DB_PORT", "0"))
USER = os.environ.get("DB_USER", "t")
PASSWORD = os.environ.get("DB_PASSWORD", "pw")
NAME = os.environ.get("DB_NAME", "test")
# off, require (encrypt, trust anybody) or verify (also the name in the certificate).
TLS = os.environ.get("DB_TLS", "off")
# Whom `verify` trusts; without it, whom the driver trusts by itself.
CA = os.environ.get("DB_CA")

POOL_SIZE = 4

POSTGRES_SSLMODE = {"off": "disable", "require": "require", "verify": "verify-full"}[TLS]

POSTGRES_TABLE = """create table if not exists orders (
    id bigserial primary key,
    customer text not null,
    item text not null,
    quantity int not null constraint positive check (quantity > 0),
    price numeric(10,2) not null
)"""

POSTGRES_TYPES = """select 42::int4 as int, 9007199254740993::int8 as bigint, 12345.6789::numeric as numeric, 0.1::float8 as float,
    true as bool, 'ünïcode ✓'::text as text, '\\xdeadbeef'::bytea as bytes, date '2024-02-29' as date,
    timestamp '2024-02-29 12:34:56.789' as timestamp, timestamptz '2024-02-29 12:34:56.789+00' as timestamptz,
    '{"a": [1, null]}'::jsonb as json, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid as uuid, null::text as null,
    array[1, 2, 3]::int4[] as array"""

MYSQL_TABLE = """create table if not exists orders (
    id bigint auto_increment primary key,
    customer varchar(100) not null,
    item varchar(100) not null,
    quantity int not null,
    price decimal(10,2) not null,
    key of_customer (customer),
    constraint positive check (quantity > 0)
)"""

MYSQL_TYPES = """select 42 as `int`, 9007199254740993 as `bigint`, 12345.6789 as `numeric`, 0.1e0 as `float`, true as `bool`,
    'ünïcode ✓' as `text`, x'deadbeef' as `bytes`, date'2024-02-29' as `date`,
    timestamp'2024-02-29 12:34:56.789' as `timestamp`, json_object('a', json_array(1, null)) as `json`, null as `null`"""


def tls_context():
    """For drivers that take Python's own: None, or whom to trust."""
    if TLS == "off":
        return None
    context = ssl.create_default_context(cafile=CA)
    if TLS == "require":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
