//! The methods, as a table: <https://www.rabbitmq.com/amqp-0-9-1-reference.html>, with RabbitMQ's extensions.
//!
//! A document names a method `class.method` and its arguments as the specification does. An argument that is 0, false
//! or empty is left out.
use keploy_sdk::{Fault, Map, Value};

use crate::{
    table,
    wire::{Reader, put_long_string, put_short_string, text},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Neighbours share an octet.
    Bit,
    Octet,
    Short,
    Long,
    LongLong,
    ShortString,
    LongString,
    Table,
}
use Type::{Bit, Long, LongLong, LongString, Octet, Short, ShortString, Table};

/// Class and method number, as they are on the wire.
pub type Id = (u16, u16);

#[derive(Debug)]
pub struct Method {
    pub id: Id,
    pub name: &'static str,
    arguments: &'static [(&'static str, Type)],
}

const CLOSE: &[(&str, Type)] =
    &[("reply-code", Short), ("reply-text", ShortString), ("class-id", Short), ("method-id", Short)];
const TUNE: &[(&str, Type)] = &[("channel-max", Short), ("frame-max", Long), ("heartbeat", Short)];
const EXCHANGE_BINDING: &[(&str, Type)] = &[
    ("reserved-1", Short),
    ("destination", ShortString),
    ("source", ShortString),
    ("routing-key", ShortString),
    ("no-wait", Bit),
    ("arguments", Table),
];

macro_rules! methods {
    ($($constant:ident = $name:literal $class:literal $method:literal $arguments:expr;)*) => {
        $(pub const $constant: Id = ($class, $method);)*
        const METHODS: &[Method] = &[$(Method { id: $constant, name: $name, arguments: $arguments },)*];
    };
}

