//! A way between a main and one replica that a test can narrow, cut and open again. It knows nothing
//! of what passes, so that it stands before any instance, a vendor's too.

use super::common::Instance;
use instance::console::ClientError;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// What may pass.
#[derive(Debug, Default)]
struct State {
    /// Bytes that one connection may carry to the replica before it stands still.
    most: Option<usize>,
    /// Connections are closed as soon as they are made.
    cut: bool,
    ended: bool,
    streams: Vec<TcpStream>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// A port that leads to a replica.
#[derive(Debug)]
pub(crate) struct Relay {
    port: u16,
    shared: Arc<Shared>,
}

impl Relay {
    /// A way to a replica on which everything passes.
    pub(crate) fn to(replica: &Instance) -> Self {
        let target = replica.replication_port;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let served = Arc::clone(&shared);
        thread::spawn(move || {
            for accepted in listener.incoming() {
                if served.state().ended {
                    return;
                }
                if let Ok(stream) = accepted {
                    served.connect(stream, target);
                }
            }
        });
        Self { port, shared }
    }

    /// REGISTER of the replica at the other end.
    pub(crate) fn register(&self, main: &Instance, name: &str, mode: &str) {
        self.try_register(main, name, mode).unwrap();
    }

    pub(crate) fn try_register(
        &self,
        main: &Instance,
        name: &str,
        mode: &str,
    ) -> Result<(), ClientError> {
        let port = self.port;
        let register = format!("REGISTER REPLICA {name} {mode} TO \"127.0.0.1:{port}\"");
        main.client().run(&register).map(drop)
    }

    /// A connection stands still once it has carried so many bytes to the replica.
    pub(crate) fn narrow(&self, most: usize) {
        self.change(|state| state.most = Some(most));
    }

    /// Ends all connections, and each new one at once.
    pub(crate) fn cut(&self) {
        self.change(|state| {
            state.cut = true;
            for stream in state.streams.drain(..) {
                let _ = stream.shutdown(Shutdown::Both);
            }
        });
    }

    /// Everything passes again.
    pub(crate) fn open(&self) {
        self.change(|state| (state.most, state.cut) = (None, false));
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.shared.state());
        self.shared.changed.notify_all();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.cut();
        self.change(|state| state.ended = true);
        // Wakes the thread that waits for connections.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins a connection to a new one to the replica; without that it is closed.
    fn connect(self: &Arc<Self>, near: TcpStream, target: u16) {
        if self.state().cut {
            return;
        }
        let Ok(far) = TcpStream::connect(("127.0.0.1", target)) else { return };
        let ends = [&near, &far].map(|stream| stream.try_clone().unwrap());
        {
            // It may have been cut while this one was made.
            let mut state = self.state();
            if state.cut {
                return;
            }
            state.streams.extend(ends);
        }
        let ends = [&near, &far].map(|stream| stream.try_clone().unwrap());
        let [near_again, far_again] = ends;
        let shared = Arc::clone(self);
        thread::spawn(move || shared.carry(near, far, true));
        let shared = Arc::clone(self);
        thread::spawn(move || shared.carry(far_again, near_again, false));
    }

    fn carry(&self, mut from: TcpStream, mut to: TcpStream, bounded: bool) {
        let (mut buffer, mut carried) = (vec![0; 16 << 10], 0);
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            carried += length;
            if bounded {
                self.wait_until_passes(carried);
            }
            if to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        for stream in [from, to] {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn wait_until_passes(&self, carried: usize) {
        let held = |state: &mut State| !state.cut && state.most.is_some_and(|most| carried > most);
        drop(self.changed.wait_while(self.state(), held));
    }
}
