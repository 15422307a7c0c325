//! What may differ from run to run though nothing has changed, by type.
//!
//! A difference between what was recorded and what is seen now is *explained* when the two values are of the same kind
//! ([`Kind`]): two uuids, two times that stand in the same relation to the application's clock, two tokens of the same
//! alphabet. Two questions are answered here:
//!
//! - what kind explains this difference? ([`Learning`]: while the code is known to be the same);
//! - is this difference one of those that are allowed here? ([`Rules`]: when verdicts are given).
//!
//! Values that the application makes up are followed ([`Bindings`]): what was recorded as one value is one value now, and
//! what was two is two. So a rule about one field says nothing about its neighbours, and two ids that are equal now and
//! were not are a difference.
//!
//! Nothing here does I/O or knows a protocol.
#![forbid(unsafe_code)]

mod bindings;
mod explain;
mod follow;
mod kind;
mod rules;
mod shape;
mod text;
mod time;
mod tokens;

pub use bindings::Bindings;
pub use explain::{Allowed, Explained, Learning, Trial, explain, explain_all};
pub use follow::follow;
pub use kind::{BadKind, Kind};
pub use rules::{Rule, Rules, place};
pub use shape::{shape, timeless};
pub use text::made_up;
pub use time::Moment;
pub use tokens::{Shared, Tokens};

#[cfg(test)]
mod tests;
