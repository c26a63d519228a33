use clap::CommandFactory as _;
use intercept_engine::spec::PortChoice;

use super::*;

fn start(flags: &[&str]) -> Result<InterceptArgs, clap::Error> {
    let line = ["interceptctl", "start"].into_iter().chain(flags.iter().copied());
    match Cli::try_parse_from(line)?.command {
        Command::Start(args) => Ok(*args),
        other => panic!("{flags:?} must be a start: {other:?}"),
    }
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn a_service_is_written_with_or_without_a_port() {
    for (written, name, port) in [
        ("api", "api", None),
        ("api:80", "api", Some(PortChoice::Number(80))),
        ("svc/api:http", "api", Some(PortChoice::Name("http".into()))),
        ("service/api", "api", None),
    ] {
        let service = start(&[written, "--to", "3000"]).unwrap().service;
        assert_eq!(
            service,
            ServiceArg {
                name: name.into(),
                port
            },
            "{written}"
        );
    }
}

#[test]
fn every_flag_of_start_is_understood() {
    let args = start(&[
        "api:http",
        "--to",
        "https://localhost:8443",
        "--header",
        "X-Dev=ann",
        "--path",
        "/cart",
        "--method",
        "get",
        "--method",
        "POST,PUT",
        "--ttl",
        "2h",
        "--tunnel",
        "relay",
        "--protocol",
        "http",
        "--insecure-local-certificate",
        "--proxy-image",
        "nginx:1.31.4",
        "--agent-image",
        "a/b:1",
        "--grace",
        "30s",
        "--owner",
        "ann",
        "--forwarded-headers",
        "--pull-secret",
        "one",
        "--pull-secret",
        "two",
    ])
    .unwrap();
    assert_eq!(args.rule.method.len(), 3);
    assert_eq!(args.ttl, Some(Duration::from_secs(7200)));
    assert_eq!(args.proxy.forwarded_headers, Some(true));
    assert_eq!(args.proxy.pull_secret, ["one", "two"]);
    assert!(args.insecure_local_certificate);
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for wrong in [
        &["Api", "--to", "3000"][..],
        &["api:", "--to", "3000"],
        &["api:0", "--to", "3000"],
        &["api:80:81", "--to", "3000"],
        &["api", "--to", "0"],
        &["api", "--to", "ftp://x:1"],
        &["api", "--to", "localhost"],
        &["api", "--to", "3000", "--all", "--header", "X-Dev"],
        &["api", "--to", "3000", "--header", "X-Dev", "--baggage", "a=b"],
        &["api", "--to", "3000", "--header", "X Dev=1"],
        &["api", "--to", "3000", "--header", "X-Dev="],
        &["api", "--to", "3000", "--baggage", "=x"],
        &["api", "--to", "3000", "--path", "cart"],
        &["api", "--to", "3000", "--method", "G T"],
        &["api", "--to", "3000", "--ttl", "soon"],
        &["api", "--to", "3000", "--ttl", "0s"],
        &["api", "--to", "3000", "--grace", "1s"],
        &["api", "--to", "3000", "--tunnel", "smoke"],
        &["api", "--to", "3000", "--protocol", "udp"],
        &["api", "--to", "3000", "--proxy-image", "a b"],
        &["api", "--to", "3000", "-n", "Shop"],
        &["api", "--to", "3000", "--forwarded-headers=maybe"],
        &["--to", "3000"],
    ] {
        assert!(start(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn a_close_names_one_thing_or_all() {
    let close = |flags: &[&str]| {
        let line = ["interceptctl", "session", "close"]
            .into_iter()
            .chain(flags.iter().copied());
        Cli::try_parse_from(line).is_ok()
    };
    assert!(close(&[]) && close(&["api"]) && close(&["--all", "-A", "--dry-run"]));
    assert!(!close(&["api", "--all"]) && !close(&["a b"]) && !close(&["../x"]));
}

#[test]
fn flags_stand_before_and_after_a_filter_whose_terms_may_begin_with_a_dash() {
    let words = "interceptctl -n shop requests -path:/health -is:pinned --limit 3 a -(b|c) -o json";
    let line = with_negations(words.split(' ').map(Into::into));
    let cli = Cli::try_parse_from(line).unwrap();
    assert_eq!(cli.global.output, Format::Json);
    let Command::Requests(args) = cli.command else {
        panic!("it must be about requests");
    };
    assert_eq!(args.limit, 3);
    assert_eq!(args.typed(), "-path:/health -is:pinned a -(b|c)");
    let wrong = with_negations("interceptctl requests --folow".split(' ').map(Into::into));
    assert!(Cli::try_parse_from(wrong).is_err());
}
