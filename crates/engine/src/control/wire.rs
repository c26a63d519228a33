//! Bytes on the socket: a preamble, then frames.

use std::time::Duration;

use intercept_protocol::relay::{FrameError, MAX_FRAME, encode, read_frame};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// Version of everything that is said on a control socket.
pub const CONTROL_VERSION: u16 = 1;

/// What both ends say first.
const MAGIC: [u8; 8] = *b"icptctrl";
/// A peer on the same machine that takes longer is stuck.
pub(super) const WITHIN: Duration = Duration::from_secs(5);

/// Why nothing more comes from the other end, or goes to it.
#[derive(Debug, thiserror::Error)]
pub(super) enum WireError {
    #[error("the first bytes are not those of a control socket")]
    NotOurs,
    #[error("the other end speaks version {0}")]
    Version(u16),
    #[error("the other end is stuck")]
    Stuck,
    #[error("a message of {0} bytes does not fit a frame")]
    TooLong(usize),
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// Writes magic, version and `first`.
pub(super) async fn write_preamble<T: Serialize>(
    io: &mut (impl AsyncWrite + Unpin),
    first: &T,
) -> Result<(), WireError> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&CONTROL_VERSION.to_be_bytes());
    bytes.extend(encode(first));
    write_all(io, &bytes).await
}

/// Reads magic, version and the first frame.
pub(super) async fn read_preamble<T: DeserializeOwned>(
    io: &mut (impl AsyncRead + Unpin),
) -> Result<T, WireError> {
    let reading = async {
        let mut magic = [0; MAGIC.len()];
        io.read_exact(&mut magic).await.map_err(FrameError::from)?;
        if magic != MAGIC {
            return Err(WireError::NotOurs);
        }
        let theirs = io.read_u16().await.map_err(FrameError::from)?;
        if theirs != CONTROL_VERSION {
            return Err(WireError::Version(theirs));
        }
        Ok(read_frame(io).await?)
    };
    timeout(WITHIN, reading).await.unwrap_or(Err(WireError::Stuck))
}

/// Writes one frame; one that its reader would refuse is not begun.
pub(super) async fn write<T: Serialize>(
    io: &mut (impl AsyncWrite + Unpin),
    message: &T,
) -> Result<(), WireError> {
    let bytes = encode(message);
    let length = bytes.len() - size_of::<u32>();
    if length > MAX_FRAME {
        return Err(WireError::TooLong(length));
    }
    write_all(io, &bytes).await
}

/// Reads one frame within `limit`.
pub(super) async fn read<T: DeserializeOwned>(
    io: &mut (impl AsyncRead + Unpin),
    limit: Duration,
) -> Result<T, WireError> {
    let read = timeout(limit, read_frame(io)).await;
    read.map_or(Err(WireError::Stuck), |read| read.map_err(WireError::from))
}

async fn write_all(io: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> Result<(), WireError> {
    let writing = async {
        io.write_all(bytes).await?;
        io.flush().await
    };
    match timeout(WITHIN, writing).await {
        Ok(written) => written.map_err(|error| FrameError::from(error).into()),
        Err(_late) => Err(WireError::Stuck),
    }
}
