//! A client that speaks HTTP over real sockets, and hears everything.

use super::PATIENCE;
use serde_json::Value;
use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|why| panic!("{why}: {}", self.body))
    }
}

/// Sends bytes, and reads until the other side closes.
pub async fn raw(at: SocketAddr, request: &[u8]) -> Answer {
    let mut socket = TcpStream::connect(at).await.expect("a connection");
    // A server that has heard enough may close before everything is sent.
    let _early = socket.write_all(request).await;
    let mut bytes = Vec::new();
    let read = timeout(PATIENCE, socket.read_to_end(&mut bytes)).await.expect("an end");
    assert!(read.is_ok() || !bytes.is_empty(), "{read:?}");
    let text = String::from_utf8(bytes).expect("text");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    let body = if head.to_lowercase().contains("transfer-encoding: chunked") {
        unchunked(body)
    } else {
        body.to_owned()
    };
    Answer { status, head: head.to_owned(), body }
}

fn unchunked(mut text: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = text.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap_or(0);
        if size == 0 {
            break;
        }
        whole.push_str(&rest[..size]);
        text = &rest[size + 2..];
    }
    whole
}

/// A listener of `/events`.
pub struct Events {
    socket: TcpStream,
    text: String,
}

impl Events {
    pub async fn listen(at: SocketAddr) -> Self {
        let mut socket = TcpStream::connect(at).await.expect("a connection");
        socket.write_all(b"GET /events HTTP/1.1\r\nhost: here\r\n\r\n").await.expect("it listens");
        Self { socket, text: String::new() }
    }

    /// The next event; `None` when the stream has ended.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(begin) = self.text.find("data: ")
                && let Some(length) = self.text[begin..].find("\n\n")
            {
                let event = self.text[begin + 6..begin + length].to_owned();
                self.text.drain(..begin + length);
                // A chunk of the transfer is one event.
                return Some(serde_json::from_str(&event).expect("a status"));
            }
            let mut bytes = vec![0; 64 << 10];
            let read = timeout(PATIENCE, self.socket.read(&mut bytes)).await.expect("no silence");
            match read {
                Ok(0) | Err(_) => return None,
                Ok(count) => {
                    self.text.push_str(std::str::from_utf8(&bytes[..count]).expect("text"))
                }
            }
        }
    }

    pub fn head(&self) -> &str {
        &self.text
    }
}

/// A question as a gateway asks it.
pub fn question(number: u64, seen: Option<&str>, wait_ms: u64) -> String {
    serde_json::json!({
        "version": 1,
        "question": {
            "gateway": "gw-7", "number": number, "holds": null,
            "open_transactions": false, "last_byte_ms": null,
        },
        "accepted": null, "seen": seen, "wait_ms": wait_ms,
    })
    .to_string()
}
