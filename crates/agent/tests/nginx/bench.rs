//! Not a test: what the built agent costs. `INTERCEPT_AGENT` names its binary.
//!
//! `cargo test -p intercept-agent --test nginx -- --ignored --nocapture bench`

use std::net::Ipv4Addr;
use std::process::Command;
use std::time::{Duration, Instant};

use intercept_protocol::matching::{Mark, Match};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::http;
use crate::rig::{
    Developer, Laptop, Program, RunningNginx, await_condition, record, start_origin, usable_nginx,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, and it wants the machine for itself"]
async fn bench() {
    let Some((nginx, _)) = usable_nginx().await else {
        return;
    };
    let agent = std::env::var("INTERCEPT_AGENT").expect("INTERCEPT_AGENT must name the agent's binary");
    let mut record = record(start_origin().await);
    let developer = Developer::new();
    let port = record.listeners[0].port;
    record
        .intercepts
        .push(developer.intercept(port, Match::new(Mark::All)));
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("record.json"), record.to_json()).unwrap();
    let started = Instant::now();
    let mut process = Command::new(agent)
        .envs([
            ("INTERCEPT_NAMESPACE", "shop"),
            ("INTERCEPT_SERVICE", "api"),
            ("INTERCEPT_POD", "p"),
        ])
        .envs([("INTERCEPT_POD_UID", "u")])
        .env("INTERCEPT_RUN_DIR", dir.path())
        .env("INTERCEPT_RECORD_DIR", dir.path())
        .env("INTERCEPT_NGINX", &nginx)
        .env("INTERCEPT_NGINX_CPUS", "1")
        .spawn()
        .unwrap();
    let file = dir.path().join("nginx.conf");
    await_condition("nginx.conf", || async { file.exists() }).await;
    eprintln!("start to nginx.conf: {:?}", started.elapsed());
    let _nginx = RunningNginx::start(&nginx, dir.path());
    let mut laptop = Laptop::connect(record.relay_port, &developer, "laptop", Program::Answers).await;
    laptop.is_ready(&record.intercepts[0].id.clone()).await;
    eprintln!("start to routed and open: {:?}", started.elapsed());
    eprintln!("idle {}", memory(process.id()));
    for callers in [1, 32] {
        let before = ticks(process.id());
        let requests = load(port, callers).await;
        // A hundred ticks a second; unlike times, this hardly depends on what else the machine does.
        let each = (ticks(process.id()) - before) as f64 * 10_000.0 / requests as f64;
        eprintln!("{callers} callers: the agent takes {each:.0} us of CPU a request");
    }
    eprintln!("after load {}", memory(process.id()));
    process.kill().unwrap();
    process.wait().unwrap();
}

fn memory(id: u32) -> String {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let lines = status
        .lines()
        .filter(|line| line.starts_with("VmRSS") || line.starts_with("Threads"));
    lines.collect::<Vec<_>>().join(" ")
}

fn ticks(id: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let field = |place: usize| {
        fields
            .split_whitespace()
            .nth(place)
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    field(11) + field(12)
}

async fn load(port: u16, callers: usize) -> usize {
    let limit = Duration::from_secs(3);
    let mut tasks = JoinSet::new();
    for _ in 0..callers {
        tasks.spawn(async move {
            let mut io = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
            io.set_nodelay(true).unwrap();
            let (start, mut times) = (Instant::now(), Vec::new());
            while start.elapsed() < limit {
                let sent = Instant::now();
                io.write_all(b"POST /x HTTP/1.1\r\nHost: api\r\nContent-Length: 4\r\n\r\nbody")
                    .await
                    .unwrap();
                assert!(http::read(&mut io).await.unwrap().text().starts_with("laptop"));
                times.push(sent.elapsed());
            }
            times
        });
    }
    let mut times: Vec<Duration> = tasks.join_all().await.concat();
    times.sort();
    let per_second = times.len() as f64 / limit.as_secs_f64();
    eprintln!(
        "{callers} callers: {per_second:.0} requests a second, p50 {:?}, p99 {:?}",
        times[times.len() / 2],
        times[times.len() * 99 / 100]
    );
    times.len()
}
