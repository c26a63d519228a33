//! What the agent says of requests, against what the real NGINX did with them.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use intercept_agent::nginx::render::gate_file;
use intercept_protocol::ids::InterceptId;
use intercept_protocol::matching::{Mark, Match};
use intercept_protocol::record::{Intercept, Record};
use intercept_protocol::relay::{ToAgent, ToLaptop, TraceStep};
use intercept_protocol::traffic::{Asked, Counts, Fate, Miss, Report, Row};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::matching::{Parts, baggage, below, header, start, with_method};
use crate::rig::{Developer, Laptop, Program, record, start_origin, who};

/// Reports until `done`, put together.
async fn told(laptop: &mut Laptop, mut done: impl FnMut(&Told) -> bool) -> Told {
    let mut all = Told::default();
    laptop
        .hears(|message| {
            if let ToLaptop::Traffic(report) = message {
                all.add(report);
            }
            done(&all).then_some(())
        })
        .await;
    all
}

#[derive(Debug, Default)]
struct Told {
    last: Report,
    rows: Vec<Row>,
}

impl Told {
    fn add(&mut self, report: Report) {
        self.rows.extend(report.rows.iter().cloned());
        self.last = report;
    }

    fn counts(&self) -> Option<&Counts> {
        self.last.intercepts.first()
    }

    fn missed(&self, miss: Miss) -> u64 {
        self.counts().map_or(0, |counts| counts.missed[miss as usize])
    }
}

async fn watched(record: &Record, developer: &Developer, program: Program) -> Option<(Parts, Laptop)> {
    let parts = Parts::start(record).await?;
    let laptop = Laptop::connect(record.relay_port, developer, "laptop", program).await;
    parts.gates_are_open(1).await;
    watch(&parts, &laptop).await;
    Some((parts, laptop))
}

/// Asks for reports, and waits until the agent does more than drop lines.
async fn watch(parts: &Parts, laptop: &Laptop) {
    let watch = ToAgent::Watch { traffic: true };
    laptop.say_tx.send(watch).await.unwrap();
    crate::rig::await_condition("the agent watches", || async { parts.agent.traffic.is_watched() }).await;
}

fn with_rule(origin: u16, rule: Match) -> (Record, Developer) {
    let mut record = record(origin);
    let developer = Developer::new();
    record
        .intercepts
        .push(developer.intercept(record.listeners[0].port, rule));
    (record, developer)
}

#[tokio::test]
async fn every_request_that_did_not_arrive_has_its_reason() {
    let rule = with_method(below(header("X-Dev", Some("a")), "/v1"), "POST");
    let (record, developer) = with_rule(start_origin().await, rule);
    let Some((parts, mut laptop)) = watched(&record, &developer, Program::Answers).await else {
        return;
    };
    let hostile = "\"],[\"x\\u0000 é {\"; $host '";
    let long = "z".repeat(500);
    for (line, headers) in [
        ("POST /v1/x?y=1", "X-Dev: a\r\n".to_owned()),
        ("POST /v1", String::new()),
        ("POST /v1", format!("X-Dev: {hostile}\r\n")),
        ("POST /v1", format!("X-Dev: {long}\r\n")),
        ("POST /v2", "x-dev: a\r\n".to_owned()),
        ("DELETE /v1", "X-Dev: a\r\n".to_owned()),
    ] {
        who(parts.port, line, &headers, "four").await;
    }
    let all = told(&mut laptop, |all| all.last.requests >= 6).await;
    assert_eq!(all.counts().unwrap().matched, 1);
    assert_eq!(all.counts().unwrap().missed, [1, 2, 1, 1, 0]);
    let of = |why: Miss| -> Vec<&Row> {
        let is_it = |row: &&Row| matches!(&row.fate, Fate::Missed { why: one, .. } if *one == why);
        all.rows.iter().filter(is_it).collect()
    };
    let found: Vec<String> = of(Miss::OtherValue)
        .iter()
        .map(|row| match &row.fate {
            Fate::Missed { found, .. } => found.clone(),
            _ => String::new(),
        })
        .collect();
    assert_eq!(found, [hostile.to_owned(), "z".repeat(64)]);
    assert_eq!(of(Miss::OtherMethod)[0].method, "DELETE");
    assert_eq!(of(Miss::OtherPath)[0].uri, "/v2");
    let got = all.rows.iter().find(|row| row.fate == Fate::Matched).unwrap();
    assert_eq!((got.method.as_str(), got.uri.as_str()), ("POST", "/v1/x?y=1"));
    assert_eq!((got.status, got.address.as_str()), (200, "127.0.0.1"));
    assert!(got.sent > 4 && got.received > 0 && got.ended > 1_700_000_000_000_000);
}

