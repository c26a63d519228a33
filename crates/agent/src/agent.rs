//! The parts put together: what they share, and the tasks that run them.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

use intercept_protocol::record::Record;
use intercept_protocol::relay::Status;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::Client;
use crate::nginx::binary::BinaryError;
use crate::nginx::{Binary, Nginx, Place};
use crate::probe::Probes;
use crate::relay::Relays;
use crate::settings::Settings;
use crate::trace::Traces;
use crate::traffic::{self, Traffic};
use crate::{conductor, deadman, drain, gate, info, origin, ownership, record_source, relay, warning};

/// What every part of one running agent shares.
#[derive(Debug)]
pub struct Agent {
    /// Who and where it is.
    pub settings: Settings,
    /// The newest record that could be read. conductor → gates, relay, dead-man's switch
    pub record: watch::Sender<Option<Arc<Record>>>,
    /// What NGINX does now. conductor and gates → relays
    pub status: watch::Sender<Status>,
    /// Whether the pod is on its way out. drain → conductor, relay
    pub draining: watch::Sender<bool>,
    /// Whether NGINX runs the draining configuration. conductor → drain
    pub drain_configured: watch::Sender<bool>,
    /// Whether this node knows the origin Service. origin → conductor
    pub origin_known: watch::Sender<bool>,
    /// The laptops that are connected.
    pub relays: Relays,
    /// Probes under way.
    pub probes: Probes,
    /// Requests that are followed through the Service.
    pub traces: Traces,
    /// What passed NGINX. NGINX → control streams
    pub traffic: Traffic,
    /// Every connection being carried.
    pub connections: TaskTracker,
    /// The API server, where the pod has an account.
    pub api: Option<Client>,
}

/// An agent that could not begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// NGINX is not usable.
    #[error("this image's NGINX cannot be used")]
    Nginx(#[from] BinaryError),
    /// The folder shared with NGINX is not usable.
    #[error("{} cannot be prepared", path.display())]
    RunDir {
        /// Which folder.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl Agent {
    /// An agent without a record, a laptop or a running configuration.
    pub fn new(settings: Settings) -> Arc<Self> {
        let api = Client::from_settings(&settings);
        Arc::new(Self {
            settings,
            record: watch::Sender::new(None),
            status: watch::Sender::new(Status::default()),
            draining: watch::Sender::new(false),
            drain_configured: watch::Sender::new(false),
            origin_known: watch::Sender::new(false),
            relays: Relays::default(),
            probes: Probes::default(),
            traces: Traces::default(),
            traffic: Traffic::default(),
            connections: TaskTracker::new(),
            api,
        })
    }
}

/// Runs one agent until `stop` resolves and the pod is drained.
///
/// # Errors
/// When it could not begin; whatever happens later is survived or ends with the pod.
pub async fn run(settings: Settings, stop: impl Future<Output = ()>) -> Result<(), StartError> {
    let binary = Binary::detect(&settings.nginx).await?;
    prepare(&settings)?;
    let lines = traffic::bind(&settings.run_dir).map_err(|source| StartError::RunDir {
        path: traffic::socket(&settings.run_dir),
        source,
    })?;
    let place = Place {
        run_dir: settings.run_dir.clone(),
        workers: settings.workers,
        open_files: open_files(),
        has_ipv6: has_ipv6(),
        address: settings.pod_address,
        http_ports: BTreeSet::new(),
    };
    info!(
        "agent {} for {}/{} beside {binary:?}",
        env!("CARGO_PKG_VERSION"),
        settings.namespace,
        settings.service
    );
    let nginx = Nginx::new(settings.nginx.clone(), binary, place);
    let agent = Agent::new(settings);
    let stopped = CancellationToken::new();
    let mut tasks = spawn(&agent, nginx, &stopped);
    tasks.spawn(traffic::listen(agent.clone(), lines));
    stop.await;
    drain::drain(&agent).await;
    stopped.cancel();
    tasks.shutdown().await;
    Ok(())
}

/// Everything that runs as long as the pod does. Told to stop by abort: none holds anything that outlives it.
fn spawn(agent: &Arc<Agent>, nginx: Nginx, stopped: &CancellationToken) -> JoinSet<()> {
    // record source → conductor and dead-man's switch
    let observed = watch::Sender::new(None);
    let mut tasks = JoinSet::new();
    tasks.spawn(conductor::conduct(agent.clone(), nginx, observed.subscribe()));
    tasks.spawn(gate::keep(agent.clone(), stopped.clone()));
    tasks.spawn(relay::serve(agent.clone()));
    tasks.spawn(deadman::watch(agent.clone(), observed.subscribe()));
    tasks.spawn(ownership::adopt(agent.clone()));
    tasks.spawn(origin::find(agent.clone()));
    tasks.spawn(record_source::follow(agent.clone(), observed));
    tasks
}

/// A container that started again finds what the one before left: sockets that nobody listens on.
fn prepare(settings: &Settings) -> Result<(), StartError> {
    let gates = settings.run_file("gate");
    let clear = || -> std::io::Result<()> {
        std::fs::create_dir_all(&gates)?;
        for entry in std::fs::read_dir(&gates)? {
            std::fs::remove_file(entry?.path())?;
        }
        match std::fs::remove_file(settings.run_file(drain::DRAINED_FILE)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    };
    clear().map_err(|source| StartError::RunDir {
        path: settings.run_dir.clone(),
        source,
    })
}

fn open_files() -> u64 {
    use rustix::process::{Resource, getrlimit};
    // Every runtime gives both containers of a pod the same limits.
    getrlimit(Resource::Nofile).maximum.unwrap_or(65_536).min(65_536)
}

fn has_ipv6() -> bool {
    let found = std::fs::read_to_string("/proc/net/if_inet6");
    if let Err(error) = &found
        && error.kind() != std::io::ErrorKind::NotFound
    {
        warning!("IPv6 addresses could not be read: {error}");
    }
    found.is_ok_and(|text| !text.trim().is_empty())
}
