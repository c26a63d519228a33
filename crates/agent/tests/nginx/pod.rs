//! The whole agent in this process, with a record in a folder and NGINX started as its container would.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use intercept_protocol::matching::{Mark, Match};
use intercept_protocol::record::Record;
use intercept_protocol::relay::{Answer, Hello, PROTOCOL_VERSION, read_preamble, write_preamble};
use intercept_protocol::relay::{Refusal, ToAgent, ToLaptop};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use crate::http;

use crate::matching::{header, settings};
use crate::rig::{
    Developer, Laptop, Program, RunningNginx, await_condition, free_port, record, start_origin,
    start_program, usable_nginx, who,
};

const MARK: &str = "X-Dev: a\r\n";

struct Pod {
    record: Record,
    run_dir: PathBuf,
    dir: TempDir,
    nginx: RunningNginx,
    stop_tx: oneshot::Sender<()>,
    agent: JoinHandle<()>,
}

impl Pod {
    async fn start(record: Record) -> Option<Self> {
        let (path, _) = usable_nginx().await?;
        let dir = tempfile::tempdir().unwrap();
        let settings = settings(&dir);
        let run_dir = settings.run_dir.clone();
        write(&dir, &record.to_json());
        let (stop_tx, stop_rx) = oneshot::channel::<()>();
        let agent = tokio::spawn(async move {
            let stop = async {
                let _ = stop_rx.await;
            };
            intercept_agent::run(settings, stop).await.unwrap();
        });
        let file = run_dir.join("nginx.conf");
        await_condition("the agent writes nginx.conf", || async { file.exists() }).await;
        let nginx = RunningNginx::start(&path, &run_dir);
        Some(Self {
            record,
            run_dir,
            dir,
            nginx,
            stop_tx,
            agent,
        })
    }

    fn port(&self) -> u16 {
        self.record.listeners[0].port
    }

    fn runs(&self, text: &str) -> bool {
        std::fs::read_to_string(self.run_dir.join("nginx.conf")).is_ok_and(|conf| conf.contains(text))
    }

    fn change(&mut self, change: impl FnOnce(&mut Record)) {
        change(&mut self.record);
        write(&self.dir, &self.record.to_json());
    }
}

/// As the kubelet does: all at once.
fn write(dir: &TempDir, text: &str) {
    let folder = dir.path().join("record");
    std::fs::write(folder.join("next"), text).unwrap();
    std::fs::rename(folder.join("next"), folder.join("record.json")).unwrap();
}

async fn with_one() -> (Record, Developer) {
    let mut record = record(start_origin().await);
    let developer = Developer::new();
    record
        .intercepts
        .push(developer.intercept(record.listeners[0].port, header("X-Dev", Some("a"))));
    (record, developer)
}

#[tokio::test]
async fn a_second_developer_joins_and_leaves_without_a_restart() {
    let (record, first) = with_one().await;
    let Some(mut pod) = Pod::start(record).await else {
        return;
    };
    let mut laptop = Laptop::connect(pod.record.relay_port, &first, "first", Program::Answers).await;
    laptop.is_ready(&pod.record.intercepts[0].id.clone()).await;
    assert_eq!(who(pod.port(), "POST /", MARK, "x").await, "first");

    let second = Developer::new();
    let joined = second.intercept(pod.port(), header("X-Dev", Some("b")));
    let id = joined.id.clone();
    let before = Instant::now();
    pod.change(|record| record.intercepts.push(joined));
    let mut other = Laptop::connect(pod.record.relay_port, &second, "second", Program::Answers).await;
    other.is_ready(&id).await;
    eprintln!("joined through the volume in {:?}", before.elapsed());
    assert_eq!(who(pod.port(), "POST /", "X-Dev: b\r\n", "x").await, "second");
    assert_eq!(who(pod.port(), "POST /", MARK, "x").await, "first");

    pod.change(|record| record.intercepts.retain(|one| one.id != id));
    other
        .hears(|message| match message {
            ToLaptop::Status(status) => (!status.routed.contains(&id)).then_some(()),
            _ => None,
        })
        .await;
    assert_eq!(who(pod.port(), "POST /", "X-Dev: b\r\n", "x").await, "origin");
}

