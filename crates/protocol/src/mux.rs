//! Many streams over one connection: yamux, driven by one task.
//!
//! Both ends can open streams. Half-close, resets and backpressure of each stream are yamux's own.
//! The driving task ends when the connection does, when the last [`Mux`] is gone, or when
//! [`Mux::close`] asks; every stream then fails. Deliberately absent: pings, which belong to the
//! control stream, where both ends' programs, not just their sockets, have to answer.

mod gather;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt as _, TokioAsyncReadCompatExt as _};
use yamux::{Config, Connection, Mode};

use gather::Gather;

/// Streams the other end opened that nobody has accepted yet.
const BACKLOG: usize = 256;
/// Many kept-alive connections and long streams at once.
const MAX_STREAMS: usize = 8192;

/// One stream. Dropping it resets it; `shutdown` half-closes it.
pub type Stream = Compat<yamux::Stream>;

/// The connection has ended; nothing more can be opened.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the relay connection is closed")]
pub struct Closed;

/// Opens streams on a shared connection.
#[derive(Clone, Debug)]
pub struct Mux {
    // Mux → driver
    open_tx: mpsc::Sender<oneshot::Sender<Stream>>,
    close_tx: mpsc::Sender<()>,
}

/// Streams that the other end opened.
#[derive(Debug)]
pub struct Incoming {
    // driver → Incoming
    stream_rx: mpsc::Receiver<Stream>,
}

/// Which side of the connection this is; one end must be each.
#[derive(Clone, Copy, Debug)]
pub enum Side {
    /// The end that made the connection: the laptop.
    Laptop,
    /// The end that took it: the agent.
    Agent,
}

impl Mux {
    /// Starts to multiplex `io`. The handle resolves when the connection has ended, with the reason.
    pub fn start<T>(io: T, side: Side) -> (Self, Incoming, JoinHandle<Result<(), io::Error>>)
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let mode = match side {
            Side::Laptop => Mode::Client,
            Side::Agent => Mode::Server,
        };
        let mut config = Config::default();
        // Every stream has a window of its own; a limit over all of them would let one slow reader stop the rest.
        config.set_max_connection_receive_window(None);
        config.set_max_num_streams(MAX_STREAMS);
        config.set_read_after_close(true);
        let (open_tx, open_rx) = mpsc::channel(32);
        let (close_tx, close_rx) = mpsc::channel(1);
        let (stream_tx, stream_rx) = mpsc::channel(BACKLOG);
        let driver = Driver {
            connection: Connection::new(Gather::new(io).compat(), config, mode),
            open_rx,
            close_rx,
            stream_tx,
            wanted: VecDeque::new(),
        };
        let task = tokio::spawn(driver.run());
        (Self { open_tx, close_tx }, Incoming { stream_rx }, task)
    }

    /// Opens a stream. Nothing is sent before the first byte is written to it.
    ///
    /// # Errors
    /// When the connection has ended.
    pub async fn open(&self) -> Result<Stream, Closed> {
        let (stream_tx, stream_rx) = oneshot::channel();
        self.open_tx.send(stream_tx).await.map_err(|_| Closed)?;
        stream_rx.await.map_err(|_| Closed)
    }

    /// Ends the connection in an orderly way; told here, awaited on the handle of [`Mux::start`].
    pub fn close(&self) {
        // A full channel means that somebody asked already, a closed one that it has ended.
        let _ = self.close_tx.try_send(());
    }
}

impl Incoming {
    /// The next stream of the other end; `None` when the connection has ended. Safe to cancel.
    pub async fn accept(&mut self) -> Option<Stream> {
        self.stream_rx.recv().await
    }
}

/// Owns the connection and polls it: yamux makes progress only while `poll_next_inbound` is called.
struct Driver<T> {
    connection: Connection<Compat<Gather<T>>>,
    open_rx: mpsc::Receiver<oneshot::Sender<Stream>>,
    close_rx: mpsc::Receiver<()>,
    stream_tx: mpsc::Sender<Stream>,
    wanted: VecDeque<oneshot::Sender<Stream>>,
}

