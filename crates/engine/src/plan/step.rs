//! The parts of a plan: what is made, changed and waited for.

use std::collections::BTreeMap;

use intercept_protocol::record::{FORMAT, Intercept, PortProtocol, Record};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Service, ServiceAccount};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};

use super::ports::Ports;

/// One part of a plan.
#[derive(Clone, Debug)]
pub struct Step {
    /// Steps of one stage do not depend on each other.
    pub stage: u8,
    /// What is done.
    pub action: Action,
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum Action {
    /// Makes an object that the proxy's Deployment will own, unless noted.
    Create(Object),
    /// Puts the first record into the cluster.
    WriteRecord(RecordDraft),
    /// Adds this intercept to the record that is there.
    AddToRecord,
    /// Starts the proxy pods.
    Scale {
        /// How many.
        replicas: i32,
    },
    /// Waits for the pods, opens the tunnel, sends a probe through both.
    OpenTunnel,
    /// Removes the fuse: from here on the agent is the dead-man's switch.
    Defuse,
    /// Changes the Service's selector.
    Switch(Switch),
    /// Waits until the Service's endpoints are only the proxy.
    AwaitSwitched,
    /// Lets the nodes see the origin Service.
    ShowOrigin,
}

/// An object of one proxy.
#[derive(Clone, Debug)]
pub enum Object {
    /// The fuse; owns the Deployment until it is removed.
    Fuse(Box<Job>),
    /// The proxy; owns everything but the fuse.
    Proxy(Box<Deployment>),
    /// The origin Service.
    Origin(Box<Service>),
    /// A part of the agent's binary, shared in the namespace.
    AgentPart(Box<ConfigMap>),
    /// Who the agent is.
    ServiceAccount(Box<ServiceAccount>),
    /// What the agent may do.
    Role(Box<Role>),
    /// Both together.
    RoleBinding(Box<RoleBinding>),
    /// Keeps one proxy pod while nodes are drained.
    DisruptionBudget(Box<PodDisruptionBudget>),
}

/// A record that lacks only what the cluster assigns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordDraft {
    /// What NGINX listens on, and our own ports.
    pub ports: Ports,
    /// How long an intercept outlives its session.
    pub grace_seconds: u32,
    /// Add `X-Forwarded-*`.
    pub forwarded_headers: bool,
    /// What the intercepted port speaks, where the user said so: `(listener port, protocol)`.
    pub protocol: (u16, PortProtocol),
}

/// The one change of the Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switch {
    /// The selector it must still have.
    pub from: BTreeMap<String, String>,
    /// The selector it gets.
    pub to: BTreeMap<String, String>,
    /// Whether the Service has annotations at all, which decides the patch's shape.
    pub has_annotations: bool,
}

impl RecordDraft {
    /// The record with what the cluster assigned.
    pub fn record(
        &self,
        namespace: &str,
        service: &str,
        origin: std::net::IpAddr,
        first: Intercept,
    ) -> Record {
        let mut listeners = self.ports.listeners.clone();
        for one in listeners.iter_mut().filter(|one| one.port == self.protocol.0) {
            one.protocol = self.protocol.1;
        }
        Record {
            format: FORMAT,
            namespace: namespace.to_owned(),
            service: service.to_owned(),
            origin,
            listeners,
            relay_port: self.ports.relay_port,
            health_port: self.ports.health_port,
            grace_seconds: self.grace_seconds,
            forwarded_headers: self.forwarded_headers,
            intercepts: vec![first],
        }
    }
}
