//! Names of controllers and what they were found to be. A look-up that hangs holds up nobody else, and
//! there is never a second one of the same name, since each keeps a thread until it ends. While a name
//! cannot be looked up, the addresses that it had last go on being asked.

use super::http::Address;
use std::{
    fmt,
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

/// Addresses of one name that are asked at most.
const ADDRESSES: usize = 16;

type Looking = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// How names become addresses.
#[derive(Clone)]
pub struct Lookup(Arc<dyn Fn(String) -> Looking + Send + Sync>);

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lookup")
    }
}

impl Lookup {
    /// As the operating system does it.
    #[must_use]
    pub fn system() -> Self {
        Self::given(|name| async move { Ok(tokio::net::lookup_host(name).await?.collect()) })
    }

    /// In another way; it is given `host:port`.
    pub fn given<F>(look_up: impl Fn(String) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
    {
        Self(Arc::new(move |name| Box::pin(look_up(name))))
    }
}

/// What a look-up came to, or why it came to nothing.
type Found = Result<Vec<SocketAddr>, String>;

#[derive(Debug, Default)]
struct State {
    /// What the last one that succeeded found.
    known: Vec<SocketAddr>,
    /// One that has not ended.
    running: Option<watch::Receiver<Option<Found>>>,
}

/// The name of one or more controllers. Clones share what it was found to be.
#[derive(Debug, Clone)]
pub struct Name {
    address: Address,
    lookup: Lookup,
    state: Arc<Mutex<State>>,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

impl Name {
    /// A name that nobody looked up yet.
    #[must_use]
    pub fn new(address: Address, lookup: Lookup) -> Self {
        Self { address, lookup, state: Arc::default() }
    }

    /// The addresses that it had last.
    #[must_use]
    pub fn known(&self) -> Vec<SocketAddr> {
        self.state().known.clone()
    }

    /// Its addresses now, by a look-up of now or by one that is under way.
    ///
    /// # Errors
    /// Why it has none.
    pub async fn look_up(&self) -> Result<Vec<SocketAddr>, String> {
        let given_up = || Err("its look-up was given up".to_owned());
        let mut running = self.running();
        let found = running.wait_for(Option::is_some).await;
        found.map_or_else(|_| given_up(), |found| found.clone().unwrap_or_else(given_up))
    }

    fn running(&self) -> watch::Receiver<Option<Found>> {
        let mut state = self.state();
        // One that broke off tells nobody.
        if let Some(running) = state.running.as_ref().filter(|it| it.has_changed().is_ok()) {
            return running.clone();
        }
        let (tell, told) = watch::channel(None);
        state.running = Some(told.clone());
        drop(state);
        let name = self.clone();
        tokio::spawn(async move {
            let found = (name.lookup.0)(name.address.to_string()).await;
            let found = found.map(|mut found| {
                found.truncate(ADDRESSES);
                found
            });
            let mut state = name.state();
            state.running = None;
            if let Ok(found) = &found {
                state.known.clone_from(found);
            }
            drop(state);
            tell.send_replace(Some(found.map_err(|error| format!("not found: {error}"))));
        });
        told
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
