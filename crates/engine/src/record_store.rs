//! The record in the cluster, changed with `resourceVersion` and retried on conflict.

use std::time::Duration;

use intercept_protocol::ids::SessionId;
use intercept_protocol::names;
use intercept_protocol::record::{Record, RecordError};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::json;

use crate::cluster::ApiFailure;
use crate::snapshot::{FoundRecord, found_record};

/// Five developers who join at once need a few tries each; more than this is a loop of somebody's making.
const TRIES: u32 = 20;

/// A record that could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordStoreError {
    /// It is not there (any more).
    #[error("the record `{name}` in namespace `{namespace}` is gone")]
    Gone {
        /// Where.
        namespace: String,
        /// The ConfigMap's name.
        name: String,
    },
    /// It cannot be used.
    #[error("the record `{name}` in namespace `{namespace}` cannot be used")]
    Unusable {
        /// Where.
        namespace: String,
        /// The ConfigMap's name.
        name: String,
        /// Why.
        #[source]
        source: RecordError,
    },
    /// The API server refused.
    #[error("the record `{name}` in namespace `{namespace}` could not be {done}")]
    Api {
        /// What was tried.
        done: &'static str,
        /// Where.
        namespace: String,
        /// The ConfigMap's name.
        name: String,
        /// Its answer.
        #[source]
        source: ApiFailure,
    },
    /// Others changed it every time.
    #[error("the record `{name}` in namespace `{namespace}` was changed by others {TRIES} times in a row")]
    Contended {
        /// Where.
        namespace: String,
        /// The ConfigMap's name.
        name: String,
    },
}

/// What a change of the record comes to.
#[derive(Debug)]
pub enum Change<T> {
    /// Write it back.
    Write(T),
    /// Leave it as it is.
    Keep(T),
}

/// One Service's record.
#[derive(Clone)]
pub struct RecordStore {
    maps: Api<ConfigMap>,
    pods: Api<Pod>,
    namespace: String,
    service: String,
    name: String,
    /// Only the record of this proxy is changed; absent: whichever there is.
    proxy: Option<ProxyUid>,
}

/// The owner of a record; none where it has none.
type ProxyUid = Option<String>;

impl RecordStore {
    /// The record of `service`.
    pub fn new(client: &Client, namespace: &str, service: &str) -> Self {
        Self {
            maps: Api::namespaced(client.clone(), namespace),
            pods: Api::namespaced(client.clone(), namespace),
            namespace: namespace.to_owned(),
            service: service.to_owned(),
            name: names::proxy(service),
            proxy: None,
        }
    }

    /// Holds updates to the record of this proxy: that of another counts as gone.
    #[must_use]
    pub(crate) fn of_proxy(mut self, uid: Option<&str>) -> Self {
        self.proxy = Some(uid.map(str::to_owned));
        self
    }

    /// Reads it; `None` where there is none.
    ///
    /// # Errors
    /// When it cannot be read or is not one.
    pub async fn read(&self) -> Result<Option<FoundRecord>, RecordStoreError> {
        let map = self
            .maps
            .get_opt(&self.name)
            .await
            .map_err(|error| self.api("read", error))?;
        map.map(|map| found_record(&map).map_err(|source| self.unusable(source)))
            .transpose()
    }

