//! Recorded requests from outside: a store that a test has filled, and the real program.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;

use intercept_engine::inspector;
use intercept_inspect::exchange::{
    Body, Exchange, ExchangeId, Header, Message, Moment, Outcome, Place as Whose, Protocol, Request,
    Response, Times,
};
use intercept_inspect::store::{Limits, Store};
use serde_json::Value;

use crate::rig::{Place, Run};

const SECRET: &str = "Bearer s3cret-t0ken";

/// Where the program keeps requests in this home.
fn folder(home: &Path) -> PathBuf {
    let data = if cfg!(target_os = "macos") {
        home.join("Library/Application Support")
    } else {
        home.join(".local/share")
    };
    data.join("intercept/requests")
}

fn header(name: &str, value: &str) -> Header {
    Header {
        name: name.into(),
        value: value.into(),
    }
}

fn exchange(id: u64, line: &str, status: u16, answer: &str) -> Exchange {
    let (method, target) = line.split_once(' ').expect("a method and a target");
    let is_post = method == "POST";
    let body = if is_post {
        r#"{"sku":42,"password":"hunter2"}"#
    } else {
        ""
    };
    Exchange {
        id: ExchangeId(id),
        place: Whose {
            context: "staging".into(),
            namespace: "shop".into(),
            service: "api".into(),
            port: 80,
            intercept: "0123456789abcdef".into(),
        },
        began: Moment(1_700_000_000_000_000 + i64::try_from(id).expect("a small number") * 1000),
        times: Times {
            connect: Some(200),
            sent: Some(1000),
            first_byte: Some(11_000),
            last_byte: Some(12_000),
            ..Times::default()
        },
        protocol: Protocol::Http11,
        source: None,
        request: Request {
            method: method.into(),
            target: target.into(),
            host: "api.shop".into(),
            message: Message {
                headers: vec![
                    header("Host", "api.shop"),
                    header("Authorization", SECRET),
                    header("Content-Type", "application/json"),
                ],
                body: Body::whole(body.into()),
                trailers: Vec::new(),
            },
        },
        response: Some(Response {
            status,
            reason: "Told".into(),
            interim: Vec::new(),
            message: Message {
                headers: vec![header("Content-Type", "application/json")],
                body: Body::whole(answer.into()),
                trailers: Vec::new(),
            },
        }),
        outcome: Outcome::Answered,
        tags: Default::default(),
    }
}

fn store(place: &Place) -> Store {
    inspector::open(&folder(place.path()), Limits::default()).expect("a store must be possible")
}