#[tokio::test]
async fn a_probe_goes_all_the_way_and_only_to_the_laptop() {
    let (record, developer) = with_one().await;
    let Some(pod) = Pod::start(record).await else {
        return;
    };
    let id = pod.record.intercepts[0].id.clone();
    // The program being down does not matter to a probe.
    let mut laptop = Laptop::connect(pod.record.relay_port, &developer, "laptop", Program::Refuses).await;
    laptop.is_ready(&id).await;
    let probe = ToAgent::Probe {
        intercept: id.clone(),
        nonce: 42,
    };
    laptop.say_tx.send(probe).await.unwrap();
    let failure = laptop
        .hears(|message| match message {
            ToLaptop::Probed { nonce: 42, failure } => Some(failure),
            _ => None,
        })
        .await;
    assert_eq!(failure, None);
    assert_eq!(
        who(pod.port(), "GET /", &format!("{MARK}intercept-probe: 42\r\n"), "").await,
        "origin"
    );
}

#[tokio::test]
async fn a_record_that_is_no_good_changes_nothing_and_is_told() {
    let (record, developer) = with_one().await;
    let Some(mut pod) = Pod::start(record).await else {
        return;
    };
    let mut laptop = Laptop::connect(pod.record.relay_port, &developer, "laptop", Program::Answers).await;
    laptop.is_ready(&pod.record.intercepts[0].id.clone()).await;
    write(&pod.dir, "{ \"format\": 1, ");
    rejected(&mut laptop, true).await;
    assert_eq!(who(pod.port(), "POST /", MARK, "x").await, "laptop");
    // Two servers on one address: NGINX itself refuses this one.
    let health = pod.record.health_port;
    pod.change(|record| record.listeners.push(record.listeners[0].clone()));
    let words = rejected(&mut laptop, true).await.unwrap_or_default();
    assert!(words.contains("[emerg]"), "{words}");
    assert_eq!(who(pod.port(), "POST /", MARK, "x").await, "laptop");
    pod.change(|record| {
        record.listeners.pop();
        record.health_port = health;
    });
    rejected(&mut laptop, false).await;
}

async fn rejected(laptop: &mut Laptop, expected: bool) -> Option<String> {
    laptop
        .hears(|message| match message {
            ToLaptop::Status(status) if status.rejected.is_some() == expected => Some(status.rejected),
            _ => None,
        })
        .await
}

#[tokio::test]
async fn a_laptop_without_the_right_token_is_refused() {
    let (record, developer) = with_one().await;
    let Some(pod) = Pod::start(record).await else {
        return;
    };
    let port = pod.record.relay_port;
    await_condition("the relay listens", || async move {
        TcpStream::connect(("127.0.0.1", port)).await.is_ok()
    })
    .await;
    let mut io = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let hello = Hello {
        program: "test".into(),
        session: developer.session.clone(),
        token: Developer::new().token,
    };
    write_preamble(&mut io, &hello).await.unwrap();
    let answer: Answer = read_preamble(&mut io).await.unwrap();
    assert!(matches!(answer, Answer::Refused(Refusal::UnknownSession)));
}

#[tokio::test]
async fn a_silent_laptop_is_given_up() {
    let mut record = record(start_origin().await);
    let developer = Developer::new();
    record
        .intercepts
        .push(developer.intercept(record.listeners[0].port, Match::new(Mark::All)));
    let Some(pod) = Pod::start(record).await else {
        return;
    };
    let mut laptop = Laptop::connect(pod.record.relay_port, &developer, "laptop", Program::Hangs).await;
    laptop.is_ready(&pod.record.intercepts[0].id.clone()).await;
    laptop.falls_silent();
    let before = Instant::now();
    await_condition("the origin answers", || async {
        let asked = who(pod.port(), "POST /", "", "x");
        tokio::time::timeout(Duration::from_millis(200), asked)
            .await
            .is_ok_and(|who| who == "origin")
    })
    .await;
    assert!(
        before.elapsed() < Duration::from_secs(7),
        "{:?}",
        before.elapsed()
    );
}

