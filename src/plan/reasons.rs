//! Why a target stands where it does, and why one is left out, in words: one place for all of them.

use super::{Missing, Reason, Unmirrored};
use std::fmt;

impl Reason {
    /// In one word, for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Drawn(_) => "drawn",
            Self::Weight(_) => "weight",
            Self::Price(_) => "price",
            Self::Pace(_) => "pace",
            Self::Explored => "explored",
            Self::Busy(_) => "busy",
        }
    }
}

/// For people.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order => f.write_str("as it is written"),
            Self::Drawn(weight) => write!(f, "drawn for this request, with weight {weight}"),
            Self::Weight(weight) => write!(f, "another was drawn; by its weight, {weight}"),
            Self::Price(Some(pico)) => write!(f, "by its price: {} US dollars", dollars(*pico)),
            Self::Price(None) => f.write_str("after those whose price is known"),
            Self::Pace(Some(ms)) => write!(f, "by its pace: an answer in about {ms} ms"),
            Self::Pace(None) => f.write_str("nothing is known of its pace"),
            Self::Explored => f.write_str("to learn its pace"),
            Self::Busy(count) => write!(f, "by its requests under way: {count}"),
        }
    }
}

/// Units: from millionths of a millionth of a US dollar to US dollars.
pub fn dollars(pico: u128) -> f64 {
    pico as f64 / 1e12
}

impl Missing {
    /// In one word, for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Label => "label",
            Self::Provider => "provider",
        }
    }
}

/// For people.
impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Label => "it lacks a label that the rule or the key requires",
            Self::Provider => "the client asked for another provider",
        })
    }
}

impl Unmirrored {
    /// In one word, for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Guarded => "guarded",
            Self::Label => "label",
            Self::Provider => "provider",
            Self::Share => "share",
            Self::Asked => "asked",
            Self::Cooling => "cooling",
        }
    }
}

/// For people.
impl fmt::Display for Unmirrored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Guarded => "a guard has chosen the model, and others must not see the request",
            Self::Label => return Missing::Label.fmt(f),
            Self::Provider => return Missing::Provider.fmt(f),
            Self::Share => "others are copied",
            Self::Asked => "it is asked first anyhow",
            Self::Cooling => "it cools down",
        })
    }
}
