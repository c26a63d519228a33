use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::edit::tests::exchange;

/// Runs the command with a curl that writes its words, each followed by a zero byte, and then what it reads.
fn run(command: &str) -> (Vec<Vec<u8>>, Vec<u8>) {
    let script = "curl() { printf '%s\\0' \"$@\"; for last; do :; done; if [ \"$last\" = '@-' ]; then printf '\\0'; cat; fi; }\n";
    let done = Command::new("sh")
        .arg("-c")
        .arg(format!("{script}{command}"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(
        done.status.success() && done.stderr.is_empty(),
        "{command}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
    let (words, input) = match memchr::memmem::find(&done.stdout, b"@-\0\0") {
        Some(at) => (&done.stdout[..at + 2], done.stdout[at + 4..].to_vec()),
        None => (done.stdout.strip_suffix(b"\0").unwrap(), Vec::new()),
    };
    (
        words.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect(),
        input,
    )
}

fn shown(words: &[Vec<u8>]) -> Vec<String> {
    words
        .iter()
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect()
}

#[test]
fn a_request_is_written_with_nothing_added() {
    let post = exchange(
        "POST",
        "/a/../b?x=[1]&y='",
        &[("Content-Length", "9"), ("X-Empty", ""), ("Accept", "*/*")],
        b"it's @ok\n",
    );
    let (words, _) = run(&command(&post, To::Address("http://127.0.0.1:8080/")).unwrap());
    assert_eq!(
        shown(&words),
        [
            "-sS",
            "--globoff",
            "--path-as-is",
            "--http1.1",
            "-X",
            "POST",
            "http://127.0.0.1:8080/a/../b?x=[1]&y='",
            "-H",
            "Host: shop",
            "-H",
            "X-Empty;",
            "-H",
            "Accept: */*",
            "-H",
            "User-Agent:",
            "-H",
            "Content-Type:",
            "--data-raw",
            "it's @ok\n"
        ]
    );
}

#[test]
fn a_head_asks_for_the_head_and_http2_is_known_before() {
    let mut head = exchange("HEAD", "*", &[], b"");
    head.protocol = Protocol::Http2;
    let (words, _) = run(&command(&head, To::Host).unwrap());
    let words = shown(&words);
    for expected in [
        "-I",
        "--http2-prior-knowledge",
        "--request-target",
        "*",
        "http://shop/",
    ] {
        assert!(
            words.iter().any(|word| word == expected),
            "{expected} in {words:?}"
        );
    }
}

#[test]
fn what_curl_cannot_send_is_refused() {
    let refused = |exchange: &Exchange| command(exchange, To::Host).unwrap_err();
    assert!(matches!(
        refused(&exchange("G T", "/", &[], b"")),
        CurlError::Unwritable { what: "method", .. }
    ));
    assert!(matches!(
        refused(&exchange("GET", "/", &[("a", "b\r\nc: d")], b"")),
        CurlError::Unwritable { what: "header", .. }
    ));
    let mut nowhere = exchange("GET", "/", &[], b"");
    nowhere.request.host = "".into();
    assert_eq!(refused(&nowhere), CurlError::NoHost(7));
    nowhere.request.host = "$(reboot)".into();
    assert!(
        command(&nowhere, To::Host)
            .unwrap()
            .contains("'http://$(reboot)/'")
    );
    let mut cut = exchange("POST", "/", &[], b"");
    cut.request.message.body.size = 1;
    assert!(matches!(
        refused(&cut),
        CurlError::Replay {
            source: ReplayError::Truncated { .. },
            ..
        }
    ));
}

#[test]
fn the_real_curl_sends_what_was_recorded() {
    let present = Command::new("curl").arg("--version").output().is_ok();
    if !present {
        assert!(std::env::var_os("CI").is_none(), "curl is missing");
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let body: Vec<u8> = (0..=255).cycle().take(1000).collect();
    let mut post = exchange("PATCH", "/a%20b/./?q='$x'", &[("X-Odd", "a'b\"$c")], &body);
    post.request.message.headers.push(Header {
        name: "X-Latin".into(),
        value: (&b"caf\xe9"[..]).into(),
    });
    let mut child = Command::new("sh")
        .arg("-c")
        .arg(format!(
            "{} --max-time 10 --noproxy '*'",
            command(&post, To::Address(&address)).unwrap()
        ))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let head = b"PATCH /a%20b/./?q='$x' HTTP/1.1\r\nHost: shop\r\nX-Odd: a'b\"$c\r\nX-Latin: caf\xe9\r\nContent-Length: 1000\r\n\r\n";
    let mut seen = vec![0; head.len() + body.len()];
    stream.read_exact(&mut seen).unwrap();
    stream
        .write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        .unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(
        String::from_utf8_lossy(&seen),
        String::from_utf8_lossy(&[&head[..], &body].concat())
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_byte_reaches_curl(body in prop::collection::vec(any::<u8>(), 1..60), value in prop::collection::vec(any::<u8>().prop_filter("no line's end", |b| !b"\r\n\0".contains(b)), 1..20)) {
        let mut post = exchange("POST", "/", &[("A", "")], &body);
        post.request.message.headers[0].value = value.clone().into();
        let (words, input) = run(&command(&post, To::Host).unwrap());
        prop_assert!(words.contains(&[b"A: ", &value[..]].concat()));
        let last = words.last().unwrap();
        prop_assert_eq!(if last == b"@-" { &input } else { last }, &body);
    }
}