#[tokio::test]
async fn a_drain_asks_callers_away_and_ends_nginx() {
    let (record, developer) = with_one().await;
    let Some(mut pod) = Pod::start(record).await else {
        return;
    };
    let mut laptop = Laptop::connect(pod.record.relay_port, &developer, "laptop", Program::Answers).await;
    laptop.is_ready(&pod.record.intercepts[0].id.clone()).await;
    pod.stop_tx.send(()).unwrap();
    laptop
        .hears(|message| matches!(message, ToLaptop::Draining).then_some(()))
        .await;
    let port = pod.record.listeners[0].port;
    let request = format!("GET / HTTP/1.1\r\nHost: api\r\n{MARK}\r\n");
    await_condition("answers say close", || async {
        let answer = crate::rig::ask(port, request.as_bytes()).await.unwrap();
        assert!(
            answer.text().starts_with("laptop|"),
            "the laptop must go on answering"
        );
        answer.header("connection") == Some("close")
    })
    .await;
    assert!(pod.nginx.has_ended().await, "NGINX must have quit");
    pod.agent.await.unwrap();
    assert!(pod.run_dir.join("drained").exists());
}

/// Asks on one connection until an answer says that it closes, or until `stop`; how many were asked and lost.
async fn keep_asking(port: u16, stop: Arc<AtomicBool>, pause: Duration) -> (usize, usize) {
    let mut io = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = b"POST /x HTTP/1.1\r\nHost: api\r\nContent-Length: 4\r\n\r\nbody";
    let (mut asked, mut lost) = (0, 0);
    while !stop.load(Ordering::Relaxed) {
        asked += 1;
        let answer = match io.write_all(request).await {
            Ok(()) => http::read(&mut io).await,
            Err(_) => None,
        };
        let closes = match answer {
            Some(answer) if answer.text().starts_with("origin|POST") => {
                answer.header("connection") == Some("close")
            }
            _ => {
                lost += 1;
                true
            }
        };
        if closes {
            io = match TcpStream::connect(("127.0.0.1", port)).await {
                Ok(io) => io,
                // Drained: by then the Service sends nobody here.
                Err(_) => break,
            };
        }
        tokio::time::sleep(pause).await;
    }
    (asked, lost)
}

fn start_callers(port: u16, stop: &Arc<AtomicBool>) -> JoinSet<(usize, usize)> {
    let pause = |index: usize| Duration::from_millis([0, 3, 40, 700][index % 4]);
    (0..32)
        .map(|index| keep_asking(port, stop.clone(), pause(index)))
        .collect()
}

