use std::path::Path;

use serde_json::json;

use super::*;
use crate::cluster::tests::mk_script;

const LIMIT: Duration = Duration::from_secs(20);

fn plugin(exec: serde_json::Value) -> Plugin {
    let exec: ExecConfig = serde_json::from_value(exec).unwrap();
    let cluster = ExecAuthCluster {
        server: Some("https://cluster.test".into()),
        ..Default::default()
    };
    Plugin::new(&exec, Some(cluster)).unwrap()
}

fn never(command: &Path) -> Plugin {
    plugin(json!({"command": command, "interactiveMode": "Never"}))
}

#[tokio::test]
async fn a_bare_name_is_found_in_the_path_that_is_given() {
    let dir = tempfile::tempdir().unwrap();
    mk_script(
        dir.path(),
        "get-token",
        r#"echo "{\"status\": {\"token\": \"$WHO $1 $PATH\"}}""#,
    );
    let bare = plugin(json!({
        "command": "get-token", "args": ["for"], "env": [{"name": "WHO", "value": "me"}], "interactiveMode": "Never",
    }));
    let path = OsString::from(format!("{}:/usr/bin:/bin", dir.path().display()));
    let issued = bare.run_with(Some(path.clone()), LIMIT).await.unwrap();
    assert_eq!(issued.token.unwrap(), format!("me for {}", path.display()));
}

#[tokio::test]
async fn the_cluster_is_told_only_where_the_kubeconfig_asks() {
    let dir = tempfile::tempdir().unwrap();
    let echo = r#"printf '{"status": {"token": "t", "clientCertificateData": "%s", "clientKeyData": "k"}}' "$(echo "$KUBERNETES_EXEC_INFO" | tr -d '"')""#;
    let command = mk_script(dir.path(), "echo-info", echo);
    for (asks, expected) in [(true, true), (false, false)] {
        let plugin = plugin(json!({
            "apiVersion": "client.authentication.k8s.io/v1", "command": command,
            "provideClusterInfo": asks, "interactiveMode": "Never",
        }));
        let (told, _) = plugin.run_with(None, LIMIT).await.unwrap().identity.unwrap();
        assert_eq!(told.contains("server:https://cluster.test"), expected, "{told}");
        assert!(
            told.contains("apiVersion:client.authentication.k8s.io/v1"),
            "{told}"
        );
        assert!(told.contains("interactive:false"), "{told}");
    }
}

#[tokio::test]
async fn a_missing_plugin_comes_with_the_kubeconfigs_advice() {
    let plugin = plugin(
        json!({"command": "no-such-plugin-anywhere", "installHint": "apt install it", "interactiveMode": "Never"}),
    );
    let error = plugin
        .run_with(Some(OsString::from("/nowhere")), LIMIT)
        .await
        .unwrap_err();
    assert!(matches!(error, PluginError::Start { .. }), "{error:?}");
    assert!(error.to_string().contains("apt install it"), "{error}");
}

#[tokio::test]
async fn a_failed_plugin_is_quoted() {
    let dir = tempfile::tempdir().unwrap();
    let command = mk_script(dir.path(), "fails", "echo 'session expired, log in' >&2; exit 3");
    let error = never(&command).run_with(None, LIMIT).await.unwrap_err();
    let PluginError::Failed { status, stderr, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!(
        (status.code(), stderr.as_str()),
        (Some(3), "session expired, log in")
    );
}

#[tokio::test]
async fn a_stuck_plugin_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let command = mk_script(dir.path(), "stuck", "exec sleep 60");
    let error = never(&command)
        .run_with(None, Duration::from_millis(50))
        .await
        .unwrap_err();
    assert!(matches!(error, PluginError::TooSlow { .. }), "{error:?}");
}

#[tokio::test]
async fn answers_that_are_no_credential_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let answers = [
        ("", "Unreadable"),
        ("please log in", "Unreadable"),
        ("{}", "Unreadable"),
        (r#"{"status": {"expirationTimestamp": "tomorrow"}}"#, "Unreadable"),
        (r#"{"status": {"token": " "}}"#, "Empty"),
        (r#"{"status": {"clientCertificateData": "c"}}"#, "Empty"),
    ];
    for (number, (answer, expected)) in answers.into_iter().enumerate() {
        let command = mk_script(dir.path(), &format!("odd-{number}"), &format!("echo '{answer}'"));
        let error = never(&command).run_with(None, LIMIT).await.unwrap_err();
        assert!(format!("{error:?}").starts_with(expected), "{answer}: {error:?}");
    }
}

#[test]
fn exec_without_a_command_is_refused() {
    let exec: ExecConfig = serde_json::from_value(json!({"command": ""})).unwrap();
    assert!(matches!(Plugin::new(&exec, None), Err(PluginError::NoCommand)));
}
