//! Kubeconfig files and the clusters behind them: read afresh when asked, connected to when needed, and once.
//!
//! Nothing is contacted before somebody chooses a context: at the start of a day, ten clusters would ask for ten logins.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use intercept_engine::cluster::Cluster;
use intercept_engine::kubeconfig::Kubeconfigs;
use tokio::sync::Mutex;
use tokio::time::{MissedTickBehavior, interval};

use crate::error::CommandError;
use crate::feed::Feed;
use crate::sandbox::Sandbox;
use crate::wire::{Context, DeskEvent};

/// How often files are looked at. Cheap, and works on every kind of disk.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What tells one state of a file from another.
type Stamp = Option<(SystemTime, u64)>;

/// Clusters by context.
pub(crate) struct Clusters {
    sandbox: Arc<Sandbox>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    stamps: BTreeMap<PathBuf, Stamp>,
    connected: BTreeMap<String, Cluster>,
}

impl Clusters {
    pub(crate) fn new(sandbox: Arc<Sandbox>) -> Self {
        Self {
            sandbox,
            known: Mutex::default(),
        }
    }

    /// The contexts in sight.
    pub(crate) async fn contexts(&self, production: &[String]) -> Result<Vec<Context>, CommandError> {
        let sight = self.sandbox.sight().await?;
        self.note(&sight.kubeconfigs).await;
        let contexts = sight.kubeconfigs.contexts().into_iter().map(|one| Context {
            is_production: production.contains(&one.name),
            name: one.name,
            cluster: one.cluster,
            user: one.user,
            namespace: one.namespace,
            is_current: one.is_current,
            is_sandbox: sight.is_sandbox,
        });
        Ok(contexts.collect())
    }

    /// The cluster of a context, connected to if it was not yet.
    pub(crate) async fn connect(&self, context: &str) -> Result<Cluster, CommandError> {
        if let Some(cluster) = self.known.lock().await.connected.get(context) {
            return Ok(cluster.clone());
        }
        let sight = self.sandbox.sight().await?;
        self.note(&sight.kubeconfigs).await;
        let cluster = Box::pin(Cluster::connect(&sight.kubeconfigs, Some(context))).await?;
        let mut known = self.known.lock().await;
        Ok(known
            .connected
            .entry(context.to_owned())
            .or_insert(cluster)
            .clone())
    }

    /// The next one who asks for it connects anew: it logs in again, and reads what was edited.
    pub(crate) async fn forget(&self, context: &str) {
        self.known.lock().await.connected.remove(context);
    }

    /// The sandbox is another world: nothing of before is meant any more.
    pub(crate) async fn forget_all(&self) {
        let mut known = self.known.lock().await;
        known.connected.clear();
        known.stamps.clear();
    }

    async fn note(&self, kubeconfigs: &Kubeconfigs) {
        let stamps = kubeconfigs.files().iter().map(|file| (file.clone(), stamp(file)));
        self.known.lock().await.stamps = stamps.collect();
    }

    /// Tells when kubeconfig files were edited. Ends never; whoever spawned it ends it.
    pub(crate) async fn watch_files(&self, feed: &Feed) {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            if self.are_edited().await {
                feed.tell(&DeskEvent::Contexts);
            }
        }
    }

    async fn are_edited(&self) -> bool {
        let mut known = self.known.lock().await;
        let now: BTreeMap<PathBuf, Stamp> = known
            .stamps
            .keys()
            .map(|file| (file.clone(), stamp(file)))
            .collect();
        if now == known.stamps {
            return false;
        }
        known.stamps = now;
        known.connected.clear();
        true
    }

    /// Contexts that are connected to, for diagnostics.
    pub(crate) async fn connected(&self) -> BTreeSet<String> {
        self.known.lock().await.connected.keys().cloned().collect()
    }
}

fn stamp(file: &PathBuf) -> Stamp {
    let about = std::fs::metadata(file).ok()?;
    Some((about.modified().ok()?, about.len()))
}
