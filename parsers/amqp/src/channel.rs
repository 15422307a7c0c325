//! What earlier words on a channel mean for later ones, and the documents that requests become by it.
use std::collections::BTreeMap;

use keploy_sdk::{Exchange, Map, Value};

use crate::{
    frame::{Content, Saying},
    login,
    method::{self, Id},
};

/// So much of a body tells a settlement which message it is about.
const SHOWN_BODY: usize = 1024;

#[derive(Default)]
pub struct Channel {
    /// After confirm.select.
    pub confirms: bool,
    /// After tx.select.
    transacts: bool,
    /// Messages published since confirm.select: the number that a confirmation names.
    published: u64,
    pub consumers: BTreeMap<Tag, Consumer>,
    /// Delivered and not settled, by delivery tag.
    pub delivered: BTreeMap<u64, Delivered>,
    /// The queue that was declared last: the empty name stands for it.
    pub last_queue: Value,
}

/// A consumer tag.
pub type Tag = Vec<u8>;

pub struct Consumer {
    pub exchange: Exchange,
    pub queue: Value,
    /// It settles what it gets.
    pub acks: bool,
}

/// A message that the client has and has not settled.
pub struct Delivered {
    /// What a settlement's document says of it.
    about: Map,
    /// None: it was fetched by basic.get.
    pub consumer: Option<Tag>,
    /// The exchange that this delivery is, whose outcome is its settlement. None: it is part of another one.
    pub exchange: Option<Exchange>,
}

/// What a client's method comes to.
pub struct Request {
    pub document: Value,
    /// The number that its confirmation will name.
    pub confirmation: Option<u64>,
    pub settled: Vec<Delivered>,
}

impl Request {
    /// The deliveries that it settles and that are exchanges of their own.
    pub fn outcomes(&self) -> impl Iterator<Item = Exchange> {
        self.settled.iter().filter_map(|delivered| delivered.exchange)
    }

    /// It settles such deliveries and nothing else: it is their outcome, and no call.
    pub fn is_outcome(&self) -> bool {
        !self.settled.is_empty() && self.settled.iter().all(|delivered| delivered.exchange.is_some())
    }
}

impl Channel {
    /// Takes what a client says. Names that clients and servers make up on each run (consumer tags, delivery tags) do not
    /// get into the document; what they stand for does.
    pub fn request(&mut self, saying: &Saying) -> Request {
        let Saying { method, arguments, content, .. } = saying;
        let mut document = Map::new().with("method", method.name);
        let left_out =
            |name: &str| matches!(name, "consumer-tag" | "delivery-tag") || login::is_secret(method.id, name);
        for (name, value) in arguments.iter().filter(|(name, _)| !left_out(name)) {
            document.insert(name, value.clone());
        }
        let (mut confirmation, mut settled) = (None, Vec::new());
        match method.id {
            method::CONNECTION_START_OK => login::name_user(arguments, &mut document),
            method::BASIC_CANCEL => {
                let consumer = tag_of(arguments).and_then(|tag| self.consumers.get(tag));
                insert_unless_null(&mut document, "queue", consumer.map_or(&Value::Null, |consumer| &consumer.queue));
            }
            method::BASIC_PUBLISH if self.confirms => {
                self.published += 1;
                confirmation = Some(self.published);
                document.insert("confirm", true);
            }
            method::BASIC_ACK | method::BASIC_NACK | method::BASIC_REJECT => {
                let number = arguments.get("delivery-tag").and_then(Value::as_int).unwrap_or_default();
                settled = self.settle(number, arguments.get("multiple").is_some());
                if let Some(last) = settled.iter().rfind(|delivered| delivered.exchange.is_none()) {
                    document.insert("delivery", last.about.clone());
                }
            }
            method::CONFIRM_SELECT => self.confirms = true,
            method::TX_SELECT => self.transacts = true,
            _ => {}
        }
        if self.transacts && is_transactional(method.id) {
            document.insert("transaction", true);
        }
        if let Some(content) = content {
            add_content(&mut document, content);
        }
        Request { document: document.into(), confirmation, settled }
    }

    /// The queue that `arguments` name.
    pub fn queue(&self, arguments: &Map) -> Value {
        arguments.get("queue").unwrap_or(&self.last_queue).clone()
    }

    /// A message went to the client under this delivery tag. `consumer`: to whom, unless it asked for it.
    pub fn deliver(&mut self, number: u64, queue: &Value, message: &Map, consumer: Option<Tag>) {
        let about = about(queue, message);
        self.delivered.insert(number, Delivered { about, consumer, exchange: None });
    }

    /// A message went to a consumer that settles it, as an exchange of its own.
    pub fn deliver_as(&mut self, exchange: Exchange, number: u64, consumer: Tag) {
        let (about, consumer) = (Map::new(), Some(consumer));
        self.delivered.insert(number, Delivered { about, consumer, exchange: Some(exchange) });
    }

    /// In order of delivery; `multiple`: all up to this one, or (0) all there are.
    fn settle(&mut self, number: i128, multiple: bool) -> Vec<Delivered> {
        let number = u64::try_from(number).unwrap_or_default();
        if !multiple {
            return self.delivered.remove(&number).into_iter().collect();
        }
        let last = if number == 0 { u64::MAX } else { number };
        let later = last.checked_add(1).map(|next| self.delivered.split_off(&next)).unwrap_or_default();
        std::mem::replace(&mut self.delivered, later).into_values().collect()
    }
}

/// What a settlement says of a message.
fn about(queue: &Value, message: &Map) -> Map {
    let mut about = Map::new();
    insert_unless_null(&mut about, "queue", queue);
    for name in ["exchange", "routing-key"] {
        insert_unless_null(&mut about, name, message.get(name).unwrap_or(&Value::Null));
    }
    match message.get("body") {
        Some(Value::Text(body)) if body.len() > SHOWN_BODY => {
            let end = (0..=SHOWN_BODY).rev().find(|end| body.is_char_boundary(*end)).unwrap_or(0);
            about.insert("body-start", &body[..end]);
        }
        Some(Value::Bytes(body)) if body.len() > SHOWN_BODY => {
            about.insert("body-start", Value::Bytes(body[..SHOWN_BODY].to_vec()));
        }
        Some(body) => about.insert("body", body.clone()),
        None => {}
    }
    about
}

/// What a settlement is to the message that it settles: the tag is made up, and how many it settles at once shows nobody.
pub fn outcome(saying: &Saying) -> Value {
    let mut outcome = Map::new().with("method", saying.method.name);
    if let Some(requeue) = saying.arguments.get("requeue") {
        outcome.insert("requeue", requeue.clone());
    }
    outcome.into()
}

/// What people call a queue.
pub fn subject(queue: &Value) -> String {
    String::from_utf8_lossy(queue.as_raw().unwrap_or_default()).into_owned()
}

/// What a transaction holds back.
fn is_transactional(id: Id) -> bool {
    matches!(id, method::BASIC_PUBLISH | method::BASIC_ACK | method::BASIC_NACK | method::BASIC_REJECT)
}

pub fn tag_of(arguments: &Map) -> Option<&[u8]> {
    arguments.get("consumer-tag")?.as_raw()
}

pub fn add_content(document: &mut Map, content: &Content) {
    if !content.properties.is_empty() {
        document.insert("properties", content.properties.clone());
    }
    insert_unless_null(document, "body", &content.body);
}

pub fn insert_unless_null(document: &mut Map, name: &str, value: &Value) {
    if *value != Value::Null {
        document.insert(name, value.clone());
    }
}
