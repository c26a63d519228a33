//! Events as the components of a cluster write them: one object per kind of happening, counted up when it repeats.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Event, ObjectReference};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client, Resource};
use serde_json::json;
use tokio::sync::mpsc;

/// How much is remembered for counting; an older happening begins a new Event.
const REMEMBERED: usize = 4096;

/// Whether somebody should look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    Normal,
    Warning,
}

/// What makes two happenings the same: about, reason, message.
type Kind = (String, String, String);

/// One happening.
struct Told {
    on: ObjectReference,
    severity: Severity,
    reason: String,
    message: String,
}

/// Tells Events as one component; they are written in the order in which they are told.
#[derive(Clone)]
pub(crate) struct Recorder {
    // components → writer
    told_tx: mpsc::UnboundedSender<Told>,
}

/// Writes what a [`Recorder`] is told, until that is gone.
struct Writer {
    client: Client,
    component: &'static str,
    seen: BTreeMap<Kind, (String, i32)>,
}

/// What an Event is about.
pub(crate) fn about<K>(object: &K) -> ObjectReference
where
    K: Resource,
    K::DynamicType: Default,
{
    let meta = object.meta();
    ObjectReference {
        api_version: Some(K::api_version(&K::DynamicType::default()).into_owned()),
        kind: Some(K::kind(&K::DynamicType::default()).into_owned()),
        name: meta.name.clone(),
        namespace: meta.namespace.clone(),
        uid: meta.uid.clone(),
        resource_version: meta.resource_version.clone(),
        field_path: None,
    }
}

impl Recorder {
    pub(crate) fn new(client: Client, component: &'static str) -> Self {
        let (told_tx, mut told_rx) = mpsc::unbounded_channel::<Told>();
        let mut writer = Writer {
            client,
            component,
            seen: BTreeMap::new(),
        };
        tokio::spawn(async move {
            while let Some(told) = told_rx.recv().await {
                let reason = told.reason.clone();
                if let Err(error) = writer.write(told).await {
                    tracing::debug!(%error, reason, "an Event was lost");
                }
            }
        });
        Self { told_tx }
    }

    /// Nobody waits for an Event, and one that is lost is lost.
    pub(crate) fn tell(&self, on: ObjectReference, severity: Severity, reason: &str, message: String) {
        let told = Told {
            on,
            severity,
            reason: reason.to_owned(),
            message,
        };
        // The writer ends with the runtime alone.
        let _ = self.told_tx.send(told);
    }
}

impl Writer {
    async fn write(&mut self, told: Told) -> Result<(), kube::Error> {
        let Told {
            on,
            severity,
            reason,
            message,
        } = told;
        let namespace = on.namespace.clone().unwrap_or_else(|| "default".to_owned());
        let events: Api<Event> = Api::namespaced(self.client.clone(), &namespace);
        let what = format!(
            "{}{}",
            on.uid.as_deref().unwrap_or_default(),
            on.field_path.as_deref().unwrap_or_default()
        );
        let kind = (what, reason.clone(), message.clone());
        let now = k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(Timestamp::now());
        if let Some((name, count)) = self.counted(&kind) {
            let again = Patch::Merge(json!({ "count": count, "lastTimestamp": now }));
            let manager = PatchParams::apply(self.component);
            match events.patch(&name, &manager, &again).await {
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                done => return done.map(drop),
            }
        }
        let event = Event {
            metadata: k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
                generate_name: Some(format!("{}.", on.name.as_deref().unwrap_or_default())),
                namespace: Some(namespace),
                ..Default::default()
            },
            involved_object: on,
            type_: Some(format!("{severity:?}")),
            reason: Some(reason),
            message: Some(message),
            count: Some(1),
            first_timestamp: Some(now.clone()),
            last_timestamp: Some(now),
            source: Some(k8s_openapi::api::core::v1::EventSource {
                component: Some(self.component.to_owned()),
                host: (self.component == "kubelet").then(|| super::NODE_NAME.to_owned()),
            }),
            reporting_component: Some(self.component.to_owned()),
            ..Default::default()
        };
        let made = events.create(&PostParams::default(), &event).await?;
        self.remember(kind, made.metadata.name.unwrap_or_default());
        Ok(())
    }

    fn counted(&mut self, kind: &Kind) -> Option<(String, i32)> {
        let (name, count) = self.seen.get_mut(kind)?;
        *count += 1;
        Some((name.clone(), *count))
    }

    fn remember(&mut self, kind: Kind, name: String) {
        if self.seen.len() >= REMEMBERED {
            self.seen.clear();
        }
        self.seen.insert(kind, (name, 1));
    }
}
