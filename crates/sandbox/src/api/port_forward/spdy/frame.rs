//! SPDY/3.1's frames, those that a port-forward sees.

use std::io;

use bytes::{BufMut as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _};

const CONTROL: u32 = 0x8000_0000;
const VERSION: u32 = 3;
/// Longer ones are nobody's.
const LONGEST: usize = 1 << 20;
pub(super) const FIN: u8 = 1;

/// What a client sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    Open {
        stream: u32,
        headers: Bytes,
    },
    Data {
        stream: u32,
        bytes: Bytes,
        is_last: bool,
    },
    Reset {
        stream: u32,
    },
    Ping {
        id: Bytes,
    },
    Goodbye,
    /// Settings and the like: nothing that matters here.
    Other,
}

/// Reads one frame; `None` where the connection ends between two.
pub(super) async fn read<R: AsyncRead + Unpin>(reader: &mut R) -> io::Result<Option<Frame>> {
    let first = match reader.read_u32().await {
        Ok(first) => first,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    };
    let second = reader.read_u32().await?;
    let (flags, length) = (second.to_be_bytes()[0], (second & 0x00ff_ffff) as usize);
    if length > LONGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame is too long"));
    }
    let mut payload = BytesMut::zeroed(length);
    reader.read_exact(&mut payload).await?;
    let payload = payload.freeze();
    if first & CONTROL == 0 {
        return Ok(Some(Frame::Data {
            stream: first,
            bytes: payload,
            is_last: flags & FIN != 0,
        }));
    }
    control(first & 0xffff, payload).map(Some)
}

fn control(kind: u32, mut payload: Bytes) -> io::Result<Frame> {
    let stream = payload
        .first_chunk::<4>()
        .map(|first| u32::from_be_bytes(*first) & !CONTROL);
    let short = || io::Error::new(io::ErrorKind::InvalidData, "a frame is too short");
    Ok(match kind {
        // Stream, associated stream, priority and slot stand before the headers.
        1 if payload.len() >= 10 => Frame::Open {
            stream: stream.ok_or_else(short)?,
            headers: payload.split_off(10),
        },
        1 => return Err(short()),
        3 => Frame::Reset {
            stream: stream.ok_or_else(short)?,
        },
        6 => Frame::Ping { id: payload },
        7 => Frame::Goodbye,
        _ => Frame::Other,
    })
}

fn control_frame(kind: u32, payload: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(8 + payload.len());
    frame.put_u32(CONTROL | VERSION << 16 | kind);
    frame.put_u32(u32::try_from(payload.len()).unwrap_or_default());
    frame.put_slice(payload);
    frame.freeze()
}

/// Says yes to a stream.
pub(super) fn accepted(stream: u32, headers: &[u8]) -> Bytes {
    control_frame(2, &[&stream.to_be_bytes()[..], headers].concat())
}

pub(super) fn pong(id: &[u8]) -> Bytes {
    control_frame(6, id)
}

/// `bytes` must be shorter than 16 MiB.
pub(super) fn data(stream: u32, bytes: &[u8], is_last: bool) -> Bytes {
    let mut frame = BytesMut::with_capacity(8 + bytes.len());
    frame.put_u32(stream);
    let flags = if is_last { u32::from(FIN) << 24 } else { 0 };
    frame.put_u32(flags | u32::try_from(bytes.len()).unwrap_or_default());
    frame.put_slice(bytes);
    frame.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frames_are_read_as_they_are_written() {
        let wire = [
            data(3, b"hello", true),
            pong(&[0, 0, 0, 1]),
            control_frame(3, &[0, 0, 0, 3, 0, 0, 0, 1]),
        ]
        .concat();
        let mut reader = wire.as_slice();
        let data = Frame::Data {
            stream: 3,
            bytes: Bytes::from_static(b"hello"),
            is_last: true,
        };
        assert_eq!(read(&mut reader).await.unwrap(), Some(data));
        let id = Bytes::from_static(&[0, 0, 0, 1]);
        assert_eq!(read(&mut reader).await.unwrap(), Some(Frame::Ping { id }));
        assert_eq!(read(&mut reader).await.unwrap(), Some(Frame::Reset { stream: 3 }));
        assert_eq!(read(&mut reader).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_frame_that_is_cut_or_endless_is_an_error() {
        assert!(read(&mut &[0, 0, 0, 3, 0, 0, 0, 9, 1][..]).await.is_err());
        assert!(read(&mut &[0, 0, 0, 3, 0, 0xff, 0xff, 0xff][..]).await.is_err());
        assert!(read(&mut &control_frame(1, &[0; 4])[..]).await.is_err());
    }
}
