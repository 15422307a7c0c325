//! The kinds of values that differ from run to run.
use std::{fmt, str::FromStr};

/// What a value is, where its text says nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Of the same version. Followed.
    Uuid,
    /// 24 hexadecimal digits, the first eight of them a time that fits the clock. Followed.
    ObjectId,
    /// As many hexadecimal digits as recorded, in the same case. Followed.
    Hex,
    /// Random letters and digits: about as many as recorded, of the same alphabet. Followed.
    Token,
    /// As many bytes as recorded. Followed.
    Bytes,
    /// A JSON Web Token. What is in it is compared by rules of its own, below it; the signature is not. Followed.
    Jwt,
    /// In the recorded format and zone, and as far from the application's clock as recorded.
    Time,
    /// A duration, a size: from 0 (or minus the bound) to the bound. `fraction`: it need not be whole.
    Number { bound: u64, negative: bool, fraction: bool },
    /// A whole number that is this near to the recorded one: what is left of a time when seconds are counted.
    Near(u64),
    /// The elements of a list, in any order.
    AnyOrder,
}

impl Kind {
    /// Is one value of it the same value wherever it stands?
    pub fn is_followed(&self) -> bool {
        matches!(self, Self::Uuid | Self::ObjectId | Self::Hex | Self::Token | Self::Bytes | Self::Jwt)
    }

    /// Is a value of this kind another one on every run by its nature? A number or an order may be so for another reason.
    pub fn is_fresh_by_nature(&self) -> bool {
        self.is_followed() || *self == Self::Time
    }

    /// The narrowest kind that has what both have; none where they are of different kinds.
    #[must_use]
    pub fn joined(&self, other: &Self) -> Option<Self> {
        use Kind::{Hex, Near, Number, ObjectId, Time, Token};
        match (self, other) {
            (a, b) if a == b => Some(a.clone()),
            (Number { bound: a, negative: n, fraction: f }, Number { bound: b, negative: m, fraction: g }) => {
                Some(Number { bound: *a.max(b), negative: n | m, fraction: f | g })
            }
            (Near(a), Near(b)) => Some(Near(*a.max(b))),
            (Number { .. }, Near(_)) => Some(self.clone()),
            (Near(_), Number { .. }) => Some(other.clone()),
            // A number that is near the clock by chance.
            (Number { .. }, Time) => Some(self.clone()),
            (Time, Number { .. }) => Some(other.clone()),
            (Hex | ObjectId | Token, Hex | ObjectId | Token) => {
                Some(if *self == Token || *other == Token { Token } else { Hex })
            }
            _ => None,
        }
    }

    /// Does a rule for `self` allow a difference that `other` explains?
    pub fn allows(&self, other: &Self) -> bool {
        self.joined(other).is_some_and(|joined| joined == *self)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Uuid => "uuid",
            Self::ObjectId => "objectid",
            Self::Hex => "hex",
            Self::Token => "token",
            Self::Bytes => "bytes",
            Self::Jwt => "jwt",
            Self::Time => "time",
            Self::AnyOrder => "any-order",
            Self::Near(by) => return write!(f, "near {by}"),
            Self::Number { bound, negative, fraction } => {
                let name = if *fraction { "number" } else { "integer" };
                return if *negative { write!(f, "{name} -{bound}..{bound}") } else { write!(f, "{name} 0..{bound}") };
            }
        })
    }
}

/// Not the name of a kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no kind of value")]
pub struct BadKind(pub String);

impl BadKind {
    /// What would be one.
    pub fn hint(&self) -> &'static str {
        "kinds are: uuid, objectid, hex, token, bytes, jwt, time, any-order, `near 3`, `integer 0..1000` and `number 0..1000`"
    }
}

impl FromStr for Kind {
    type Err = BadKind;

    fn from_str(text: &str) -> Result<Self, BadKind> {
        Ok(match text.trim() {
            "uuid" => Self::Uuid,
            "objectid" => Self::ObjectId,
            "hex" => Self::Hex,
            "token" => Self::Token,
            "bytes" => Self::Bytes,
            "jwt" => Self::Jwt,
            "time" => Self::Time,
            "any-order" => Self::AnyOrder,
            other => {
                let bad = || BadKind(other.to_owned());
                let (name, range) = other.split_once(' ').ok_or_else(bad)?;
                if name == "near" {
                    return range.trim().parse().map(Self::Near).map_err(|_| bad());
                }
                let fraction = match name {
                    "number" => true,
                    "integer" => false,
                    _ => return Err(bad()),
                };
                let (from, to) = range.split_once("..").ok_or_else(bad)?;
                let bound = to.trim().parse().map_err(|_| bad())?;
                let from = from.trim();
                let negative = match from.strip_prefix('-') {
                    Some(digits) if digits.parse() == Ok(bound) => true,
                    None if from == "0" => false,
                    _ => return Err(bad()),
                };
                Self::Number { bound, negative, fraction }
            }
        })
    }
}
