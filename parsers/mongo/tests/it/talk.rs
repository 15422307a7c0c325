//! A mock that is talked to, in documents.
use keploy_sdk::{
    Connection, Exchange, Map, Mode, Side, Value,
    testing::{Effect, Recorder},
};
use parser_mongo::{Conversation, bson};

/// An OP_MSG with one section.
pub fn message(id: u32, to: u32, flags: u32, body: &Map) -> Vec<u8> {
    let mut section = vec![0];
    bson::write(&body.clone().into(), &mut section).expect("it is BSON");
    let head = [20 + section.len() as u32, id, to, 2013, flags].map(u32::to_le_bytes).concat();
    [head, section].concat()
}

/// What such a message says.
pub fn said(message: &[u8]) -> Value {
    bson::document(&message[21..]).expect("it is BSON")
}

pub struct Mock {
    conversation: Conversation,
    host: Recorder,
    sent: u64,
    id: u32,
}

impl Mock {
    /// `config`: the parser's settings.
    pub fn new(config: impl Into<Value>) -> Self {
        let conversation = Conversation::keeping(Mode::Mock, &config.into(), 1 << 20);
        Self { conversation, host: Recorder::new(), sent: 0, id: 0 }
    }

    /// Says a command; returns what that asks of the host.
    pub fn say(&mut self, command: &Map) -> Vec<Effect> {
        self.say_with(command, 0)
    }

    pub fn say_with(&mut self, command: &Map, flags: u32) -> Vec<Effect> {
        self.id += 1;
        let bytes = message(self.id, 0, flags, command);
        self.conversation.feed(&mut self.host, Side::Client, self.sent, 1, &bytes).expect("it is well-formed");
        self.sent += bytes.len() as u64;
        self.host.take()
    }

    /// Says a command that is looked up.
    pub fn ask(&mut self, command: &Map) -> (Exchange, Value) {
        match self.say(command).as_slice() {
            [Effect::Open { exchange, request, .. }] => (*exchange, request.clone()),
            other => panic!("{command:?}: {other:?}"),
        }
    }

    /// What is said when that was recorded with this answer.
    pub fn answer(&mut self, exchange: Exchange, response: Map) -> Value {
        self.conversation.answer(&mut self.host, exchange, vec![response.into()]).expect("it can be written");
        self.reply()
    }

    /// What is said when that was not recorded.
    pub fn miss(&mut self, exchange: Exchange) -> Value {
        self.conversation.miss(&mut self.host, exchange, "no such command").expect("it can be written");
        self.reply()
    }

    /// Null: nothing.
    fn reply(&mut self) -> Value {
        match self.host.take().as_slice() {
            [] => Value::Null,
            [Effect::Write { to: Side::Client, data }] => said(data),
            other => panic!("{other:?}"),
        }
    }

    /// Its errors, for the one who runs it.
    pub fn logged(&self) -> String {
        self.host.logged.iter().map(|(_, message)| message.as_str()).collect::<Vec<_>>().join("\n")
    }
}

/// What is written to the client, and nothing else.
pub fn written(effects: &[Effect]) -> Value {
    match effects {
        [Effect::Write { to: Side::Client, data }] => said(data),
        other => panic!("{other:?}"),
    }
}
