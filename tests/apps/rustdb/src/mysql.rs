//! mysql_async and its pool: everything with parameters is prepared.

use std::collections::BTreeMap;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, OptsBuilder, Params, Pool, PoolConstraints, PoolOpts, Row, SslOpts, TxOpts, Value};

use crate::config::{POOL_SIZE, Tls, Where};
use crate::store::{NewOrder, Order, Result, Store};

const TABLE: &str = "create table if not exists orders (
    id bigint auto_increment primary key,
    customer varchar(100) not null,
    item varchar(100) not null,
    quantity int not null,
    price decimal(10,2) not null,
    key of_customer (customer),
    constraint positive check (quantity > 0)
)";
const TYPES: &str =
    "select 42 as `int`, 9007199254740993 as `bigint`, 12345.6789 as `numeric`, 0.1e0 as `float`, true as `bool`,
    'ünïcode ✓' as `text`, x'deadbeef' as `bytes`, date'2024-02-29' as `date`,
    timestamp'2024-02-29 12:34:56.789' as `timestamp`, json_object('a', json_array(1, null)) as `json`, null as `null`";
const COLUMNS: &str = "id, customer, item, quantity, price";
const INSERT: &str = "insert into orders (customer, item, quantity, price) values (?, ?, ?, ?)";
const COUNT: &str = "select count(*) from orders where customer = ?";
const BATCH: &str =
    "select count(*), cast(sum(quantity) as signed) from orders where customer = ? and item like 'batch-%'";

pub struct MySql {
    pool: Pool,
}

impl MySql {
    pub fn open() -> Self {
        let place = Where::from_environment("3306");
        let tls = match place.tls {
            Tls::Off => None,
            Tls::Require => Some(SslOpts::default().with_danger_accept_invalid_certs(true)),
            Tls::Verify(file) => {
                let roots = file.into_iter().map(Into::into).collect();
                Some(SslOpts::default().with_root_certs(roots))
            }
        };
        let constraints = PoolConstraints::new(0, POOL_SIZE).expect("0 is less");
        let options = OptsBuilder::default()
            .ip_or_hostname(place.host)
            .tcp_port(place.port)
            .user(Some(place.user))
            .pass(Some(place.password))
            .db_name(Some(place.name))
            .prefer_socket(false)
            .ssl_opts(tls)
            .pool_opts(PoolOpts::new().with_constraints(constraints));
        Self { pool: Pool::new(options) }
    }

    async fn connection(&self) -> Result<Conn> {
        Ok(self.pool.get_conn().await?)
    }
}

impl Store for MySql {
    async fn setup(&self) -> Result<()> {
        Ok(self.connection().await?.query_drop(TABLE).await?)
    }

    async fn create(&self, order: &NewOrder) -> Result<Order> {
        let mut connection = self.connection().await?;
        connection.exec_drop(INSERT, parameters(order)).await?;
        let id = connection.last_insert_id().ok_or("the row got no number")?;
        Ok(load(&mut connection, id.try_into()?).await?.ok_or("the row is gone")?)
    }

    async fn load(&self, id: i64) -> Result<Option<Order>> {
        load(&mut self.connection().await?, id).await
    }

    async fn list(&self, customer: &str, more: &str) -> Result<Vec<Order>> {
        let sql = format!("select {COLUMNS} from orders where customer = ? {more} order by id");
        Ok(self.connection().await?.exec_map(sql, (customer,), shown).await?)
    }

    async fn batch(&self, customer: &str, orders: Vec<NewOrder>) -> Result<(i64, i64)> {
        let mut connection = self.connection().await?;
        let mut transaction = connection.start_transaction(TxOpts::default()).await?;
        transaction.exec_batch(INSERT, orders.iter().map(parameters)).await?;
        let totals = transaction.exec_first(BATCH, (customer,)).await?.ok_or("no totals")?;
        transaction.commit().await?;
        Ok(totals)
    }

    async fn rollback(&self, customer: &str) -> Result<(i64, i64)> {
        let mut connection = self.connection().await?;
        let mut transaction = connection.start_transaction(TxOpts::default()).await?;
        transaction.exec_drop(INSERT, (customer, "undone", 1, "1")).await?;
        transaction.query_drop("savepoint half").await?;
        transaction.exec_drop(INSERT, (customer, "undone at once", 1, "1")).await?;
        transaction.query_drop("rollback to savepoint half").await?;
        let during = transaction.exec_first(COUNT, (customer,)).await?.ok_or("no count")?;
        transaction.rollback().await?;
        Ok((during, connection.exec_first(COUNT, (customer,)).await?.ok_or("no count")?))
    }

    async fn fail(&self, order: &NewOrder) -> Result<(String, String)> {
        match self.connection().await?.exec_drop(INSERT, parameters(order)).await {
            Err(Error::Server(refused)) => Ok((refused.code.to_string(), refused.message)),
            Err(error) => Err(error.into()),
            Ok(()) => Err("the constraint did not hold".into()),
        }
    }

    async fn types(&self) -> Result<BTreeMap<String, Option<String>>> {
        let row: Row = self.connection().await?.exec_first(TYPES, ()).await?.ok_or("no row")?;
        let columns = row.columns();
        let names = columns.iter().map(|column| column.name_str().into_owned());
        Ok(names.zip(row.unwrap().into_iter().map(text)).collect())
    }
}

async fn load(connection: &mut Conn, id: i64) -> Result<Option<Order>> {
    let sql = format!("select {COLUMNS} from orders where id = ?");
    Ok(connection.exec_first(sql, (id,)).await?.map(shown))
}

fn parameters(order: &NewOrder) -> Params {
    (&order.customer, &order.item, order.quantity, &order.price).into()
}

fn shown((id, customer, item, quantity, price): (i64, String, String, i32, String)) -> Order {
    Order { id, customer, item, quantity, price }
}

fn text(value: Value) -> Option<String> {
    Some(match value {
        Value::NULL => return None,
        Value::Bytes(bytes) => match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(not_text) => not_text.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect(),
        },
        Value::Int(number) => number.to_string(),
        Value::UInt(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Double(number) => number.to_string(),
        moment @ (Value::Date(..) | Value::Time(..)) => moment.as_sql(true).trim_matches('\'').to_owned(),
    })
}
