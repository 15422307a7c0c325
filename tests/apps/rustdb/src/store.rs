//! What a driver's application can do.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub type Failure = Box<dyn std::error::Error + Send + Sync>;
pub type Result<T> = std::result::Result<T, Failure>;

/// A row. The price is a decimal number, so it stays a text.
#[derive(Serialize)]
pub struct Order {
    pub id: i64,
    pub customer: String,
    pub item: String,
    pub quantity: i32,
    pub price: String,
}

/// A row that has no number yet.
#[derive(Clone, Deserialize)]
pub struct NewOrder {
    pub customer: String,
    pub item: String,
    pub quantity: i32,
    pub price: String,
}

pub trait Store: Send + Sync + 'static {
    fn setup(&self) -> impl Future<Output = Result<()>> + Send;
    fn create(&self, order: &NewOrder) -> impl Future<Output = Result<Order>> + Send;
    fn load(&self, id: i64) -> impl Future<Output = Result<Option<Order>>> + Send;
    /// `more` is a further condition.
    fn list(&self, customer: &str, more: &str) -> impl Future<Output = Result<Vec<Order>>> + Send;
    /// How many batched rows the customer has, and the sum of their quantities.
    fn batch(&self, customer: &str, orders: Vec<NewOrder>) -> impl Future<Output = Result<(i64, i64)>> + Send;
    /// How many rows the customer has before and after the end of the transaction.
    fn rollback(&self, customer: &str) -> impl Future<Output = Result<(i64, i64)>> + Send;
    /// The code and the words with which the database refuses a row.
    fn fail(&self, order: &NewOrder) -> impl Future<Output = Result<(String, String)>> + Send;
    fn types(&self) -> impl Future<Output = Result<BTreeMap<String, Option<String>>>> + Send;
}
