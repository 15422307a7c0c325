//! What the server says before it is ready. Nothing of how a client proves who it is becomes part of a document.
mod scram;
mod stand_in;

use keploy_sdk::{Exchange, Fault, Instant, Map, Session, Value};
pub use stand_in::{Course, StandIn};

use crate::{
    response::{Notice, Response, parameters_document},
    wire::{Body, Fields, Message},
};

#[derive(Debug, Default, PartialEq)]
pub struct LogIn {
    exchange: Exchange,
    pub parameters: Vec<(String, String)>,
    /// The server's number for the connection.
    pub process: u32,
    /// `NegotiateProtocolVersion`: the newest it has, and the options it does not know.
    offers: Option<(u32, Vec<Value>)>,
    answered: bool,
}

impl LogIn {
    pub fn new(exchange: Exchange) -> Self {
        Self { exchange, ..Self::default() }
    }

    /// True when the server is ready.
    pub fn server(&mut self, host: &mut dyn Session, message: Message, at: Instant) -> Result<bool, Fault> {
        let tag = message.tag;
        let bad =
            || Fault::new("bad-message", format!("the fields of a server's message {:?} do not fit", char::from(tag)));
        let Body::Bytes(body) = message.body else { return Err(bad()) };
        let mut fields = Fields(&body);
        match tag {
            b'S' => {
                let mut text = || fields.string().map(|text| String::from_utf8_lossy(text).into_owned());
                self.parameters.push((text().ok_or_else(bad)?, text().ok_or_else(bad)?));
            }
            b'K' => self.process = fields.u32().ok_or_else(bad)?,
            b'v' => {
                let newest = fields.u32().ok_or_else(bad)?;
                let count = fields.u32().ok_or_else(bad)?;
                let unknown = (0..count).map(|_| fields.string().map(|name| Value::readable(name.to_vec())));
                self.offers = Some((newest, unknown.collect::<Option<_>>().ok_or_else(bad)?));
            }
            b'E' => {
                let error = Notice::read(&body).ok_or_else(bad)?;
                let response = Response { error: Some(error), ..Response::default() };
                self.answered(host, response.document(), at);
            }
            b'Z' => {
                if !self.answered {
                    self.answered(host, self.document(), at);
                }
                return Ok(true);
            }
            b'R' | b'N' => {}
            _ => return Err(Fault::new("bad-message", format!("{:?} while logging in", char::from(tag)))),
        }
        Ok(false)
    }

    fn answered(&mut self, host: &mut dyn Session, response: Value, at: Instant) {
        host.reply(self.exchange, response, at);
        host.close(self.exchange);
        self.answered = true;
    }

    /// The server says no more.
    pub fn end(&self, host: &mut dyn Session) {
        if !self.answered {
            host.abandon(self.exchange, "the connection ended before the log-in was complete");
        }
    }

    fn document(&self) -> Value {
        let mut map = Map::new();
        if let Some((newest, unknown)) = &self.offers {
            map.insert("protocol", format!("3.{}", newest & 0xffff));
            if !unknown.is_empty() {
                map.insert("unknown", unknown.clone());
            }
        }
        map.insert("parameters", parameters_document(&self.parameters));
        map.into()
    }
}
