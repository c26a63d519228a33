//! What the program says about itself, and what it lists without a cluster.

use std::process::Stdio;

use crate::rig::{Place, Run};

const CONTEXTS: &str = r#"
apiVersion: v1
kind: Config
current-context: staging
contexts:
  - { name: staging, context: { cluster: one, user: ann, namespace: shop } }
  - { name: production, context: { cluster: two, user: ann } }
clusters:
  - { name: one, cluster: { server: "https://one.example.com" } }
  - { name: two, cluster: { server: "https://two.example.com" } }
users: [{ name: ann, user: { token: secret-token } }]
"#;

#[test]
fn every_command_has_help_with_examples_and_exit_codes() {
    let place = Place::new();
    for line in [
        "--help",
        "contexts --help",
        "services --help",
        "plan --help",
        "start --help",
        "list --help",
        "requests --help",
        "request --help",
        "replay --help",
        "import --help",
        "record --help",
        "why --help",
        "probe --help",
        "session close --help",
        "completions --help",
        "help start",
    ] {
        let run = place.run(line);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{line}");
        assert!(
            run.out.contains("Examples:") && run.out.contains("Exit codes:"),
            "{line}: {}",
            run.out
        );
    }
}

#[test]
fn the_help_of_start_documents_precedence_environment_and_every_key() {
    let help = Place::new().run("start --help").out;
    for words in [
        "flag, then environment",
        "INTERCEPT_HEADER",
        "pull_secrets",
        "insecure_local_certificate",
    ] {
        assert!(help.contains(words), "{words}");
    }
}

#[test]
fn the_settings_file_in_the_help_is_a_valid_one() {
    let help = Place::new().run("start --help").out;
    let example: Vec<&str> = help
        .lines()
        .skip_while(|line| !line.starts_with("intercept.toml ("))
        .skip(1)
        .take_while(|line| !line.is_empty())
        // One mark only may be set; the example shows all three.
        .filter(|line| !line.contains("baggage = "))
        .collect();
    assert!(example.len() > 15, "{help}");
    let place = Place::new().with("intercept.toml", &example.join("\n"));
    let run = place.run("start api");
    assert_eq!(run.code, 3, "only the kubeconfig may be missing: {}", run.err);
}

#[test]
fn the_version_is_one_line() {
    let run = Place::new().run("--version");
    assert_eq!(run.out, format!("interceptctl {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn without_a_command_the_help_comes_as_an_error() {
    let run = Place::new().run("");
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    assert!(run.err.contains("Usage:"));
}

#[test]
fn shells_get_a_script_that_knows_the_commands() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let run = place.run(&format!("completions {shell}"));
        assert_eq!(run.code, 0);
        assert!(run.out.contains("all-namespaces"), "{shell}");
    }
}

#[test]
fn the_manual_has_a_page_for_each_command_people_are_shown() {
    let place = Place::new();
    let run = place.run("manual .");
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    let page = |name: &str| std::fs::read_to_string(place.path().join(name));
    assert!(page("interceptctl.1").unwrap().contains("INTERCEPT_NAMESPACE"));
    assert!(page("interceptctl-session-close.1").unwrap().contains(".SH NAME"));
    assert!(
        page("interceptctl-manual.1").is_err(),
        "a hidden command has none"
    );
}

#[test]
fn a_manual_that_finds_no_folder_says_so() {
    let run = Place::new().run("manual missing");
    assert_ne!(run.code, 0);
    assert!(run.err.contains("missing"), "{}", run.err);
}

#[test]
fn contexts_are_listed_as_a_table_and_for_programs() {
    let place = Place::new().with("kubeconfig", CONTEXTS);
    let run = place.run("contexts --kubeconfig kubeconfig");
    let lines: Vec<&str> = run.out.lines().collect();
    assert_eq!(
        lines[0].split_whitespace().collect::<Vec<_>>(),
        ["CURRENT", "NAME", "CLUSTER", "USER", "NAMESPACE"]
    );
    assert!(
        lines[2].starts_with('*') && lines[2].ends_with("shop"),
        "{}",
        run.out
    );
    let json: serde_json::Value =
        serde_json::from_str(&place.run("contexts --kubeconfig kubeconfig -o json").out).unwrap();
    assert_eq!(json["contexts"][1]["name"], "staging");
    assert_eq!(json["contexts"][1]["isCurrent"], true);
    let yaml = place.run("contexts --kubeconfig kubeconfig -o yaml").out;
    assert!(
        yaml.contains("name: staging") && !yaml.contains("secret-token"),
        "{yaml}"
    );
}

#[test]
fn the_environment_names_kubeconfig_and_format() {
    let place = Place::new().with("kubeconfig", CONTEXTS);
    let mut command = place.command("contexts");
    let run = Run::of(
        command
            .env("KUBECONFIG", "kubeconfig")
            .env("INTERCEPT_OUTPUT", "json")
            .output()
            .unwrap(),
    );
    assert!(run.out.starts_with('{'), "{}", run.out);
}

#[test]
fn colours_come_only_when_asked_for_off_a_terminal() {
    let place = Place::new().with("kubeconfig", CONTEXTS);
    assert!(
        !place
            .run("contexts --kubeconfig kubeconfig")
            .out
            .contains('\u{1b}')
    );
    assert!(
        place
            .run("contexts --kubeconfig kubeconfig --color always")
            .out
            .contains('\u{1b}')
    );
}

#[test]
fn a_reader_that_is_gone_is_no_panic() {
    let place = Place::new().with("kubeconfig", CONTEXTS);
    for line in [
        "contexts --kubeconfig kubeconfig",
        "completions bash",
        "--help",
        "contexts --kubeconfig missing",
    ] {
        let (gone, writer) = std::io::pipe().unwrap();
        drop(gone);
        let mut command = place.command(line);
        command
            .stdout(writer.try_clone().unwrap())
            .stderr(writer)
            .stdin(Stdio::null());
        let code = command.status().unwrap().code();
        assert!(matches!(code, Some(0 | 3)), "{line}: {code:?}");
    }
}
