//! What happens to requests while gates open and shut, laptops die, and local programs are down.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use intercept_protocol::matching::{Mark, Match};
use intercept_protocol::relay::{ToAgent, ToLaptop};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::http;
use crate::matching::{Parts, header};
use crate::rig::{Developer, Laptop, Program, await_condition, record, start_origin, who};

const MARK: &str = "X-Dev: a\r\n";

async fn start(rule: Match) -> Option<(Parts, Developer, u16)> {
    let mut record = record(start_origin().await);
    let developer = Developer::new();
    record
        .intercepts
        .push(developer.intercept(record.listeners[0].port, rule));
    let parts = Parts::start(&record).await?;
    Some((parts, developer, record.relay_port))
}

#[tokio::test]
async fn without_a_laptop_the_origin_answers_also_post() {
    let Some((parts, developer, relay)) = start(header("X-Dev", Some("a"))).await else {
        return;
    };
    assert_eq!(who(parts.port, "POST /", MARK, "body").await, "origin");
    let laptop = Laptop::connect(relay, &developer, "laptop", Program::Answers).await;
    parts.gates_are_open(1).await;
    assert_eq!(who(parts.port, "POST /", MARK, "body").await, "laptop");
    drop(laptop);
    parts.gates_are_open(0).await;
    assert_eq!(who(parts.port, "POST /", MARK, "body").await, "origin");
}

#[tokio::test]
async fn a_local_program_that_is_down_leaves_every_request_to_the_origin() {
    let Some((parts, developer, relay)) = start(header("X-Dev", Some("a"))).await else {
        return;
    };
    let _laptop = Laptop::connect(relay, &developer, "laptop", Program::Refuses).await;
    parts.gates_are_open(1).await;
    for length in [0, 4, 100_000, 200_000] {
        let request = format!("POST / HTTP/1.1\r\nHost: api\r\n{MARK}Content-Length: {length}\r\n\r\n");
        let mut io = TcpStream::connect((Ipv4Addr::LOCALHOST, parts.port))
            .await
            .unwrap();
        io.write_all(request.as_bytes()).await.unwrap();
        io.write_all(&vec![b'x'; length]).await.unwrap();
        let answer = http::read(&mut io).await.unwrap();
        assert_eq!(answer.text(), format!("origin|POST / HTTP/1.1|{length}"));
    }
}

#[tokio::test]
async fn a_request_that_the_laptop_may_have_is_never_sent_twice() {
    let Some((parts, developer, relay)) = start(header("X-Dev", Some("a"))).await else {
        return;
    };
    let laptop = Laptop::connect(relay, &developer, "laptop", Program::Hangs).await;
    parts.gates_are_open(1).await;
    let port = parts.port;
    let asked = tokio::spawn(async move {
        crate::rig::ask(
            port,
            format!("GET / HTTP/1.1\r\nHost: api\r\n{MARK}\r\n").as_bytes(),
        )
        .await
    });
    sleep(Duration::from_millis(100)).await;
    drop(laptop);
    assert!(
        asked.await.unwrap().is_none(),
        "NGINX must close without an answer"
    );
}

#[tokio::test]
async fn the_newest_connection_of_a_session_gets_the_requests() {
    let Some((parts, developer, relay)) = start(header("X-Dev", Some("a"))).await else {
        return;
    };
    let _old = Laptop::connect(relay, &developer, "old", Program::Answers).await;
    let new = Laptop::connect(relay, &developer, "new", Program::Answers).await;
    assert_eq!(who(parts.port, "GET /", MARK, "").await, "new");
    drop(new);
    crate::rig::await_condition("the older one takes over", || async {
        who(parts.port, "GET /", MARK, "").await == "old"
    })
    .await;
}

/// Thirty-two callers, some kept alive, some fresh, while the gate opens and shuts some ninety times.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_post_is_lost_while_a_gate_opens_and_shuts() {
    let Some((parts, developer, relay)) = start(Match::new(Mark::All)).await else {
        return;
    };
    let _laptop = Laptop::connect(relay, &developer, "laptop", Program::Answers).await;
    parts.gates_are_open(1).await;
    let stop = Arc::new(AtomicBool::new(false));
    let by_origin = Arc::new(AtomicUsize::new(0));
    let mut callers = JoinSet::new();
    for index in 0..32 {
        let (stop, by_origin, port) = (stop.clone(), by_origin.clone(), parts.port);
        callers.spawn(async move { call(port, index % 2 == 0, &stop, &by_origin).await });
    }
    let with = parts.agent.record.borrow().clone();
    let mut without = with.as_deref().cloned().unwrap();
    without.intercepts.clear();
    let without = Arc::new(without);
    for _ in 0..45 {
        parts.agent.record.send_replace(Some(without.clone()));
        sleep(Duration::from_millis(40)).await;
        parts.agent.record.send_replace(with.clone());
        sleep(Duration::from_millis(40)).await;
    }
    stop.store(true, Ordering::Relaxed);
    let all = timeout(Duration::from_secs(20), callers.join_all())
        .await
        .expect("no caller may hang");
    let (sent, lost): (usize, usize) = all
        .into_iter()
        .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    let by_origin = by_origin.load(Ordering::Relaxed);
    eprintln!("{sent} POSTs, {by_origin} by the origin, {lost} lost");
    assert_eq!(lost, 0, "of {sent}");
    assert!(
        by_origin > 100 && sent - by_origin > 100,
        "both must have answered: {by_origin} of {sent}"
    );
}