/// Three requests: one that is fine, one that failed, one that means harm.
fn filled() -> Place {
    let place = Place::new();
    let mut store = store(&place);
    let numbers = store.numbers(3).expect("numbers must be had");
    assert_eq!(numbers, 1..4);
    let exchanges = [
        exchange(1, "GET /cart?page=2&token=s3cret", 200, r#"{"items":[1,2]}"#),
        exchange(2, "POST /orders", 503, "{\"error\":\"no \u{1b}[31mstock\"}"),
        exchange(3, "GET /\u{1b}]0;owned\u{7}\nfake", 404, "{\"broken\": }"),
    ];
    store.put(&exchanges).expect("the store must be writable");
    place
}

fn json(run: &Run) -> Value {
    assert_eq!(run.code, 0, "{}", run.err);
    serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {}", run.out))
}

fn is_safe(text: &str) -> bool {
    text.chars().all(|c| c == '\n' || !c.is_control())
}

#[test]
fn requests_are_listed_newest_last_one_line_each_without_secrets() {
    let run = filled().run("requests");
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    let lines: Vec<&str> = run.out.lines().collect();
    assert_eq!(lines.len(), 4, "{}", run.out);
    for (line, words) in lines.iter().zip([
        ["ID", "METHOD", "PATH"],
        ["1", "GET", "/cart?page=2&token="],
        ["2", "POST", "503"],
        ["3", "404", "owned"],
    ]) {
        assert!(words.iter().all(|word| line.contains(word)), "{words:?}: {line}");
    }
    assert!(is_safe(&run.out) && !run.out.contains("s3cret"), "{:?}", run.out);
}

#[test]
fn a_machine_that_recorded_nothing_lists_nothing() {
    let place = Place::new();
    assert_eq!(place.run("requests").out, "No requests\n");
    assert_eq!(
        json(&place.run("requests -o json"))["requests"],
        Value::Array(Vec::new())
    );
}

#[test]
fn a_filter_chooses_also_with_a_dash_in_front() {
    let place = filled();
    for (line, ids) in [
        ("requests status:>=400 -path:/orders -o json", &[3][..]),
        ("requests -status:503 -o json", &[1, 3]),
        ("requests body:sku -o json", &[2]),
        ("requests --limit 1 -o json", &[3]),
        ("requests -n shop --context staging method:GET -o json", &[1, 3]),
        ("requests -n elsewhere -o json", &[]),
        ("requests -n elsewhere status:200 | status:503 -o json", &[]),
    ] {
        let found = json(&place.run(line));
        let found: Vec<u64> = found["requests"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|one| one["id"].as_u64())
            .collect();
        assert_eq!(found, ids, "{line}");
    }
}

#[test]
fn a_filter_that_is_not_understood_is_shown_where() {
    let run = filled().run("requests method:GET stauts:500");
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    assert!(
        run.err.contains("method:GET stauts:500") && run.err.contains("^^^") && run.err.contains("status"),
        "{}",
        run.err
    );
}

#[test]
fn a_request_is_shown_decoded_with_where_the_time_went_and_without_secrets() {
    let place = filled();
    let run = place.run("request 2");
    assert_eq!(run.code, 0, "{}", run.err);
    for words in [
        "POST /orders HTTP/1.1",
        "503",
        "\"sku\": 42",
        "connect 200 µs",
        "program 10 ms",
        "12 ms in all",
        "shop/api:80",
    ] {
        assert!(run.out.contains(words), "{words}: {}", run.out);
    }
    assert!(is_safe(&run.out), "{:?}", run.out);
    for secret in ["s3cret", "hunter2"] {
        assert!(!run.out.contains(secret), "{}", run.out);
    }
    assert!(run.out.contains("--reveal"), "{}", run.out);
    let revealed = place.run("request 2 --reveal").out;
    assert!(
        revealed.contains(SECRET) && revealed.contains("hunter2"),
        "{revealed}"
    );
    // Where JSON breaks is said.
    let broken = place.run("request 3").out;
    assert!(broken.contains("line 1, column"), "{broken}");
}

#[test]
fn a_request_is_a_document_for_programs() {
    let found = json(&filled().run("request 2 -o json"));
    assert_eq!(found["exchange"]["response"]["status"], 503);
    assert_eq!(found["bodies"]["request"]["content"]["kind"], "json");
    assert!(
        found["hidden"].as_array().is_some_and(|hidden| hidden.len() >= 2),
        "{found}"
    );
    assert!(!found.to_string().contains("hunter2"));
}

#[test]
fn bodies_and_raw_text_come_as_bytes_or_as_a_new_file() {
    let place = filled();
    let run = place.run("request 1 --body response");
    assert_eq!(run.out, r#"{"items":[1,2]}"#);
    let raw = place.run("request 1 --raw --reveal").out;
    assert!(
        raw.starts_with("GET /cart?page=2&token=s3cret HTTP/1.1\r\n"),
        "{raw}"
    );
    assert!(raw.contains("HTTP/1.1 200 Told\r\n"), "{raw}");
    let saved = place.run("request 1 --body response --save answer.json");
    assert_eq!((saved.code, saved.out.as_str()), (0, ""), "{}", saved.err);
    let written = std::fs::read_to_string(place.path().join("answer.json")).expect("it must be there");
    assert_eq!(written, r#"{"items":[1,2]}"#);
    let again = place.run("request 1 --body response --save answer.json");
    assert_eq!(again.code, 2);
    assert!(again.err.contains("not there yet"), "{}", again.err);
}

#[test]
fn requests_leave_as_har_without_secrets_and_come_back() {
    let place = filled();
    let har = place.run("requests --output har");
    assert_eq!(har.code, 0, "{}", har.err);
    assert!(!har.out.contains("s3cret") && !har.out.contains("hunter2"));
    let entries = json(&har)["log"]["entries"].as_array().map(Vec::len);
    assert_eq!(entries, Some(3));
    std::fs::write(place.path().join("all.har"), &har.out).expect("the folder must be writable");
    let imported = json(&place.run("import all.har -o json"));
    assert_eq!(
        (imported["imported"].as_u64(), imported["first"].as_u64()),
        (Some(3), Some(4))
    );
    let found = json(&place.run("requests is:imported -o json"));
    assert_eq!(found["requests"].as_array().map(Vec::len), Some(3));
    std::fs::write(place.path().join("not.har"), "{\"log\": 7").expect("the folder must be writable");
    let wrong = place.run("import not.har");
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("line 1"), "{}", wrong.err);
}

#[test]
fn a_request_leaves_as_a_command_of_curl() {
    let run = filled().run("request 2 -o curl --reveal");
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        run.out.starts_with("curl ") && run.out.contains("hunter2"),
        "{}",
        run.out
    );
    let list = filled().run("requests method:POST -o curl");
    assert!(
        list.out.starts_with("curl ") && !list.out.contains("hunter2"),
        "{}",
        list.out
    );
}

#[test]
fn what_is_pinned_stays_when_the_rest_is_forgotten() {
    let place = filled();
    assert_eq!(place.run("request pin 1 3").code, 0);
    assert_eq!(place.run("request unpin 3").code, 0);
    let unasked = place.run("request clear");
    assert_eq!(unasked.code, 2);
    assert!(unasked.err.contains("--yes"), "{}", unasked.err);
    assert_eq!(json(&place.run("request clear --yes -o json"))["deleted"], 2);
    let left = json(&place.run("requests is:pinned -o json"));
    assert_eq!(left["requests"][0]["id"], 1);
    assert_eq!(
        place.run("request delete 1 9").code,
        4,
        "one of them is not there"
    );
    assert_eq!(place.run("request delete 1").code, 0);
    assert_eq!(place.run("requests").out, "No requests\n");
}

#[test]
fn followers_see_what_other_processes_record() {
    let place = filled();
    let mut following = place
        .command("requests --follow --limit 1 -o json -path:/health")
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program must start");
    let mut lines = BufReader::new(following.stdout.take().expect("a pipe")).lines();
    let mut next = || -> Value {
        let line = lines
            .next()
            .expect("a line must come")
            .expect("a line must be text");
        serde_json::from_str(&line).expect("a line must be JSON")
    };
    assert_eq!(next()["id"], 3);
    let mut store = store(&place);
    let first = store.numbers(2).expect("numbers must be had").start;
    let new = [
        exchange(first, "GET /health", 200, ""),
        exchange(first + 1, "GET /new", 200, ""),
    ];
    store.put(&new).expect("the store must be writable");
    assert_eq!(next()["target"], "/new");
    let mut changed = new[1].clone();
    changed.outcome = Outcome::TimedOut;
    store.put(&[changed]).expect("the store must be writable");
    assert_eq!(next()["outcome"]["kind"], "timedOut");
    #[cfg(unix)]
    {
        let pid = i32::try_from(following.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        rustix::process::kill_process(pid.expect("a process id"), rustix::process::Signal::INT)
            .expect("an own child must take a signal");
        assert_eq!(following.wait().expect("it must end").code(), Some(0));
    }
    #[cfg(not(unix))]
    following.kill().expect("an own child must be killable");
}

/// Answers `count` requests with what they asked for, and gives back what came.
fn program(count: usize) -> (u16, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port must be free");
    let port = listener.local_addr().expect("it must have an address").port();
    let answering = thread::spawn(move || {
        let mut came = Vec::new();
        for _ in 0..count {
            let (mut stream, _) = listener.accept().expect("somebody must call");
            let (mut text, mut buffer) = (String::new(), [0; 4096]);
            while !text.contains("\r\n\r\n") || (text.starts_with("POST") && !text.ends_with('}')) {
                let read = stream.read(&mut buffer).expect("a request must come");
                text += &String::from_utf8_lossy(&buffer[..read]);
            }
            let answer = "HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nagain";
            stream
                .write_all(answer.as_bytes())
                .expect("it must take an answer");
            came.push(text);
        }
        came
    });
    (port, answering)
}

#[test]
fn a_request_is_sent_again_with_its_secrets_and_recorded() {
    let place = filled();
    let (port, answering) = program(1);
    let run = place.run(&format!("replay 1 --target {port}"));
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        run.out.contains("201 Created") && run.out.contains("replay of 1"),
        "{}",
        run.out
    );
    assert!(!run.out.contains("s3cret"), "{}", run.out);
    let came = answering.join().expect("the program must not fail");
    assert!(
        came[0].starts_with("GET /cart?page=2&token=s3cret HTTP/1.1\r\n"),
        "{came:?}"
    );
    assert!(came[0].contains(SECRET), "{came:?}");
    let recorded = json(&place.run("requests replayof:1 -o json"));
    assert_eq!(recorded["requests"][0]["status"], 201);
}

#[cfg(unix)]
#[test]
fn a_request_is_edited_before_it_is_sent_again() {
    let place = filled();
    let (port, answering) = program(1);
    let mut command = place.command(&format!("replay 1 --edit --target {port} -o json"));
    command
        .env("EDITOR", "sed -i -e s,/cart,/basket,")
        .env("PATH", std::env::var_os("PATH").unwrap_or_default());
    let replayed = json(&Run::of(command.output().expect("the program must start")));
    assert_eq!(replayed["replays"][0]["exchange"]["tags"]["edited"], true);
    let came = answering.join().expect("the program must not fail");
    assert!(came[0].starts_with("GET /basket?page=2"), "{came:?}");
    let mut command = place.command("replay 1 --edit --target 9");
    command
        .env("VISUAL", "sh -c 'echo nonsense > \"$1\"' sh")
        .env("PATH", std::env::var_os("PATH").unwrap_or_default());
    let wrong = Run::of(command.output().expect("the program must start"));
    assert_eq!(wrong.code, 2, "{}", wrong.err);
    assert!(
        wrong.err.contains("line 1") && wrong.err.contains("nonsense"),
        "{}",
        wrong.err
    );
}

#[test]
fn what_may_change_something_is_not_sent_unasked() {
    let place = filled();
    let run = place.run("replay 2 --target 9");
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    assert!(
        run.err.contains("POST /orders") && run.err.contains("--yes"),
        "{}",
        run.err
    );
    let (port, answering) = program(1);
    let agreed = place.run(&format!("replay 2 --yes --target {port}"));
    assert_eq!(agreed.code, 0, "{}", agreed.err);
    assert!(answering.join().expect("it must not fail")[0].contains("hunter2"));
}

#[test]
fn a_program_that_is_not_there_is_a_failure_that_is_recorded() {
    let place = filled();
    let run = place.run("replay 1 --target 127.0.0.1:1");
    assert_eq!(run.code, 5, "{}", run.err);
    let recorded = json(&place.run("requests is:failed -o json"));
    assert_eq!(recorded["requests"][0]["tags"]["replayOf"], 1);
    let nowhere = place.run("replay 1");
    assert_eq!(nowhere.code, 4, "{}", nowhere.err);
    assert!(nowhere.err.contains("--target"), "{}", nowhere.err);
}

#[test]
fn bad_input_is_named_with_what_would_be_accepted() {
    let place = filled();
    for (line, code, words) in [
        ("request x", 2, &["not the number of a request"][..]),
        ("request 99", 4, &["no request 99", "requests"]),
        ("request", 2, &["<ID>"]),
        ("request 1 --raw --body request", 2, &["cannot be used with"]),
        ("request 1 --save file", 2, &["--raw", "--body"]),
        ("request 1 --body both", 2, &["possible values"]),
        ("request pin", 2, &["<ID>"]),
        ("request pin 1 99", 4, &["no request 99"]),
        ("requests --folow", 2, &["--folow"]),
        ("requests --limit 0", 2, &["1..=1000000"]),
        ("requests --follow -o har", 2, &["--follow", "json"]),
        ("requests path:~[", 2, &["^"]),
        ("contexts -o har", 2, &["requests"]),
        ("request clear -o curl --yes", 2, &["text, json or yaml"]),
        ("replay 99", 4, &["no request 99"]),
        ("replay 1 --to moon", 2, &["possible values", "cluster"]),
        ("replay 1 --edit --target 9", 2, &["EDITOR"]),
        ("import missing.har", 2, &["missing.har"]),
        ("record heads", 4, &["No session of yours runs", "start"]),
        ("record heads api", 4, &["api"]),
        ("record loud", 2, &["possible values"]),
        ("why api", 4, &["api", "start"]),
        ("probe api", 4, &["api", "start"]),
        ("why", 2, &["<SERVICE>"]),
    ] {
        let run = place.run(line);
        assert_eq!(run.code, code, "`{line}`: {}{}", run.out, run.err);
        assert!(run.out.is_empty(), "`{line}` must print no result: {}", run.out);
        for word in words {
            assert!(run.err.contains(word), "`{line}` must say {word:?}: {}", run.err);
        }
    }
}

#[test]
fn a_store_that_is_none_is_set_aside_and_begun_anew() {
    let place = Place::new();
    std::fs::create_dir_all(folder(place.path())).expect("a folder must be possible");
    std::fs::write(
        folder(place.path()).join("exchanges.db"),
        "not a database, but long enough to be looked at",
    )
    .expect("a file must be possible");
    let run = place.run("requests");
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.err.contains("is now"), "{}", run.err);
}

#[test]
fn nothing_runs_so_nothing_is_recorded() {
    let run = Place::new().run("record");
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    assert_eq!(run.out, "No session of yours runs on this machine\n");
}
