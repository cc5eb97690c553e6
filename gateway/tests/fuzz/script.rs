//! What happens to a session in one case, as a value and as text: cases that broke something are
//! kept as text in `gateway/corpus`.

use crate::support::of_hex;
use gateway::session::{Proof, Standing};
use std::fmt;

/// What the listener's sessions may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) rewrites: bool,
    pub(crate) passthrough: bool,
    pub(crate) routes: bool,
    /// Instances answer LOGOFF.
    pub(crate) logoff: bool,
}

/// Who answers at the address that was dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialled {
    /// The start that is meant.
    Meant,
    /// Another one.
    Other,
    /// It tells no start.
    Nameless,
    /// Nobody looks which it is.
    Unlooked,
    /// Nobody.
    Nobody,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// The client says this.
    Say(Vec<u8>),
    /// It says a message with this signature, of so many whole chunks.
    SayLong(u8, u8),
    /// The instance says this, whatever it was asked.
    Raw(Vec<u8>),
    /// It says a message with this signature, of so many whole chunks.
    RawLong(u8, u8),
    /// It says so many records.
    Records(u16),
    /// A byte of what it said is another one.
    Garble(u16, u8),
    /// At most so many bytes of the client reach the session.
    Hand(u16),
    /// The instance processes at most so many bytes.
    Serve(u16),
    /// At most so many bytes of it reach the session.
    Take(u16),
    /// Everything moves until nothing does.
    Flow,
    /// The upstream may not be used any more; perhaps with bytes that were not written.
    Cut(bool),
    Stand(Standing),
    Pass(u16),
    Dial(Dialled),
    Prove(Proof),
    ServerEnds(bool),
    /// Instances take no writes from now on.
    Demote,
    ClientEnds,
    /// The client reads nothing, or again.
    Deaf(bool),
    Stop,
}

const STANDINGS: [(&str, Standing); 4] = [
    ("open", Standing::Open),
    ("draining", Standing::Draining),
    ("frozen", Standing::Frozen),
    ("closed", Standing::Closed),
];
const DIALLED: [(&str, Dialled); 5] = [
    ("meant", Dialled::Meant),
    ("other", Dialled::Other),
    ("nameless", Dialled::Nameless),
    ("unlooked", Dialled::Unlooked),
    ("nobody", Dialled::Nobody),
];
const PROOFS: [(&str, Proof); 3] =
    [("meant", Proof::Meant), ("another", Proof::Another), ("unknown", Proof::Unknown)];

fn word<T: PartialEq>(words: &[(&'static str, T)], of: &T) -> &'static str {
    words.iter().find(|(_, value)| value == of).expect("all of them").0
}

fn of_word<T: Copy>(words: &[(&'static str, T)], word: &str) -> T {
    words.iter().find(|(name, _)| *name == word).unwrap_or_else(|| panic!("{word:?}")).1
}

struct Hex<'b>(&'b [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Say(bytes) => write!(f, "say {}", Hex(bytes)),
            Self::SayLong(signature, chunks) => write!(f, "say-long {signature} {chunks}"),
            Self::Raw(bytes) => write!(f, "raw {}", Hex(bytes)),
            Self::RawLong(signature, chunks) => write!(f, "raw-long {signature} {chunks}"),
            Self::Records(count) => write!(f, "records {count}"),
            Self::Garble(at, byte) => write!(f, "garble {at} {byte}"),
            Self::Hand(most) => write!(f, "hand {most}"),
            Self::Serve(most) => write!(f, "serve {most}"),
            Self::Take(most) => write!(f, "take {most}"),
            Self::Flow => f.write_str("flow"),
            Self::Cut(unsent) => write!(f, "cut {}", u8::from(*unsent)),
            Self::Stand(standing) => write!(f, "stand {}", word(&STANDINGS, standing)),
            Self::Pass(ms) => write!(f, "pass {ms}"),
            Self::Dial(dialled) => write!(f, "dial {}", word(&DIALLED, dialled)),
            Self::Prove(proof) => write!(f, "prove {}", word(&PROOFS, proof)),
            Self::ServerEnds(unsent) => write!(f, "server-ends {}", u8::from(*unsent)),
            Self::Demote => f.write_str("demote"),
            Self::ClientEnds => f.write_str("client-ends"),
            Self::Deaf(is_deaf) => write!(f, "deaf {}", u8::from(*is_deaf)),
            Self::Stop => f.write_str("stop"),
        }
    }
}

impl Step {
    fn read(line: &str) -> Self {
        let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
        let numbers: Vec<u16> = rest.split(' ').filter_map(|number| number.parse().ok()).collect();
        let byte = |at: usize| u8::try_from(numbers[at]).expect("a byte");
        match name {
            "say" => Self::Say(of_hex(rest)),
            "say-long" => Self::SayLong(byte(0), byte(1)),
            "raw" => Self::Raw(of_hex(rest)),
            "raw-long" => Self::RawLong(byte(0), byte(1)),
            "records" => Self::Records(numbers[0]),
            "garble" => Self::Garble(numbers[0], byte(1)),
            "hand" => Self::Hand(numbers[0]),
            "serve" => Self::Serve(numbers[0]),
            "take" => Self::Take(numbers[0]),
            "flow" => Self::Flow,
            "cut" => Self::Cut(numbers[0] == 1),
            "stand" => Self::Stand(of_word(&STANDINGS, rest)),
            "pass" => Self::Pass(numbers[0]),
            "dial" => Self::Dial(of_word(&DIALLED, rest)),
            "prove" => Self::Prove(of_word(&PROOFS, rest)),
            "server-ends" => Self::ServerEnds(numbers[0] == 1),
            "demote" => Self::Demote,
            "client-ends" => Self::ClientEnds,
            "deaf" => Self::Deaf(numbers[0] == 1),
            "stop" => Self::Stop,
            _ => panic!("{line:?} is no step"),
        }
    }
}

/// One case.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Script {
    pub(crate) choice: Choice,
    pub(crate) steps: Vec<Step>,
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Choice { rewrites, passthrough, routes, logoff } = self.choice;
        let [rewrites, passthrough, routes, logoff] =
            [rewrites, passthrough, routes, logoff].map(u8::from);
        writeln!(f, "policy {rewrites} {passthrough} {routes} {logoff}")?;
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Script {
    /// Reads what is written so; lines that begin with `#` say why it is kept.
    pub(crate) fn read(text: &str) -> Self {
        let mut lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let policy: Vec<bool> =
            lines.next().expect("a policy").split(' ').skip(1).map(|bit| bit == "1").collect();
        let [rewrites, passthrough, routes, logoff] = policy[..] else { panic!("four of them") };
        let choice = Choice { rewrites, passthrough, routes, logoff };
        Self { choice, steps: lines.map(Step::read).collect() }
    }
}