async fn call(port: u16, keeps: bool, stop: &AtomicBool, by_origin: &AtomicUsize) -> (usize, usize) {
    let (mut sent, mut lost) = (0, 0);
    let mut kept: Option<TcpStream> = None;
    while !stop.load(Ordering::Relaxed) {
        let mut io = match kept.take() {
            Some(io) => io,
            None => TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap(),
        };
        let request = b"POST /x HTTP/1.1\r\nHost: api\r\nContent-Length: 4\r\n\r\nbody";
        sent += 1;
        let answer = match io.write_all(request).await {
            Ok(()) => http::read(&mut io).await,
            Err(_) => None,
        };
        match answer {
            Some(answer) if answer.text().starts_with("origin|POST") => {
                by_origin.fetch_add(1, Ordering::Relaxed);
            }
            Some(answer) if answer.text().starts_with("laptop|POST") => {}
            _ => lost += 1,
        }
        if keeps {
            kept = Some(io);
        }
    }
    (sent, lost)
}

/// Connections of NGINX to a laptop, while one caller after the other asks.
async fn streams_for(parts: &Parts, laptop: &Laptop, count: usize, request: &str) -> usize {
    let before = laptop.streams();
    let mut io = TcpStream::connect((Ipv4Addr::LOCALHOST, parts.port))
        .await
        .unwrap();
    for _ in 0..count {
        io.write_all(request.as_bytes()).await.unwrap();
        let answer = http::read(&mut io).await.unwrap();
        assert!(answer.text().starts_with("laptop|"), "{}", answer.text());
    }
    laptop.streams() - before
}

#[tokio::test]
async fn requests_share_one_stream_to_the_laptop() {
    let Some((parts, developer, relay)) = start(header("X-Dev", Some("a"))).await else {
        return;
    };
    let laptop = Laptop::connect(relay, &developer, "laptop", Program::Answers).await;
    parts.gates_are_open(1).await;
    let get = format!("GET / HTTP/1.1\r\nHost: api\r\n{MARK}\r\n");
    let post = format!("POST / HTTP/1.1\r\nHost: api\r\n{MARK}Content-Length: 4\r\n\r\nbody");
    let chunked = format!(
        "POST / HTTP/1.1\r\nHost: api\r\n{MARK}Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"
    );
    assert_eq!(streams_for(&parts, &laptop, 20, &get).await, 1);
    for request in [post, chunked] {
        assert_eq!(streams_for(&parts, &laptop, 20, &request).await, 0);
    }
}

#[tokio::test]
async fn the_answer_to_a_goodbye_names_every_stream_and_no_other_follows() {
    let Some((parts, developer, relay)) = start(header("X-Dev", Some("a"))).await else {
        return;
    };
    let mut laptop = Laptop::connect(relay, &developer, "laptop", Program::Refuses).await;
    parts.gates_are_open(1).await;
    let ask = || who(parts.port, "POST /", MARK, "body");
    for _ in 0..3 {
        assert_eq!(ask().await, "origin");
    }
    laptop.say_tx.send(ToAgent::Goodbye).await.unwrap();
    let named = laptop
        .hears(|message| match message {
            ToLaptop::Goodbye { streams } => Some(streams),
            _ => None,
        })
        .await;
    assert_eq!(ask().await, "origin");
    assert_eq!((named, laptop.streams()), (3, 3));
    // What is in flight needs the connection for longer.
    laptop
        .say_tx
        .send(ToAgent::Ping { sequence: u64::MAX })
        .await
        .unwrap();
    laptop
        .hears(|message| {
            matches!(
                message,
                ToLaptop::Pong {
                    sequence: u64::MAX,
                    ..
                }
            )
            .then_some(())
        })
        .await;
}

#[tokio::test]
async fn a_kept_connection_asks_the_origin_once_its_laptop_is_gone_and_the_next_laptop_again() {
    let Some((parts, developer, relay)) = start(header("X-Dev", Some("a"))).await else {
        return;
    };
    for _ in 0..3 {
        let laptop = Laptop::connect(relay, &developer, "laptop", Program::Answers).await;
        parts.gates_are_open(1).await;
        assert_eq!(who_kept(parts.port).await, ["laptop"; 3]);
        drop(laptop);
        parts.gates_are_open(0).await;
        assert_eq!(who_kept(parts.port).await, ["origin"; 3]);
    }
}

/// What a program that closes its connection while the next request is on its way must not cost.
#[tokio::test]
async fn a_program_that_closes_between_requests_loses_no_post() {
    let Some((parts, developer, relay)) = start(header("X-Dev", Some("a"))).await else {
        return;
    };
    let laptop = Laptop::connect(relay, &developer, "laptop", Program::AnswersOnce).await;
    parts.gates_are_open(1).await;
    for _ in 0..5 {
        assert_eq!(who_kept(parts.port).await, ["laptop"; 3]);
    }
    assert!(laptop.streams() >= 15, "{}", laptop.streams());
}

