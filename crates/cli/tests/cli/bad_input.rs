//! Bad input of every kind gets an error with what to do, and nothing on the standard output.

use crate::rig::Place;

/// Nobody listens on port 1 of the loopback address.
const UNREACHABLE: &str = r#"
apiVersion: v1
kind: Config
current-context: here
contexts: [{ name: here, context: { cluster: c, user: u, namespace: shop } }]
clusters: [{ name: c, cluster: { server: "https://127.0.0.1:1" } }]
users: [{ name: u, user: { token: secret-token } }]
"#;

fn expect(place: &Place, line: &str, code: i32, words: &[&str]) {
    let run = place.run(line);
    assert_eq!(run.code, code, "`{line}`: {}", run.err);
    assert!(run.out.is_empty(), "`{line}` must print no result: {}", run.out);
    for word in words {
        assert!(run.err.contains(word), "`{line}` must say {word:?}: {}", run.err);
    }
}

#[test]
fn values_that_cannot_be_are_named_with_what_would_be_accepted() {
    let place = Place::new();
    for (line, words) in [
        ("start", &["<SERVICE[:PORT]>"][..]),
        ("start API --to 3000", &["API", "not a Kubernetes name"]),
        ("start api:99999 --to 3000", &["99999", "1 to 65535"]),
        ("start api --to 99999", &["99999", "1 to 65535"]),
        ("start api --to localhost", &["has no port", "localhost:3000"]),
        ("start api --to ftp://box:1", &["ftp://", "http://"]),
        ("start api --to 3000 --header X@Y=1", &["X@Y", "letters, digits"]),
        ("start api --to 3000 --header X-Dev=", &["cannot be matched"]),
        ("start api --to 3000 --baggage a@b=c", &["baggage key"]),
        ("start api --to 3000 --path cart", &["start with `/`"]),
        ("start api --to 3000 --method G@T", &["method"]),
        ("start api --to 3000 --all --header X", &["cannot be used with"]),
        ("start api --to 3000 --ttl forever", &["not a duration", "2h"]),
        ("start api --to 3000 --grace 1s", &["out of range", "5s"]),
        (
            "start api --to 3000 --tunnel ngrokk",
            &["possible values", "relay"],
        ),
        ("start api --to 3000 --proxy-image @", &["does not name an image"]),
        ("start api --to 3000 -n Shop", &["not a Kubernetes name"]),
        ("start api --to 3000 --output xml", &["possible values"]),
        ("start api --to 3000 --log loud", &["possible values"]),
        (
            "start api --to 3000 --insecure-local-certificate",
            &["https targets", "What to do:"],
        ),
        ("start api", &["No local target", "--to 3000"]),
        ("plan api", &["No local target"]),
        ("strat api", &["unrecognized subcommand", "start"]),
        ("session close api --all", &["cannot be used with"]),
        ("session close A", &["not a Kubernetes name"]),
        ("completions tcsh", &["possible values"]),
        ("services --al-namespaces", &["--all-namespaces"]),
    ] {
        expect(&place, line, 2, words);
    }
}

#[test]
fn without_a_kubeconfig_every_command_says_where_it_looked() {
    let place = Place::new();
    for line in [
        "contexts",
        "services",
        "plan api --to 3000",
        "start api --to 3000",
        "list",
        "session close",
        "session close api --dry-run",
    ] {
        expect(
            &place,
            line,
            3,
            &["no kubeconfig found", "config", "What to do:", "--kubeconfig"],
        );
    }
}

#[test]
fn kubeconfigs_that_are_none_are_told_apart() {
    let place = Place::new()
        .with("text", "hello")
        .with("pod", "apiVersion: v1\nkind: Pod\n")
        .with("empty", "apiVersion: v1\nkind: Config\n")
        .with("broken", "apiVersion: v1\nkind: Config\ncontexts: [\n");
    for (line, words) in [
        (
            "contexts --kubeconfig missing",
            &["missing", "Check the path"][..],
        ),
        ("contexts --kubeconfig .", &["cannot be read"]),
        ("contexts --kubeconfig text", &["text"]),
        ("contexts --kubeconfig pod", &["not a kubeconfig"]),
        ("contexts --kubeconfig empty", &["no contexts"]),
        ("contexts --kubeconfig broken", &["not valid"]),
    ] {
        expect(&place, line, 3, words);
    }
}