#[tokio::test]
async fn what_the_laptop_refused_fell_back() {
    let (record, developer) = with_rule(start_origin().await, header("X-Dev", Some("a")));
    let Some((parts, mut laptop)) = watched(&record, &developer, Program::Refuses).await else {
        return;
    };
    assert_eq!(
        who(parts.port, "POST /refused", "X-Dev: a\r\n", "x").await,
        "origin"
    );
    let all = told(&mut laptop, |all| {
        all.counts().is_some_and(|one| one.matched == 1)
    })
    .await;
    assert_eq!(all.counts().unwrap().fell_back, 1);
    assert_eq!(all.rows[0].fate, Fate::FellBack);
}

#[tokio::test]
async fn what_met_a_shut_gate_fell_back() {
    let (record, developer) = with_rule(start_origin().await, header("X-Dev", Some("a")));
    let Some((parts, mut laptop)) = watched(&record, &developer, Program::Answers).await else {
        return;
    };
    let id = &record.intercepts[0].id;
    std::fs::remove_file(gate_file(&parts.agent.settings.run_dir, id)).unwrap();
    assert_eq!(who(parts.port, "POST /shut", "X-Dev: a\r\n", "x").await, "origin");
    let all = told(&mut laptop, |all| {
        all.counts().is_some_and(|one| one.matched == 1)
    })
    .await;
    assert_eq!(all.counts().unwrap().fell_back, 1);
    assert_eq!(
        (&all.rows[0].fate, all.rows[0].uri.as_str()),
        (&Fate::FellBack, "/shut")
    );
}

#[tokio::test]
async fn a_laptop_learns_of_its_own_rule_only() {
    let (mut record, mine) = with_rule(start_origin().await, header("X-Dev", Some("a")));
    let other = Developer::new();
    record
        .intercepts
        .push(other.intercept(record.listeners[0].port, header("X-Secret", Some("b"))));
    let Some(parts) = Parts::start(&record).await else {
        return;
    };
    let mut laptop = Laptop::connect(record.relay_port, &mine, "laptop", Program::Answers).await;
    watch(&parts, &laptop).await;
    who(parts.port, "GET /", "X-Secret: hush\r\n", "").await;
    let all = told(&mut laptop, |all| all.last.requests > 0).await;
    assert_eq!(all.last.intercepts.len(), 1);
    assert_eq!(all.missed(Miss::Absent), 1);
    assert!(!format!("{all:?}").contains("hush"), "{all:?}");
}

#[tokio::test]
async fn nobody_is_told_who_did_not_ask() {
    let (record, developer) = with_rule(start_origin().await, header("X-Dev", Some("a")));
    let Some(parts) = Parts::start(&record).await else {
        return;
    };
    let mut laptop = Laptop::connect(record.relay_port, &developer, "laptop", Program::Answers).await;
    parts.gates_are_open(1).await;
    who(parts.port, "GET /", "X-Dev: a\r\n", "").await;
    let mut pongs = 0;
    laptop
        .hears(|message| {
            assert!(!matches!(message, ToLaptop::Traffic(_)), "{message:?}");
            pongs += u32::from(matches!(message, ToLaptop::Pong { at: 1.., .. }));
            (pongs == 3).then_some(())
        })
        .await;
}

const REQUESTS: u64 = 3000;

