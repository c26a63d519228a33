//! Why a plan cannot be made, and what somebody should know about one that can.

use intercept_protocol::record::Owner;
use serde::Serialize;

/// A reason not to intercept; nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Refusal {
    /// Its requests never pass the cluster's Service routing.
    #[error(
        "the Service is an ExternalName: its callers connect elsewhere by DNS, so no selector can turn them"
    )]
    ExternalName,
    /// Its endpoints are kept by hand or by another controller.
    #[error(
        "the Service has no selector: its endpoints are written by somebody else, so no selector can turn them"
    )]
    NoSelector,
    /// Pods would lose their DNS names.
    #[error(
        "the Service is headless and governs StatefulSet `{stateful_set}`: its pods would lose their DNS names"
    )]
    GovernsStatefulSet {
        /// The StatefulSet.
        stateful_set: String,
    },
    /// NGINX could not stand in for these.
    #[error(
        "the Service also has {protocol} port {port}, which the proxy cannot carry: it would stop working"
    )]
    NotTcp {
        /// The protocol.
        protocol: String,
        /// The Service port.
        port: i32,
    },
    /// Nothing to intercept.
    #[error("the Service has no TCP port")]
    NoTcpPort,
    /// The port asked for does not exist.
    #[error("the Service has no port `{asked}`; it has {}", known.join(", "))]
    NoSuchPort {
        /// What was asked for.
        asked: String,
        /// What there is.
        known: Vec<String>,
    },
    /// Several ports and none named.
    #[error("the Service has several ports, say which: {}", known.join(", "))]
    WhichPort {
        /// What there is.
        known: Vec<String>,
    },
    /// Requests cannot be told apart here.
    #[error("port {port} does not speak plain HTTP, so single requests cannot be matched on it")]
    OnlyAllTraffic {
        /// The Service port.
        port: String,
    },
    /// Rights.
    #[error("you may not {verb} {resource} in this namespace")]
    Forbidden {
        /// As in an RBAC rule.
        verb: String,
        /// As in an RBAC rule.
        resource: String,
    },
    /// Somebody has exactly this match.
    #[error("{owner} already intercepts `{rule}` on this port, to {target}")]
    MatchTaken {
        /// Who.
        owner: Owner,
        /// The match.
        rule: String,
        /// Where theirs goes.
        target: String,
    },
    /// The proxy cannot be built.
    #[error("this build of Intercept carries no agent and no agent image is set")]
    NoAgent,
    /// The Service selects the proxy but what it selected before is unknown.
    #[error(
        "the Service selects the proxy, but its annotation with the original selector is gone or unreadable"
    )]
    OriginalUnknown,
    /// The Service is one of ours.
    #[error("this Service is the origin of an intercept of Service `{of}`")]
    IsOrigin {
        /// The intercepted one.
        of: String,
    },
}

impl Refusal {
    /// What the user can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::ExternalName | Self::NoSelector => "Intercept the Service that selects the pods instead.".into(),
            Self::GovernsStatefulSet { .. } => {
                "Make a second Service (not headless) with the same selector, let callers use it, and intercept that.".into()
            }
            Self::NotTcp { .. } => "Make a second Service with the TCP ports only and intercept that.".into(),
            Self::NoTcpPort => "Intercept carries TCP only.".into(),
            Self::NoSuchPort { .. } | Self::WhichPort { .. } => "Name a port: SERVICE:PORT.".into(),
            Self::OnlyAllTraffic { .. } => {
                "Use --all, or --protocol http if the port speaks HTTP after all.".into()
            }
            Self::Forbidden { verb, resource } => {
                format!("Ask whoever gives rights in this namespace for `{verb}` on `{resource}`.")
            }
            Self::MatchTaken { owner, .. } => {
                format!("Use another value, for example with your name, or ask {owner} to stop.")
            }
            Self::NoAgent => "Set agent.image in intercept.toml, or use a released build.".into(),
            Self::OriginalUnknown => "Put the selector back with kubectl, then run `interceptctl session close`.".into(),
            Self::IsOrigin { of } => format!("Intercept `{of}` instead."),
        }
    }
}

/// Something to know before saying yes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Warning {
    /// No Role, no dead-man's switch.
    #[error(
        "you may not create Roles here: if this laptop vanishes, the cluster cannot restore the Service by itself"
    )]
    NoSelfRestore,
    /// No Job, no fuse.
    #[error(
        "you may not create Jobs here: if this laptop vanishes in the first second, unused objects stay until `session close`"
    )]
    NoFuse,
    /// No disruption budget.
    #[error("you may not create PodDisruptionBudgets here: draining nodes may take all proxy pods at once")]
    NoDisruptionBudget,
    /// No ready pod answers.
    #[error("the Service has no ready pod: requests that do not match get no answer, as now")]
    NoReadyPod,
    /// Source addresses change.
    #[error("session affinity: the original pods will see the proxy's address and stick to that")]
    SessionAffinity,
    /// Node-local traffic.
    #[error(
        "externalTrafficPolicy Local: only nodes with a proxy pod take outside traffic, and source addresses change"
    )]
    ExternalTrafficPolicyLocal,
    /// Headless.
    #[error(
        "the Service is headless: callers that keep the pods' addresses from DNS are not turned until they ask again"
    )]
    Headless,
    /// Sidecars.
    #[error("the original pods have a {mesh} sidecar: strict mutual TLS would refuse the proxy")]
    Mesh {
        /// Which.
        mesh: String,
    },
    /// Policies.
    #[error("NetworkPolicy {} selects the original pods: it may keep the proxy from reaching them", policies.join(", "))]
    NetworkPolicies {
        /// Their names.
        policies: Vec<String>,
    },
    /// GitOps.
    #[error("{tool} manages this Service and may put its selector back")]
    GitOps {
        /// Which.
        tool: String,
    },
    /// Nothing listens.
    #[error("nothing listens on {target}: the original pods answer until something does")]
    NothingListens {
        /// The target.
        target: String,
    },
    /// Old connections.
    #[error(
        "connections that callers opened before and keep alive stay with the original pods until they close"
    )]
    OldConnections,
    /// NGINX named by the setting may lack what the default has.
    #[error("proxy image `{image}` is not the one this program was measured with ({measured})")]
    OtherImage {
        /// The image set.
        image: String,
        /// The default.
        measured: String,
    },
}
