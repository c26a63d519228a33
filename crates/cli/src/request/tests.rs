use clap::Parser as _;

use super::*;
use crate::args::{Cli, Command};
use crate::exit::Exit;

fn args(flags: &[&str]) -> InterceptArgs {
    let line = ["interceptctl", "start", "api"]
        .into_iter()
        .chain(flags.iter().copied());
    match Cli::try_parse_from(line).unwrap().command {
        Command::Start(args) => *args,
        other => panic!("{other:?}"),
    }
}

fn settings(text: &str) -> Settings {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(settings::FILE), text).unwrap();
    Settings::load(None, folder.path(), None).unwrap()
}

const FILE: &str = r#"
ttl = "1h"
owner = "team"
[match]
header = "X-Team"
path = "/v1"
[proxy]
image = "file:1"
pull_secrets = ["file"]
[services.api]
to = 4000
port = "http"
match = { methods = ["GET"] }
"#;

#[test]
fn without_anything_the_documented_defaults_hold() {
    let asked = asked(&args(&["--to", "3000"]), &Settings::default(), None).unwrap();
    assert_eq!(asked.spec.rule, Match::default());
    assert_eq!(asked.proxy, ProxySettings::default());
    assert_eq!(asked.spec.ttl, None);
}

#[test]
fn the_file_fills_what_no_flag_says() {
    let asked = asked(&args(&[]), &settings(FILE), None).unwrap();
    assert_eq!(asked.spec.target.to_string(), "localhost:4000");
    assert_eq!(asked.spec.rule.to_string(), "X-Team: (any value), path /v1, GET");
    assert_eq!(asked.spec.port.unwrap().to_string(), "http");
    assert_eq!(asked.spec.owner.user, "team");
    assert_eq!(
        (asked.proxy.image.as_str(), asked.proxy.pull_secrets.as_slice()),
        ("file:1", &["file".to_owned()][..])
    );
}

#[test]
fn a_flag_goes_before_environment_and_file_part_by_part() {
    let file = settings(FILE);
    let flags = [
        "--to",
        "3000",
        "--all",
        "--path",
        "/",
        "--proxy-image",
        "flag:1",
        "--owner",
        "ann",
    ];
    let by_flag = asked(&args(&flags), &file, Some("X-Env=1")).unwrap();
    assert_eq!(by_flag.spec.rule.to_string(), "all traffic, GET");
    assert_eq!(
        (by_flag.proxy.image.as_str(), by_flag.spec.owner.user.as_str()),
        ("flag:1", "ann")
    );
    let by_environment = asked(&args(&[]), &file, Some("X-Env=1")).unwrap();
    assert_eq!(by_environment.spec.rule.to_string(), "X-Env: 1, path /v1, GET");
}

#[test]
fn what_only_the_whole_shows_to_be_wrong_is_refused() {
    for (flags, header) in [
        (&[][..], None),
        (&["--to", "3000", "--insecure-local-certificate"], None),
        (&["--to", "3000"], Some("X Env")),
        (&["--to", "3000", "--owner", " "], None),
    ] {
        let refused = asked(&args(flags), &Settings::default(), header).unwrap_err();
        assert_eq!(refused.exit, Exit::Usage, "{flags:?}");
    }
}

#[test]
fn any_certificate_is_accepted_only_when_asked() {
    let to = ["--to", "https://localhost:8443"];
    let strict = asked(&args(&to), &Settings::default(), None).unwrap();
    assert!(!strict.spec.target.accept_any_certificate);
    let asked = asked(
        &args(&[to[0], to[1], "--insecure-local-certificate"]),
        &Settings::default(),
        None,
    )
    .unwrap();
    assert!(asked.spec.target.accept_any_certificate);
}
