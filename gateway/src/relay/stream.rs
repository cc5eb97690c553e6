//! Sockets, plain or with TLS.

use socket2::{SockRef, TcpKeepalive};
use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::TlsStream;

/// How the kernel watches over connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watch {
    /// After so long without a byte the other side is asked whether it is there.
    pub keepalive: Duration,
    /// After so long without an acknowledgement it is taken for gone.
    pub user_timeout: Duration,
}

impl Watch {
    /// Sets a socket up.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn apply(&self, socket: &TcpStream) -> io::Result<()> {
        socket.set_nodelay(true)?;
        let keepalive = TcpKeepalive::new()
            .with_time(self.keepalive)
            .with_interval(Duration::from_secs(10))
            .with_retries(3);
        let socket = SockRef::from(socket);
        socket.set_tcp_keepalive(&keepalive)?;
        #[cfg(target_os = "linux")]
        socket.set_tcp_user_timeout(Some(self.user_timeout))?;
        Ok(())
    }
}

/// One side of a session.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Whether something may be there to read, so that a buffer is worth taking.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(socket) => socket.poll_read_ready(cx),
            // What TLS has decrypted is not to be seen from outside.
            Self::Tls(_) => Poll::Ready(Ok(())),
        }
    }

    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(into);
        let done = match self {
            Self::Plain(socket) => Pin::new(socket).poll_read(cx, &mut buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, &mut buffer),
        };
        done.map_ok(|()| buffer.filled().len())
    }

    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(socket) => Pin::new(socket).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    /// Whether written bytes may be kept back, so that they have to be flushed.
    pub(crate) const fn keeps_back(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    /// When it is dropped, the other side is told that something was lost.
    pub(crate) fn reset_on_drop(&self) {
        let socket = match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => stream.get_ref().0,
        };
        // What cannot be set makes it a common close.
        let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
    }
}
