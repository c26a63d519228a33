//! Nothing a person can type gets out of its place in the configuration.

use std::process::Command;

use intercept_agent::nginx::{Binary, Mode, render};
use intercept_protocol::matching::{BaggageKey, HeaderName, Mark, Match, Method, PathPrefix, Value};
use intercept_protocol::record::{Listener, PortProtocol, Record};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::rig::{Developer, place, record, usable_nginx};

/// Characters that mean something to NGINX, to PCRE or to both, and some that mean nothing to either.
fn text() -> impl Strategy<Value = String> {
    let nasty = prop::sample::select(vec![
        "\"",
        "'",
        "\\",
        "$",
        "{",
        "}",
        ";",
        "#",
        "~",
        "*",
        "^",
        "(",
        ")",
        "[",
        "]",
        "|",
        "?",
        "+",
        ".",
        " ",
        "%",
        "%2",
        "%25",
        "\\x",
        "\\Q",
        "\\E",
        "$http_host",
        "}\n",
        "é",
        "\u{202e}",
        "\u{10ffff}",
        "a",
        "(?i)",
        "default",
        "include /etc/passwd;",
        "\\\\\"; } }",
        "\t",
        ",",
        "=",
    ]);
    prop::collection::vec(nasty, 1..40).prop_map(|parts| parts.concat().trim().to_owned())
}

fn rules() -> impl Strategy<Value = Vec<Match>> {
    let mark = prop_oneof![
        (text(), "[A-Za-z0-9_-]{1,128}").prop_filter_map("a value", |(value, name)| {
            Some(Mark::Header {
                name: HeaderName::new(name).ok()?,
                value: Some(Value::new(value).ok()?),
            })
        }),
        (text(), "[a-z!#$%&'*+.^_`|~-]{1,20}").prop_filter_map("a member", |(value, key)| {
            Some(Mark::Baggage {
                key: BaggageKey::new(key).ok()?,
                value: Some(Value::new(value).ok()?),
            })
        }),
        Just(Mark::All),
    ];
    let path = prop::option::of(text().prop_filter_map("a path", |path| {
        let bare: String = path
            .chars()
            .filter(|c| !c.is_whitespace() && !c.is_control() && *c != '?' && *c != '#')
            .collect();
        PathPrefix::new(format!("/{bare}")).ok()
    }));
    let methods =
        prop::collection::btree_set("[A-Z_-]{1,32}".prop_map(|text| Method::new(text).unwrap()), 0..3);
    let rule = (mark, path, methods).prop_map(|(mark, path_prefix, methods)| Match {
        mark,
        path_prefix,
        methods,
    });
    prop::collection::vec(rule, 1..5)
}

fn record_of(rules: Vec<Match>) -> Record {
    let mut record = record(1);
    record.forwarded_headers = true;
    record.listeners.push(Listener {
        port: crate::rig::free_port(),
        service_port: 2,
        protocol: PortProtocol::Http,
        direct: Vec::new(),
    });
    let port = record.listeners[0].port;
    let developer = Developer::new();
    record.intercepts = rules
        .into_iter()
        .map(|rule| developer.intercept(port, rule))
        .collect();
    record
}

/// Whether NGINX takes the configuration of `record`, with its words if not.
fn check(nginx: &std::path::Path, binary: &Binary, record: &Record) -> Result<(), String> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("nginx.conf");
    let text = render(record, binary, &place(dir.path()), Mode::Serving)
        .unwrap()
        .text;
    std::fs::write(&file, &text).unwrap();
    let output = Command::new(nginx)
        .args(["-t", "-q", "-c"])
        .arg(&file)
        .output()
        .unwrap();
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{}\n{text}", String::from_utf8_lossy(&output.stderr)))
}

#[tokio::test]
async fn nginx_takes_whatever_a_person_may_type() {
    let Some((path, binary)) = usable_nginx().await else {
        return;
    };
    let mut runner = TestRunner::new(Config::with_cases(100));
    runner
        .run(&rules(), |rules| {
            let record = record_of(rules);
            prop_assert_eq!(check(&path, &binary, &record), Ok(()));
            Ok(())
        })
        .unwrap();
}

#[tokio::test]
async fn the_longest_values_fit() {
    let Some((path, binary)) = usable_nginx().await else {
        return;
    };
    for unit in ["\\", "é", "\"", "a", "%", "$"] {
        let long = unit.repeat(1024 / unit.len());
        let marks = [
            Mark::Header {
                name: HeaderName::new("x".repeat(128)).unwrap(),
                value: Some(Value::new(long.clone()).unwrap()),
            },
            Mark::Baggage {
                key: BaggageKey::new("!".repeat(128)).unwrap(),
                value: Some(Value::new(long).unwrap()),
            },
        ];
        let record = record_of(marks.into_iter().map(Match::new).collect());
        assert_eq!(check(&path, &binary, &record), Ok(()), "{unit}");
    }
}
