//! `pods/log`: what a container wrote, as it comes.

use std::sync::Arc;

use futures::StreamExt as _;
use http::StatusCode;

use super::Api;
use super::respond::{self, Answer, Cut};
use super::serve::Asked;
use super::status::Failure;
use crate::node_access::{LogOptions, NodeError};

pub(super) async fn answer(api: &Arc<Api>, asked: &Asked) -> Result<Answer, Failure> {
    let (target, query) = (&asked.target, &asked.query);
    let pod = api
        .store
        .read(|state| state.find(target.kind, &target.namespace, &target.name).cloned());
    let pod = pod.ok_or_else(|| Failure::not_found(target.kind, &target.name))?;
    let containers: Vec<&str> = ["containers", "initContainers"]
        .iter()
        .flat_map(|list| pod.value["spec"][list].as_array().into_iter().flatten())
        .filter_map(|container| container["name"].as_str())
        .collect();
    let container = match (query.get("container"), containers.as_slice()) {
        (Some(name), all) if all.contains(&name) => name,
        (Some(name), _) => {
            return Err(Failure::bad_request(format!(
                "container {name} is not valid for pod {}",
                target.name
            )));
        }
        (None, [only]) => only,
        (None, all) => {
            return Err(Failure::bad_request(format!(
                "a container name must be specified for pod {}, choose one of: [{}]",
                target.name,
                all.join(" ")
            )));
        }
    };
    let options = LogOptions {
        follow: query.flag("follow"),
        tail_lines: query.number("tailLines")?,
        previous: query.flag("previous"),
        timestamps: query.flag("timestamps"),
    };
    let node = api.node.read().clone();
    let node = node.ok_or_else(|| no_node(&pod.value))?;
    let log = node
        .logs(&target.namespace, &target.name, container, options)
        .await
        .map_err(|error| refused(&error))?;
    let pieces = log.map(|piece| {
        piece.map_err(|error| {
            tracing::debug!(%error, "a log ended early");
            Cut
        })
    });
    Ok(respond::stream("text/plain", pieces))
}

fn no_node(pod: &serde_json::Value) -> Failure {
    let node = pod["spec"]["nodeName"].as_str().unwrap_or_default();
    Failure::internal(format!("no node runs this pod; it is bound to {node:?}"))
}

pub(super) fn refused(error: &NodeError) -> Failure {
    let words = error.to_string();
    match error {
        NodeError::NoPod { .. } => Failure::new(StatusCode::NOT_FOUND, "NotFound", words),
        NodeError::NoContainer { .. } | NodeError::NotStarted { .. } | NodeError::NoPrevious { .. } => {
            Failure::bad_request(words)
        }
        NodeError::NotListening { .. } | NodeError::Io(_) => Failure::internal(words),
    }
}
