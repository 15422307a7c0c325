//! A log-in that is bound to the server's certificate (SCRAM-SHA-256-PLUS) does not survive that TLS is taken off: the
//! client sees another certificate than the server showed. So it is done twice. To the client we are a server that asks
//! for the password, inside TLS; to the server we are a client that proves, without binding, that it knows the password.
//!
//! While this lasts nothing goes on by itself: whatever came is withheld, and whole messages that go on are written.
use keploy_sdk::{Fault, Instant, Peer, Session, Side};

use super::scram::{Begun, MECHANISM, Password, Proved, Refusal};
use crate::wire::{Body, Fields, Message, Out};

const CHANNEL_BINDING: &[u8] = b"SCRAM-SHA-256-PLUS";

// https://www.postgresql.org/docs/current/protocol-message-formats.html: the first field of `Authentication…`.
const OK: u32 = 0;
const CLEARTEXT_PASSWORD: u32 = 3;
const SASL: u32 = 10;
const SASL_CONTINUE: u32 = 11;
const SASL_FINAL: u32 = 12;

pub struct StandIn {
    /// Unlike any other log-in's: where and when.
    occasion: String,
    stage: Stage,
    /// The server may have refused us where it would have let the client in.
    unsure: bool,
}

#[derive(Debug)]
enum Stage {
    /// The server has not said what it asks for.
    Begin,
    /// The client was asked for its password.
    Asked,
    Begun(Begun),
    Proved(Proved),
    /// The server has proved itself, too.
    Done,
}

/// What becomes of a message.
#[derive(Debug, PartialEq)]
pub enum Course {
    /// It was for us.
    Stays,
    GoesOn,
    /// It goes on, and so does everything that follows, by itself.
    Released,
}

impl StandIn {
    pub fn new(peer: &Peer, at: Instant) -> Self {
        Self { occasion: format!("{} {} {at}", peer.host, peer.port), stage: Stage::Begin, unsure: false }
    }

    pub fn server(&mut self, host: &mut dyn Session, message: &Message) -> Result<Course, Fault> {
        let Body::Bytes(body) = &message.body else { return Ok(Course::Released) };
        match message.tag {
            b'R' => self.authentication(host, body),
            b'v' | b'N' => Ok(Course::GoesOn),
            b'E' if self.unsure => {
                leave(host, "the password is not all ASCII, and the server does not accept it as it is");
                Ok(Course::Released)
            }
            _ => Ok(Course::Released),
        }
    }

    fn authentication(&mut self, host: &mut dyn Session, body: &[u8]) -> Result<Course, Fault> {
        let mut fields = Fields(body);
        let kind = fields.u32();
        match (std::mem::replace(&mut self.stage, Stage::Begin), kind) {
            (Stage::Begin, Some(SASL)) => {
                let offered: Vec<&[u8]> = fields.0.split(|byte| *byte == 0).collect();
                if !offered.contains(&CHANNEL_BINDING) {
                    return Ok(Course::Released);
                }
                if !offered.contains(&MECHANISM) {
                    leave(host, "the server insists on SCRAM-SHA-256-PLUS");
                    return Ok(Course::Released);
                }
                let mut out = Out::default();
                out.message(b'R', |body| body.extend(CLEARTEXT_PASSWORD.to_be_bytes()));
                host.write(Side::Client, &out.0);
                self.stage = Stage::Asked;
                Ok(Course::Stays)
            }
            (Stage::Begun(begun), Some(SASL_CONTINUE)) => match begun.prove(host, fields.0) {
                Ok((proof, proved)) => {
                    let mut out = Out::default();
                    out.message(b'p', |body| body.extend(proof.into_bytes()));
                    host.write(Side::Server, &out.0);
                    self.stage = Stage::Proved(proved);
                    Ok(Course::Stays)
                }
                Err(Refusal::Malformed(fault)) => Err(fault),
                // The client does not understand what follows, and its next connection is left alone.
                Err(Refusal::Underivable(reason)) => {
                    leave(host, &format!("the server's SCRAM-SHA-256 is too much ({reason})"));
                    Ok(Course::Released)
                }
            },
            (Stage::Proved(proved), Some(SASL_FINAL)) => {
                if !proved.is_proved_by(fields.0) {
                    let message = "the server's signature is wrong: it does not know the password that it asked for\n\
                                   hint: is it the server that the application should log in to?";
                    return Err(Fault::new("bad-signature", message));
                }
                self.stage = Stage::Done;
                Ok(Course::Stays)
            }
            (Stage::Begin, _) | (Stage::Done, Some(OK)) => Ok(Course::Released),
            _ => {
                let kind = kind.map_or_else(|| "none".to_owned(), |kind| kind.to_string());
                let message = format!("authentication of the kind {kind} in the middle of SCRAM-SHA-256");
                Err(Fault::new("bad-authentication", message))
            }
        }
    }

    /// Takes the password out of a message.
    pub fn client(&mut self, host: &mut dyn Session, message: &mut Message) -> Course {
        match (&self.stage, message.tag, &mut message.body) {
            (Stage::Asked, b'p', Body::Bytes(body)) => {
                let mut password = std::mem::take(body);
                password.truncate(password.iter().position(|byte| *byte == 0).unwrap_or(password.len()));
                let password = Password::new(password);
                self.unsure = !password.is_prepared();
                let nonce = password.nonce(&format!("{} {}", self.occasion, message.since));
                let begun = Begun::new(password, nonce);
                let first = begun.first();
                let mut out = Out::default();
                out.message(b'p', |body| {
                    body.extend(MECHANISM);
                    body.push(0);
                    body.extend((first.len() as u32).to_be_bytes());
                    body.extend(first.as_bytes());
                });
                host.write(Side::Server, &out.0);
                self.stage = Stage::Begun(begun);
                Course::Stays
            }
            (Stage::Asked, ..) => {
                leave(host, NO_PASSWORD);
                Course::Released
            }
            _ => Course::Released,
        }
    }

    /// The client says no more.
    pub fn hung_up(&self, host: &mut dyn Session) {
        if matches!(self.stage, Stage::Asked) {
            leave(host, NO_PASSWORD);
        }
    }
}

const NO_PASSWORD: &str = "the client has no password, or gives it to nobody";

fn leave(host: &mut dyn Session, reason: &str) {
    host.leave_encrypted(&format!(
        "a log-in by SCRAM-SHA-256-PLUS is bound to the server's certificate, and {reason}\n\
         hint: while recording, set channel_binding=disable in the application's connection settings, and no require_auth"
    ));
}