async fn stop_callers(callers: JoinSet<(usize, usize)>, stop: &AtomicBool) {
    stop.store(true, Ordering::Relaxed);
    let all = callers.join_all().await;
    let (asked, lost) = all.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    eprintln!("{asked} POSTs, {lost} lost");
    assert_eq!(lost, 0, "of {asked}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kept_alive_callers_lose_nothing_while_others_join_and_leave() {
    let Some((_, binary)) = usable_nginx().await else {
        return;
    };
    if !binary.since(1, 27, 4) {
        eprintln!(
            "NOT RUN: {:?} cuts idle connections at each reload",
            binary.version
        );
        return;
    }
    let (record, _) = with_one().await;
    let Some(mut pod) = Pod::start(record).await else {
        return;
    };
    await_answer(pod.port()).await;
    let stop = Arc::default();
    let callers = start_callers(pod.port(), &stop);
    for round in 0..6 {
        let joined = Developer::new().intercept(pod.port(), header("X-Dev", Some(&round.to_string())));
        let id = joined.id.clone();
        pod.change(|record| record.intercepts.push(joined));
        await_condition("it is in the configuration", || async { pod.runs(id.as_str()) }).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    stop_callers(callers, &stop).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_loses_no_request() {
    let Some((_, binary)) = usable_nginx().await else {
        return;
    };
    if !binary.since(1, 27, 4) {
        eprintln!(
            "NOT RUN: {:?} cuts idle connections at each reload",
            binary.version
        );
        return;
    }
    let (record, _) = with_one().await;
    let Some(pod) = Pod::start(record).await else {
        return;
    };
    await_answer(pod.port()).await;
    let stop = Arc::default();
    let callers = start_callers(pod.port(), &stop);
    tokio::time::sleep(Duration::from_millis(500)).await;
    pod.stop_tx.send(()).unwrap();
    // Up to the moment in which NGINX quits; then nothing arrives here any more.
    tokio::time::sleep(Duration::from_millis(3500)).await;
    stop_callers(callers, &stop).await;
    pod.agent.await.unwrap();
}

async fn await_answer(port: u16) {
    await_condition("NGINX listens", || async move {
        TcpStream::connect(("127.0.0.1", port)).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn garbage_on_the_relay_port_harms_nobody() {
    let (record, developer) = with_one().await;
    let Some(pod) = Pod::start(record).await else {
        return;
    };
    let port = pod.record.relay_port;
    let mut laptop = Laptop::connect(port, &developer, "laptop", Program::Answers).await;
    laptop.is_ready(&pod.record.intercepts[0].id.clone()).await;
    let greeting = |version: u16, rest: &[u8]| [b"intercpt", &version.to_be_bytes()[..], rest].concat();
    let hello = Hello {
        program: "test".into(),
        session: developer.session.clone(),
        token: developer.token.clone(),
    };
    let mut welcome = Vec::new();
    write_preamble(&mut welcome, &hello).await.unwrap();
    let cases = [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        greeting(7, b"whatever"),
        greeting(PROTOCOL_VERSION, &u32::MAX.to_be_bytes()),
        greeting(PROTOCOL_VERSION, b"\x00\x00\x00\x02{]"),
        // Let in, and then not a word of what comes next.
        [welcome.as_slice(), &[0xff; 4096]].concat(),
        [welcome.as_slice(), &[0; 4096]].concat(),
    ];
    for bytes in cases {
        let mut io = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        io.write_all(&bytes).await.unwrap();
        io.shutdown().await.unwrap();
        let mut rest = Vec::new();
        let ended = tokio::io::AsyncReadExt::read_to_end(&mut io, &mut rest);
        let _ = tokio::time::timeout(Duration::from_secs(10), ended)
            .await
            .expect("it must end");
    }
    assert_eq!(who(pod.port(), "POST /", MARK, "x").await, "laptop");
}

#[tokio::test]
async fn a_port_whose_last_intercept_left_asks_its_callers_away() {
    let (record, _) = with_one().await;
    let Some(mut pod) = Pod::start(record).await else {
        return;
    };
    let port = pod.port();
    await_answer(port).await;
    let request = b"POST / HTTP/1.1\r\nHost: api\r\nContent-Length: 1\r\n\r\nx";
    let answer = crate::rig::ask(port, request).await.unwrap();
    assert_ne!(answer.header("connection"), Some("close"));
    pod.change(|record| record.intercepts.clear());
    await_condition("answers say close", || async {
        let answer = crate::rig::ask(port, request).await.unwrap();
        assert!(answer.text().starts_with("origin|"), "{}", answer.text());
        answer.header("connection") == Some("close")
    })
    .await;
}

async fn is_answered_by(port: u16, headers: &str, name: &str) {
    await_condition("the right one answers", || async {
        TcpStream::connect(("127.0.0.1", port)).await.is_ok()
            && who(port, "POST /", headers, "body").await == name
    })
    .await;
}

#[tokio::test]
async fn original_pods_answer_until_the_origin_service_does() {
    let mut record = record(free_port());
    let developer = Developer::new();
    let port = record.listeners[0].port;
    record
        .intercepts
        .push(developer.intercept(port, header("X-Dev", Some("a"))));
    record.listeners[0].direct = vec![([127, 0, 0, 1], start_program("pod", 0).await).into()];
    let service_port = record.listeners[0].service_port;
    let Some(pod) = Pod::start(record).await else {
        return;
    };
    let _laptop = Laptop::connect(pod.record.relay_port, &developer, "laptop", Program::Refuses).await;
    is_answered_by(port, "", "pod").await;
    is_answered_by(port, MARK, "pod").await;
    start_program("origin", service_port).await;
    is_answered_by(port, "", "origin").await;
    is_answered_by(port, MARK, "origin").await;
}

#[tokio::test]
async fn a_pod_that_starts_late_never_asks_original_pods_that_may_be_gone() {
    let mut record = record(start_origin().await);
    let gone = free_port();
    record.listeners[0].direct = vec![([127, 0, 0, 1], gone).into()];
    let developer = Developer::new();
    let port = record.listeners[0].port;
    record
        .intercepts
        .push(developer.intercept(port, header("X-Dev", Some("a"))));
    let Some(pod) = Pod::start(record).await else {
        return;
    };
    assert!(!pod.runs(&format!("127.0.0.1:{gone}")));
    is_answered_by(port, "", "origin").await;
}
