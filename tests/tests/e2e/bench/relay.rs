//! The relay beside kubectl's port-forward: the same program answers on both sides, once on the laptop, once in the pod.

use std::process::Stdio;

use intercept_tests::{Address, Ask, await_true, cluster, send};
use tokio::process::{Child, Command};

use super::wrk::side_by_side;
use super::{LAPTOP, MARK, SETTLES, World, e2e, interrupt, until_answered_by};

/// Selects the proxy's pods.
const OF_PROXY: &str = "intercept.dev/proxy=api";

#[ignore = "measures; scripts/bench.sh runs it"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_relay_against_a_plain_port_forward() {
    e2e(async |world: &World| {
        let (program, mut running) = sample().await;
        let to = program.port.to_string();
        let ada = world.developer("ada");
        let session = ada
            .start(&["api:web", "--to", &to, "--header", "X-Dev=ada"])
            .await;
        until_answered_by(&world.namespace.address("api", 80).await, LAPTOP).await;
        // Both sides ask a pod: thousands of fresh connections a second through the Service run out of the rig's ports,
        // and the seconds that SYNs are repeated after would be counted as the relay's.
        let relay = world.namespace.pod_address(OF_PROXY, 8080).await;
        let (forward, mut kubectl) = port_forward(world).await;
        let (ours, plain) = ((&relay, "relay"), (&forward, "port-forward"));
        let mark = format!("{}: {}", MARK.0, MARK.1);
        for callers in [1, 32] {
            let what = format!("matching, {callers} connection(s)");
            side_by_side(&what, callers, &[&mark], ours, plain).await;
        }
        for callers in [1, 32] {
            let what = format!("matching, {callers} caller(s), a connection for each request");
            side_by_side(&what, callers, &[&mark, "Connection: close"], ours, plain).await;
        }
        interrupt(session).await;
        for child in [&mut kubectl, &mut running] {
            child.kill().await.expect("an own child must be killable");
        }
    })
    .await;
}

fn free_port() -> u16 {
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    free.expect("a port must be free").port()
}

/// The program of the original pods, on this machine.
async fn sample() -> (Address, Child) {
    let address = Address::local(free_port());
    let program = Command::new(cluster::sample_program())
        .env("HTTP_PORTS", address.port.to_string())
        .env("ANSWER_BY", LAPTOP)
        .kill_on_drop(true)
        .spawn()
        .expect("the sample program must start");
    answers(&address).await;
    (address, program)
}

/// kubectl's own, to the original's pod, from a port of this machine.
async fn port_forward(world: &World) -> (Address, Child) {
    let address = Address::local(free_port());
    let kubectl = Command::new(cluster::kubectl())
        .arg("--kubeconfig")
        .arg(&world.namespace.cluster.kubeconfig)
        .args([
            "--namespace",
            &world.namespace.name,
            "port-forward",
            "deployment/api",
            &format!("{}:8080", address.port),
        ])
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("kubectl must start");
    answers(&address).await;
    (address, kubectl)
}

async fn answers(address: &Address) {
    await_true(SETTLES, "an answer", async || {
        send(address, &Ask::get("/")).await.is_ok()
    })
    .await;
}
