//! What a session's requests came to, and why one does not arrive: gathered beside the session, which never waits for it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use intercept_protocol::ids::InterceptId;
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt as _};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::Phase;
use super::callers::Callers;
use crate::probe::{self, Asked, ProbeReport};
use crate::tap::Recording;
use crate::target::Target;
use crate::traffic::{Traffic, TrafficView};
use crate::tunnel::RelayPool;

/// A view comes no more often.
const SHOW_EVERY: Duration = Duration::from_millis(500);
/// Pods are listed no more often, and only for an address that no earlier list was asked for.
const NAMES_EVERY: Duration = Duration::from_secs(5);
const LIST_LIMIT: Duration = Duration::from_secs(5);
/// Probes at once.
const PROBES: usize = 4;

/// Asks a session where a request stops.
#[derive(Clone, Debug)]
pub struct Prober {
    // whoever asks → session
    ask_tx: mpsc::Sender<oneshot::Sender<ProbeReport>>,
}

impl Prober {
    /// Sends one request through the Service and says how far it came; nothing when the session has ended. Bounded in time.
    pub async fn probe(&self) -> Option<ProbeReport> {
        let (report_tx, report_rx) = oneshot::channel();
        self.ask_tx.send(report_tx).await.ok()?;
        report_rx.await.ok()
    }
}

/// The session's ends of what [`Prober`] and whoever shows traffic hold.
pub(super) struct Why {
    view_tx: watch::Sender<TrafficView>,
    ask_rx: mpsc::Receiver<oneshot::Sender<ProbeReport>>,
    phase_rx: watch::Receiver<Phase>,
}

/// Both ends.
pub(super) fn ends(phase_rx: watch::Receiver<Phase>) -> (Why, Prober, watch::Receiver<TrafficView>) {
    let (view_tx, view_rx) = watch::channel(TrafficView::default());
    let (ask_tx, ask_rx) = mpsc::channel(PROBES);
    let why = Why {
        view_tx,
        ask_rx,
        phase_rx,
    };
    (why, Prober { ask_tx }, view_rx)
}

/// Whose requests they are.
#[derive(Clone)]
pub(super) struct Whose {
    pub(super) client: Client,
    pub(super) namespace: String,
    pub(super) service: String,
    pub(super) intercept: InterceptId,
    pub(super) target: Target,
    pub(super) pool: Arc<RelayPool>,
    pub(super) recording: Option<Recording>,
}

