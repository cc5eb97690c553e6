//! Asks controllers over HTTP: one `POST` of JSON to each of them, and the first answer that is one.
//! Plain HTTP/1.1 within the cluster; a connection for each question, since there is about one a
//! second.

use super::{
    AskError, Controllers,
    wire::{Ask, BadReply, PATH, REPLY_BYTES, Reply},
};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, StatusCode, body::Bytes, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use std::fmt;
use tokio::{net::TcpStream, task::JoinSet};

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
/// address that it has is asked.
#[derive(Debug, Clone)]
pub struct HttpControllers {
    addresses: Vec<Address>,
}

impl HttpControllers {
    /// Controllers at these.
    #[must_use]
    pub const fn new(addresses: Vec<Address>) -> Self {
        Self { addresses }
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
        for address in &self.addresses {
            // What cannot be looked up has no answer; the others may.
            let Ok(found) = tokio::net::lookup_host(&address.0).await else { continue };
            for socket in found {
                let (body, host) = (body.clone(), address.0.clone());
                asked.spawn(async move {
                    let controller = format!("controller {host} at {socket}");
                    post(socket, &host, body, controller).await
                });
            }
        }
        let mut last = AskError::Nobody;
        while let Some(done) = asked.join_next().await {
            match done {
                Ok(Ok(reply)) => return Ok(reply),
                Ok(Err(error)) => last = error,
                Err(error) => {
                    let controller = "a controller".to_owned();
                    last = AskError::Failed { controller, why: error.to_string() };
                }
            }
        }
        Err(last)
    }
}

async fn post(
    socket: std::net::SocketAddr,
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
            return Err(failed(&format_args!("it answers {status}")));
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