methods! {
    CONNECTION_START = "connection.start" 10 10
        &[("version-major", Octet), ("version-minor", Octet), ("server-properties", Table), ("mechanisms", LongString), ("locales", LongString)];
    CONNECTION_START_OK = "connection.start-ok" 10 11
        &[("client-properties", Table), ("mechanism", ShortString), ("response", LongString), ("locale", ShortString)];
    CONNECTION_SECURE = "connection.secure" 10 20 &[("challenge", LongString)];
    CONNECTION_SECURE_OK = "connection.secure-ok" 10 21 &[("response", LongString)];
    CONNECTION_TUNE = "connection.tune" 10 30 TUNE;
    CONNECTION_TUNE_OK = "connection.tune-ok" 10 31 TUNE;
    CONNECTION_OPEN = "connection.open" 10 40 &[("virtual-host", ShortString), ("reserved-1", ShortString), ("reserved-2", Bit)];
    CONNECTION_OPEN_OK = "connection.open-ok" 10 41 &[("reserved-1", ShortString)];
    CONNECTION_CLOSE = "connection.close" 10 50 CLOSE;
    CONNECTION_CLOSE_OK = "connection.close-ok" 10 51 &[];
    CONNECTION_BLOCKED = "connection.blocked" 10 60 &[("reason", ShortString)];
    CONNECTION_UNBLOCKED = "connection.unblocked" 10 61 &[];
    CONNECTION_UPDATE_SECRET = "connection.update-secret" 10 70 &[("new-secret", LongString), ("reason", ShortString)];
    CONNECTION_UPDATE_SECRET_OK = "connection.update-secret-ok" 10 71 &[];
    CHANNEL_OPEN = "channel.open" 20 10 &[("reserved-1", ShortString)];
    CHANNEL_OPEN_OK = "channel.open-ok" 20 11 &[("reserved-1", LongString)];
    CHANNEL_FLOW = "channel.flow" 20 20 &[("active", Bit)];
    CHANNEL_FLOW_OK = "channel.flow-ok" 20 21 &[("active", Bit)];
    CHANNEL_CLOSE = "channel.close" 20 40 CLOSE;
    CHANNEL_CLOSE_OK = "channel.close-ok" 20 41 &[];
    EXCHANGE_DECLARE = "exchange.declare" 40 10
        &[("reserved-1", Short), ("exchange", ShortString), ("type", ShortString), ("passive", Bit), ("durable", Bit),
          ("auto-delete", Bit), ("internal", Bit), ("no-wait", Bit), ("arguments", Table)];
    EXCHANGE_DECLARE_OK = "exchange.declare-ok" 40 11 &[];
    EXCHANGE_DELETE = "exchange.delete" 40 20
        &[("reserved-1", Short), ("exchange", ShortString), ("if-unused", Bit), ("no-wait", Bit)];
    EXCHANGE_DELETE_OK = "exchange.delete-ok" 40 21 &[];
    EXCHANGE_BIND = "exchange.bind" 40 30 EXCHANGE_BINDING;
    EXCHANGE_BIND_OK = "exchange.bind-ok" 40 31 &[];
    EXCHANGE_UNBIND = "exchange.unbind" 40 40 EXCHANGE_BINDING;
    EXCHANGE_UNBIND_OK = "exchange.unbind-ok" 40 51 &[];
    QUEUE_DECLARE = "queue.declare" 50 10
        &[("reserved-1", Short), ("queue", ShortString), ("passive", Bit), ("durable", Bit), ("exclusive", Bit),
          ("auto-delete", Bit), ("no-wait", Bit), ("arguments", Table)];
    QUEUE_DECLARE_OK = "queue.declare-ok" 50 11 &[("queue", ShortString), ("message-count", Long), ("consumer-count", Long)];
    QUEUE_BIND = "queue.bind" 50 20
        &[("reserved-1", Short), ("queue", ShortString), ("exchange", ShortString), ("routing-key", ShortString),
          ("no-wait", Bit), ("arguments", Table)];
    QUEUE_BIND_OK = "queue.bind-ok" 50 21 &[];
    QUEUE_PURGE = "queue.purge" 50 30 &[("reserved-1", Short), ("queue", ShortString), ("no-wait", Bit)];
    QUEUE_PURGE_OK = "queue.purge-ok" 50 31 &[("message-count", Long)];
    QUEUE_DELETE = "queue.delete" 50 40
        &[("reserved-1", Short), ("queue", ShortString), ("if-unused", Bit), ("if-empty", Bit), ("no-wait", Bit)];
    QUEUE_DELETE_OK = "queue.delete-ok" 50 41 &[("message-count", Long)];
    QUEUE_UNBIND = "queue.unbind" 50 50
        &[("reserved-1", Short), ("queue", ShortString), ("exchange", ShortString), ("routing-key", ShortString), ("arguments", Table)];
    QUEUE_UNBIND_OK = "queue.unbind-ok" 50 51 &[];
    BASIC_QOS = "basic.qos" 60 10 &[("prefetch-size", Long), ("prefetch-count", Short), ("global", Bit)];
    BASIC_QOS_OK = "basic.qos-ok" 60 11 &[];
    BASIC_CONSUME = "basic.consume" 60 20
        &[("reserved-1", Short), ("queue", ShortString), ("consumer-tag", ShortString), ("no-local", Bit), ("no-ack", Bit),
          ("exclusive", Bit), ("no-wait", Bit), ("arguments", Table)];
    BASIC_CONSUME_OK = "basic.consume-ok" 60 21 &[("consumer-tag", ShortString)];
    BASIC_CANCEL = "basic.cancel" 60 30 &[("consumer-tag", ShortString), ("no-wait", Bit)];
    BASIC_CANCEL_OK = "basic.cancel-ok" 60 31 &[("consumer-tag", ShortString)];
    BASIC_PUBLISH = "basic.publish" 60 40
        &[("reserved-1", Short), ("exchange", ShortString), ("routing-key", ShortString), ("mandatory", Bit), ("immediate", Bit)];
    BASIC_RETURN = "basic.return" 60 50
        &[("reply-code", Short), ("reply-text", ShortString), ("exchange", ShortString), ("routing-key", ShortString)];
    BASIC_DELIVER = "basic.deliver" 60 60
        &[("consumer-tag", ShortString), ("delivery-tag", LongLong), ("redelivered", Bit), ("exchange", ShortString), ("routing-key", ShortString)];
    BASIC_GET = "basic.get" 60 70 &[("reserved-1", Short), ("queue", ShortString), ("no-ack", Bit)];
    BASIC_GET_OK = "basic.get-ok" 60 71
        &[("delivery-tag", LongLong), ("redelivered", Bit), ("exchange", ShortString), ("routing-key", ShortString), ("message-count", Long)];
    BASIC_GET_EMPTY = "basic.get-empty" 60 72 &[("reserved-1", ShortString)];
    BASIC_ACK = "basic.ack" 60 80 &[("delivery-tag", LongLong), ("multiple", Bit)];
    BASIC_REJECT = "basic.reject" 60 90 &[("delivery-tag", LongLong), ("requeue", Bit)];
    BASIC_RECOVER_ASYNC = "basic.recover-async" 60 100 &[("requeue", Bit)];
    BASIC_RECOVER = "basic.recover" 60 110 &[("requeue", Bit)];
    BASIC_RECOVER_OK = "basic.recover-ok" 60 111 &[];
    BASIC_NACK = "basic.nack" 60 120 &[("delivery-tag", LongLong), ("multiple", Bit), ("requeue", Bit)];
    CONFIRM_SELECT = "confirm.select" 85 10 &[("no-wait", Bit)];
    CONFIRM_SELECT_OK = "confirm.select-ok" 85 11 &[];
    TX_SELECT = "tx.select" 90 10 &[];
    TX_SELECT_OK = "tx.select-ok" 90 11 &[];
    TX_COMMIT = "tx.commit" 90 20 &[];
    TX_COMMIT_OK = "tx.commit-ok" 90 21 &[];
    TX_ROLLBACK = "tx.rollback" 90 30 &[];
    TX_ROLLBACK_OK = "tx.rollback-ok" 90 31 &[];
}

