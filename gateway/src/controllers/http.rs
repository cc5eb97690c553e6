//! Asks controllers over HTTP: one `POST` of JSON to each of them, and the first answer that is one.
//! Plain HTTP/1.1 within the cluster; a connection for each question, since there is about one a
//! second.

use super::{
    AskError, Controllers, Lookup,
    names::Name,
    wire::{Ask, BadReply, PATH, REPLY_BYTES, Reply},
};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, StatusCode, body::Bytes, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use std::{collections::BTreeSet, fmt, net::SocketAddr};
use tokio::{net::TcpStream, task::JoinSet};

/// The characters of one controller's reason that are told, and of all reasons together.
const REASON_CHARS: usize = 300;
const REASONS_CHARS: usize = 3_000;

/// An address of a controller, `host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(String);

impl Address {
    /// Reads `host:port`.
    ///
    /// # Errors
    /// It is none.
    pub fn read(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no host:port such as controller-0.controllers:8080");
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let is_port = port.parse::<u16>().is_ok_and(|port| port > 0);
        let is_host = !host.is_empty()
            && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-[]:_".contains(c));
        if is_port && is_host { Ok(Self(text.to_owned())) } else { Err(wrong()) }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Controllers at addresses. A name is looked up with each question, so that it may move; every
/// address that it has is asked, and those that it had before while it is looked up.
#[derive(Debug, Clone)]
pub struct HttpControllers {
    names: Vec<Name>,
}

impl HttpControllers {
    /// Controllers at these.
    #[must_use]
    pub fn new(addresses: Vec<Address>) -> Self {
        Self::with_lookup(addresses, Lookup::system())
    }

    /// Controllers at these, found by a look-up of its own.
    #[must_use]
    pub fn with_lookup(addresses: Vec<Address>, lookup: Lookup) -> Self {
        let name = |address| Name::new(address, lookup.clone());
        Self { names: addresses.into_iter().map(name).collect() }
    }
}

impl Controllers for HttpControllers {
    async fn ask(&self, ask: Ask) -> Result<Reply, AskError> {
        let body = serde_json::to_vec(&ask).map_err(|error| AskError::Failed {
            controller: "this gateway".to_owned(),
            why: error.to_string(),
        })?;
        let body = Bytes::from(body);
        let mut asked = JoinSet::new();
        for name in &self.names {
            asked.spawn(ask_name(name.clone(), body.clone()));
        }
        let mut errors = Vec::new();
        while let Some(done) = asked.join_next().await {
            match done {
                Ok(Ok(reply)) => return Ok(reply),
                Ok(Err(more)) => errors.extend(more),
                Err(error) => {
                    let controller = "a controller".to_owned();
                    errors.push(AskError::Failed { controller, why: error.to_string() });
                }
            }
        }
        Err(joined(errors))
    }
}

/// Why nobody gave an answer. Each is told, since all but one may only follow.
fn joined(mut errors: Vec<AskError>) -> AskError {
    if errors.len() < 2 {
        return errors.pop().unwrap_or(AskError::Nobody);
    }
    let each = errors.iter().map(|error| shortened(&error.to_string(), REASON_CHARS));
    let mut each: Vec<_> = each.collect();
    each.sort();
    let controller = format!("{} controllers", each.len());
    AskError::Failed { controller, why: shortened(&each.join("; "), REASONS_CHARS) }
}

/// The beginning of a text, on one line.
fn shortened(text: &str, most: usize) -> String {
    let mut chars = text.chars();
    let printed = |c: char| if c.is_control() { ' ' } else { c };
    let mut short: String = chars.by_ref().take(most).map(printed).collect();
    if chars.next().is_some() {
        short.push('…');
    }
    short
}

/// What stands in an answer that is no reply: the entry `error` of JSON, or else its text.
fn reason(body: &[u8]) -> String {
    let json = serde_json::from_slice::<serde_json::Value>(body).ok();
    let error = json.as_ref().and_then(|json| json.get("error")?.as_str());
    let text = error.map_or_else(|| String::from_utf8_lossy(body), Into::into);
    shortened(text.trim(), REASON_CHARS)
}

/// Asks every address of a name: the first reply, or all errors.
async fn ask_name(name: Name, body: Bytes) -> Result<Reply, Vec<AskError>> {
    let mut asked = JoinSet::new();
    let mut known = BTreeSet::new();
    let mut errors = Vec::new();
    let mut found = std::pin::pin!(name.look_up());
    let mut is_found = false;
    let ask = |asked: &mut JoinSet<_>, socket: SocketAddr| {
        let (body, host) = (body.clone(), name.to_string());
        asked.spawn(async move {
            let controller = format!("controller {host} at {socket}");
            post(socket, &host, body, controller).await
        });
    };
    for socket in name.known() {
        known.insert(socket);
        ask(&mut asked, socket);
    }
    loop {
        tokio::select! {
            sockets = &mut found, if !is_found => {
                is_found = true;
                match sockets {
                    Ok(sockets) => {
                        for socket in sockets.into_iter().filter(|socket| known.insert(*socket)) {
                            ask(&mut asked, socket);
                        }
                    }
                    Err(why) => {
                        errors.push(AskError::Failed { controller: name.to_string(), why });
                    }
                }
            }
            Some(done) = asked.join_next() => match done {
                Ok(Ok(reply)) => return Ok(reply),
                Ok(Err(error)) => errors.push(error),
                Err(error) => {
                    let (controller, why) = (name.to_string(), error.to_string());
                    errors.push(AskError::Failed { controller, why });
                }
            },
            else => break,
        }
    }
    if errors.is_empty() {
        let why = "the name has no address".to_owned();
        errors.push(AskError::Failed { controller: name.to_string(), why });
    }
    Err(errors)
}

async fn post(
    socket: SocketAddr,
    host: &str,
    body: Bytes,
    controller: String,
) -> Result<Reply, AskError> {
    let failed = |why: &dyn fmt::Display| AskError::Failed {
        controller: controller.clone(),
        why: why.to_string(),
    };
    let stream = TcpStream::connect(socket).await.map_err(|error| failed(&error))?;
    stream.set_nodelay(true).map_err(|error| failed(&error))?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
    let exchange = async {
        let request = Request::builder()
            .method(Method::POST)
            .uri(PATH)
            .header(header::HOST, host)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONNECTION, "close")
            .body(Full::new(body))
            .map_err(|error| failed(&error))?;
        let response = sender.send_request(request).await.map_err(|error| failed(&error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), REPLY_BYTES).collect().await;
        if status != StatusCode::OK {
            let said = body.map(|body| reason(&body.to_bytes())).unwrap_or_default();
            return Err(match said.as_str() {
                "" => failed(&format_args!("it answers {status}")),
                said => failed(&format_args!("it answers {status}: {said}")),
            });
        }
        let bad = |why| AskError::Bad { controller: controller.clone(), why };
        let json = body.map_err(|_| bad(BadReply::TooLong))?.to_bytes();
        Reply::read(&json).map_err(bad)
    };
    let mut exchange = std::pin::pin!(exchange);
    let mut connection = std::pin::pin!(connection);
    let mut is_connected = true;
    loop {
        tokio::select! {
            reply = &mut exchange => return reply,
            _ = &mut connection, if is_connected => is_connected = false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_told_as_it_was_said_and_not_without_end() {
        let json = br#"{"error": "it does not lead", "leader": null}"#;
        assert_eq!(reason(json), "it does not lead");
        assert_eq!(reason(b" no\nroute "), "no route");
        assert_eq!(reason(br#"{"why": 1}"#), r#"{"why": 1}"#);
        assert_eq!(reason(b""), "");
        let long = reason(&[0xFF; 100_000]);
        assert_eq!(long.chars().count(), REASON_CHARS + 1);
    }

    #[test]
    fn one_error_stays_what_it_is_and_several_are_told_together() {
        assert!(matches!(joined(Vec::new()), AskError::Nobody));
        let failed =
            |at: usize| AskError::Failed { controller: format!("c-{at}"), why: "x".repeat(at) };
        assert_eq!(joined(vec![failed(1)]).to_string(), "c-1: x");
        let both = joined(vec![failed(2), failed(1)]);
        assert_eq!(both.to_string(), "2 controllers: c-1: x; c-2: xx");
        let many = joined((0..100).map(|_| failed(1_000)).collect()).to_string();
        assert!(many.chars().count() < REASONS_CHARS + 20, "{}", many.len());
    }
}
