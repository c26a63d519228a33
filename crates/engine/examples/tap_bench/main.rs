//! What the laptop's side costs: requests made directly, through relay and tap, and with everything recorded.
//!
//! `cargo run --release --example tap_bench -p intercept-engine`. The agent's side is the protocol's own multiplexer over
//! loopback TCP; NGINX, API server and kubelet are not in the way, so this shows what the laptop's side costs and not what a
//! user sees (tests/bench does). Ways take turns, and the medians of the turns are printed.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a tool for developers")]

mod rig;

use std::time::Duration;

use futures::future::join_all;
use intercept_engine::inspector::{Inspector, USUAL_BODY};
use intercept_engine::tap::Level;
use intercept_inspect::store::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

use rig::{ANSWER, BULK, Caller, Rig};

const RUN: Duration = Duration::from_secs(2);
const TURNS: usize = 5;

/// A way from a caller to the program.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Direct,
    Tap,
    Recorded,
}

const WAYS: [(Way, &str); 3] = [
    (Way::Direct, "direct"),
    (Way::Tap, "tap"),
    (Way::Recorded, "recorded"),
];

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let inspector = Inspector::open(folder.path(), Limits::default(), USUAL_BODY).unwrap();
    let recording = inspector.recorder().recording(Level::Bodies);
    recording.belongs_to(intercept_inspect::exchange::Place::default());
    let rig = Rig::new(recording).await;
    for callers in [1, 32] {
        let mut turns = vec![Vec::new(); WAYS.len()];
        for _ in 0..TURNS {
            for (at, (way, _)) in WAYS.iter().enumerate() {
                turns[at].push(measure(&rig, *way, callers).await);
            }
        }
        for ((_, name), mut turns) in WAYS.iter().zip(turns) {
            turns.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
            let (rate, p50) = turns[TURNS / 2];
            println!(
                "{callers:>2} callers  {name:<9} {rate:>7.0}/s  p50 {:>4} µs",
                p50.as_micros()
            );
        }
    }
    for (way, name) in WAYS {
        let rates = join_all((0..1).map(|_| bulk(&rig, way))).await;
        println!("bulk        {name:<9} {:>7.0} MB/s", rates[0]);
    }
    rig.stop().await;
    report(&inspector).await;
}

/// What has become of what was recorded, once nothing more is written.
async fn report(inspector: &Inspector) {
    let mut news_rx = inspector.recorder().news();
    while tokio::time::timeout(Duration::from_secs(1), news_rx.recv())
        .await
        .is_ok()
    {}
    let store = inspector.store().unwrap();
    let (usage, now) = (
        store.usage().unwrap(),
        intercept_inspect::exchange::Moment(i64::MAX),
    );
    let missed: u64 = store
        .gaps(intercept_inspect::exchange::Moment(0), now, 1000)
        .unwrap()
        .iter()
        .map(|gap| gap.exchanges)
        .sum();
    println!(
        "store: {} exchanges, {} MB, {missed} not recorded",
        usage.count,
        usage.bytes >> 20
    );
}

/// Requests a second, and the median of their times.
async fn measure(rig: &Rig, way: Way, callers: usize) -> (f64, Duration) {
    let end = Instant::now() + RUN;
    let each = join_all((0..callers).map(|_| async {
        let mut caller = connect(rig, way).await;
        let mut times = Vec::new();
        while Instant::now() < end {
            let began = Instant::now();
            caller.ask().await;
            times.push(began.elapsed());
        }
        times
    }));
    let mut times: Vec<Duration> = each.await.into_iter().flatten().collect();
    times.sort_unstable();
    (times.len() as f64 / RUN.as_secs_f64(), times[times.len() / 2])
}

async fn connect(rig: &Rig, way: Way) -> Caller {
    match way {
        Way::Direct => Caller::direct(TcpStream::connect(rig.program).await.unwrap()),
        Way::Tap => rig.requests(&rig.plain).await,
        Way::Recorded => rig.requests(&rig.recorded).await,
    }
}

/// Megabytes a second of one long answer.
async fn bulk(rig: &Rig, way: Way) -> f64 {
    let began = Instant::now();
    let mut caller = connect(rig, way).await;
    caller
        .io
        .write_all(b"GET /bulk HTTP/1.1\r\nHost: api\r\n\r\n")
        .await
        .unwrap();
    let mut buffer = vec![0; 256 * 1024];
    let mut left = BULK + ANSWER.len();
    while left > ANSWER.len() {
        left = left.saturating_sub(caller.io.read(&mut buffer).await.unwrap());
    }
    BULK as f64 / began.elapsed().as_secs_f64() / 1e6
}
