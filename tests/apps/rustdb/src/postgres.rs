//! tokio-postgres behind deadpool: statements are prepared once a connection, values are binary, and what is asked at
//! once is sent at once.

mod tls;

use std::collections::BTreeMap;
use std::error::Error;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool};
use tokio_postgres::types::{FromSql, ToSql, Type};
use tokio_postgres::{NoTls, Row};

use crate::config::{POOL_SIZE, Tls, Where};
use crate::store::{NewOrder, Order, Result, Store};

const TABLE: &str = "create table if not exists orders (
    id bigserial primary key,
    customer text not null,
    item text not null,
    quantity int not null constraint positive check (quantity > 0),
    price numeric(10,2) not null
)";
const TYPES: &str =
    "select 42::int4 as int, 9007199254740993::int8 as bigint, 12345.6789::numeric as numeric, 0.1::float8 as float,
    true as bool, 'ünïcode ✓'::text as text, '\\xdeadbeef'::bytea as bytes, date '2024-02-29' as date,
    timestamp '2024-02-29 12:34:56.789' as timestamp, timestamptz '2024-02-29 12:34:56.789+00' as timestamptz,
    '{\"a\": [1, null]}'::jsonb as json, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid as uuid, null::text as null,
    array[1, 2, 3]::int4[] as array";
const COLUMNS: &str = "id, customer, item, quantity, price::text";
const INSERT: &str = "insert into orders (customer, item, quantity, price) values ($1, $2, $3, $4::text::numeric)";
const COUNT: &str = "select count(*) from orders where customer = $1";
const BATCH: &str = "select count(*), sum(quantity) from orders where customer = $1 and item like 'batch-%'";

pub struct Postgres {
    pool: Pool,
}

impl Postgres {
    pub fn open() -> Result<Self> {
        let place = Where::from_environment("5432");
        let mut config = tokio_postgres::Config::new();
        config.host(&place.host).port(place.port).user(&place.user).password(&place.password).dbname(&place.name);
        let recycling = ManagerConfig::default();
        let manager = match place.tls {
            Tls::Off => Manager::from_config(config, NoTls, recycling),
            tls => {
                config.ssl_mode(tokio_postgres::config::SslMode::Require);
                Manager::from_config(config, tls::connector(&tls)?, recycling)
            }
        };
        Ok(Self { pool: Pool::builder(manager).max_size(POOL_SIZE).build()? })
    }

    async fn client(&self) -> Result<Object> {
        Ok(self.pool.get().await?)
    }
}

impl Store for Postgres {
    async fn setup(&self) -> Result<()> {
        Ok(self.client().await?.batch_execute(TABLE).await?)
    }

    async fn create(&self, order: &NewOrder) -> Result<Order> {
        let client = self.client().await?;
        let insert = client.prepare_cached(&format!("{INSERT} returning {COLUMNS}")).await?;
        Ok(shown(&client.query_one(&insert, &parameters(order)).await?))
    }

    async fn load(&self, id: i64) -> Result<Option<Order>> {
        let client = self.client().await?;
        let select = client.prepare_cached(&format!("select {COLUMNS} from orders where id = $1")).await?;
        Ok(client.query_opt(&select, &[&id]).await?.as_ref().map(shown))
    }

    async fn list(&self, customer: &str, more: &str) -> Result<Vec<Order>> {
        let client = self.client().await?;
        let sql = format!("select {COLUMNS} from orders where customer = $1 {more} order by id");
        let rows = client.query(&sql, &[&customer]).await?;
        Ok(rows.iter().map(shown).collect())
    }

    async fn batch(&self, customer: &str, orders: Vec<NewOrder>) -> Result<(i64, i64)> {
        let mut client = self.client().await?;
        let transaction = client.transaction().await?;
        let insert = transaction.prepare_cached(INSERT).await?;
        // All at once: tokio-postgres sends what is polled, and the answers come in order.
        let parameters: Vec<_> = orders.iter().map(parameters).collect();
        let inserts = parameters.iter().map(|parameters| transaction.execute(&insert, parameters));
        futures_util::future::try_join_all(inserts).await?;
        let row = transaction.query_one(BATCH, &[&customer]).await?;
        let totals = (row.get(0), row.get(1));
        transaction.commit().await?;
        Ok(totals)
    }

    async fn rollback(&self, customer: &str) -> Result<(i64, i64)> {
        let mut client = self.client().await?;
        let undone = |item: &str| NewOrder {
            customer: customer.to_owned(),
            item: item.to_owned(),
            quantity: 1,
            price: "1".to_owned(),
        };
        let mut transaction = client.transaction().await?;
        transaction.execute(INSERT, &parameters(&undone("undone"))).await?;
        let half = transaction.savepoint("half").await?;
        half.execute(INSERT, &parameters(&undone("undone at once"))).await?;
        half.rollback().await?;
        let during = transaction.query_one(COUNT, &[&customer]).await?.get(0);
        transaction.rollback().await?;
        Ok((during, client.query_one(COUNT, &[&customer]).await?.get(0)))
    }

    async fn fail(&self, order: &NewOrder) -> Result<(String, String)> {
        let refused = self.client().await?.execute(INSERT, &parameters(order)).await;
        let error = refused.err().ok_or("the constraint did not hold")?;
        match error.as_db_error() {
            Some(refused) => Ok((refused.code().code().to_owned(), refused.message().to_owned())),
            None => Err(error.into()),
        }
    }

    async fn types(&self) -> Result<BTreeMap<String, Option<String>>> {
        let row = self.client().await?.query_one(TYPES, &[]).await?;
        let shown = row.columns().iter().enumerate().map(|(n, column)| {
            let value: Option<Shown> = row.try_get(n)?;
            Ok((column.name().to_owned(), value.map(|Shown(text)| text)))
        });
        shown.collect()
    }
}

fn parameters(order: &NewOrder) -> [&(dyn ToSql + Sync); 4] {
    [&order.customer, &order.item, &order.quantity, &order.price]
}

fn shown(row: &Row) -> Order {
    Order { id: row.get(0), customer: row.get(1), item: row.get(2), quantity: row.get(3), price: row.get(4) }
}

/// Any value, as a text.
struct Shown(String);

impl<'a> FromSql<'a> for Shown {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> std::result::Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(match *kind {
            Type::INT4 => i32::from_sql(kind, raw)?.to_string(),
            Type::INT8 => i64::from_sql(kind, raw)?.to_string(),
            Type::FLOAT8 => f64::from_sql(kind, raw)?.to_string(),
            Type::BOOL => bool::from_sql(kind, raw)?.to_string(),
            Type::TEXT => String::from_sql(kind, raw)?,
            Type::DATE => NaiveDate::from_sql(kind, raw)?.to_string(),
            Type::TIMESTAMP => NaiveDateTime::from_sql(kind, raw)?.to_string(),
            Type::TIMESTAMPTZ => DateTime::<Utc>::from_sql(kind, raw)?.to_string(),
            Type::JSONB => serde_json::Value::from_sql(kind, raw)?.to_string(),
            Type::UUID => uuid::Uuid::from_sql(kind, raw)?.to_string(),
            Type::INT4_ARRAY => format!("{:?}", Vec::<i32>::from_sql(kind, raw)?),
            // bytea, and numeric, which the driver leaves to others.
            _ => raw.iter().map(|byte| format!("{byte:02x}")).collect(),
        }))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}
