//! Containers that are processes of this machine: what they find around them, and how they end.

use k8s_openapi::api::core::v1::{Event, Pod, Secret};
use kube::api::{DeleteParams, ListParams, LogParams};
use serde_json::json;

use crate::rig::{api, await_true, cluster, create, has_nginx, processes_below};

const IMAGE: &str = "nginx:1.31.4";

async fn log(cluster: &intercept_sandbox::Cluster, container: &str) -> String {
    let params = LogParams {
        container: Some(container.to_owned()),
        ..LogParams::default()
    };
    api::<Pod>(cluster).logs("p", &params).await.unwrap_or_default()
}

/// What the API server says to whoever lists pods with `token`.
async fn refused(cluster: &intercept_sandbox::Cluster, token: &str) -> kube::core::Status {
    let server = format!("http://{}", cluster.sandbox().address());
    let mut config = kube::Config::new(server.parse().unwrap());
    config.auth_info.token = Some(token.to_owned().into());
    let own = kube::Client::try_from(config).unwrap();
    let pods = kube::Api::<Pod>::namespaced(own, "default");
    match pods.list(&ListParams::default()).await.unwrap_err() {
        kube::Error::Api(status) => *status,
        other => panic!("the account must be known and have no rights: {other:?}"),
    }
}

#[tokio::test]
async fn a_process_finds_its_volumes_its_environment_and_a_token_that_works() {
    let cluster = cluster().await;
    if !has_nginx(&cluster) {
        return;
    }
    create::<Secret>(
        &cluster,
        json!({ "metadata": { "name": "s" }, "stringData": { "word": "open sesame" } }),
    )
    .await;
    let script = "cat /srv/shared/made; cat /etc/secret/word; echo; echo $NAME at $IP; echo $GREETING; \
                  cat /var/run/secrets/kubernetes.io/serviceaccount/token; echo; sleep 600";
    create::<Pod>(&cluster, json!({
        "metadata": { "name": "p" },
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "initContainers": [{ "name": "first", "image": IMAGE,
                "command": ["sh", "-c", "echo made by the first > /srv/shared/made"],
                "volumeMounts": [{ "name": "shared", "mountPath": "/srv/shared" }] }],
            "containers": [{ "name": "c", "image": IMAGE, "command": ["sh", "-c", script],
                "env": [
                    { "name": "NAME", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } },
                    { "name": "IP", "valueFrom": { "fieldRef": { "fieldPath": "status.podIP" } } },
                    { "name": "GREETING", "value": "hello $(NAME)" },
                ],
                "volumeMounts": [{ "name": "shared", "mountPath": "/srv/shared", "readOnly": true },
                                 { "name": "secret", "mountPath": "/etc/secret" }] }],
            "volumes": [{ "name": "shared", "emptyDir": {} }, { "name": "secret", "secret": { "secretName": "s" } }],
        },
    }))
    .await;
    await_true("everything was printed", async || {
        log(&cluster, "c").await.lines().count() == 5
    })
    .await;
    let text = log(&cluster, "c").await;
    let lines: Vec<&str> = text.lines().collect();
    let ip = api::<Pod>(&cluster)
        .get("p")
        .await
        .unwrap()
        .status
        .unwrap()
        .pod_ip
        .unwrap();
    assert_eq!(
        lines[..4],
        [
            "made by the first",
            "open sesame",
            &format!("p at {ip}"),
            "hello p"
        ]
    );

    let status = refused(&cluster, lines[4]).await;
    assert!(
        status.code == 403 && status.message.contains("system:serviceaccount:default:default"),
        "{status:?}"
    );
    cluster.stop().await;
}