#[tokio::test]
async fn under_load_rows_are_few_and_the_relay_answers_its_pings() {
    let (record, developer) = with_rule(start_origin().await, header("X-Dev", Some("a")));
    let Some((parts, mut laptop)) = watched(&record, &developer, Program::Answers).await else {
        return;
    };
    let mut io = TcpStream::connect(("127.0.0.1", parts.port)).await.unwrap();
    for _ in 0..REQUESTS {
        io.write_all(b"GET /many HTTP/1.1\r\nHost: api\r\n\r\n")
            .await
            .unwrap();
        crate::http::read(&mut io).await.unwrap();
    }
    who(parts.port, "GET /last", "X-Dev: a\r\n", "").await;
    // The intercept's own requests have room of their own.
    let all = told(&mut laptop, |all| {
        all.counts().is_some_and(|one| one.matched == 1)
    })
    .await;
    assert!(all.rows.len() < 200, "{} rows", all.rows.len());
    let known = all.missed(Miss::Absent);
    assert!((500..=REQUESTS).contains(&known), "{known}");
    laptop
        .hears(|message| matches!(message, ToLaptop::Pong { .. }).then_some(()))
        .await;
}

fn rules() -> Vec<Match> {
    vec![
        header("X-Dev", Some("a")),
        header("X-Any", None),
        baggage("dev", Some("b c%41")),
        baggage("any", None),
        below(header("X-Dev", Some("q")), "/cart"),
        with_method(below(Match::new(Mark::All), "/all/"), "PUT"),
    ]
}

fn some_request() -> impl Strategy<Value = (String, String, BTreeMap<String, String>)> {
    let method = prop::sample::select(vec!["GET", "PUT", "DELETE"]);
    let path = prop::sample::select(vec![
        "/", "/cart", "/cart/1", "/cart?x", "/cartoon", "/%63art", "/all", "/all/", "/all/x?y", "//cart",
    ]);
    let value = prop::sample::select(vec![
        "", "a", "A", "a ", "q", "aa", "a, a", "\"a\"", "é", "\\a", "a\tb",
    ]);
    let member =
        "(dev|any|xdev|DEV)( ?= ?)(b c%2541|b%20c%2541|b%20c%41|%62%20%63%25%34%31|b%20c|1|)( ;p=1|;|)";
    let baggage = prop::collection::vec(member.prop_map(|text: String| text), 0..4);
    let header = (prop::option::of(value.clone()), prop::option::of(value), baggage);
    (method, path, header).prop_map(|(method, path, (dev, any, baggage))| {
        let mut headers = BTreeMap::new();
        headers.extend(dev.map(|value| ("x-dev".to_owned(), value.to_owned())));
        headers.extend(any.map(|value| ("X_Any".to_owned(), value.to_owned())));
        if !baggage.is_empty() {
            headers.insert("baggage".to_owned(), baggage.join(" ,"));
        }
        (method.to_owned(), path.to_owned(), headers)
    })
}

/// Who gets it, by the judgement alone.
fn judged(
    order: &[&Intercept],
    names: &[Match],
    request: &(String, String, BTreeMap<String, String>),
) -> String {
    let (method, uri, headers) = request;
    let header = |name: &str| {
        let is_it = |key: &str| key.to_ascii_lowercase().replace('-', "_") == name;
        let found = headers.iter().find(|(key, _)| is_it(key));
        // As a server reads it.
        found.map_or("", |(_, value)| value.trim_matches([' ', '\t']))
    };
    let asked = Asked {
        method,
        uri,
        header: &header,
    };
    let first = order.iter().find(|one| one.rule.judge(&asked).is_ok());
    let place = first.and_then(|one| names.iter().position(|rule| *rule == one.rule));
    place.map_or("origin".to_owned(), |place| place.to_string())
}

#[tokio::test]
async fn the_judgement_is_what_nginx_does() {
    let Some((parts, _laptops)) = start(rules()).await else {
        return;
    };
    let record = parts.agent.record.borrow().clone().unwrap();
    let order = record.by_precedence(parts.port);
    let mut runner = TestRunner::deterministic();
    for _ in 0..400 {
        let request = some_request().new_tree(&mut runner).unwrap().current();
        let (method, uri, headers) = &request;
        let lines: String = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let found = who(parts.port, &format!("{method} {uri}"), &lines, "").await;
        assert_eq!(found, judged(&order, &rules(), &request), "{request:?}");
    }
}