#[test]
fn a_context_that_is_not_there_is_told_with_those_that_are() {
    let place = Place::new().with("kubeconfig", UNREACHABLE);
    expect(
        &place,
        "services --kubeconfig kubeconfig --context there",
        3,
        &["no context `there`", "here"],
    );
}

#[test]
fn a_cluster_that_does_not_answer_is_told_with_its_address_and_without_secrets() {
    let place = Place::new().with("kubeconfig", UNREACHABLE);
    for line in [
        "services",
        "list",
        "start api --to 3000",
        "plan api --to 3000",
        "session close --all",
    ] {
        let line = format!("{line} --kubeconfig kubeconfig --log trace");
        expect(
            &place,
            &line,
            3,
            &["https://127.0.0.1:1", "cannot be reached", "What to do:"],
        );
        assert!(!place.run(&line).err.contains("secret-token"), "{line}");
    }
}

#[test]
fn a_settings_file_with_a_mistake_is_told_with_file_and_line() {
    for (text, line, words) in [
        (
            "[proxy]\nimmage = 'nginx:1'\n",
            "line 2",
            "unknown field `immage`",
        ),
        ("namespace = 'A'\n", "line 1", "not a Kubernetes name"),
        ("[services.api]\nto = 'nowhere'\n", "line 2", "has no port"),
        ("[match\n", "line 1", ""),
        ("[match]\nall = true\nheader = 'X'\n", "line 1", "only one of"),
    ] {
        let place = Place::new().with("intercept.toml", text);
        expect(
            &place,
            "start api --to 3000",
            2,
            &["intercept.toml", line, words, "What to do:"],
        );
    }
}

#[test]
fn a_settings_file_that_is_none_is_refused() {
    let place = Place::new();
    std::fs::write(place.path().join("binary"), [0xff, 0xfe, 0]).unwrap();
    expect(
        &place,
        "list --config missing.toml",
        2,
        &["missing.toml", "cannot be read", "--config"],
    );
    expect(&place, "list --config .", 2, &["cannot be read"]);
    expect(&place, "list --config binary", 2, &["not text"]);
}

#[test]
fn wrong_values_in_the_environment_are_errors_too() {
    let place = Place::new();
    for (name, value) in [
        ("INTERCEPT_HEADER", "X Dev"),
        ("INTERCEPT_TTL", "soon"),
        ("INTERCEPT_OUTPUT", "xml"),
        ("INTERCEPT_NAMESPACE", "A"),
        ("INTERCEPT_OWNER", "a\tb"),
    ] {
        let run = crate::rig::Run::of(
            place
                .command("start api --to 3000")
                .env(name, value)
                .output()
                .unwrap(),
        );
        assert_eq!(run.code, 2, "{name}={value}: {}", run.err);
    }
}

#[test]
fn programs_get_errors_they_can_read() {
    let place = Place::new().with("intercept.toml", "x = 1\n");
    for (line, code, exit) in [
        ("start api --to 0 -o json", "usage", 2),
        ("start api --output=json", "config", 2),
        ("contexts --kubeconfig missing --output json", "kubeconfig", 3),
        ("nonsense -ojson", "usage", 2),
    ] {
        let run = place.run(line);
        let error: serde_json::Value = serde_json::from_str(&run.err).expect(&run.err);
        assert_eq!(error["error"]["code"], code, "{line}");
        assert_eq!(error["error"]["exit"], exit, "{line}");
        assert_eq!(run.code, exit, "{line}");
        assert!(!error["error"]["message"].as_str().unwrap().is_empty(), "{line}");
        assert!(
            error["error"]["causes"].is_array() && error["error"]["hint"].is_string(),
            "{line}: {}",
            run.err
        );
    }
    let run = place.run("contexts --kubeconfig missing --output yaml");
    assert!(
        run.err.starts_with("error:") && run.err.contains("code: kubeconfig"),
        "{}",
        run.err
    );
}

#[test]
fn what_the_terminal_would_obey_is_shown_as_text() {
    let place = Place::new();
    let name = "a\u{1b}[31mb";
    let mut command = place.command("services");
    let run = crate::rig::Run::of(command.args(["--kubeconfig", name]).output().unwrap());
    assert_eq!(run.code, 3);
    assert!(!run.err.contains('\u{1b}'), "{:?}", run.err);
}
