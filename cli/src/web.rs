//! One GET, for questions to a controller.

use serde_json::Value;
use std::{io, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(1);
/// Its bytes at most.
const BYTES: u64 = 4 << 20;

/// The JSON at a path, whatever the status.
pub(crate) async fn get(at: SocketAddr, path: &str) -> io::Result<Value> {
    let asked = async {
        let mut stream = TcpStream::connect(at).await?;
        // An answer of this version is never in chunks.
        let request = format!("GET {path} HTTP/1.0\r\nHost: {at}\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(BYTES).read_to_end(&mut answer).await?;
        let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        let body = end.and_then(|end| answer.get(end + 4..)).unwrap_or_default();
        serde_json::from_slice(body).map_err(io::Error::from)
    };
    timeout(LIMIT, asked).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}
