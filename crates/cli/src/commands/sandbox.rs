//! `interceptctl sandbox`: a small Kubernetes on this machine, until it is told to stop.

mod kubeconfig;

use std::time::{Duration, Instant};

use intercept_sandbox::node::{NginxInUse, NodeOptions};
use intercept_sandbox::shop::{self, ShopOptions};
use intercept_sandbox::{Cluster, ClusterOptions, Options};
use serde_json::json;

pub(super) use kubeconfig::Kubeconfig;

use crate::args::{NginxArgs, SandboxArgs};
use crate::errors::Failure;
use crate::exit::Exit;
use crate::output::{Output, bold, dim, warning};
use crate::signals::Signals;

/// Changes that a watch may lag behind; each generated Service is more than a dozen of them.
const HISTORY: usize = 10_000;

/// Starts a sandbox, says where it is, and stays until asked to stop.
pub(crate) async fn sandbox(args: &SandboxArgs, output: &Output) -> Result<Exit, Failure> {
    let begun = Instant::now();
    let mut signals = Signals::listen().map_err(|error| {
        Failure::from_error(Exit::Unexpected, "unexpected", &error).during("Signals cannot be heard")
    })?;
    let shop = (!args.empty).then(ShopOptions::default);
    let cluster = started(&args.nginx, shop).await?;
    let outcome = serve(args, output, &cluster, begun, &mut signals).await;
    cluster.stop().await;
    outcome
}

/// A running cluster. Whoever has it must stop it.
pub(super) async fn started(nginx: &NginxArgs, shop: Option<ShopOptions>) -> Result<Cluster, Failure> {
    let options = ClusterOptions {
        api: Options {
            history: HISTORY,
            ..Options::default()
        },
        node: NodeOptions {
            nginx: nginx.nginx.clone(),
            ..NodeOptions::default()
        },
        shop,
    };
    Cluster::start(options).await.map_err(|error| {
        Failure::from_error(Exit::Unexpected, "sandbox", &error).during("The sandbox does not start")
    })
}

async fn serve(
    args: &SandboxArgs,
    output: &Output,
    cluster: &Cluster,
    begun: Instant,
    signals: &mut Signals,
) -> Result<Exit, Failure> {
    let sandbox = cluster.sandbox();
    let services = usize::try_from(args.scale).unwrap_or(usize::MAX);
    sandbox
        .insert_many(shop::scale(services))
        .map_err(|error| Failure::from_error(Exit::Unexpected, "sandbox", &error))?;
    // Ordered last: setting up is not what is to go wrong.
    for fault in &args.fault {
        sandbox.faults().order(fault.clone());
    }
    let kubeconfig = Kubeconfig::write(args.write_kubeconfig.as_deref(), cluster)?;
    tell(output, cluster, &kubeconfig, begun.elapsed(), args.empty);
    let signal = signals.next().await;
    output.note(&dim(format!("Ending the sandbox ({signal})")));
    Ok(Exit::Done)
}

fn tell(output: &Output, cluster: &Cluster, kubeconfig: &Kubeconfig, took: Duration, is_empty: bool) {
    let file = kubeconfig.path().display();
    let catalog = cluster.service_address(shop::NAMESPACE, "catalog", 8080);
    output.event(&json!({
        "event": "ready", "kubeconfig": kubeconfig.path(), "milliseconds": took.as_millis(),
        "nginx": nginx(cluster), "catalog": catalog,
    }));
    output.line(&format!("Ready in {} ms: KUBECONFIG={file}", took.as_millis()));
    output.note(&match cluster.node().nginx() {
        NginxInUse::Binary { path, version } => dim(format!("NGINX {version} at {}", path.display())),
        NginxInUse::None { reason } => warning(format!(
            "A stand-in routes instead of NGINX, which it does not equal: {reason}"
        )),
    });
    if is_empty {
        return;
    }
    output.note(&format!("{}\n  interceptctl --kubeconfig {file} -n {ns} services\n  interceptctl --kubeconfig {file} -n {ns} start catalog --to 3000", bold("Try:"), ns = shop::NAMESPACE));
    if let Some(address) = catalog {
        output.note(&format!(
            "  curl -H '{}: {}' http://{address}/",
            shop::MARK.0,
            shop::MARK.1
        ));
    }
    output.note(&dim(
        "A stand-in for trying and testing, never a place to run workloads. Ctrl-C ends it",
    ));
}

/// The version in use; nothing where a stand-in routes.
fn nginx(cluster: &Cluster) -> Option<String> {
    match cluster.node().nginx() {
        NginxInUse::Binary { version, .. } => Some(version.to_string()),
        NginxInUse::None { .. } => None,
    }
}
