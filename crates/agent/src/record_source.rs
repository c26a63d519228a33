//! Where the record comes from: the API, by a watch, in milliseconds; or the mounted volume.
//!
//! The volume serves a pod without an account, one whose account may not read the ConfigMap, and one whose
//! API server has not answered yet. It never overrules the API: a volume is up to a minute behind.

mod volume;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use intercept_protocol::names;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::agent::Agent;
use crate::api::{ApiError, Client, ConfigMap, Path};
use crate::log::chain;
use crate::{info, warning};

/// A watch lives this long; then the object is read anew, so that an API server that vanished is noticed.
const WATCH_SECONDS: u64 = 60;
const WATCH_LIMIT: Duration = Duration::from_secs(WATCH_SECONDS + 15);
/// A new pod waits this long for the API before it takes what the volume holds.
const FIRST_ANSWER: Duration = Duration::from_millis(1500);
const BACKOFF_FIRST: Duration = Duration::from_millis(100);
const BACKOFF_MOST: Duration = Duration::from_secs(5);
/// Rights are seldom given later, but they can be.
const FORBIDDEN_AGAIN: Duration = Duration::from_secs(30);

/// What was seen of the record's ConfigMap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// The record's text.
    pub text: Option<String>,
    /// Heartbeats by session, as they stand; only from the API.
    pub heartbeats: BTreeMap<String, String>,
    /// When the API last answered after not having done so; absent where the volume told.
    pub synced_at: Option<Instant>,
}

/// Follows the record until the task is dropped.
pub async fn follow(agent: Arc<Agent>, observed_tx: watch::Sender<Option<Observed>>) {
    let Some(client) = &agent.api else {
        info!("no account is mounted: the record comes through the volume");
        volume::follow(&agent.settings.record_dir, &observed_tx).await;
        return;
    };
    let path = Path::config_map(&agent.settings.namespace, &names::proxy(&agent.settings.service));
    let mut source = ApiSource {
        client,
        path,
        observed_tx: &observed_tx,
        synced_at: None,
    };
    let mut backoff = BACKOFF_FIRST;
    // The API gets a head start; a container that started again would else go back to an older record.
    let mut patience = FIRST_ANSWER;
    loop {
        let answer = timeout(patience, source.client.get::<ConfigMap>(&source.path)).await;
        patience = WATCH_LIMIT;
        let ended = match answer {
            Ok(Ok(found)) => {
                backoff = BACKOFF_FIRST;
                source.publish(&found);
                source.watch(&found.metadata.resource_version).await
            }
            Ok(Err(error)) => Err(error),
            Err(_) => {
                volume::once(&agent.settings.record_dir, &observed_tx);
                continue;
            }
        };
        let Err(error) = ended else { continue };
        source.synced_at = None;
        warning!("the record cannot be followed through the API: {}", chain(&error));
        let pause = if error.is_forbidden() {
            FORBIDDEN_AGAIN
        } else {
            backoff
        };
        backoff = (backoff * 2).min(BACKOFF_MOST);
        if observed_tx
            .borrow()
            .as_ref()
            .is_none_or(|seen| seen.synced_at.is_none())
        {
            let from_volume = volume::follow(&agent.settings.record_dir, &observed_tx);
            let _ = timeout(pause, from_volume).await;
        } else {
            sleep(pause).await;
        }
    }
}

struct ApiSource<'a> {
    client: &'a Client,
    path: Path,
    // → conductor, dead-man's switch
    observed_tx: &'a watch::Sender<Option<Observed>>,
    synced_at: Option<Instant>,
}

impl ApiSource<'_> {
    fn publish(&mut self, found: &ConfigMap) {
        let synced_at = *self.synced_at.get_or_insert_with(Instant::now);
        let heartbeats = found.metadata.annotations.iter().filter_map(|(key, value)| {
            let session = key.strip_prefix(names::HEARTBEAT_ANNOTATION_PREFIX)?;
            Some((session.to_owned(), value.clone()))
        });
        let seen = Observed {
            text: found.data.get(names::RECORD_KEY).cloned(),
            heartbeats: heartbeats.collect(),
            synced_at: Some(synced_at),
        };
        self.observed_tx.send_if_modified(|current| {
            let is_new = current.as_ref() != Some(&seen);
            *current = Some(seen);
            is_new
        });
    }

    /// Publishes every change until the watch ends; `Ok` when it ended in order.
    async fn watch(&mut self, version: &str) -> Result<(), ApiError> {
        let mut watch = self.client.watch(&self.path, version, WATCH_SECONDS).await?;
        let all = async {
            while let Some(event) = watch.next().await? {
                match event.kind.as_str() {
                    "ADDED" | "MODIFIED" => match serde_json::from_value::<ConfigMap>(event.object) {
                        Ok(found) => self.publish(&found),
                        Err(error) => warning!("an event of the record is not understood: {error}"),
                    },
                    // Deleted: everything of ours is going, and what runs goes on until then.
                    "DELETED" => info!("the record's ConfigMap was deleted"),
                    // The version is too old, or something else that reading anew mends.
                    "ERROR" => break,
                    _ => {}
                }
            }
            Ok(())
        };
        timeout(WATCH_LIMIT, all).await.unwrap_or(Ok(()))
    }
}
