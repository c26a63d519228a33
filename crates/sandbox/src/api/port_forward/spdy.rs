//! SPDY/3.1, as far as kubectl's port-forward needs it: per connection a stream for bytes and one for an
//! error's words, told apart by their headers.
//!
//! Deliberately absent: flow control. Clients of Kubernetes do without it too; the pod waits for the client
//! because writing waits.

mod frame;
mod headers;

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use futures::{SinkExt as _, StreamExt as _};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::Pod;
use super::carry::Carrier;
use frame::Frame;
use headers::Headers;

/// As a kubelet reads.
const PIECE: usize = 32 * 1024;
/// So many frames wait before whoever sends them waits too.
const WAITING: usize = 32;

/// The same, whose bytes travel as the messages of a WebSocket.
pub(super) async fn run_in_web_socket(pod: Pod, upgraded: Upgraded) {
    let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
    let (mut sink, mut source) = socket.split();
    let (ours, theirs) = tokio::io::duplex(PIECE * 4);
    let (mut reader, mut writer) = tokio::io::split(theirs);
    let incoming = async {
        while let Some(Ok(message)) = source.next().await {
            match message {
                Message::Binary(bytes) if writer.write_all(&bytes).await.is_err() => break,
                Message::Close(_) => break,
                _ => {}
            }
        }
    };
    let outgoing = async {
        let mut buffer = BytesMut::new();
        loop {
            buffer.reserve(PIECE);
            if !matches!(reader.read_buf(&mut buffer).await, Ok(1..)) {
                break;
            }
            if sink.send(Message::Binary(buffer.split().freeze())).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = incoming => {}
        () = outgoing => {}
        () = run(pod, ours) => {}
    }
    // Best effort: the client may have gone.
    let _ = sink.close().await;
}

/// Serves one connection until it ends.
pub(super) async fn run<S: AsyncRead + AsyncWrite + Send + Unpin>(pod: Pod, stream: S) {
    let (mut reader, mut writer) = tokio::io::split(stream);
    // Whoever has something to say → the one that writes.
    let (frames_tx, mut frames_rx) = mpsc::channel::<Bytes>(WAITING);
    let mut connection = Connection {
        pod: pod.clone(),
        frames_tx,
        headers: Headers::new(),
        has_answered: false,
        errors: HashMap::new(),
        streams: HashMap::new(),
        tasks: JoinSet::new(),
    };
    let writing = async {
        while let Some(frame) = frames_rx.recv().await {
            if writer.write_all(&frame).await.is_err() || writer.flush().await.is_err() {
                return;
            }
        }
    };
    let reading = async {
        while let Ok(Some(frame)) = frame::read(&mut reader).await {
            connection.pod.unless_stalled().await;
            if connection.take(frame).await.is_none() {
                return;
            }
        }
    };
    let mut carrier = Carrier::new(pod);
    tokio::select! {
        () = writing => {}
        () = reading => {}
        () = carrier.cut() => {}
    }
}

struct Connection {
    pod: Pod,
    frames_tx: mpsc::Sender<Bytes>,
    headers: Headers,
    has_answered: bool,
    /// By the client's number of the request: the stream for an error's words.
    errors: HashMap<String, u32>,
    /// Streams for bytes → what carries them to the pod.
    streams: HashMap<u32, mpsc::Sender<Bytes>>,
    tasks: JoinSet<()>,
}

impl Connection {
    /// `None` ends the connection.
    async fn take(&mut self, frame: Frame) -> Option<()> {
        match frame {
            Frame::Open { stream, headers } => self.open(stream, &headers).await?,
            Frame::Data {
                stream,
                bytes,
                is_last,
            } => {
                if let Some(pod_tx) = self.streams.get(&stream).filter(|_| !bytes.is_empty())
                    && pod_tx.send(bytes).await.is_err()
                {
                    self.streams.remove(&stream);
                }
                if is_last {
                    self.streams.remove(&stream);
                }
            }
            Frame::Reset { stream } => drop(self.streams.remove(&stream)),
            Frame::Ping { id } => self.frames_tx.send(frame::pong(&id)).await.ok()?,
            Frame::Goodbye => return None,
            Frame::Other => {}
        }
        Some(())
    }

    async fn open(&mut self, stream: u32, headers: &[u8]) -> Option<()> {
        let headers = self.headers.read(headers).ok()?;
        let has_answered = std::mem::replace(&mut self.has_answered, true);
        let block = if has_answered {
            headers::EMPTY
        } else {
            headers::FIRST_EMPTY
        };
        self.frames_tx.send(frame::accepted(stream, block)).await.ok()?;
        let header = |name: &str| headers.get(name).map_or("", String::as_str);
        let request = header("requestid").to_owned();
        if header("streamtype") == "error" {
            self.errors.insert(request, stream);
            return Some(());
        }
        let error = self.errors.remove(&request)?;
        let port = header("port").parse().ok()?;
        let (pod_tx, pod_rx) = mpsc::channel(WAITING);
        self.streams.insert(stream, pod_tx);
        let forward = Forward {
            pod: self.pod.clone(),
            port,
            data: stream,
            error,
            frames_tx: self.frames_tx.clone(),
        };
        self.tasks.spawn(forward.run(pod_rx));
        // Those that are over make room.
        while self.tasks.try_join_next().is_some() {}
        Some(())
    }
}

/// One connection to a port of the pod.
struct Forward {
    pod: Pod,
    port: u16,
    data: u32,
    error: u32,
    frames_tx: mpsc::Sender<Bytes>,
}

impl Forward {
    async fn run(self, mut pod_rx: mpsc::Receiver<Bytes>) {
        match self.pod.connect(self.port).await {
            Ok(stream) => {
                let (mut reader, mut writer) = tokio::io::split(stream);
                let to_pod = async {
                    while let Some(bytes) = pod_rx.recv().await {
                        if writer.write_all(&bytes).await.is_err() || writer.flush().await.is_err() {
                            return;
                        }
                    }
                    // The client has said all it had to say; the pod may still answer.
                    let _ = writer.shutdown().await;
                };
                let reading = self.read_pod(&mut reader);
                tokio::pin!(to_pod, reading);
                tokio::select! {
                    () = &mut to_pod => reading.await,
                    () = &mut reading => {}
                }
            }
            Err(error) => {
                let words = format!(
                    "error forwarding port {} to pod {}: {error}",
                    self.port, self.pod.name
                );
                self.send(frame::data(self.error, words.as_bytes(), true)).await;
                self.send(frame::data(self.data, b"", true)).await;
                return;
            }
        }
        self.send(frame::data(self.data, b"", true)).await;
        self.send(frame::data(self.error, b"", true)).await;
    }

    async fn read_pod<R: AsyncRead + Unpin>(&self, reader: &mut R) {
        let mut carrier = Carrier::new(self.pod.clone());
        let mut buffer = BytesMut::new();
        loop {
            buffer.reserve(PIECE);
            if !matches!(reader.read_buf(&mut buffer).await, Ok(1..)) {
                return;
            }
            let Ok(piece) = carrier.pass(buffer.split().freeze()).await else {
                return;
            };
            self.send(frame::data(self.data, &piece, false)).await;
        }
    }

    async fn send(&self, frame: Bytes) {
        // Whoever wrote is gone: so is everything it was for.
        let _ = self.frames_tx.send(frame).await;
    }
}
