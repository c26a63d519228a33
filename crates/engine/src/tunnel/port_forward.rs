//! One forwarded port as a byte stream, straight over the WebSocket of Kubernetes' port-forward.
//!
//! kube-rs has a port-forward too; it carries bytes through two more tasks and cuts them into messages of
//! 4 KiB. Here each write is one message, in the task of whoever writes, so that what the
//! multiplexer gathered passes the API server, the kubelet and the container runtime as one.
//!
//! Two channels belong to the one port: 0 carries its bytes, 1 an error's text. Each begins with a message
//! that repeats the port.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::{Sink as _, Stream as _};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};

const DATA: u8 = 0;
const ERROR: u8 = 1;
/// Nodes take far longer messages; these keep one stream's bulk from delaying the others' small ones.
const MESSAGE: usize = 64 * 1024;

/// A byte stream to one port of a pod.
pub struct PortForward<S> {
    socket: WebSocketStream<S>,
    unread: Bytes,
    /// Of each channel, whether its first message has come.
    begun: [bool; 2],
    has_ended: bool,
}

impl<S> PortForward<S> {
    pub(super) fn new(socket: WebSocketStream<S>) -> Self {
        Self {
            socket,
            unread: Bytes::new(),
            begun: [false; 2],
            has_ended: false,
        }
    }

    fn take(&mut self, mut payload: Bytes) -> io::Result<()> {
        if payload.is_empty() {
            return Ok(());
        }
        let channel = payload.split_to(1)[0];
        let Some(begun) = self.begun.get_mut(usize::from(channel)) else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("unknown channel {channel}"),
            ));
        };
        if !std::mem::replace(begun, true) {
            return Ok(());
        }
        if channel == ERROR && !payload.is_empty() {
            let words = String::from_utf8_lossy(&payload).trim().to_owned();
            return Err(io::Error::new(io::ErrorKind::ConnectionRefused, words));
        }
        if channel == DATA {
            self.unread = payload;
        }
        Ok(())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for PortForward<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while this.unread.is_empty() && !this.has_ended {
            match ready!(Pin::new(&mut this.socket).poll_next(cx)) {
                Some(Ok(Message::Binary(payload))) => this.take(payload)?,
                Some(Ok(Message::Close(_))) | None => this.has_ended = true,
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(into_io(error))),
            }
        }
        let taken = this.unread.len().min(buf.remaining());
        buf.put_slice(&this.unread.split_to(taken));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for PortForward<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        ready!(Pin::new(&mut self.socket).poll_ready(cx)).map_err(into_io)?;
        let part = &buf[..buf.len().min(MESSAGE)];
        let mut payload = Vec::with_capacity(1 + part.len());
        payload.push(DATA);
        payload.extend_from_slice(part);
        Pin::new(&mut self.socket)
            .start_send(Message::binary(payload))
            .map_err(into_io)?;
        Poll::Ready(Ok(part.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx).map_err(into_io)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_close(cx).map_err(into_io)
    }
}

fn into_io(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        Error::ConnectionClosed | Error::AlreadyClosed => io::ErrorKind::ConnectionAborted.into(),
        other => io::Error::other(other),
    }
}

#[cfg(test)]
mod tests {
    use futures::{SinkExt as _, StreamExt as _};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
    use tokio_tungstenite::tungstenite::protocol::Role;

    use super::*;

    async fn pair() -> (PortForward<DuplexStream>, WebSocketStream<DuplexStream>) {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let ours = WebSocketStream::from_raw_socket(ours, Role::Client, None).await;
        let mut node = WebSocketStream::from_raw_socket(theirs, Role::Server, None).await;
        for channel in [DATA, ERROR] {
            node.send(Message::binary(vec![channel, 0x3f, 0x1f]))
                .await
                .unwrap();
        }
        (PortForward::new(ours), node)
    }

    #[tokio::test]
    async fn bytes_come_without_their_channel_and_the_repeated_port() {
        let (mut port, mut node) = pair().await;
        node.send(Message::binary(b"\0hello".to_vec())).await.unwrap();
        let mut got = [0; 5];
        port.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"hello");
    }

    #[tokio::test]
    async fn a_write_is_one_message() {
        let (mut port, mut node) = pair().await;
        port.write_all(&[7; 40_000]).await.unwrap();
        port.flush().await.unwrap();
        let message = node.next().await.unwrap().unwrap().into_data();
        assert_eq!((message.len(), message[0]), (40_001, DATA));
    }

    #[tokio::test]
    async fn the_nodes_error_is_the_reads_error() {
        let (mut port, mut node) = pair().await;
        node.send(Message::binary(b"\x01nothing listens".to_vec()))
            .await
            .unwrap();
        let error = port.read_u8().await.unwrap_err();
        assert_eq!(error.to_string(), "nothing listens");
    }

    #[tokio::test]
    async fn a_channel_that_is_not_ours_is_an_error() {
        let (mut port, mut node) = pair().await;
        node.send(Message::binary(vec![9, 9])).await.unwrap();
        assert_eq!(
            port.read_u8().await.unwrap_err().kind(),
            io::ErrorKind::InvalidData
        );
    }
}
