//! Ports for everything, all on one address: those that people are told of are chosen, the next free
//! ones are taken where these are busy, and it is said.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

/// Where everything listens.
pub(super) const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// How many ports are tried for one purpose.
const TRIES: u16 = 200;

/// Looks for free ports.
#[derive(Debug, Default)]
pub(super) struct Ports {
    taken: Vec<u16>,
    /// What could not be had, for people.
    pub(super) notes: Vec<String>,
}

impl Ports {
    fn is_free(&self, port: u16) -> bool {
        !self.taken.contains(&port) && TcpListener::bind((HERE, port)).is_ok()
    }

    /// So many ports in a row, the first of them at `wanted` or as soon after it as they are free.
    pub(super) fn row(&mut self, what: &str, wanted: u16, count: u16) -> Result<u16, String> {
        for first in (0..TRIES).filter_map(|step| wanted.checked_add(step)) {
            let Some(last) = first.checked_add(count - 1) else { break };
            if (first..=last).all(|port| self.is_free(port)) {
                if first != wanted {
                    self.notes.push(format!("{what}: port {wanted} is busy, taking {first}"));
                }
                self.taken.extend(first..=last);
                return Ok(first);
            }
        }
        Err(format!("{what}: no {count} free ports in a row from {wanted} on; choose another one"))
    }

    /// One port.
    pub(super) fn one(&mut self, what: &str, wanted: u16) -> Result<SocketAddr, String> {
        self.row(what, wanted, 1).map(|port| SocketAddr::new(HERE, port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_port_is_said_and_the_next_one_taken() {
        let busy = TcpListener::bind((HERE, 0)).expect("a port");
        let wanted = busy.local_addr().expect("its address").port();
        let mut ports = Ports::default();
        let taken = ports.one("writes", wanted).expect("another one").port();
        assert!(taken > wanted);
        assert_eq!(ports.notes.len(), 1);
        assert!(ports.notes[0].contains(&wanted.to_string()), "{:?}", ports.notes);
        // What was given out is not given out again, though nobody listens yet.
        assert_ne!(ports.one("reads", taken).expect("a third one").port(), taken);
    }

    #[test]
    fn a_row_has_no_gap() {
        let mut ports = Ports::default();
        let first = ports.row("instances", 20_000, 5).expect("a row");
        assert!((first..first + 5).all(|port| ports.taken.contains(&port)));
        assert!(ports.row("instances", u16::MAX - 1, 5).is_err());
    }
}
