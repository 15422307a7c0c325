//! Messages written.
use domain::base::{
    Message, MessageBuilder, TreeCompressor,
    iana::{OptRcode, Rcode},
    message_builder::{AdditionalBuilder, AnswerBuilder, PushError, RecordSectionBuilder},
};
use keploy_value::Value;

use crate::{Error, record::from_text};

/// What every resolver must be able to take by UDP.
const PLAIN_UDP: usize = 512;
/// The size that we say we take: fits any path without fragments (DNS flag day 2020).
const OUR_UDP: u16 = 1232;

type Target = TreeCompressor<Vec<u8>>;

/// The wire answer to this query from a recorded response. Number, question (its upper and lower case included) and EDNS
/// are the query's. It is whole, as TCP takes it; for UDP see [`fit_udp`].
///
/// # Errors
/// When the query is damaged, or the document is none of a response.
pub fn answer(query: &[u8], response: &Value) -> Result<Vec<u8>, Error> {
    let flag = |name| matches!(response.get(name), Some(Value::Bool(true)));
    let rcode = response.get("rcode").and_then(Value::as_int).ok_or(Error::Field("rcode"))?;
    let rcode = u16::try_from(rcode).map_err(|_| Error::Field("rcode"))?;

    let mut answers = start(query)?;
    let header = answers.header_mut();
    header.set_aa(flag("authoritative"));
    header.set_ra(flag("recursionAvailable"));
    header.set_ad(flag("authenticData"));
    push_all(&mut answers, response, "answers")?;
    let mut authorities = answers.authority();
    push_all(&mut authorities, response, "ns")?;
    let mut additionals = authorities.additional();
    push_all(&mut additionals, response, "extra")?;
    finish(query, additionals, OptRcode::masked_from_int(rcode))
}

/// The same answer, as it is sent by UDP: one that is too long for the asker is cut down to its head and marked truncated,
/// so that he comes again by TCP.
pub fn fit_udp(query: &[u8], answer: Vec<u8>) -> Vec<u8> {
    if answer.len() <= udp_size(query) {
        return answer;
    }
    let rcode = Message::from_slice(&answer).map_or(OptRcode::SERVFAIL, Message::opt_rcode);
    let cut = start(query).and_then(|mut builder| {
        builder.header_mut().set_tc(true);
        finish(query, builder.additional(), rcode)
    });
    cut.unwrap_or_default()
}

/// There is no such name.
pub fn nxdomain(query: &[u8]) -> Vec<u8> {
    bare(query, OptRcode::NXDOMAIN)
}
/// The name exists, and has no record of this type.
pub fn no_data(query: &[u8]) -> Vec<u8> {
    bare(query, OptRcode::NOERROR)
}
/// The resolver has failed; asking again may help.
pub fn servfail(query: &[u8]) -> Vec<u8> {
    bare(query, OptRcode::SERVFAIL)
}

/// Empty when the query is so damaged that nobody could take an answer for his.
fn bare(query: &[u8], rcode: OptRcode) -> Vec<u8> {
    let built = start(query).and_then(|mut builder| {
        builder.header_mut().set_ra(true);
        finish(query, builder.additional(), rcode)
    });
    built.unwrap_or_default()
}

/// A response with the query's number, kind, "recursion desired" and question.
fn start(query: &[u8]) -> Result<AnswerBuilder<Target>, Error> {
    let query = Message::from_slice(query).map_err(|_| Error::Query)?;
    query.sole_question().map_err(|_| Error::Query)?;
    let target = TreeCompressor::new(Vec::new());
    let builder = MessageBuilder::from_target(target).map_err(|_| Error::TooLong)?;
    builder.start_answer(query, Rcode::NOERROR).map_err(|_| Error::TooLong)
}

/// Answers with EDNS whom asks with it. Without, a code above 15 cannot be said.
fn finish(query: &[u8], mut builder: AdditionalBuilder<Target>, rcode: OptRcode) -> Result<Vec<u8>, Error> {
    let asked = Message::from_slice(query).ok().and_then(|query| query.opt());
    let short = rcode.to_int() <= 15;
    let code = if short || asked.is_some() { rcode } else { OptRcode::SERVFAIL };
    builder.header_mut().set_rcode(code.rcode());
    if let Some(asked) = asked {
        let added = builder.opt(|opt| {
            opt.set_udp_payload_size(OUR_UDP);
            opt.set_rcode(code);
            opt.set_dnssec_ok(asked.dnssec_ok());
            Ok(())
        });
        added.map_err(|_: PushError| Error::TooLong)?;
    }
    let message = builder.finish().into_target();
    if message.len() > usize::from(u16::MAX) { Err(Error::TooLong) } else { Ok(message) }
}

fn push_all(
    section: &mut impl RecordSectionBuilder<Target>,
    response: &Value,
    name: &'static str,
) -> Result<(), Error> {
    let lines = match response.get(name) {
        None | Some(Value::Null) => return Ok(()),
        Some(lines) => lines.as_array().ok_or(Error::Field(name))?,
    };
    for line in lines {
        let record = from_text(line.as_str().ok_or(Error::Field(name))?)?;
        section.push(record).map_err(|_| Error::TooLong)?;
    }
    Ok(())
}

fn udp_size(query: &[u8]) -> usize {
    let opt = Message::from_slice(query).ok().and_then(|query| query.opt());
    opt.map_or(PLAIN_UDP, |opt| usize::from(opt.udp_payload_size()).max(PLAIN_UDP))
}
