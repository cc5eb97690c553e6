//! Names of what stands in the world besides instances and gateways: places, controllers, clients,
//! writes. Each has one text form, used in schedules, traces and map keys.

use ha_core::{
    ids::{BadName, GatewayId, InstanceId},
    numbered,
};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Serde through the text form.
macro_rules! text_form {
    ($name:ident) => {
        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.to_string()
            }
        }
        impl TryFrom<String> for $name {
            type Error = BadName;
            fn try_from(text: String) -> Result<Self, BadName> {
                text.parse()
            }
        }
    };
}

numbered! {
    /// The place of a controller; its processes have ids of their own.
    ControllerNo(u8), "ct-", "a controller such as ct-0"
}
numbered! {
    /// An application that writes.
    ClientId(u8), "cl-", "a client such as cl-0"
}
numbered! {
    /// One write of a client, unique in a world.
    WriteId(u16), "w", "a write such as w3"
}

/// Where messages come from and go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Place {
    /// An instance.
    Instance(InstanceId),
    /// A controller.
    Controller(ControllerNo),
    /// A gateway.
    Gateway(GatewayId),
    /// The API server.
    Api,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Instance(id) => id.fmt(f),
            Self::Controller(no) => no.fmt(f),
            Self::Gateway(id) => id.fmt(f),
            Self::Api => f.write_str("api"),
        }
    }
}

impl FromStr for Place {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        if text == "api" {
            return Ok(Self::Api);
        }
        text.parse()
            .map(Self::Instance)
            .or_else(|_| text.parse().map(Self::Gateway))
            .or_else(|_| text.parse().map(Self::Controller))
            .map_err(|_| BadName::new(text, "a place: mg-0, ct-0, gw-0 or api"))
    }
}

text_form!(Place);

/// One direction between two places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Link {
    /// The sender.
    pub from: Place,
    /// The receiver.
    pub to: Place,
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.from, self.to)
    }
}

impl FromStr for Link {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        let (from, to) = text
            .split_once(' ')
            .ok_or_else(|| BadName::new(text, "two places such as \"mg-0 mg-1\""))?;
        Ok(Self { from: from.parse()?, to: to.parse()? })
    }
}

text_form!(Link);

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// Frequent heartbeat of a main (MR 2.4).
    Beat,
    /// Check of a main: where do you stand (MR 3.3)?
    Check,
    /// Swap of the main obeyed (MR 3.4).
    Swap,
    /// System recovery (MR 3.1).
    System,
    /// First phase, or the only one, of a commit (MR 4.3).
    Prepare,
    /// Second phase of a commit (MR 4.3).
    Finalize,
    /// A slice of the log (MR 3.5).
    Recover,
    /// Nobody listens where an instance was asked.
    Refusal,
    /// A controller's promotion.
    Promote,
    /// A controller's demotion.
    Demote,
    /// A controller's registration.
    Register,
    /// A controller's DROP.
    Drop,
    /// A controller's own commit.
    Mark,
    /// A controller's order to set data aside.
    SetAside,
    /// A write of the record.
    Record,
    /// A write of the lease.
    Lease,
    /// A question between controllers.
    Peer,
    /// A gateway's question for a grant.
    Question,
    /// A client's statement, forwarded by a gateway.
    Request,
    /// The end of a connection, as its other end hears it.
    Close,
}

impl Kind {
    /// Every kind, with its word.
    pub const WORDS: &[(Self, &'static str)] = &[
        (Self::Beat, "beat"),
        (Self::Check, "check"),
        (Self::Swap, "swap"),
        (Self::System, "system"),
        (Self::Prepare, "prepare"),
        (Self::Finalize, "finalize"),
        (Self::Recover, "recover"),
        (Self::Refusal, "refusal"),
        (Self::Promote, "promote"),
        (Self::Demote, "demote"),
        (Self::Register, "register"),
        (Self::Drop, "drop"),
        (Self::Mark, "mark"),
        (Self::SetAside, "set-aside"),
        (Self::Record, "record"),
        (Self::Lease, "lease"),
        (Self::Peer, "peer"),
        (Self::Question, "question"),
        (Self::Request, "request"),
        (Self::Close, "close"),
    ];

    /// The word of this kind.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(kind, _)| *kind == self).map_or("", |(_, word)| word)
    }
}

/// One message in flight. Messages of one kind between two places are numbered in order, from 0
/// again once all have arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct MessageId {
    /// What it is about.
    pub kind: Kind,
    /// Whether it answers such a message.
    pub answer: bool,
    /// The sender.
    pub from: Place,
    /// The receiver.
    pub to: Place,
    /// Its number among its like.
    pub number: u8,
}

impl MessageId {
    /// Whether the other one is of the same kind between the same places.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        Self { number: 0, ..*self } == Self { number: 0, ..*other }
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answer = if self.answer { "-answer" } else { "" };
        write!(f, "{}{answer} {} {}", self.kind.word(), self.from, self.to)?;
        if self.number > 0 {
            write!(f, " #{}", self.number)?;
        }
        Ok(())
    }
}

/// Reads the word of a kind, with `-answer` where it is an answer.
pub(crate) fn parse_kind(word: &str) -> Result<(Kind, bool), BadName> {
    let (stem, answer) = match word.strip_suffix("-answer") {
        Some(stem) => (stem, true),
        None => (word, false),
    };
    Kind::WORDS
        .iter()
        .find(|(_, known)| *known == stem)
        .map(|(kind, _)| (*kind, answer))
        .ok_or_else(|| BadName::new(word, "a kind of message such as finalize or promote-answer"))
}

impl FromStr for MessageId {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        const EXPECTED: &str = "a message such as \"finalize mg-0 mg-1\" or \"beat mg-0 mg-1 #1\"";
        let words: Vec<&str> = text.split_whitespace().collect();
        let (kind, from, to, number) = match words.as_slice() {
            [kind, from, to] => (*kind, *from, *to, 0),
            [kind, from, to, number] => {
                let number = number.strip_prefix('#').and_then(|n| n.parse().ok());
                (*kind, *from, *to, number.ok_or_else(|| BadName::new(text, EXPECTED))?)
            }
            _ => return Err(BadName::new(text, EXPECTED)),
        };
        let (kind, answer) = parse_kind(kind)?;
        Ok(Self { kind, answer, from: from.parse()?, to: to.parse()?, number })
    }
}

text_form!(MessageId);