#[tokio::test]
async fn a_program_that_stops_answering_is_started_again() {
    let cluster = cluster().await;
    if !has_nginx(&cluster) {
        return;
    }
    create::<Pod>(&cluster, json!({
        "metadata": { "name": "p" },
        "spec": { "terminationGracePeriodSeconds": 1, "containers": [{ "name": "c", "image": IMAGE,
            "command": ["sh", "-c", "touch /srv/d/alive; sleep 0.5; rm /srv/d/alive; exec sleep 600"],
            "livenessProbe": { "exec": { "command": ["test", "-f", "/srv/d/alive"] }, "periodSeconds": 1, "failureThreshold": 1 },
            "volumeMounts": [{ "name": "d", "mountPath": "/srv/d" }] }],
            "volumes": [{ "name": "d", "emptyDir": {} }] },
    }))
    .await;
    await_true("it is started again", async || {
        let status = api::<Pod>(&cluster)
            .get("p")
            .await
            .unwrap()
            .status
            .unwrap_or_default();
        status
            .container_statuses
            .iter()
            .flatten()
            .any(|one| one.restart_count > 0)
    })
    .await;
    await_true("Events say why", async || {
        let events = api::<Event>(&cluster)
            .list(&ListParams::default())
            .await
            .unwrap()
            .items;
        let has = |reason: &str| events.iter().any(|one| one.reason.as_deref() == Some(reason));
        has("Unhealthy") && has("Killing")
    })
    .await;
    cluster.stop().await;
}

#[tokio::test]
async fn a_hook_runs_before_the_signal() {
    let cluster = cluster().await;
    if !has_nginx(&cluster) {
        return;
    }
    create::<Pod>(&cluster, json!({
        "metadata": { "name": "p" },
        "spec": { "terminationGracePeriodSeconds": 5, "containers": [{ "name": "c", "image": IMAGE,
            // The image's signal is QUIT.
            "command": ["sh", "-c", "trap 'cat /srv/d/hook; exit 0' QUIT; echo ready; while :; do sleep 0.05; done"],
            "lifecycle": { "preStop": { "exec": { "command": ["sh", "-c", "echo the hook was here > /srv/d/hook"] } } },
            "volumeMounts": [{ "name": "d", "mountPath": "/srv/d" }] }],
            "volumes": [{ "name": "d", "emptyDir": {} }] },
    }))
    .await;
    await_true("it runs", async || log(&cluster, "c").await.contains("ready")).await;
    let follow = LogParams {
        follow: true,
        ..LogParams::default()
    };
    let mut lines = api::<Pod>(&cluster).log_stream("p", &follow).await.unwrap();
    api::<Pod>(&cluster)
        .delete("p", &DeleteParams::default())
        .await
        .unwrap();
    let mut text = String::new();
    let all = futures::AsyncReadExt::read_to_string(&mut lines, &mut text);
    tokio::time::timeout(crate::rig::PATIENCE, all)
        .await
        .unwrap()
        .unwrap();
    assert!(text.contains("the hook was here"), "{text}");
    cluster.stop().await;
}

#[tokio::test]
async fn a_pod_that_is_deleted_while_it_starts_leaves_no_process() {
    let cluster = cluster().await;
    if !has_nginx(&cluster) {
        return;
    }
    let pods = api::<Pod>(&cluster);
    for number in 0..20_u64 {
        let name = format!("p{number}");
        create::<Pod>(&cluster, json!({
            "metadata": { "name": name },
            "spec": { "terminationGracePeriodSeconds": 0, "initContainers": [{ "name": "i", "image": IMAGE,
                "command": ["sh", "-c", "sleep 0.02"] }], "containers": [{ "name": "c", "image": IMAGE,
                "command": ["sh", "-c", "sleep 600"] }] },
        }))
        .await;
        // Each a little later in its start than the one before.
        tokio::time::sleep(std::time::Duration::from_millis(number * 2)).await;
        pods.delete(&name, &DeleteParams::default()).await.unwrap();
    }
    await_true("no pod is left", async || {
        pods.list(&ListParams::default()).await.unwrap().items.is_empty()
    })
    .await;
    let folder = cluster.node().folder().to_owned();
    await_true("no process is left", async || processes_below(&folder).is_empty()).await;
    cluster.stop().await;
}
