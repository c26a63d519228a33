//! What it costs, side by side in one run: `scripts/bench.sh` builds the release program and runs this.
//!
//! Ratios are solid, absolutes are weather: both sides of each take turns on the same machine.

use std::time::{Duration, Instant};

use intercept_tests::{Address, Ask, Namespace, Running, await_true, cluster, send};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use serde_json::json;

use super::world::{Developer, LAPTOP, ORIGINAL, SETTLES, World, e2e, interrupt};

#[path = "bench/relay.rs"]
mod relay;
#[path = "bench/wrk.rs"]
mod wrk;

use wrk::side_by_side;

const QUIET: Duration = Duration::from_millis(2_500);
const MARK: (&str, &str) = ("X-Dev", "ada");

fn runs() -> usize {
    std::env::var("INTERCEPT_BENCH_RUNS").map_or(20, |text| text.parse().expect("a number of runs"))
}

#[expect(clippy::print_stdout, reason = "the figures are what the run is for")]
fn tell(what: &str, figure: impl std::fmt::Display) {
    println!("bench: {what}: {figure}");
}

/// Median, and both ends.
fn spread(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let last = times.len() - 1;
    format!(
        "p50 {:.2?}, min {:.2?}, max {:.2?} of {}",
        times[last / 2],
        times[0],
        times[last],
        times.len()
    )
}

/// Asks again and again until this one answers.
async fn until_answered_by(address: &Address, who: &str) {
    let ask = Ask::get("/").header(MARK.0, MARK.1);
    await_true(SETTLES, "the switch", async || {
        send(address, &ask).await.is_ok_and(|answer| answer.by() == who)
    })
    .await;
}

async fn started(world: &World, developer: &Developer, address: &Address) -> (Running, Duration) {
    let to = world.to().await;
    let begun = Instant::now();
    let mut session = developer.spawn(&["start", "api:web", "--to", &to, "--header", "X-Dev=ada"]);
    until_answered_by(address, LAPTOP).await;
    let took = begun.elapsed();
    // The first request may be answered before the endpoints are known to have followed.
    session.await_line(SETTLES, "Ready in").await;
    (session, took)
}

/// From the signal to the first answer by the original.
async fn left(session: Running, address: &Address) -> Duration {
    let begun = Instant::now();
    session.signal(intercept_tests::Signal::INT);
    until_answered_by(address, ORIGINAL).await;
    let took = begun.elapsed();
    let ended = session.ended(SETTLES).await;
    assert_eq!(ended.code, Some(0), "{ended}");
    took
}

#[ignore = "measures; scripts/bench.sh runs it"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn engage_leave_and_join() {
    e2e(async |world: &World| {
        let address = world.namespace.address("api", 80).await;
        let ada = world.developer("ada");
        let (mut engages, mut leaves, mut joins) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..runs() {
            let (session, took) = started(world, &ada, &address).await;
            engages.push(took);
            leaves.push(left(session, &address).await);
            intercept_tests::snapshot::await_no_residue(&world.namespace, SETTLES).await;
            // What the garbage collector just removed holds up every node's next change of Services for a second.
            tokio::time::sleep(QUIET).await;
        }
        let bob = world.developer("bob");
        let of_bob = bob
            .start(&["api:web", "--to", &world.to().await, "--header", "X-Dev=bob"])
            .await;
        for _ in 0..runs() {
            let (session, took) = started(world, &ada, &address).await;
            joins.push(took);
            left(session, &address).await;
        }
        interrupt(of_bob).await;
        tell("command to first intercepted request (engage)", spread(engages));
        tell("Ctrl-C to first answer by the original (leave)", spread(leaves));
        tell("command to first intercepted request (join)", spread(joins));
    })
    .await;
}

#[ignore = "measures; scripts/bench.sh runs it"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_do_not_match_against_a_minimal_nginx() {
    e2e(async |world: &World| {
        let minimal = mk_minimal_proxy(&world.namespace).await;
        let ada = world.developer("ada");
        let session = ada
            .start(&["api:web", "--to", &world.to().await, "--header", "X-Dev=ada"])
            .await;
        let ours = world.namespace.address("api", 80).await;
        for callers in [32, 1] {
            let what = format!("not matching, {callers} connection(s)");
            side_by_side(&what, callers, &[], (&ours, "ours"), (&minimal, "minimal NGINX")).await;
        }
        interrupt(session).await;
    })
    .await;
}

/// What somebody would write by hand, in front of the same original.
async fn mk_minimal_proxy(namespace: &Namespace) -> Address {
    let origin = json!({ "metadata": { "name": "behind" },
        "spec": { "selector": { "app": "api" }, "ports": [{ "port": 80, "targetPort": "http" }] } });
    let origin = namespace.create::<Service>(origin).await;
    let origin = origin
        .spec
        .and_then(|spec| spec.cluster_ip)
        .expect("a Service must have an address");
    let folders: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|one| format!("{one}_temp_path /tmp/{one};"))
        .concat();
    let conf = format!(
        "worker_processes 2; pid /tmp/pid; error_log stderr; events {{}} http {{ {folders} access_log off; \
         upstream origin {{ server {origin}:80; keepalive 64; }} server {{ listen 8080; location / {{ \
         proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_set_header Host $host; proxy_pass http://origin; }} }} }}"
    );
    namespace
        .create::<ConfigMap>(json!({ "metadata": { "name": "minimal" }, "data": { "nginx.conf": conf } }))
        .await;
    let labels = json!({ "app": "minimal" });
    namespace
        .create::<Deployment>(json!({ "metadata": { "name": "minimal" }, "spec": {
            "selector": { "matchLabels": labels },
            "template": { "metadata": { "labels": labels }, "spec": {
                "securityContext": { "runAsUser": 101 },
                "containers": [{ "name": "nginx", "image": cluster::proxy_image(),
                    "command": ["nginx", "-e", "stderr", "-c", "/conf/nginx.conf", "-g", "daemon off;"],
                    "volumeMounts": [{ "name": "conf", "mountPath": "/conf" }] }],
                "volumes": [{ "name": "conf", "configMap": { "name": "minimal" } }],
            } },
        } }))
        .await;
    let service = json!({ "metadata": { "name": "minimal" },
        "spec": { "selector": labels, "ports": [{ "port": 80, "targetPort": 8080 }] } });
    namespace.create::<Service>(service).await;
    let address = namespace.address("minimal", 80).await;
    await_true(SETTLES, "the minimal proxy to be routed", async || {
        address.is_routed().await
    })
    .await;
    await_true(SETTLES, "the minimal proxy", async || {
        send(&address, &Ask::get("/")).await.is_ok()
    })
    .await;
    address
}
