//! Which life of an instance answers, told by the server name of its greeting: the entrypoint gives a
//! name of its own to each start (`--bolt-server-name-for-init`), behind the prefix that drivers look
//! for (BG 1.3). The gateway reads the start from the same name.

use gateway::session::server_name;
use ha_core::{
    ids::{BootId, Incarnation, PodUid, StartId, VolumeId},
    observation::VolumeView,
};
use std::{fmt, str::FromStr};

/// What an entrypoint says of the start that it makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// Pod, start, boot and volume.
    pub incarnation: Incarnation,
    /// Whether anything was ever committed on the volume.
    pub state: VolumeView,
}

/// A server name that tells no life.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the server name {found:?} has no {missing}; an instance must be started through its \
     entrypoint, which sets --bolt-server-name-for-init"
)]
pub struct NoLife {
    /// The name.
    pub found: String,
    /// What is missing or not readable.
    pub missing: &'static str,
}

impl fmt::Display for Life {
    /// The server name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Incarnation { pod, start, boot, volume } = self.incarnation;
        let state = match self.state {
            VolumeView::New => "new",
            VolumeView::Used => "used",
        };
        let name = server_name(start);
        write!(f, "{name} pod={pod} boot={boot} volume={volume} state={state}")
    }
}

impl FromStr for Life {
    type Err = NoLife;

    fn from_str(name: &str) -> Result<Self, NoLife> {
        let no = |missing| NoLife { found: name.to_owned(), missing };
        let start: StartId = word(name, "start").ok_or_else(|| no("start=ID"))?;
        let pod: PodUid = word(name, "pod").ok_or_else(|| no("pod=UID"))?;
        let boot: BootId = word(name, "boot").ok_or_else(|| no("boot=ID"))?;
        let volume: VolumeId = word(name, "volume").ok_or_else(|| no("volume=ID"))?;
        let state = match text(name, "state") {
            Some("new") => VolumeView::New,
            Some("used") => VolumeView::Used,
            Some(_) | None => return Err(no("state=new or state=used")),
        };
        Ok(Self { incarnation: Incarnation { pod, start, boot, volume }, state })
    }
}

fn text<'n>(name: &'n str, key: &str) -> Option<&'n str> {
    name.split_whitespace().rev().find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
}

fn word<T: FromStr>(name: &str, key: &str) -> Option<T> {
    text(name, key)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFE: Life = Life {
        incarnation: Incarnation {
            pod: PodUid(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef),
            start: StartId(0xfeed),
            boot: BootId(7),
            volume: VolumeId(8),
        },
        state: VolumeView::New,
    };

    #[test]
    fn a_name_tells_a_life() {
        let name = LIFE.to_string();
        assert!(name.starts_with("Neo4j/"));
        assert_eq!(name.parse(), Ok(LIFE));
        assert_eq!(gateway::session::start_of(&name), Some(StartId(0xfeed)));
        let used = Life { state: VolumeView::Used, ..LIFE };
        assert_eq!(used.to_string().parse(), Ok(used));
    }

    #[test]
    fn what_is_missing_is_said() {
        let whole = LIFE.to_string();
        for (key, missing) in [
            (" start=feed", "start=ID"),
            (" pod=123456789abcdef0123456789abcdef", "pod=UID"),
            (" boot=7", "boot=ID"),
            (" volume=8", "volume=ID"),
            (" state=new", "state=new or state=used"),
        ] {
            let name = whole.replace(key, "");
            assert_ne!(name, whole, "{key} is not in it");
            assert_eq!(name.parse::<Life>(), Err(NoLife { found: name.clone(), missing }));
        }
    }
}
