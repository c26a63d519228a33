use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use tokio::time::Instant;

use super::*;

#[tokio::test]
async fn small_writes_of_everybody_who_is_ready_leave_as_one() {
    let (mut wire, mut peer) = pair();
    let (head, body) = (frame(0, 0, b"hello"), frame(0, 0, b"world"));
    for part in [&head[..4], &head[4..], &body[..13], &body[13..]] {
        wire.write_all(part).await.unwrap();
        wire.flush().await.unwrap();
    }
    let mut got = [0; 64];
    tokio::select! {
        _ = wire.read_u8() => panic!("nothing comes"),
        read = peer.read(&mut got) => assert_eq!(read.unwrap(), head.len() + body.len()),
    }
}

#[tokio::test]
async fn shutdown_sends_what_was_gathered() {
    let (mut wire, mut peer) = pair();
    wire.write_all(b"last words").await.unwrap();
    wire.shutdown().await.unwrap();
    let mut got = String::new();
    peer.read_to_string(&mut got).await.unwrap();
    assert_eq!(got, "last words");
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_still_heard() {
    let (mut wire, mut peer) = pair();
    wire.write_all(&[0; 4096]).await.unwrap();
    peer.write_all(b"x").await.unwrap();
    assert_eq!(wire.read_u8().await.unwrap(), b'x');
}

fn pair() -> (Gather<tokio::io::DuplexStream>, tokio::io::DuplexStream) {
    let (ours, theirs) = tokio::io::duplex(1024);
    (Gather::new(ours), theirs)
}

/// A yamux frame of stream 2.
fn frame(kind: u8, flags: u16, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![0, kind];
    frame.extend(flags.to_be_bytes());
    frame.extend(2u32.to_be_bytes());
    frame.extend((body.len() as u32).to_be_bytes());
    frame.extend(body);
    frame
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_stream_waits_for_company_but_not_for_long() {
    let (mut wire, mut peer) = pair();
    let began = Instant::now();
    wire.write_all(&frame(0, 4, b"")).await.unwrap();
    let mut got = [0; 12];
    tokio::select! {
        _ = wire.read_u8() => panic!("nothing comes"),
        read = peer.read_exact(&mut got) => { read.unwrap(); }
    }
    assert!(
        (END_WAITS..END_WAITS * 3).contains(&began.elapsed()),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn whatever_else_leaves_at_once_and_takes_the_end_along() {
    for urgent in [
        frame(0, 0, b"x"),
        frame(1, 0, b""),
        frame(0, 8, b""),
        frame(0, 4, b"last"),
    ] {
        let (mut wire, mut peer) = pair();
        let began = Instant::now();
        wire.write_all(&frame(0, 4, b"")).await.unwrap();
        // Heads and bodies come apart, cut anywhere.
        for byte in urgent.chunks(5) {
            wire.write_all(byte).await.unwrap();
        }
        let mut got = vec![0; 12 + urgent.len()];
        tokio::select! {
            _ = wire.read_u8() => panic!("nothing comes"),
            read = peer.read_exact(&mut got) => { read.unwrap(); }
        }
        assert_eq!(began.elapsed(), Duration::ZERO, "{urgent:?}");
    }
}
