//! Messages as frames: four bytes with a length, whose highest bit says that more frames of the
//! same message follow, then so many bytes. A message in many frames is how a large recovery
//! travels: each frame is progress, and no one buffer is asked for by a length that a peer claims.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// What both sides send first: a name and the version of the protocol.
pub(crate) const HELLO: [u8; 8] = *b"MHAREPL\x01";

/// Most bytes in one frame.
const MAX_FRAME: usize = 256 << 10;

/// Most bytes in one message.
const MAX_MESSAGE: usize = 2 << 30;

const MORE: u32 = 1 << 31;

/// A message that cannot be carried.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WireError {
    /// The connection broke.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The peer does not speak this protocol.
    #[error(
        "the peer began with {0:02x?}, expected {HELLO:02x?}: it is another program or version"
    )]
    Hello([u8; 8]),
    /// A frame is too long.
    #[error("a frame of {0} bytes, at most {MAX_FRAME} are accepted")]
    Frame(usize),
    /// A message is too long.
    #[error("a message of more than {MAX_MESSAGE} bytes")]
    Message,
    /// The bytes are no message.
    #[error("not a message: {0}")]
    Content(#[from] postcard::Error),
}

/// Writes one message. Each frame may take `limit`: as long as frames go out there is progress
/// (MR 8).
pub(crate) async fn write_message<W: AsyncWrite + Unpin>(
    stream: &mut W,
    message: &impl Serialize,
    limit: Duration,
) -> Result<(), WireError> {
    let bytes = postcard::to_stdvec(message)?;
    if bytes.len() > MAX_MESSAGE {
        return Err(WireError::Message);
    }
    let mut rest = bytes.as_slice();
    let mut out = Vec::with_capacity(rest.len().min(MAX_FRAME) + 4);
    loop {
        let (frame, after) = rest.split_at(rest.len().min(MAX_FRAME));
        rest = after;
        let length = u32::try_from(frame.len()).map_err(|_| WireError::Frame(frame.len()))?;
        let more = if rest.is_empty() { 0 } else { MORE };
        out.clear();
        out.extend_from_slice(&(length | more).to_be_bytes());
        out.extend_from_slice(frame);
        let late = |_| io::Error::from(io::ErrorKind::TimedOut);
        timeout(limit, stream.write_all(&out)).await.map_err(late)??;
        if rest.is_empty() {
            stream.flush().await?;
            return Ok(());
        }
    }
}

/// Reads one message; none if the peer closed between two.
pub(crate) async fn read_message<R: AsyncRead + Unpin, T: DeserializeOwned>(
    stream: &mut R,
) -> Result<Option<T>, WireError> {
    let mut message = Vec::new();
    loop {
        let mut head = [0; 4];
        let first = stream.read(&mut head).await?;
        if first == 0 {
            let cut = io::Error::from(io::ErrorKind::UnexpectedEof);
            return if message.is_empty() { Ok(None) } else { Err(cut.into()) };
        }
        stream.read_exact(&mut head[first..]).await?;
        let head = u32::from_be_bytes(head);
        let length = usize::try_from(head & !MORE).unwrap_or(usize::MAX);
        if length > MAX_FRAME {
            return Err(WireError::Frame(length));
        }
        if message.len() + length > MAX_MESSAGE {
            return Err(WireError::Message);
        }
        let start = message.len();
        message.resize(start + length, 0);
        stream.read_exact(&mut message[start..]).await?;
        if head & MORE == 0 {
            return Ok(Some(postcard::from_bytes(&message)?));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_FRAME, WireError, read_message, write_message};
    use std::time::Duration;

    const LIMIT: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn a_message_longer_than_a_frame_arrives_whole_and_alone() {
        let (mut one, mut other) = tokio::io::duplex(1000);
        let long = vec![7_u8; 3 * MAX_FRAME + 5];
        let sent = long.clone();
        let writing = tokio::spawn(async move {
            write_message(&mut one, &sent, LIMIT).await.unwrap();
            write_message(&mut one, &"next", LIMIT).await.unwrap();
        });
        assert_eq!(read_message::<_, Vec<u8>>(&mut other).await.unwrap(), Some(long));
        assert_eq!(read_message::<_, String>(&mut other).await.unwrap().as_deref(), Some("next"));
        assert_eq!(read_message::<_, String>(&mut other).await.unwrap(), None);
        writing.await.unwrap();
    }

    #[tokio::test]
    async fn a_frame_may_not_claim_more_than_is_allowed() {
        let mut bytes = &[0x7F, 0xFF, 0xFF, 0xFF, 0][..];
        let error = read_message::<_, String>(&mut bytes).await.unwrap_err();
        assert!(matches!(error, WireError::Frame(0x7FFF_FFFF)), "{error}");
    }

    #[tokio::test]
    async fn a_message_that_is_cut_off_is_no_message() {
        for bytes in [&[0, 0][..], &[0, 0, 0, 2, 1], &[0x80, 0, 0, 1, 1]] {
            let mut bytes = bytes;
            let error = read_message::<_, String>(&mut bytes).await.unwrap_err();
            assert!(matches!(error, WireError::Io(_)), "{error}");
        }
    }

    #[tokio::test]
    async fn a_peer_that_does_not_read_is_given_up() {
        let (mut one, _other) = tokio::io::duplex(16);
        let written = write_message(&mut one, &vec![0_u8; 100], Duration::from_millis(1)).await;
        let Err(WireError::Io(error)) = written else { panic!("it was written") };
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    }
}