pub fn by_id(id: Id) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.id == id)
}

pub fn by_name(name: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.name == name)
}

impl Method {
    /// A message follows it.
    pub fn has_content(&self) -> bool {
        matches!(self.id, BASIC_PUBLISH | BASIC_RETURN | BASIC_DELIVER | BASIC_GET_OK)
    }

    /// What the other side says to it, when all goes well. `basic.get` has a second answer, a log-in may take more steps.
    pub fn reply(&self) -> Option<Id> {
        match self.id {
            CONNECTION_START_OK | CONNECTION_SECURE_OK => Some(CONNECTION_TUNE),
            _ if self.name.ends_with("-ok") => None,
            CONNECTION_BLOCKED | CONNECTION_UNBLOCKED => None,
            BASIC_PUBLISH | BASIC_RETURN | BASIC_DELIVER | BASIC_GET_EMPTY => None,
            BASIC_ACK | BASIC_REJECT | BASIC_NACK | BASIC_RECOVER_ASYNC => None,
            EXCHANGE_UNBIND => Some(EXCHANGE_UNBIND_OK),
            (class, method) => Some((class, method + 1)),
        }
    }

    /// # Errors
    /// When the arguments are not what the specification says.
    pub fn read(&self, payload: &[u8]) -> Result<Map, Fault> {
        self.try_read(payload).ok_or_else(|| {
            let bytes = payload[..payload.len().min(64)].escape_ascii();
            Fault::new("bad-arguments", format!("arguments of {} expected, found {bytes}", self.name))
        })
    }

    fn try_read(&self, payload: &[u8]) -> Option<Map> {
        let mut reader = Reader(payload);
        let mut entries = Vec::new();
        let mut bits = Bits::default();
        for (name, of) in self.arguments {
            let value = match of {
                Bit => Value::Bool(bits.next(&mut reader)?),
                Octet => reader.u8()?.into(),
                Short => Value::Int(reader.u16()?.into()),
                Long => Value::Int(reader.u32()?.into()),
                LongLong => reader.u64()?.into(),
                ShortString => text(reader.short_string()?),
                LongString => text(reader.long_string()?),
                Table => table::read(&mut reader)?.into(),
            };
            if *of != Bit {
                bits = Bits::default();
            }
            if !is_nothing(&value) {
                entries.push(((*name).to_owned(), value));
            }
        }
        reader.0.is_empty().then(|| Map::from_entries(entries).ok())?
    }