enum Ended {
    ByPeer,
    ByUs,
    Failed(yamux::ConnectionError),
}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Driver<T> {
    async fn run(mut self) -> Result<(), io::Error> {
        match poll_fn(|cx| self.poll(cx)).await {
            Ended::ByPeer => Ok(()),
            Ended::ByUs => poll_fn(|cx| self.connection.poll_close(cx))
                .await
                .map_err(|error| into_io(&error)),
            Ended::Failed(error) => Err(into_io(&error)),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        if self.close_rx.poll_recv(cx).is_ready() {
            return Poll::Ready(Ended::ByUs);
        }
        loop {
            if let Poll::Ready(Some(wish)) = self.open_rx.poll_recv(cx) {
                self.wanted.push_back(wish);
                continue;
            }
            if let Err(error) = self.open_wanted(cx) {
                return Poll::Ready(Ended::Failed(error));
            }
            match self.connection.poll_next_inbound(cx) {
                Poll::Ready(Some(Ok(stream))) => self.hand_over(stream),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Ended::Failed(error)),
                Poll::Ready(None) => return Poll::Ready(Ended::ByPeer),
                // Streams that ended just now make room for others, and nobody is woken for that.
                Poll::Pending => match self.open_wanted(cx) {
                    Ok(true) => {}
                    Ok(false) => return Poll::Pending,
                    Err(error) => return Poll::Ready(Ended::Failed(error)),
                },
            }
        }
    }

    /// Opens what was asked for, as far as there is room; whether it opened any.
    fn open_wanted(&mut self, cx: &mut Context<'_>) -> Result<bool, yamux::ConnectionError> {
        let before = self.wanted.len();
        while !self.wanted.is_empty() {
            match self.connection.poll_new_outbound(cx) {
                Poll::Ready(stream) => {
                    let stream = stream?;
                    if let Some(wish) = self.wanted.pop_front() {
                        // Whoever asked may have given up meanwhile; the stream is then reset by its drop.
                        let _ = wish.send(stream.compat());
                    }
                }
                Poll::Pending => break,
            }
        }
        Ok(self.wanted.len() < before)
    }

    /// A stream that finds the backlog full, or nobody listening, is reset: never wait here, since
    /// waiting would stop every other stream.
    fn hand_over(&self, stream: yamux::Stream) {
        drop(self.stream_tx.try_send(stream.compat()));
    }
}

fn into_io(error: &yamux::ConnectionError) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, error.to_string())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    fn pair() -> ((Mux, Incoming), (Mux, Incoming)) {
        let (one, two) = tokio::io::duplex(4096);
        let (laptop, laptop_in, _) = Mux::start(one, Side::Laptop);
        let (agent, agent_in, _) = Mux::start(two, Side::Agent);
        ((laptop, laptop_in), (agent, agent_in))
    }

    #[tokio::test]
    async fn half_close_ends_one_direction_only() {
        let ((_laptop, mut laptop_in), (agent, _agent_in)) = pair();
        let mut theirs = agent.open().await.unwrap();
        theirs.write_all(b"request").await.unwrap();
        theirs.shutdown().await.unwrap();
        let mut ours = laptop_in.accept().await.unwrap();
        let mut request = String::new();
        ours.read_to_string(&mut request).await.unwrap();
        assert_eq!(request, "request");
        ours.write_all(b"answer").await.unwrap();
        ours.shutdown().await.unwrap();
        let mut answer = String::new();
        theirs.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "answer");
    }

    #[tokio::test]
    async fn a_reader_that_stops_holds_its_writer_back() {
        let ((_laptop, mut laptop_in), (agent, _agent_in)) = pair();
        let mut writer = agent.open().await.unwrap();
        writer.write_all(b"x").await.unwrap();
        let _reader = laptop_in.accept().await.unwrap();
        let endless = async {
            loop {
                writer.write_all(&[0; 65536]).await.unwrap();
            }
        };
        assert!(
            tokio::time::timeout(std::time::Duration::from_millis(300), endless)
                .await
                .is_err()
        );
    }

    #[tokio::test]
    async fn a_dropped_stream_is_a_reset_for_the_other_end() {
        let ((_laptop, mut laptop_in), (agent, _agent_in)) = pair();
        let mut theirs = agent.open().await.unwrap();
        theirs.write_all(b"x").await.unwrap();
        drop(laptop_in.accept().await.unwrap());
        let mut rest = Vec::new();
        let ended = theirs.read_to_end(&mut rest).await;
        assert!(ended.is_err() || rest.is_empty());
    }

    #[tokio::test]
    async fn opening_fails_once_the_other_end_is_gone() {
        let (one, two) = tokio::io::duplex(4096);
        let (laptop, _laptop_in, task) = Mux::start(one, Side::Laptop);
        drop(two);
        assert!(task.await.unwrap().is_err() || laptop.open().await.is_err());
        assert!(laptop.open().await.is_err());
    }
}
