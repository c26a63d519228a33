//! The rig itself on a real Kubernetes: what it would report of a cluster where nobody switches anything.

use std::time::Duration;

use intercept_tests::load::{Connections, Load};
use intercept_tests::user::mk_user;
use intercept_tests::{
    App, Ask, Laptop, Namespace, ServiceBefore, await_true, send, snapshot, with_namespace,
};
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use kube::api::{Api, ListParams, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::json;

/// Requests of the baseline, of each kind; 50,000 is what a release is judged by.
const REQUESTS_VARIABLE: &str = "INTERCEPT_TEST_LOAD";
const REQUESTS: u64 = 5_000;

fn requests() -> u64 {
    std::env::var(REQUESTS_VARIABLE).map_or(REQUESTS, |text| text.parse().expect("a number of requests"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_without_any_switch_loses_nothing() {
    with_namespace(async |ns: Namespace| {
        App::new("api").replicas(2).http(80, 8080).create(&ns).await;
        let address = ns.address("api", 80).await;
        let load = |connections| {
            Load::new(&address, connections)
                .requests(requests())
                .answered_by(&["original"])
        };
        let (fresh, kept) = tokio::join!(load(Connections::Fresh).run(), load(Connections::KeptAlive).run());
        println!("fresh: {fresh}\nkept alive: {kept}");
        let report = fresh.and(kept);
        assert_eq!((report.lost, report.sent), (0, 2 * requests()), "{report}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_counts_what_nobody_answers() {
    with_namespace(async |ns: Namespace| {
        App::new("api").http(80, 8080).create(&ns).await;
        let address = ns.address("api", 80).await;
        let load = Load::new(&address, Connections::Fresh).callers(2).start();
        load.await_requests(50).await;
        let nobody = Patch::Merge(json!({ "spec": { "selector": { "app": "nobody" } } }));
        ns.api::<Service>()
            .patch("api", &PatchParams::default(), &nobody)
            .await
            .expect("must be patched");
        await_true(Duration::from_secs(10), "requests to fail", async || {
            send(&address, &Ask::get("/")).await.is_err()
        })
        .await;
        load.await_requests(5).await;
        let report = load.stop().await;
        assert!(report.lost > 0 && !report.reasons.is_empty(), "{report}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn named_ports_and_tcp_answer_under_pod_security_restricted() {
    with_namespace(async |ns: Namespace| {
        ns.enforce_restricted().await;
        App::new("api")
            .http_named("web", 80, "http", 8080)
            .http(81, 8081)
            .tcp(9000, 9001)
            .create(&ns)
            .await;
        for (port, container) in [(80, 8080), (81, 8081)] {
            let answer = send(&ns.address("api", port).await, &Ask::post("/x?y=z", "hello"))
                .await
                .expect("must answer");
            let account = answer.account.clone().expect("must be ours");
            assert_eq!(
                (answer.by(), account.port, account.body_bytes),
                ("original", container, 5)
            );
            assert_eq!(account.target, "/x?y=z");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restricted_user_may_do_what_was_granted_and_no_more() {
    with_namespace(async |ns: Namespace| {
        let user = mk_user(&ns, "viewer", &[("", "services", "get,list")]).await;
        let kubeconfig = Kubeconfig::read_from(user.kubeconfig()).expect("must be a kubeconfig");
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
            .await
            .expect("must be usable");
        let client = Client::try_from(config).expect("must make a client");
        let services: Api<Service> = Api::namespaced(client.clone(), &ns.name);
        services
            .list(&ListParams::default())
            .await
            .expect("what was granted");
        let maps: Api<ConfigMap> = Api::namespaced(client, &ns.name);
        let refused = maps.list(&ListParams::default()).await.expect_err("what was not");
        assert!(
            matches!(&refused, kube::Error::Api(status) if status.code == 403),
            "{refused}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_and_a_leftover_are_seen() {
    with_namespace(async |ns: Namespace| {
        App::new("api").http(80, 8080).create(&ns).await;
        let before = ServiceBefore::take(&ns, "api").await;
        before.assert_untouched().await;
        assert_eq!(snapshot::residue(&ns).await, [""; 0]);

        let change = Patch::Merge(json!({ "metadata": { "annotations": { "left": "behind" } } }));
        ns.api::<Service>()
            .patch("api", &PatchParams::default(), &change)
            .await
            .expect("must be patched");
        assert!(!before.is_untouched().await);
        let labels = json!({ "app.kubernetes.io/managed-by": "intercept" });
        ns.create::<ConfigMap>(json!({ "metadata": { "name": "left", "labels": labels } }))
            .await;
        assert_eq!(snapshot::residue(&ns).await, ["ConfigMap/left"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_laptop_stops_and_comes_back_on_its_port() {
    let mut laptop = Laptop::start("ada").await;
    let address = laptop.address();
    let answer = send(&address, &Ask::post("/", "x").header("X-Dev", "ada"))
        .await
        .expect("must answer");
    assert_eq!(answer.by(), "ada");
    laptop.stop().await;
    send(&address, &Ask::get("/"))
        .await
        .expect_err("nothing may answer");
    laptop.restart().await;
    let load = Load::new(&address, Connections::KeptAlive)
        .requests(200)
        .answered_by(&["ada"]);
    let report = load.run().await;
    assert_eq!(report.lost, 0, "{report}");
}