/// Gathers and answers until it is dropped.
pub(super) async fn explain(whose: Whose, mut why: Why) {
    let mut told_rx = whose.pool.told();
    let mut traffic = Traffic::new(whose.intercept.clone());
    let began = Instant::now();
    let mut show = interval(SHOW_EVERY);
    show.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut names = Names::default();
    let mut probes = JoinSet::new();
    let mut callers = whose.recording.as_ref().map(Callers::new);
    loop {
        tokio::select! {
            told = told_rx.recv() => match told {
                Ok(told) => traffic.heard(told.pod.as_str(), &told.report, told.ahead, began.elapsed()),
                // Rows only; sums are whole with the next report.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
            _ = show.tick() => {
                if matches!(*why.phase_rx.borrow(), Phase::Active) {
                    traffic.switched(began.elapsed());
                }
                names.look_for(&whose, &traffic);
                if let Some(callers) = &mut callers {
                    callers.join(&mut traffic);
                }
                let view = traffic.view(began.elapsed());
                why.view_tx.send_if_modified(|shown| {
                    let is_new = *shown != view;
                    *shown = view;
                    is_new
                });
            }
            Some(pods) = names.found() => traffic.name(&pods),
            Some(report_tx) = why.ask_rx.recv(), if probes.len() < PROBES => {
                let whose = whose.clone();
                probes.spawn(async move {
                    // Whoever asked may have given up.
                    let _ = report_tx.send(ask(&whose).await);
                });
            }
            Some(_) = probes.join_next() => {}
        }
    }
}

async fn ask(whose: &Whose) -> ProbeReport {
    let (listening, address) = tokio::join!(whose.target.listening(), service_address(whose));
    let asked = Asked {
        service: whose.service.clone(),
        intercept: whose.intercept.clone(),
        target: whose.target.to_string(),
        not_listening: listening.err().map(|error| error.to_string()),
    };
    match address {
        Ok(address) => probe::report(&asked, &whose.pool.trace(&whose.intercept, address).await),
        Err(reason) => probe::unsent(&asked, reason),
    }
}

/// Where the Service is reached inside of the cluster; port 0 is the intercepted one.
async fn service_address(whose: &Whose) -> Result<SocketAddr, String> {
    let services: Api<Service> = Api::namespaced(whose.client.clone(), &whose.namespace);
    let service = timeout(LIST_LIMIT, services.get(&whose.service)).await;
    let service = service
        .map_err(|_| "the API server does not answer".to_owned())?
        .map_err(|error| format!("the Service cannot be read: {error}"))?;
    let address = service.spec.and_then(|spec| spec.cluster_ip);
    match address.as_deref().map(str::parse::<IpAddr>) {
        Some(Ok(ip)) => Ok(SocketAddr::new(ip, 0)),
        // Headless: callers ask for the pods' own addresses.
        _ => endpoint(whose).await,
    }
}

/// The first ready endpoint of a headless Service.
async fn endpoint(whose: &Whose) -> Result<SocketAddr, String> {
    let slices: Api<EndpointSlice> = Api::namespaced(whose.client.clone(), &whose.namespace);
    let of = ListParams::default().labels(&format!("kubernetes.io/service-name={}", whose.service));
    let found = timeout(LIST_LIMIT, slices.list(&of)).await;
    let found = found
        .map_err(|_| "the API server does not answer".to_owned())?
        .map_err(|error| format!("the Service's endpoints cannot be read: {error}"))?;
    let ready = found.items.iter().find_map(|slice| {
        let port = slice.ports.iter().flatten().find_map(|port| port.port)?;
        let is_ready = |one: &&k8s_openapi::api::discovery::v1::Endpoint| {
            one.conditions.as_ref().and_then(|found| found.ready) != Some(false)
        };
        let one = slice.endpoints.iter().find(is_ready)?;
        let ip: IpAddr = one.addresses.first()?.parse().ok()?;
        Some(SocketAddr::new(ip, u16::try_from(port).ok()?))
    });
    ready.ok_or_else(|| "nobody is ready behind the Service".to_owned())
}

/// Looks up whose addresses callers have.
#[derive(Default)]
struct Names {
    asked: BTreeSet<String>,
    asked_at: Option<Instant>,
    lists: JoinSet<BTreeMap<String, String>>,
}

impl Names {
    fn look_for(&mut self, whose: &Whose, traffic: &Traffic) {
        let is_soon = self.asked_at.is_some_and(|at| at.elapsed() < NAMES_EVERY);
        if is_soon || !self.lists.is_empty() || traffic.nameless().all(|one| self.asked.contains(one)) {
            return;
        }
        self.asked = traffic.nameless().map(str::to_owned).collect();
        self.asked_at = Some(Instant::now());
        let pods: Api<Pod> = Api::namespaced(whose.client.clone(), &whose.namespace);
        self.lists.spawn(addresses(pods));
    }

    async fn found(&mut self) -> Option<BTreeMap<String, String>> {
        // A list that failed names nobody.
        self.lists.join_next().await.map(Result::unwrap_or_default)
    }
}

/// Pods of the namespace by address. Callers elsewhere, and where pods may not be listed, keep their addresses.
async fn addresses(pods: Api<Pod>) -> BTreeMap<String, String> {
    let found = timeout(LIST_LIMIT, pods.list(&ListParams::default())).await;
    let Ok(Ok(found)) = found else {
        return BTreeMap::new();
    };
    let mut all = BTreeMap::new();
    for pod in found.items {
        // Such pods have their node's address, like others on it.
        let is_hosts = pod.spec.as_ref().and_then(|spec| spec.host_network) == Some(true);
        let name = pod.name_any();
        let ips = pod
            .status
            .into_iter()
            .flat_map(|status| status.pod_ips.unwrap_or_default());
        if !is_hosts {
            all.extend(ips.map(|one| (one.ip, name.clone())));
        }
    }
    all
}
