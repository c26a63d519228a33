//! Makes the summaries of the facts. Pure: the same facts at the same time make the same list.

use std::collections::{HashMap, HashSet};

use intercept_protocol::names;

use super::facts::{Labels, Rows, World};
use super::intercept::{InterceptSummary, RecordFacts, Signed};
use super::service::{ServiceFacts, ServiceSummary, WorkloadSummary};

/// What one look at the facts comes to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) services: Vec<ServiceSummary>,
    pub(super) intercepts: Vec<InterceptSummary>,
    pub(super) notes: Vec<String>,
}

/// Ready pods by namespace and Service.
type Ready<'a> = HashMap<(&'a str, &'a str), HashSet<&'a str>>;

pub(super) fn summarise(world: &World, unix_now: u64) -> Summary {
    let ready = ready(world);
    let mut summary = Summary::default();
    let mut records: Vec<_> = world.records.iter().collect();
    records.sort_by_key(|(key, _)| *key);
    for ((namespace, name), record) in records {
        match record {
            RecordFacts::Read(signed) => summary
                .intercepts
                .extend(intercepts(world, &ready, signed, unix_now)),
            RecordFacts::Unreadable { problem } => {
                summary
                    .notes
                    .push(format!("record `{name}` in namespace `{namespace}`: {problem}"));
            }
        }
    }
    summary.services = services(world, &ready, &summary.intercepts);
    summary
        .intercepts
        .sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    summary
}

fn ready(world: &World) -> Ready<'_> {
    let mut ready: Ready<'_> = HashMap::new();
    for ((namespace, _), slice) in &world.slices {
        let pods = ready.entry((namespace, &slice.service)).or_default();
        pods.extend(slice.ready.iter().map(String::as_str));
    }
    ready
}

fn count(ready: &Ready<'_>, namespace: &str, service: &str) -> usize {
    ready.get(&(namespace, service)).map_or(0, HashSet::len)
}

fn intercepts(world: &World, ready: &Ready<'_>, signed: &Signed, unix_now: u64) -> Vec<InterceptSummary> {
    let record = &signed.record;
    let key = (record.namespace.clone(), record.service.clone());
    let is_switched = world
        .services
        .get(&key)
        .is_some_and(|service| service.is_switched);
    // While switched, the Service's own endpoints are the proxy's pods.
    let is_passed = is_switched && count(ready, &record.namespace, &record.service) > 0;
    let summary = |one| signed.summary(one, signed.state(one, is_passed, unix_now));
    record.intercepts.iter().map(summary).collect()
}

fn services(world: &World, ready: &Ready<'_>, intercepts: &[InterceptSummary]) -> Vec<ServiceSummary> {
    let workloads = Workloads::new(world);
    let mut by_service: HashMap<(&str, &str), Vec<InterceptSummary>> = HashMap::new();
    for one in intercepts {
        by_service
            .entry((&one.namespace, &one.service))
            .or_default()
            .push(one.clone());
    }
    let mut services: Vec<ServiceSummary> = Vec::with_capacity(world.services.len());
    for ((namespace, name), facts) in &world.services {
        let origin = names::origin(name);
        let selecting = if facts.is_switched { origin.as_str() } else { name };
        services.push(ServiceSummary {
            namespace: namespace.clone(),
            name: name.clone(),
            kind: facts.kind.to_owned(),
            cluster_ip: facts.cluster_ip.clone(),
            ports: facts.ports.clone(),
            workload: workloads.selected_by(namespace, facts),
            ready: count(ready, namespace, selecting),
            intercepts: by_service
                .remove(&(namespace.as_str(), name.as_str()))
                .unwrap_or_default(),
            obstacle: facts.obstacle.map(|obstacle| obstacle.to_string()),
        });
    }
    services.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    services
}

struct Workload<'a> {
    kind: &'static str,
    name: &'a str,
    labels: &'a Labels,
}

/// Workloads by namespace and one label of their pods, so that 10,000 Services do not meet 10,000 workloads each.
struct Workloads<'a>(HashMap<(&'a str, &'a str, &'a str), Vec<Workload<'a>>>);

impl<'a> Workloads<'a> {
    fn new(world: &'a World) -> Self {
        let mut workloads = Self(HashMap::new());
        workloads.add("Deployment", &world.deployments);
        workloads.add("StatefulSet", &world.stateful_sets);
        workloads.add("DaemonSet", &world.daemon_sets);
        workloads
    }

    fn add(&mut self, kind: &'static str, rows: &'a Rows<Labels>) {
        for ((namespace, name), labels) in rows {
            for (label, value) in labels {
                let entry = self.0.entry((namespace, label, value)).or_default();
                entry.push(Workload { kind, name, labels });
            }
        }
    }

    fn with<'s>(&'s self, namespace: &'s str, label: &'s str, value: &'s str) -> &'s [Workload<'s>] {
        self.0.get(&(namespace, label, value)).map_or(&[], Vec::as_slice)
    }

    /// The first by kind and name whose pods the Service selects.
    fn selected_by(&self, namespace: &str, service: &ServiceFacts) -> Option<WorkloadSummary> {
        let candidates = service
            .selector
            .iter()
            .map(|(label, value)| self.with(namespace, label, value));
        let candidates = candidates.min_by_key(|all| all.len())?;
        let is_selected = |one: &&Workload<'_>| {
            service
                .selector
                .iter()
                .all(|(label, value)| one.labels.get(label) == Some(value))
        };
        let order = |one: &&Workload<'_>| {
            (
                one.kind != "Deployment",
                one.kind != "StatefulSet",
                one.name.to_owned(),
            )
        };
        let first = candidates.iter().filter(is_selected).min_by_key(order)?;
        Some(WorkloadSummary {
            kind: first.kind.to_owned(),
            name: first.name.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::discover::facts::SliceFacts;

    /// One namespace with `count` Services, slices and Deployments; every Service has two labels in its selector.
    fn mk_world(count: usize) -> World {
        let mut world = World::default();
        for number in 0..count {
            let key = |kind: &str| ("shop".to_owned(), format!("{kind}-{number}"));
            let labels: Labels = [
                ("tier".to_owned(), "all".to_owned()),
                ("app".to_owned(), number.to_string()),
            ]
            .into();
            let facts = ServiceFacts {
                kind: "ClusterIP",
                cluster_ip: None,
                ports: Vec::new(),
                selector: labels.clone(),
                is_switched: false,
                obstacle: None,
            };
            world.services.insert(key("service"), facts);
            let slice = SliceFacts {
                service: format!("service-{number}"),
                ready: vec!["a".into(), "b".into()],
            };
            world.slices.insert(key("slice"), slice);
            world.deployments.insert(key("deployment"), labels);
        }
        world
    }

    #[test]
    fn ten_thousand_services_of_one_namespace_are_summarised_quickly() {
        let world = mk_world(10_000);
        let begin = Instant::now();
        let summary = summarise(&world, 0);
        let taken = begin.elapsed();
        assert_eq!(summary.services.len(), 10_000);
        assert!(
            summary
                .services
                .iter()
                .all(|one| one.ready == 2 && one.workload.is_some())
        );
        // Comparing each with each would take minutes in this build.
        assert!(taken < Duration::from_secs(5), "{taken:?}");
        println!("10,000 Services in {taken:?}");
    }
}