/// What the agent says of a request that is sent to `to`.
async fn traced(laptop: &mut Laptop, id: &InterceptId, to: SocketAddr) -> Vec<TraceStep> {
    let trace = |to| ToAgent::Trace {
        intercept: id.clone(),
        nonce: 42,
        to,
    };
    laptop.say_tx.send(trace(None)).await.unwrap();
    let mut steps = Vec::new();
    let next = |message| match message {
        ToLaptop::Traced { nonce: 42, step } => Some(step),
        _ => None,
    };
    assert_eq!(laptop.hears(next).await, TraceStep::Expected);
    laptop.say_tx.send(trace(Some(to))).await.unwrap();
    // The line of NGINX may come before the answer or after it.
    while !matches!(
        steps.last(),
        Some(TraceStep::NotSent { .. } | TraceStep::NotConnected { .. })
    ) {
        steps.push(laptop.hears(next).await);
        let is_answered = steps
            .iter()
            .any(|step| matches!(step, TraceStep::Answered { .. }));
        let is_passed = steps.iter().any(|step| matches!(step, TraceStep::Passed { .. }));
        if is_answered && (is_passed || to.port() == 0) {
            break;
        }
    }
    steps
}

fn at_nginx(parts: &Parts) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], parts.port))
}

#[tokio::test]
async fn a_trace_that_arrives_is_seen_at_every_place_and_is_no_request() {
    let (record, developer) = with_rule(start_origin().await, header("X-Dev", Some("a")));
    let Some((parts, mut laptop)) = watched(&record, &developer, Program::Refuses).await else {
        return;
    };
    let id = record.intercepts[0].id.clone();
    let steps = traced(&mut laptop, &id, at_nginx(&parts)).await;
    assert_eq!(steps[0], TraceStep::Connected, "{steps:?}");
    let has = |wanted: &dyn Fn(&TraceStep) -> bool| assert!(steps.iter().any(wanted), "{steps:?}");
    has(&|step| *step == TraceStep::AtGate);
    has(&|step| *step == TraceStep::Delivered);
    has(&|step| matches!(step, TraceStep::Passed { matched: Some(one), fell_back: false, .. } if *one == id));
    who(parts.port, "GET /real", "", "").await;
    let all = told(&mut laptop, |all| all.last.requests > 0).await;
    assert_eq!((all.last.requests, all.counts().unwrap().matched), (1, 0));
}

#[tokio::test]
async fn a_trace_says_that_the_gate_is_shut() {
    let (record, developer) = with_rule(start_origin().await, header("X-Dev", Some("a")));
    let Some((parts, mut laptop)) = watched(&record, &developer, Program::Answers).await else {
        return;
    };
    let id = record.intercepts[0].id.clone();
    std::fs::remove_file(gate_file(&parts.agent.settings.run_dir, &id)).unwrap();
    let steps = traced(&mut laptop, &id, at_nginx(&parts)).await;
    let is_fallen = |step: &TraceStep| matches!(step, TraceStep::Passed { matched: Some(one), fell_back: true, .. } if *one == id);
    assert!(steps.iter().any(is_fallen), "{steps:?}");
    assert!(!steps.contains(&TraceStep::AtGate), "{steps:?}");
}

#[tokio::test]
async fn a_trace_that_meets_an_original_pod_is_seen_nowhere() {
    let (record, developer) = with_rule(start_origin().await, header("X-Dev", Some("a")));
    let Some((_parts, mut laptop)) = watched(&record, &developer, Program::Answers).await else {
        return;
    };
    let id = record.intercepts[0].id.clone();
    // The Service's own port is the origin's here: as if the selector had been put back.
    let steps = traced(&mut laptop, &id, ([127, 0, 0, 1], 0).into()).await;
    let answer = TraceStep::Answered {
        line: "HTTP/1.1 200 OK".into(),
        by_laptop: false,
    };
    assert_eq!(steps, [TraceStep::Connected, answer]);
}

#[tokio::test]
async fn a_trace_that_could_change_something_is_not_sent() {
    let rule = with_method(header("X-Dev", Some("a")), "POST");
    let (record, developer) = with_rule(start_origin().await, rule);
    let Some((parts, mut laptop)) = watched(&record, &developer, Program::Answers).await else {
        return;
    };
    let id = record.intercepts[0].id.clone();
    let steps = traced(&mut laptop, &id, at_nginx(&parts)).await;
    assert!(
        matches!(steps.as_slice(), [TraceStep::NotSent { .. }]),
        "{steps:?}"
    );
}
