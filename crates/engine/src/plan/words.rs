//! What the steps of a plan are called, for people.

use super::diff;
use super::step::{Action, Object, Step};

impl Object {
    /// Kind and name, as `kubectl` would call it.
    pub fn label(&self) -> String {
        let (kind, meta) = match self {
            Self::Fuse(one) => ("Job", &one.metadata),
            Self::Proxy(one) => ("Deployment", &one.metadata),
            Self::Origin(one) => ("Service", &one.metadata),
            Self::AgentPart(one) => ("ConfigMap", &one.metadata),
            Self::ServiceAccount(one) => ("ServiceAccount", &one.metadata),
            Self::Role(one) => ("Role", &one.metadata),
            Self::RoleBinding(one) => ("RoleBinding", &one.metadata),
            Self::DisruptionBudget(one) => ("PodDisruptionBudget", &one.metadata),
        };
        format!("{kind} {}", meta.name.as_deref().unwrap_or_default())
    }
}

impl Step {
    /// What the step does, for people.
    pub fn sentence(&self) -> String {
        match &self.action {
            Action::Create(object) => format!("Create {}: {}", object.label(), purpose(object)),
            Action::WriteRecord(_) => {
                "Write the record: this intercept, and what the proxy listens on".into()
            }
            Action::AddToRecord => "Add this intercept to the record; no pod restarts".into(),
            Action::Scale { replicas: 1 } => "Start 1 proxy pod".into(),
            Action::Scale { replicas } => format!("Start {replicas} proxy pods"),
            Action::OpenTunnel => "Wait for the proxy, open the tunnel, send a probe through both".into(),
            Action::Defuse => {
                "Remove the fuse: from here on the agent restores the Service if need be".into()
            }
            Action::Switch(_) => "Change the Service's selector to the proxy".into(),
            Action::AwaitSwitched => "Wait until the Service's endpoints are only the proxy".into(),
            Action::ShowOrigin => {
                "Let the nodes see the origin Service; until then NGINX asks the original pods by their addresses"
                    .into()
            }
        }
    }

    /// How the step is undone, for people; the undoing itself works from the cluster's state.
    pub fn undo(&self) -> String {
        match &self.action {
            Action::Create(Object::Fuse(_)) => "Deleted as soon as it is not needed".into(),
            Action::Create(Object::Proxy(_)) => {
                "Delete the Deployment; it takes everything it owns with it".into()
            }
            Action::Create(Object::AgentPart(_)) => "Goes with the last proxy of the namespace".into(),
            Action::Create(_) | Action::WriteRecord(_) => "Goes with the Deployment that owns it".into(),
            Action::AddToRecord => "Remove this intercept from the record".into(),
            Action::Scale { .. } => "The pods drain and go with the Deployment".into(),
            Action::OpenTunnel => "Close the tunnel".into(),
            Action::Defuse | Action::AwaitSwitched | Action::ShowOrigin => "Nothing to undo".into(),
            Action::Switch(switch) => format!("Change the selector back to {}", diff::inline(&switch.from)),
        }
    }
}

fn purpose(object: &Object) -> &'static str {
    match object {
        Object::Fuse(_) => "removes everything if this program dies before the agent runs",
        Object::Proxy(_) => "NGINX and the agent",
        Object::Origin(_) => "still selects the original pods",
        Object::AgentPart(_) => "the agent's binary",
        Object::ServiceAccount(_) | Object::Role(_) | Object::RoleBinding(_) => {
            "lets the agent restore this one Service"
        }
        Object::DisruptionBudget(_) => "keeps a proxy pod while nodes are drained",
    }
}
