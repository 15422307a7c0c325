//! What nobody recorded: the protocol's own errors, and what any server says to set a connection up.
use keploy_sdk::{Exchange, Fault, Level, Map, Session, Value};

use super::{Asked, Id, Mocking, unknown};
use crate::method;

/// NOT_FOUND, an error of the channel.
const NOT_FOUND: u16 = 404;

impl Mocking {
    pub fn miss(&mut self, host: &mut dyn Session, exchange: Exchange, reason: &str) -> Result<(), Fault> {
        let Some(asked) = self.asked.remove(&exchange) else { return Ok(()) };
        match usual(asked.method.id, &asked.arguments) {
            Usual::Says(id, document) => {
                let method = method::by_id(id).ok_or_else(|| unknown("reply"))?;
                self.respond(exchange, &asked, method, &document)?;
            }
            Usual::Silence => {}
            Usual::Trouble => host.abandon(exchange, reason),
            Usual::Error if asked.arguments.get("no-wait").is_some() => host.log(Level::Warn, reason),
            Usual::Error => self.refuse(&asked, reason)?,
            Usual::Unconfirmed => match asked.confirmation {
                Some(number) => {
                    let nack = method::by_id(method::BASIC_NACK).ok_or_else(|| unknown("basic.nack"))?;
                    self.put(asked.channel, nack, &Map::new().with("delivery-tag", number))?;
                }
                None => host.log(Level::Warn, reason),
            },
        }
        self.part(host, &asked, false);
        Ok(())
    }

    fn refuse(&mut self, asked: &Asked, reason: &str) -> Result<(), Fault> {
        let (class, number) = asked.method.id;
        let document = Map::new()
            .with("reply-code", NOT_FOUND)
            .with("reply-text", format!("NOT_FOUND - keploy: {reason}"))
            .with("class-id", class)
            .with("method-id", number);
        let method = method::by_id(method::CHANNEL_CLOSE).ok_or_else(|| unknown("channel.close"))?;
        self.refuse_channel(asked.channel);
        self.put(asked.channel, method, &document)
    }
}

/// What a server says to something that is not in the recording.
enum Usual {
    Says(Id, Map),
    Silence,
    /// No server answers a settlement; but this one is another than was recorded, and the report has to say so.
    Trouble,
    /// It confirms, in the negative, where confirmations were asked for.
    Unconfirmed,
    Error,
}

fn usual(id: Id, arguments: &Map) -> Usual {
    let says = |id| Usual::Says(id, Map::new());
    match id {
        method::CONNECTION_START => {
            let capabilities =
                ["publisher_confirms", "exchange_exchange_bindings", "basic.nack", "consumer_cancel_notify"];
            let capabilities: Map = capabilities.map(|name| (name.to_owned(), Value::Bool(true))).into_iter().collect();
            let properties = Map::new().with("product", "keploy").with("capabilities", capabilities);
            let start = Map::new().with("version-minor", 9).with("server-properties", properties);
            Usual::Says(id, start.with("mechanisms", "PLAIN AMQPLAIN").with("locales", "en_US"))
        }
        method::CONNECTION_START_OK | method::CONNECTION_SECURE_OK => {
            let tune = Map::new().with("channel-max", 2047).with("frame-max", 131_072).with("heartbeat", 60);
            Usual::Says(method::CONNECTION_TUNE, tune)
        }
        method::CONNECTION_TUNE_OK | method::BASIC_RECOVER_ASYNC => Usual::Silence,
        method::CONNECTION_OPEN => says(method::CONNECTION_OPEN_OK),
        method::CONNECTION_CLOSE => says(method::CONNECTION_CLOSE_OK),
        method::CONNECTION_UPDATE_SECRET => says(method::CONNECTION_UPDATE_SECRET_OK),
        method::CHANNEL_OPEN => says(method::CHANNEL_OPEN_OK),
        method::CHANNEL_CLOSE => says(method::CHANNEL_CLOSE_OK),
        method::CHANNEL_FLOW => {
            let active = arguments.get("active").cloned().unwrap_or(Value::Bool(false));
            Usual::Says(method::CHANNEL_FLOW_OK, Map::new().with("active", active))
        }
        method::CONFIRM_SELECT => says(method::CONFIRM_SELECT_OK),
        method::TX_SELECT => says(method::TX_SELECT_OK),
        method::BASIC_QOS => says(method::BASIC_QOS_OK),
        method::BASIC_RECOVER => says(method::BASIC_RECOVER_OK),
        method::BASIC_CANCEL => says(method::BASIC_CANCEL_OK),
        method::BASIC_PUBLISH => Usual::Unconfirmed,
        method::BASIC_ACK | method::BASIC_NACK | method::BASIC_REJECT => Usual::Trouble,
        _ => Usual::Error,
    }
}
