//! `interceptctl sandbox`: a small Kubernetes on this machine, until it is told to stop.

mod news;

use std::path::Path;
use std::time::Instant;

use futures::future::join_all;
use intercept_sandbox::Cluster;
use intercept_sandbox::faults::{Happening, Order};
use intercept_sandbox::node::NginxInUse;
use intercept_sandbox::shop;
use intercept_trial::{Trial, TrialError, TrialOptions};
use serde_json::json;

use self::news::News;
use crate::args::SandboxArgs;
use crate::errors::Failure;
use crate::exit::Exit;
use crate::output::{Output, bold, dim, warning};
use crate::signals::Signals;

/// Starts a sandbox, says where it is, and stays until asked to stop.
pub(crate) async fn sandbox(args: &SandboxArgs, output: &Output) -> Result<Exit, Failure> {
    let begun = Instant::now();
    let mut signals = Signals::listen().map_err(|error| {
        Failure::from_error(Exit::Unexpected, "unexpected", &error).during("Signals cannot be heard")
    })?;
    let trial = started(TrialOptions {
        nginx: args.nginx.nginx.clone(),
        has_shop: !args.empty,
        has_colleague: !args.alone,
        services: usize::try_from(args.scale).unwrap_or(usize::MAX),
        kubeconfig: args.write_kubeconfig.clone(),
    })
    .await?;
    let happenings = ordered(&args.fault, trial.cluster());
    let milliseconds = begun.elapsed().as_millis();
    tell(
        output,
        trial.cluster(),
        trial.kubeconfig(),
        milliseconds,
        args.empty,
    );
    let signal = stay(&trial, &happenings, output, &mut signals).await;
    output.note(&dim(format!("Ending the sandbox ({signal})")));
    trial.stop().await;
    Ok(Exit::Done)
}

/// A running sandbox. Whoever has it must stop it.
pub(super) async fn started(options: TrialOptions) -> Result<Trial, Failure> {
    Trial::start(options).await.map_err(|error| match &error {
        TrialError::Kubeconfig(why) => Failure::from_error(Exit::Usage, "usage", why).hint(why.hint()),
        error => Failure::from_error(Exit::Unexpected, "sandbox", error),
    })
}

/// Orders what strikes calls, now that setting up cannot go wrong by it; what happens by itself comes back.
fn ordered(orders: &[Order], cluster: &Cluster) -> Vec<Happening> {
    let mut happenings = Vec::new();
    for order in orders {
        match order.clone() {
            Order::Fault(fault) => drop(cluster.sandbox().faults().order(fault)),
            Order::Happening(happening) => happenings.push(happening),
        }
    }
    happenings
}

/// Until a signal comes.
async fn stay(
    trial: &Trial,
    happenings: &[Happening],
    output: &Output,
    signals: &mut Signals,
) -> &'static str {
    let news = News { output };
    let cluster = trial.cluster();
    let happen = happenings
        .iter()
        .map(|happening| cluster.befall(happening, |fate| news.fate(fate)));
    let told = async {
        if let Some(colleague) = trial.colleague() {
            news.arrival(&colleague.arrived().await);
        }
    };
    let all = async {
        tokio::join!(told, join_all(happen));
        std::future::pending::<&'static str>().await
    };
    tokio::select! {
        signal = signals.next() => signal,
        never = all => never,
    }
}

fn tell(output: &Output, cluster: &Cluster, kubeconfig: &Path, milliseconds: u128, is_empty: bool) {
    let file = kubeconfig.display();
    let catalog = cluster.service_address(shop::NAMESPACE, "catalog", 8080);
    output.event(&json!({
        "event": "ready", "kubeconfig": kubeconfig, "milliseconds": milliseconds,
        "nginx": nginx(cluster), "catalog": catalog,
    }));
    output.line(&format!("Ready in {milliseconds} ms: KUBECONFIG={file}"));
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
