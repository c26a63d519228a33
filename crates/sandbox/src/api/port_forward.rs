//! `pods/portforward`: bytes to a pod's ports, over the protocols that clients speak.
//!
//! kube-rs and this project's tunnel speak WebSocket channels (`v4.channel.k8s.io`); kubectl speaks SPDY,
//! inside a WebSocket (`SPDY/3.1+portforward.k8s.io`) or after an upgrade of its own.

mod carry;
mod channels;
mod handshake;
mod spdy;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hyper::upgrade::OnUpgrade;

use super::Api;
use super::respond::Answer;
use super::serve::Asked;
use super::server::Life;
use super::status::Failure;
use crate::faults::{Call, Effect};
use crate::node_access::{DuplexStream, NodeAccess, NodeError};
use handshake::Protocol;

/// The pod at the other end.
#[derive(Clone)]
struct Pod {
    node: Arc<dyn NodeAccess>,
    api: Arc<Api>,
    namespace: String,
    name: String,
    call: Call,
    is_refused: bool,
    /// Nothing passes any more, either way.
    is_stalled: Arc<AtomicBool>,
}

impl Pod {
    /// Waits for ever once the port-forward has stalled.
    async fn unless_stalled(&self) {
        if self.is_stalled.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
    }

    async fn connect(&self, port: u16) -> Result<Box<dyn DuplexStream>, NodeError> {
        if self.is_refused {
            return Err(NodeError::NotListening {
                pod: self.name.clone(),
                port,
                source: std::io::ErrorKind::ConnectionRefused.into(),
            });
        }
        self.node.port_forward(&self.namespace, &self.name, port).await
    }
}

pub(super) async fn answer(
    api: &Arc<Api>,
    asked: &Asked,
    upgrade: Option<OnUpgrade>,
    struck: Option<&Effect>,
) -> Result<Answer, Failure> {
    let target = &asked.target;
    let found = api
        .store
        .read(|state| state.find(target.kind, &target.namespace, &target.name).cloned());
    let found = found.ok_or_else(|| Failure::not_found(target.kind, &target.name))?;
    if found.value["spec"]["nodeName"].as_str().is_none_or(str::is_empty) {
        return Err(Failure::bad_request(format!(
            "pod {} does not have a host assigned",
            target.name
        )));
    }
    let node = api
        .node
        .read()
        .clone()
        .ok_or_else(|| Failure::internal("no node runs this pod"))?;
    let (Some(protocol), Some(upgrade)) = (Protocol::asked(&asked.parts), upgrade) else {
        return Err(Failure::bad_request("Upgrade request required"));
    };
    let ports: Vec<u16> = asked
        .query
        .all("ports")
        .flat_map(|ports| ports.split(','))
        .map(str::parse)
        .collect::<Result<_, _>>()
        .map_err(|_| Failure::bad_request("query parameter \"ports\" must be one or more port numbers"))?;
    if ports.is_empty() && protocol == Protocol::Channels {
        return Err(Failure::bad_request("query parameter \"ports\" is required"));
    }
    let pod = Pod {
        node,
        api: api.clone(),
        namespace: target.namespace.clone(),
        name: target.name.clone(),
        call: asked.call.clone(),
        is_refused: struck == Some(&Effect::Refuse),
        is_stalled: Arc::default(),
    };
    let life = asked.parts.extensions.get::<Life>().cloned();
    let life = life.ok_or_else(|| Failure::internal("the connection has no end"))?;
    life.tasks.spawn(async move {
        tokio::select! {
            () = life.cut.cancelled() => {}
            () = run(pod, protocol, upgrade, ports) => {}
        }
    });
    Ok(handshake::accept(&asked.parts, protocol))
}

async fn run(pod: Pod, protocol: Protocol, upgrade: OnUpgrade, ports: Vec<u16>) {
    match upgrade.await {
        Ok(upgraded) => match protocol {
            Protocol::Channels => channels::run(pod, upgraded, &ports).await,
            Protocol::SpdyInWebSocket => spdy::run_in_web_socket(pod, upgraded).await,
            Protocol::Spdy => spdy::run(pod, hyper_util::rt::TokioIo::new(upgraded)).await,
        },
        Err(error) => tracing::debug!(%error, "a port-forward was not taken up"),
    }
}