    /// Class, method and the arguments that `document` has; what else it has is none of ours.
    ///
    /// # Errors
    /// When an argument is not of its type.
    pub fn write(&self, out: &mut Vec<u8>, document: &Map) -> Result<(), Fault> {
        out.extend(self.id.0.to_be_bytes());
        out.extend(self.id.1.to_be_bytes());
        let mut bits = 0;
        for (name, of) in self.arguments {
            bits = if *of == Bit { bits } else { 0 };
            write_argument(out, *of, document.get(name), &mut bits)
                .ok_or_else(|| Fault::new("bad-document", format!("{}: {name} is not a {of:?}", self.name)))?;
        }
        Ok(())
    }
}

fn write_argument(out: &mut Vec<u8>, of: Type, value: Option<&Value>, bits: &mut u8) -> Option<()> {
    let number = || value.map_or(Some(0), Value::as_int);
    let string = || value.map_or(Some(&[][..]), Value::as_raw);
    match of {
        Bit => {
            let set = match value {
                None => false,
                Some(Value::Bool(set)) => *set,
                Some(_) => return None,
            };
            if bits.is_multiple_of(8) {
                out.push(0);
            }
            *out.last_mut()? |= u8::from(set) << (*bits % 8);
            *bits += 1;
        }
        Octet => out.push(u8::try_from(number()?).ok()?),
        Short => out.extend(u16::try_from(number()?).ok()?.to_be_bytes()),
        Long => out.extend(u32::try_from(number()?).ok()?.to_be_bytes()),
        LongLong => out.extend(u64::try_from(number()?).ok()?.to_be_bytes()),
        ShortString => put_short_string(out, string()?),
        LongString => put_long_string(out, string()?),
        Table => match value {
            None => put_long_string(out, &[]),
            Some(table) => table::write(out, table.as_map()?)?,
        },
    }
    Some(())
}

/// Bits that share an octet, the first in the lowest.
#[derive(Default)]
struct Bits {
    octet: u8,
    left: u8,
}

impl Bits {
    fn next(&mut self, reader: &mut Reader<'_>) -> Option<bool> {
        if self.left == 0 {
            (self.octet, self.left) = (reader.u8()?, 8);
        }
        let set = self.octet & 1 == 1;
        self.octet >>= 1;
        self.left -= 1;
        Some(set)
    }
}

/// 0, false or empty.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Bool(set) => !set,
        Value::Int(number) => *number == 0,
        Value::Text(text) => text.is_empty(),
        Value::Map(map) => map.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_unique() {
        for (n, method) in METHODS.iter().enumerate() {
            let first = |of: fn(&Method, &Method) -> bool| METHODS.iter().position(|other| of(other, method));
            assert_eq!(first(|a, b| a.id == b.id), Some(n), "{}", method.name);
            assert_eq!(first(|a, b| a.name == b.name), Some(n), "{}", method.name);
        }
    }

    #[test]
    fn every_reply_is_named_after_what_it_answers() {
        for method in METHODS {
            let Some(reply) = method.reply().filter(|reply| *reply != CONNECTION_TUNE) else { continue };
            assert_eq!(by_id(reply).expect(method.name).name.strip_suffix("-ok"), Some(method.name));
        }
    }

    #[test]
    fn bits_share_octets() {
        let declare = by_id(QUEUE_DECLARE).expect("it is in the table");
        let arguments = declare.read(b"\0\0\x01q\x16\0\0\0\0").expect("well formed");
        let expected =
            Map::new().with("queue", "q").with("durable", true).with("exclusive", true).with("no-wait", true);
        assert_eq!(arguments, expected);
        let mut out = Vec::new();
        declare.write(&mut out, &arguments).expect("what was read can be written");
        assert_eq!(out, b"\0\x32\0\x0a\0\0\x01q\x16\0\0\0\0");
    }
}