#[tokio::test]
async fn a_program_that_dies_between_requests_leaves_the_next_post_to_the_origin() {
    let Some((parts, developer, relay)) = start(header("X-Dev", Some("a"))).await else {
        return;
    };
    let _laptop = Laptop::connect(relay, &developer, "laptop", Program::DiesAfterOne).await;
    parts.gates_are_open(1).await;
    assert_eq!(who_kept(parts.port).await, ["laptop", "origin", "origin"]);
    assert_eq!(who_kept(parts.port).await, ["origin"; 3]);
}

#[tokio::test]
async fn an_answer_before_the_end_of_its_request_costs_no_other_request() {
    // The last lengths are more than a stream takes unread: one that NGINX can still hand out, and one that it cannot.
    for (program, lengths) in [
        (Program::AnswersEarly, [1, 100_000, 200_000, 300_000]),
        (Program::AnswersHeads, [450_000, 440_000, 2_000_000, 430_000]),
    ] {
        let Some((parts, developer, relay)) = start(header("X-Dev", Some("a"))).await else {
            return;
        };
        let _laptop = Laptop::connect(relay, &developer, "laptop", program).await;
        parts.gates_are_open(1).await;
        // One by one, so that all could use the same connection of NGINX.
        for length in lengths.into_iter().cycle().take(12) {
            let answered = who(parts.port, "POST /", MARK, &"x".repeat(length)).await;
            assert_eq!(answered, "laptop", "{program:?} with {length}");
        }
    }
}

#[tokio::test]
async fn a_caller_who_leaves_before_the_answer_leaves_nothing_at_the_laptop() {
    let Some((parts, developer, relay)) = start(header("X-Dev", Some("a"))).await else {
        return;
    };
    let laptop = Laptop::connect(relay, &developer, "laptop", Program::Ponders).await;
    parts.gates_are_open(1).await;
    let request = format!("POST / HTTP/1.1\r\nHost: api\r\n{MARK}Content-Length: 4\r\n\r\nbody");
    let mut io = TcpStream::connect((Ipv4Addr::LOCALHOST, parts.port))
        .await
        .unwrap();
    io.write_all(request.as_bytes()).await.unwrap();
    await_condition("the laptop has the request", || async { laptop.streams() == 1 }).await;
    drop(io);
    await_condition("its stream ends", || async { laptop.ended() == 1 }).await;
}

#[tokio::test]
async fn a_laptop_that_notices_no_streams_leaves_further_requests_to_the_origin() {
    let Some((parts, developer, relay)) = start(header("X-Dev", Some("a"))).await else {
        return;
    };
    let laptop = Laptop::connect(relay, &developer, "laptop", Program::Hangs).await;
    parts.gates_are_open(1).await;
    let request = format!("POST / HTTP/1.1\r\nHost: api\r\n{MARK}Content-Length: 4\r\n\r\nbody");
    let mut waiting = Vec::new();
    // As many streams as may be open without a word of the laptop.
    for _ in 0..256 {
        let mut io = TcpStream::connect((Ipv4Addr::LOCALHOST, parts.port))
            .await
            .unwrap();
        io.write_all(request.as_bytes()).await.unwrap();
        waiting.push(io);
    }
    await_condition("the laptop was given them", || async { laptop.streams() >= 255 }).await;
    assert_eq!(who(parts.port, "POST /", MARK, "body").await, "origin");
}

#[tokio::test]
async fn a_kept_connection_does_not_ask_the_origin_by_a_new_one_each_time() {
    let origin = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let mut record = record(origin.local_addr().unwrap().port());
    let connections = Arc::new(AtomicUsize::new(0));
    let count = connections.clone();
    tokio::spawn(async move {
        while let Ok((io, _)) = origin.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(http::answer(io, "origin"));
        }
    });
    let developer = Developer::new();
    let intercept = developer.intercept(record.listeners[0].port, header("X-Dev", Some("a")));
    record.intercepts.push(intercept);
    let Some(parts) = Parts::start(&record).await else {
        return;
    };
    let laptop = Laptop::connect(record.relay_port, &developer, "laptop", Program::Refuses).await;
    parts.gates_are_open(1).await;
    for _ in 0..50 {
        assert_eq!(who(parts.port, "POST /", MARK, "body").await, "origin");
    }
    drop(laptop);
    let found = connections.load(Ordering::Relaxed);
    assert!(found <= 3, "{found} connections for 50 requests");
}

/// Three POSTs by a caller who keeps his connection, as fast as they are answered.
async fn who_kept(port: u16) -> [String; 3] {
    let mut io = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    let request = format!("POST / HTTP/1.1\r\nHost: api\r\n{MARK}Content-Length: 4\r\n\r\nbody");
    let mut found = [const { String::new() }; 3];
    for one in &mut found {
        io.write_all(request.as_bytes()).await.unwrap();
        let answer = http::read(&mut io).await.unwrap();
        *one = answer.text().split('|').next().unwrap_or_default().to_owned();
    }
    found
}
