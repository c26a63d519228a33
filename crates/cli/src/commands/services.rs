//! `interceptctl services`.

use intercept_engine::discover::{self, PortSummary, ServiceSummary};
use serde_json::json;

use crate::args::{Global, Scope};
use crate::connection::{connect, settings};
use crate::errors::Failure;
use crate::exit::Exit;
use crate::output::{Output, Table, dim};

/// Lists Services.
pub(crate) async fn services(global: &Global, scope: &Scope, output: &Output) -> Result<Exit, Failure> {
    let connection = connect(global, &settings(global)?, output).await?;
    let namespace = (!scope.all_namespaces).then_some(connection.namespace.as_str());
    let found = discover::services(&connection.cluster, namespace).await?;
    if found.is_empty() {
        output.note(&format!("No Services in {}.", place(namespace)));
    }
    if !found.is_empty() || !output.is_text() {
        output.result(&json!({ "services": found }), || table(&found));
    }
    Ok(Exit::Done)
}

/// Where a list looked, in words.
pub(super) fn place(namespace: Option<&str>) -> String {
    namespace.map_or_else(
        || "any namespace you may see".to_owned(),
        |name| format!("namespace {name}"),
    )
}

fn table(services: &[ServiceSummary]) -> String {
    let mut table = Table::new(&[
        "NAMESPACE",
        "NAME",
        "TYPE",
        "PORTS",
        "WORKLOAD",
        "READY",
        "INTERCEPTS",
        "REMARK",
    ]);
    for one in services {
        let ports: Vec<String> = one.ports.iter().map(port).collect();
        let workload = one
            .workload
            .as_ref()
            .map(|found| format!("{} {}", found.kind, found.name));
        table.row(vec![
            one.namespace.clone(),
            one.name.clone(),
            one.kind.clone(),
            ports.join(","),
            workload.unwrap_or_default(),
            one.ready.to_string(),
            owners(one),
            one.obstacle
                .as_ref()
                .map(|why| dim(format!("cannot be intercepted: {why}")))
                .unwrap_or_default(),
        ]);
    }
    table.to_string()
}

fn port(port: &PortSummary) -> String {
    let name = port
        .name
        .as_ref()
        .map(|name| format!("({name})"))
        .unwrap_or_default();
    let protocol = if port.protocol == "TCP" {
        String::new()
    } else {
        format!("/{}", port.protocol)
    };
    format!("{}{protocol}{name}", port.port)
}

fn owners(service: &ServiceSummary) -> String {
    let mut owners: Vec<String> = service
        .intercepts
        .iter()
        .map(|one| one.owner.to_string())
        .collect();
    owners.dedup();
    match service.intercepts.len() {
        0 => String::new(),
        many => format!("{many} by {}", owners.join(", ")),
    }
}
