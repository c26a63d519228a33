use std::fs;

use intercept_protocol::matching::Match;

use super::*;

fn parse(text: &str) -> Result<Settings, SettingsError> {
    Settings::parse(text, Path::new("intercept.toml"))
}

fn problem(text: &str) -> (Option<usize>, String) {
    match parse(text) {
        Err(SettingsError::Invalid { line, problem, .. }) => (line, problem),
        other => panic!("{text:?} must be invalid: {other:?}"),
    }
}

const WHOLE: &str = r#"
context = "staging"
namespace = "shop"
ttl = "2h"

[match]
header = "X-Dev=ann"
path = "/cart"
methods = ["get", "POST"]

[proxy]
image = "registry.example.com/nginx:1.31.4"
pull_secrets = ["registry"]
grace = "30s"
forwarded_headers = true

[agent]
image = "registry.example.com/agent:1"

[services.api]
to = 3000
port = "http"
protocol = "http"

[services.api.match]
baggage = "dev=ann"

[services.web]
to = "https://localhost:8443"
insecure_local_certificate = true
"#;

#[test]
fn a_whole_file_is_read() {
    let read = parse(WHOLE).unwrap();
    assert_eq!(read.ttl, Some(Duration::from_secs(7200)));
    assert_eq!(
        read.rule.clone().into_match().to_string(),
        "X-Dev: ann, path /cart, GET|POST"
    );
    assert_eq!(read.proxy.grace, Some(Duration::from_secs(30)));
    let api = read.service("api");
    assert_eq!(api.to.unwrap().to_string(), "localhost:3000");
    assert_eq!(api.port, Some(PortChoice::Name("http".into())));
    assert_eq!(
        api.rule.or(read.rule.clone()).into_match().to_string(),
        "baggage dev=ann, path /cart, GET|POST"
    );
    assert!(read.service("web").insecure_local_certificate);
    assert_eq!(read.service("other"), ServiceDefaults::default());
}

#[test]
fn an_empty_file_leaves_the_documented_match() {
    assert_eq!(parse("").unwrap().rule.into_match(), Match::default());
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    for (text, line, words) in [
        ("\n\nnamspace = 'shop'", 3, "unknown field `namspace`"),
        ("[proxy]\nimagee = 'x'", 2, "unknown field `imagee`"),
        ("[match]\nheaders = 'x'", 2, "unknown field `headers`"),
        ("[services.api]\nport = 0", 2, "not a port"),
        ("[services.api]\nport = 65536", 2, "65535"),
        ("[services.api]\nto = 'ftp://x:1'", 2, "http://"),
        ("namespace = 'Shop'", 1, "not a Kubernetes name"),
        ("ttl = 'soon'", 1, "not a duration"),
        ("ttl = 7", 1, "expected a string"),
        ("[proxy]\ngrace = '1s'", 2, "out of range"),
        ("[proxy]\nimage = 'a b'", 2, "does not name an image"),
        ("[match]\nheader = 'X Dev'", 2, "cannot be matched"),
        ("[match]\npath = 'cart'", 2, "path prefix"),
        ("[match]\nmethods = ['G T']", 2, "method"),
        ("[proxy]\nforwarded_headers = 'yes'", 2, "boolean"),
        ("context = ", 1, ""),
        ("a = 1\na = 2", 2, "duplicate"),
    ] {
        let (found, problem) = problem(text);
        assert_eq!(found, Some(line), "{text:?}: {problem}");
        assert!(problem.contains(words), "{text:?}: {problem}");
    }
}

#[test]
fn two_marks_are_one_too_many() {
    let (_, problem) = problem("[match]\nheader = 'X-Dev'\nall = true");
    assert!(problem.contains("only one of"), "{problem}");
}

#[test]
fn the_file_is_looked_for_up_to_the_repository_and_no_further() {
    let outside = tempfile::tempdir().unwrap();
    let repository = outside.path().join("repository");
    let deep = repository.join("services/api");
    fs::create_dir_all(&deep).unwrap();
    fs::write(outside.path().join(FILE), "").unwrap();
    assert_eq!(
        locate(&deep, None),
        None,
        "nobody vouches for folders outside of a repository"
    );
    fs::create_dir(repository.join(".git")).unwrap();
    assert_eq!(
        locate(&deep, None),
        None,
        "above the repository's root nothing is read"
    );
    fs::write(repository.join(FILE), "").unwrap();
    assert_eq!(locate(&deep, None), Some(repository.join(FILE)));
    fs::write(deep.join(FILE), "").unwrap();
    assert_eq!(locate(&deep, None), Some(deep.join(FILE)));
}

#[test]
fn the_home_folder_is_the_top_outside_of_repositories() {
    let home = tempfile::tempdir().unwrap();
    let deep = home.path().join("work");
    fs::create_dir(&deep).unwrap();
    fs::write(home.path().join(FILE), "").unwrap();
    assert_eq!(locate(&deep, Some(home.path())), Some(home.path().join(FILE)));
}

#[test]
fn a_named_file_that_is_not_there_is_an_error() {
    let missing = Path::new("/nonexistent/intercept.toml");
    assert!(matches!(
        Settings::load(Some(missing), Path::new("/"), None),
        Err(SettingsError::Read { .. })
    ));
}

#[test]
fn headers_are_written_with_a_value_without_one_or_as_curl_does() {
    for (written, shown) in [
        ("X-Dev", "X-Dev: (any value)"),
        ("X-Dev=ann", "X-Dev: ann"),
        ("X-Dev: ann", "X-Dev: ann"),
        ("X-Dev=a=b:c", "X-Dev: a=b:c"),
        ("X-Time: 10:20=x", "X-Time: 10:20=x"),
    ] {
        assert_eq!(Match::new(mark_header(written).unwrap()).to_string(), shown);
    }
    for wrong in [
        "",
        "=",
        "=x",
        "X-Dev=",
        "X-Dev:",
        "X Dev=x",
        "X-Dev=\u{7}",
        "X-Dev= x",
    ] {
        assert!(mark_header(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn names_and_images_that_cannot_be_are_refused() {
    for wrong in ["", "-a", "a-", "A", "a.b", "a_b", "a b", "ä", &"a".repeat(64)] {
        assert!(label(wrong).is_err(), "{wrong:?}");
    }
    for wrong in ["", " nginx", "nginx 1", "-nginx", "ngin\u{0}x", "ngi\nnx"] {
        assert!(image(wrong).is_err(), "{wrong:?}");
    }
    assert!(image("registry.example.com:5000/a/b@sha256:00").is_ok());
}

#[test]
fn durations_are_bounded_so_that_nothing_overflows() {
    for wrong in [
        "",
        "0",
        "0s",
        "10ms",
        "-1s",
        "1000y",
        "99999999999999999999s",
        "2",
        "2 hours and",
    ] {
        assert!(ttl(wrong).is_err(), "{wrong:?}");
    }
    assert_eq!(ttl("1h 30m").unwrap(), Duration::from_secs(5400));
    assert!(grace("4s").is_err() && grace("2h").is_err() && grace("5s").is_ok());
}

#[test]
fn an_owner_has_a_name_that_can_be_shown() {
    assert_eq!(owner(Some("ann")).unwrap().user, "ann");
    for wrong in ["", " ann", "an\u{1b}[31mn", &"a".repeat(65)] {
        assert!(owner(Some(wrong)).is_err(), "{wrong:?}");
    }
    let own = owner(None).unwrap();
    assert!(!own.user.is_empty() && !own.host.is_empty());
}
