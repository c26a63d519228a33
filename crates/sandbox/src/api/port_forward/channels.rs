//! WebSocket channels: per port an even one for bytes and an odd one for an error's words. Each begins with
//! a message that repeats the port.

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::Pod;
use super::carry::Carrier;
use crate::node_access::DuplexStream;

type Socket = WebSocketStream<TokioIo<Upgraded>>;
type Stream = Box<dyn DuplexStream>;

/// As a kubelet reads.
const PIECE: usize = 32 * 1024;
/// So many messages wait for a slow client before the pod waits too.
const WAITING: usize = 32;

pub(super) async fn run(pod: Pod, upgraded: Upgraded, ports: &[u16]) {
    let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
    let (sink, source) = socket.split();
    // Pieces of all ports → the one that writes the socket.
    let (messages_tx, messages_rx) = mpsc::channel(WAITING);
    let mut tasks = JoinSet::new();
    let mut writers = HashMap::new();
    for (index, port) in ports.iter().enumerate() {
        let Ok(channel) = u8::try_from(index * 2) else {
            return;
        };
        for channel in [channel, channel + 1] {
            let first = [&[channel][..], &port.to_le_bytes()].concat();
            if messages_tx.send(Message::binary(first)).await.is_err() {
                return;
            }
        }
        match pod.connect(*port).await {
            Ok(stream) => {
                let (reader, writer) = tokio::io::split(stream);
                writers.insert(channel, writer);
                tasks.spawn(from_pod(
                    Carrier::new(pod.clone()),
                    reader,
                    channel,
                    messages_tx.clone(),
                ));
            }
            Err(error) => {
                let words = format!("error forwarding port {port} to pod {}: {error}", pod.name);
                let _ = messages_tx
                    .send(Message::binary([&[channel + 1][..], words.as_bytes()].concat()))
                    .await;
            }
        }
    }
    drop(messages_tx);
    let mut carrier = Carrier::new(pod.clone());
    tokio::select! {
        () = to_socket(sink, messages_rx) => {}
        () = to_pods(&pod, source, writers) => {}
        () = carrier.cut() => {}
    }
}

async fn to_socket(mut sink: SplitSink<Socket, Message>, mut messages_rx: mpsc::Receiver<Message>) {
    while let Some(message) = messages_rx.recv().await {
        if sink.send(message).await.is_err() {
            return;
        }
    }
    // Every port has said all it had to say.
    let _ = sink.close().await;
}

async fn to_pods(pod: &Pod, mut source: SplitStream<Socket>, mut writers: HashMap<u8, WriteHalf<Stream>>) {
    while let Some(Ok(message)) = source.next().await {
        pod.unless_stalled().await;
        match message {
            Message::Binary(mut payload) if !payload.is_empty() => {
                let channel = payload.split_to(1)[0];
                let Some(writer) = writers.get_mut(&channel) else {
                    continue;
                };
                if writer.write_all(&payload).await.is_err() || writer.flush().await.is_err() {
                    writers.remove(&channel);
                }
            }
            Message::Close(_) => break,
            _ => {}
        }
    }
}

async fn from_pod(
    mut carrier: Carrier,
    mut reader: ReadHalf<Stream>,
    channel: u8,
    messages_tx: mpsc::Sender<Message>,
) {
    let mut buffer = BytesMut::with_capacity(PIECE);
    loop {
        buffer.reserve(PIECE);
        match reader.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let Ok(piece) = carrier.pass(buffer.split().freeze()).await else {
            return;
        };
        let mut message = BytesMut::with_capacity(piece.len() + 1);
        message.extend_from_slice(&[channel]);
        message.extend_from_slice(&piece);
        if messages_tx
            .send(Message::Binary(Bytes::from(message)))
            .await
            .is_err()
        {
            return;
        }
    }
}