    /// Writes the first record, owned by the proxy.
    ///
    /// # Errors
    /// When one is there already, or the API server refuses.
    pub async fn create(&self, record: &Record, owner: OwnerReference) -> Result<(), RecordStoreError> {
        let labels = [
            (names::MANAGED_BY_LABEL, names::MANAGED_BY),
            (names::SERVICE_LABEL, &self.service),
        ];
        let map = ConfigMap {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                namespace: Some(self.namespace.clone()),
                labels: Some(
                    labels
                        .map(|(key, value)| (key.to_owned(), value.to_owned()))
                        .into(),
                ),
                owner_references: Some(vec![owner]),
                ..ObjectMeta::default()
            },
            data: Some([(names::RECORD_KEY.to_owned(), record.to_json())].into()),
            ..ConfigMap::default()
        };
        let params = PostParams {
            field_manager: Some(names::FIELD_MANAGER.into()),
            ..PostParams::default()
        };
        self.maps
            .create(&params, &map)
            .await
            .map(drop)
            .map_err(|error| self.api("created", error))
    }

    /// Changes the record as `change` says, and again from a fresh copy when somebody else was faster.
    ///
    /// # Errors
    /// When the record is gone or unusable, or the API server refuses; or as `change` says.
    pub async fn update<T, E>(
        &self,
        mut change: impl FnMut(&mut Record) -> Result<Change<T>, E>,
    ) -> Result<T, E>
    where
        E: From<RecordStoreError>,
    {
        for attempt in 0..TRIES {
            let map = self
                .maps
                .get_opt(&self.name)
                .await
                .map_err(|error| self.api("read", error))?;
            let Some(mut map) = map else {
                return Err(self.gone().into());
            };
            let found = found_record(&map).map_err(|source| self.unusable(source))?;
            if self.proxy.as_ref().is_some_and(|proxy| *proxy != found.owner_uid) {
                return Err(self.gone().into());
            }
            let mut record = found.record;
            let outcome = match change(&mut record)? {
                Change::Keep(outcome) => return Ok(outcome),
                Change::Write(outcome) => outcome,
            };
            map.data = Some([(names::RECORD_KEY.to_owned(), record.to_json())].into());
            map.metadata.managed_fields = None;
            let params = PostParams {
                field_manager: Some(names::FIELD_MANAGER.into()),
                ..PostParams::default()
            };
            match self
                .maps
                .replace(&self.name, &params, &map)
                .await
                .map_err(ApiFailure::from)
            {
                Ok(written) => {
                    self.touch_pods(written.metadata.resource_version.as_deref().unwrap_or_default())
                        .await;
                    return Ok(outcome);
                }
                Err(failure) if failure.is_conflict() => tokio::time::sleep(pause(attempt)).await,
                Err(failure) if failure.is_not_found() => return Err(self.gone().into()),
                Err(source) => return Err(self.api_failure("changed", source).into()),
            }
        }
        Err(RecordStoreError::Contended {
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
        .into())
    }

    /// Shows that `session` lives.
    ///
    /// # Errors
    /// When the record is gone or the API server refuses.
    pub async fn beat(&self, session: &SessionId, value: &str) -> Result<(), RecordStoreError> {
        self.annotate(session, json!(value)).await
    }

    /// Removes the sign of life of `session`.
    ///
    /// # Errors
    /// When the record is gone or the API server refuses.
    pub async fn forget(&self, session: &SessionId) -> Result<(), RecordStoreError> {
        self.annotate(session, serde_json::Value::Null).await
    }

    async fn annotate(&self, session: &SessionId, value: serde_json::Value) -> Result<(), RecordStoreError> {
        let key = format!("{}{session}", names::HEARTBEAT_ANNOTATION_PREFIX);
        let patch = Patch::Merge(json!({ "metadata": { "annotations": { key: value } } }));
        let params = PatchParams::apply(names::FIELD_MANAGER);
        match self
            .maps
            .patch(&self.name, &params, &patch)
            .await
            .map_err(ApiFailure::from)
        {
            Ok(_) => Ok(()),
            Err(failure) if failure.is_not_found() => Err(self.gone()),
            Err(source) => Err(self.api_failure("kept alive", source)),
        }
    }

    /// Makes the kubelets bring the record to pods whose agent may not watch it (DESIGN §4). Best effort:
    /// without the right to patch pods the record still arrives, a minute later.
    async fn touch_pods(&self, version: &str) {
        let labels = format!("{}={}", names::PROXY_LABEL, self.service);
        let Ok(pods) = self.pods.list(&ListParams::default().labels(&labels)).await else {
            return;
        };
        let patch =
            Patch::Merge(json!({ "metadata": { "annotations": { names::TOUCH_ANNOTATION: version } } }));
        let touches = pods
            .items
            .iter()
            .filter(|pod| !has_own_access(pod))
            .filter_map(|pod| {
                let name = pod.metadata.name.clone()?;
                let (pods, patch) = (self.pods.clone(), patch.clone());
                Some(async move {
                    pods.patch(&name, &PatchParams::apply(names::FIELD_MANAGER), &patch)
                        .await
                })
            });
        for outcome in futures::future::join_all(touches).await {
            if let Err(error) = outcome {
                tracing::debug!(%error, "a proxy pod could not be touched; it sees the record later");
            }
        }
    }

    fn gone(&self) -> RecordStoreError {
        RecordStoreError::Gone {
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }

    fn unusable(&self, source: RecordError) -> RecordStoreError {
        RecordStoreError::Unusable {
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            source,
        }
    }

    fn api(&self, done: &'static str, error: kube::Error) -> RecordStoreError {
        self.api_failure(done, ApiFailure::from(error))
    }

    fn api_failure(&self, done: &'static str, source: ApiFailure) -> RecordStoreError {
        RecordStoreError::Api {
            done,
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            source,
        }
    }
}

impl RecordStoreError {
    /// Whether the record is simply not there.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Gone { .. })
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Gone { .. } | Self::Contended { .. } => {
                "Try again: somebody else is at this Service right now."
            }
            Self::Unusable { .. } => {
                "A newer Intercept may have written it: update, or clean up with `interceptctl session close`."
            }
            Self::Api { source, .. } => source.hint().unwrap_or("Try again in a moment."),
        }
    }
}

/// Whether the pod's agent watches the record through the API itself.
fn has_own_access(pod: &Pod) -> bool {
    pod.spec
        .as_ref()
        .and_then(|spec| spec.automount_service_account_token)
        == Some(true)
}

/// Grows and differs from caller to caller, so that several who collide do not collide again.
fn pause(attempt: u32) -> Duration {
    let spread = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |now| u64::from(now.subsec_nanos()) % 20);
    Duration::from_millis(5 + spread + u64::from(attempt.min(10)) * 10)
}
