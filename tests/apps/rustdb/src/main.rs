//! Orders in a database, with the driver of your choice: `rustdb tokio-postgres`, or `rustdb mysql_async`.

mod config;
mod fetch;
mod mysql;
mod postgres;
mod store;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use store::{Failure, NewOrder, Order, Store};

#[tokio::main]
async fn main() -> Result<(), Failure> {
    rustls::crypto::ring::default_provider().install_default().expect("nobody else did");
    let routes = match std::env::args().nth(1).as_deref() {
        Some("tokio-postgres") => routes(postgres::Postgres::open()?),
        Some("mysql_async") => routes(mysql::MySql::open()),
        Some(other) => return Err(format!("no driver {other}").into()),
        None => Router::new(),
    };
    let port: u16 = config::env("PORT", "8080").parse()?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    Ok(axum::serve(listener, routes.route("/fetch", get(fetch::fetch))).await?)
}

fn routes<S: Store>(store: S) -> Router {
    Router::new()
        .route("/setup", post(setup::<S>))
        .route("/orders", post(create::<S>).get(list::<S>))
        .route("/orders/{id}", get(load::<S>))
        .route("/batch", post(batch::<S>))
        .route("/rollback", post(rollback::<S>))
        .route("/fail", post(fail::<S>))
        .route("/types", get(types::<S>))
        .with_state(Arc::new(store))
}

type Answer<T> = Result<T, Error>;

/// Whatever went wrong: 500, with what it was.
struct Error(Failure);

impl<E: Into<Failure>> From<E> for Error {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let document = json!({ "error": "failed", "message": self.0.to_string() });
        (StatusCode::INTERNAL_SERVER_ERROR, Json(document)).into_response()
    }
}

/// Is this regression planted? For the end-to-end tests only.
fn mutated(name: &str) -> bool {
    config::env("MUTATE", "").split(',').any(|planted| planted == name)
}

async fn setup<S: Store>(State(store): State<Arc<S>>) -> Answer<Json<Value>> {
    store.setup().await?;
    Ok(Json(json!({ "ready": true })))
}

async fn create<S: Store>(
    State(store): State<Arc<S>>,
    Json(order): Json<NewOrder>,
) -> Answer<(StatusCode, Json<Order>)> {
    Ok((StatusCode::CREATED, Json(store.create(&order).await?)))
}

async fn load<S: Store>(State(store): State<Arc<S>>, Path(id): Path<i64>) -> Answer<Response> {
    Ok(match store.load(id).await? {
        Some(order) => Json(order).into_response(),
        None => (StatusCode::NOT_FOUND, Json(json!({ "error": "no such order" }))).into_response(),
    })
}

#[derive(Deserialize)]
struct OfCustomer {
    customer: String,
    n: Option<i32>,
}

async fn list<S: Store>(State(store): State<Arc<S>>, Query(asked): Query<OfCustomer>) -> Answer<Json<Value>> {
    let more = if mutated("query") { "and quantity < 1000" } else { "" };
    let mut orders = store.list(&asked.customer, more).await?;
    if mutated("json") {
        orders.iter_mut().for_each(|order| order.quantity += 1);
    }
    Ok(Json(json!({ "orders": orders })))
}

async fn batch<S: Store>(State(store): State<Arc<S>>, Json(asked): Json<OfCustomer>) -> Answer<Json<Value>> {
    let order = |i: i32| NewOrder {
        customer: asked.customer.clone(),
        item: format!("batch-{i}"),
        quantity: i + 1,
        price: format!("{:.2}", 1.25 * f64::from(i + 1)),
    };
    let orders: Vec<NewOrder> = (0..asked.n.unwrap_or(0)).map(order).collect();
    let (count, sum) = store.batch(&asked.customer, orders).await?;
    Ok(Json(json!({ "count": count, "sum": sum })))
}

async fn rollback<S: Store>(State(store): State<Arc<S>>, Json(asked): Json<OfCustomer>) -> Answer<Json<Value>> {
    let (during, count) = store.rollback(&asked.customer).await?;
    Ok(Json(json!({ "during": during, "count": count })))
}

async fn fail<S: Store>(
    State(store): State<Arc<S>>,
    Json(asked): Json<OfCustomer>,
) -> Answer<(StatusCode, Json<Value>)> {
    let order =
        NewOrder { customer: asked.customer, item: "impossible".to_owned(), quantity: 0, price: "1".to_owned() };
    let (code, message) = store.fail(&order).await?;
    Ok((StatusCode::CONFLICT, Json(json!({ "error": code, "message": message }))))
}

async fn types<S: Store>(State(store): State<Arc<S>>) -> Answer<Json<BTreeMap<String, Option<String>>>> {
    Ok(Json(store.types().await?))
}
