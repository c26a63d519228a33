//! In place of NGINX, where none can run: the agent's own parts and a small router in this process.
//!
//! The relay, the gates, the dead-man's switch and the record are the real agent's. What routes between gate and
//! origin is not: it is no measure of how unseen NGINX is, of its speed, or of its reloads. The sandbox says so.

mod route;
mod rule;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use intercept_agent::agent::Agent;
use intercept_agent::settings::Settings;
use intercept_agent::{deadman, gate, ownership, record_source, relay};
use intercept_protocol::names::AGENT_CONTAINER;
use intercept_protocol::record::Record;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::image::Context;

/// As the agent: nodes may go on sending new connections for a second or two after the Service was switched.
const KEEP_LISTENING: Duration = Duration::from_secs(4);

/// A container of the proxy. The agent's does it all; NGINX's only is there.
pub(super) async fn run(context: Context) -> i32 {
    if context.container != AGENT_CONTAINER {
        context.stop.cancelled().await;
        return 0;
    }
    let settings = match Settings::read(|name| context.env.get(name).cloned()) {
        Ok(settings) => settings,
        Err(error) => {
            context
                .log
                .line(format!("the agent's stand-in cannot begin: {error}"));
            return 1;
        }
    };
    if let Err(error) = std::fs::create_dir_all(settings.run_file("gate")) {
        context
            .log
            .line(format!("the gates' folder cannot be made: {error}"));
        return 1;
    }
    context
        .log
        .line("no NGINX can run here: a stand-in routes by the same record");
    let agent = Agent::new(settings);
    let stopped = CancellationToken::new();
    // record source → stand-in and dead-man's switch
    let observed = watch::Sender::new(None);
    let mut tasks = JoinSet::new();
    tasks.spawn(conduct(context.clone(), agent.clone(), observed.subscribe()));
    tasks.spawn(gate::keep(agent.clone(), stopped.clone()));
    tasks.spawn(relay::serve(agent.clone()));
    tasks.spawn(deadman::watch(agent.clone(), observed.subscribe()));
    tasks.spawn(ownership::adopt(agent.clone()));
    tasks.spawn(record_source::follow(agent.clone(), observed));
    context.stop.cancelled().await;
    agent.draining.send_replace(true);
    tokio::time::sleep(KEEP_LISTENING).await;
    stopped.cancel();
    tasks.shutdown().await;
    0
}

/// Hands each new record to the gates and to the router, and says which intercepts are routed.
async fn conduct(
    context: Context,
    agent: Arc<Agent>,
    mut observed: watch::Receiver<Option<record_source::Observed>>,
) {
    let mut serving = JoinSet::new();
    loop {
        let text = observed
            .borrow_and_update()
            .as_ref()
            .and_then(|seen| seen.text.clone());
        let record = text.and_then(|text| Record::parse(&text).ok()).filter(|record| {
            record.service == agent.settings.service && record.namespace == agent.settings.namespace
        });
        if let Some(record) = record.filter(|_| !*agent.draining.borrow()) {
            let record = Arc::new(record);
            if agent.record.borrow().is_none() {
                listen(&context, &agent, &record, &mut serving).await;
            }
            let routed: Vec<_> = record.intercepts.iter().map(|one| one.id.clone()).collect();
            agent.record.send_replace(Some(record));
            agent.status.send_modify(|status| status.routed = routed);
        }
        if observed.changed().await.is_err() {
            return;
        }
    }
}

/// The ports of a proxy never change while it stands.
async fn listen(context: &Context, agent: &Arc<Agent>, record: &Record, serving: &mut JoinSet<()>) {
    let health = (record.health_port, None);
    let ports = record.listeners.iter().map(|one| (one.port, Some(one.clone())));
    for (port, listener) in ports.chain([health]) {
        match context.listen(port).await {
            Ok(listening) => {
                let origin = listener
                    .as_ref()
                    .map(|one| SocketAddr::new(record.origin, one.service_port));
                let router = route::Router {
                    context: context.clone(),
                    agent: agent.clone(),
                    listener,
                    origin,
                };
                serving.spawn(router.serve(listening));
            }
            Err(error) => context
                .log
                .line(format!("port {port} cannot be listened on: {error}")),
        }
    }
}
