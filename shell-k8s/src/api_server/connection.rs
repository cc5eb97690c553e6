//! Connections: who is accepted, how long a connection lives, and what becomes of a request before
//! it is looked at and after it was carried out.

use super::{
    Limits,
    failure::{Failure, Reason},
    fault::{Faults, Link},
    request::{self, Call},
    store::Store,
    watching,
};
use http_body_util::{BodyExt, Full, Limited, combinators::UnsyncBoxBody};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
};

/// What a path begins with that names its client.
pub(super) const PREFIX: &str = "/as/";
/// The longest time for the head of a request, and for none on a connection that is kept.
const HEAD_TIME: Duration = Duration::from_secs(120);
/// The wait after no connection could be accepted, or the address could not be had again.
const AFTER_ERROR: Duration = Duration::from_millis(20);

/// The connection is to end without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection ends here")]
pub(super) struct Aborted;

pub(super) type Body = UnsyncBoxBody<Bytes, Aborted>;

/// What every connection shares.
pub(super) struct Shared {
    pub(super) store: Store,
    pub(super) faults: Faults,
    pub(super) limits: Limits,
    pub(super) watches: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

impl Shared {
    pub(super) fn new(store: Store, faults: Faults, limits: Limits) -> Self {
        let watches = Arc::new(Semaphore::new(limits.watches));
        let places = Arc::new(Semaphore::new(limits.connections));
        Self { store, faults, limits, watches, places }
    }

    /// Waits while nothing gets through; says how the way is then.
    async fn link(&self, client: &str) -> Link {
        let mut changed = self.faults.subscribe();
        loop {
            let link = self.faults.link_of(client);
            if link != Link::Silent || changed.changed().await.is_err() {
                return link;
            }
        }
    }

    /// Ends when the client's connections are to be reset.
    async fn until_down(&self, client: &Mutex<String>) {
        let mut changed = self.faults.subscribe();
        loop {
            let name = client.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if self.faults.link_of(&name) == Link::Down || changed.changed().await.is_err() {
                return;
            }
        }
    }
}

/// Accepts connections until it is dropped, and ends them then. While the server is down for
/// everyone nobody listens.
pub(super) async fn accept(shared: Arc<Shared>, listener: TcpListener, address: SocketAddr) {
    let mut connections = JoinSet::new();
    let mut changed = shared.faults.subscribe();
    let mut listening = Some(listener);
    loop {
        if shared.faults.is_down_for_everyone() {
            listening = None;
        } else if listening.is_none() {
            match TcpListener::bind(address).await {
                Ok(listener) => listening = Some(listener),
                Err(error) => {
                    tracing::warn!(%address, %error, "cannot listen again yet");
                    tokio::time::sleep(AFTER_ERROR).await;
                    continue;
                }
            }
        }
        let next = async {
            match &listening {
                Some(listener) => {
                    let place = Arc::clone(&shared.places).acquire_owned().await;
                    (listener.accept().await, place)
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            (accepted, place) = next => match accepted {
                Ok((socket, _)) => {
                    let shared = Arc::clone(&shared);
                    connections.spawn(async move {
                        serve(&shared, socket).await;
                        drop(place);
                    });
                }
                Err(_) => tokio::time::sleep(AFTER_ERROR).await,
            },
            _ = changed.changed() => {}
            _ = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

async fn serve(shared: &Arc<Shared>, socket: TcpStream) {
    // Small answers wait for no others.
    let _ = socket.set_nodelay(true);
    // Before its first request a connection belongs to nobody.
    let client = Arc::new(Mutex::new(String::new()));
    let service = service_fn(|request| answer(Arc::clone(shared), Arc::clone(&client), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .serve_connection(TokioIo::new(socket), service);
    tokio::select! {
        ended = connection => if let Err(error) = ended {
            tracing::debug!(%error, "a connection of the API server ended");
        },
        () = shared.until_down(&client) => {}
    }
}

/// The client that a path names, and the path without it.
fn split_client(path: &str) -> (&str, &str) {
    let named = path.strip_prefix(PREFIX).and_then(|rest| {
        let at = rest.find('/')?;
        Some((&rest[..at], &rest[at..]))
    });
    named.unwrap_or(("", path))
}

async fn answer(
    shared: Arc<Shared>,
    connected: Arc<Mutex<String>>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Aborted> {
    let (client, path) = split_client(request.uri().path());
    let (client, path) = (client.to_owned(), path.to_owned());
    connected.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&client);
    let was_silent = shared.faults.link_of(&client) == Link::Silent;
    if shared.link(&client).await == Link::Down || was_silent {
        return Err(Aborted);
    }
    let is_write = request.method() != Method::GET && request.method() != Method::HEAD;
    let mut fate = shared.faults.fate(&client, is_write);
    tokio::time::sleep(fate.delay).await;
    let response = match fate.refusal.take() {
        Some(failure) => refused(&failure),
        None => match read(&shared, path, request).await {
            Err(failure) => refused(&failure),
            Ok(call) if call.is_watch() => {
                watching::begin(&shared, &client, &call).unwrap_or_else(|failure| refused(&failure))
            }
            Ok(call) => {
                let carried_out = Arc::clone(&shared);
                let (late, reads) = (fate.late, fate.reads);
                // A task of its own: a write that began ends, whether its client waits or not.
                let done = tokio::spawn(async move {
                    tokio::time::sleep(late.unwrap_or_default()).await;
                    request::carry_out(&carried_out.store, reads.as_deref(), call)
                });
                match done.await.map_err(|_| Aborted)? {
                    Ok((status, object)) => json(status, &object),
                    Err(failure) => refused(&failure),
                }
            }
        },
    };
    if fate.is_answer_lost || shared.faults.link_of(&client) != Link::Up {
        let _ = shared.link(&client).await;
        return Err(Aborted);
    }
    Ok(response)
}

async fn read(shared: &Shared, path: String, request: Request<Incoming>) -> Result<Call, Failure> {
    let (head, body) = request.into_parts();
    let limit = shared.limits.body_bytes;
    let body = Limited::new(body, limit).collect().await.map_err(|_| {
        let message = format!("the body is broken, or longer than {limit} bytes");
        Failure::new(Reason::RequestEntityTooLarge, message)
    })?;
    let kind = head.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    Call::read(head.method, &path, head.uri.query().unwrap_or_default(), kind, &body.to_bytes())
}

pub(super) fn json(status: u16, object: &Value) -> Response<Body> {
    let body = Full::new(Bytes::from(object.to_string())).map_err(|never| match never {});
    let mut response = Response::new(UnsyncBoxBody::new(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    let kind = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fn refused(failure: &Failure) -> Response<Body> {
    let mut response = json(failure.reason.code(), &failure.status());
    if let Some(seconds) = failure.retry_after_s {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}
