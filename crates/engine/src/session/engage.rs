//! From a request to an active intercept, or back to where everything was.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use intercept_inspect::exchange::Place;
use intercept_protocol::ids::{InterceptId, SessionId, Token};
use intercept_protocol::names;
use intercept_protocol::record::Intercept;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::active::Active;
use super::lock::{Life, SessionLock, life};
use super::why::{Whose, Why, explain};
use super::{CloseReason, Outcome, Phase, SessionError, SessionEvent, SessionRequest, Teller};
use crate::agent_binary;
use crate::apply::{Apply, ApplyError, Made, Progress};
use crate::live::Live;
use crate::plan::{Carried, Identity, Plan, Warning, Way, is_joinable, is_untouched, plan};
use crate::revert::{Left, RevertError, abandon, again, dismantle_proxy, leave};
use crate::snapshot::{FoundRecord, Snapshot, read};
use crate::tap::{Recording, Tap};
use crate::tunnel::{KubePods, RelayPool, Routes};

/// Somebody who engages or leaves right now is done within this; what is then still unfinished is residue.
const SETTLES_WITHIN: Duration = Duration::from_secs(6);
/// Races with others are won or lost within a few tries.
const TRIES: usize = 12;
/// A heartbeat comes every third of the grace time; a session that missed more than four is dead.
const HEARTBEATS_PER_GRACE: u64 = 3;

/// Everything one session is known by and works with.
pub(super) struct Context {
    pub(super) client: Client,
    /// The kubeconfig's context.
    cluster: String,
    recording: Option<Recording>,
    pub(super) request: SessionRequest,
    pub(super) identity: Identity,
    pub(super) pool: Arc<RelayPool>,
    pub(super) teller: Teller,
    pub(super) cancel: CancellationToken,
    pub(super) opened: Instant,
}

/// The session's task.
pub(super) async fn run(
    (client, cluster): (Client, String),
    request: SessionRequest,
    recording: Option<Recording>,
    (teller, why): (Teller, Why),
    cancel: CancellationToken,
) -> Outcome {
    let token = Token::random();
    let identity = Identity {
        intercept: InterceptId::random(),
        session: SessionId::random(),
        token_hash: token.hash(),
        now: now(),
    };
    let _lock = SessionLock::take(&request.locks, &identity.session);
    let acceptor = match Tap::to(&request.spec.target, recording.clone()) {
        Ok(tap) => tap.with_mocks(request.mocks.clone()),
        Err(error) => {
            return Outcome::Failed {
                error: error.into(),
                reverted: Ok(()),
            };
        }
    };
    let routes = Routes::default();
    routes.insert(identity.intercept.clone(), acceptor);
    let pods = KubePods::new(client.clone(), &request.spec.namespace, &request.spec.service);
    let pool = RelayPool::start(
        pods,
        request.program.clone(),
        identity.session.clone(),
        token,
        routes,
    );
    let pool = Arc::new(pool);
    let whose = Whose {
        client: client.clone(),
        namespace: request.spec.namespace.clone(),
        service: request.spec.service.clone(),
        intercept: identity.intercept.clone(),
        target: request.spec.target.clone(),
        pool: Arc::clone(&pool),
        recording: recording.clone(),
    };
    // Ends with this, also where nothing is awaited.
    let mut aside = JoinSet::new();
    aside.spawn(explain(whose, why));
    let context = Context {
        client,
        cluster,
        recording,
        request,
        identity,
        pool,
        teller,
        cancel,
        opened: Instant::now(),
    };
    let outcome = Box::pin(context.live()).await;
    aside.shutdown().await;
    context.pool.stop().await;
    context.teller.enter(Phase::Closed);
    outcome
}

impl Context {
    async fn live(&self) -> Outcome {
        for _ in 0..TRIES {
            let planned = tokio::select! {
                () = self.cancel.cancelled() => return failed(ApplyError::Cancelled.into()),
                planned = self.plan() => planned,
            };
            let (plan, snapshot) = match planned {
                Ok(planned) => planned,
                Err(error) => return failed(error),
            };
            if plan.way == Way::AlreadyHeld {
                return self.already_held(&plan, &snapshot);
            }
            self.place(plan.service_port);
            self.teller.tell(SessionEvent::Planned(Box::new(plan.clone())));
            match self.apply(&plan, &snapshot).await {
                Attempt::Active(active) => return self.stay(active).await,
                Attempt::Again => self.teller.tell(SessionEvent::PlannedAgain),
                Attempt::Failed(outcome) => return *outcome,
            }
        }
        failed(SessionError::Contended { tries: TRIES })
    }

    /// Which port it is about only the plan knows.
    fn place(&self, port: u16) {
        if let Some(recording) = &self.recording {
            recording.belongs_to(Place {
                context: self.cluster.clone(),
                namespace: self.request.spec.namespace.clone(),
                service: self.request.spec.service.clone(),
                port,
                intercept: self.identity.intercept.to_string(),
            });
        }
    }

    /// Reads the cluster until it shows something one can work with, and plans.
    async fn plan(&self) -> Result<(Plan, Snapshot), SessionError> {
        self.teller.enter(Phase::Planning);
        let spec = &self.request.spec;
        let mut snapshot = read(&self.client, &spec.namespace, &spec.service).await?;
        if !is_joinable(&snapshot) && !is_untouched(&snapshot) {
            snapshot = Box::pin(self.settled()).await?;
        }
        let carried = Carried {
            parts: agent_binary::parts(),
            architectures: agent_binary::architectures(),
        };
        let is_alive = is_alive(&self.request.locks, snapshot.record.as_ref());
        let planned = plan(
            &snapshot,
            spec,
            &self.request.settings,
            &carried,
            &self.identity,
            is_alive,
        );
        let mut plan = planned.map_err(SessionError::Refused)?;
        if spec.target.listening().await.is_err() {
            plan.warnings.push(Warning::NothingListens {
                target: spec.target.to_string(),
            });
        }
        Ok((plan, snapshot))
    }

    /// Somebody engages or leaves at this moment, or died doing so: gives them time, then cleans up.
    async fn settled(&self) -> Result<Snapshot, SessionError> {
        let (namespace, service) = (&self.request.spec.namespace, &self.request.spec.service);
        let maps: Api<ConfigMap> = Api::namespaced(self.client.clone(), namespace);
        let proxies: Api<Deployment> = Api::namespaced(self.client.clone(), namespace);
        let name = names::proxy(service);
        let (mut maps, mut proxies) = (Live::named(maps, &name), Live::named(proxies, &name));
        let deadline = Instant::now() + SETTLES_WITHIN;
        loop {
            let snapshot = read(&self.client, namespace, service).await?;
            if is_joinable(&snapshot) || is_untouched(&snapshot) {
                return Ok(snapshot);
            }
            // A proxy with nobody behind it will not settle by itself.
            let is_abandoned = snapshot.proxy.is_none();
            let news = async {
                tokio::select! { _ = maps.changed() => {}, _ = proxies.changed() => {} }
            };
            if is_abandoned || timeout_at(deadline, news).await.is_err() {
                let proxy = snapshot.proxy.as_ref();
                dismantle_proxy(&self.client, namespace, service, proxy)
                    .await
                    .map_err(SessionError::Residue)?;
                let mut snapshot = read(&self.client, namespace, service).await?;
                // What is left of a record without its proxy, the garbage collector takes.
                if !is_joinable(&snapshot) {
                    snapshot.record = None;
                }
                return Ok(snapshot);
            }
        }
    }

    async fn apply(&self, plan: &Plan, snapshot: &Snapshot) -> Attempt {
        self.teller.enter(Phase::Applying);
        let report = |progress: Progress| self.teller.tell(SessionEvent::Progress(progress));
        let is_alive = is_alive(&self.request.locks, snapshot.record.as_ref());
        let apply = Apply {
            client: &self.client,
            plan,
            pool: &self.pool,
            cancel: &self.cancel,
            report: &report,
            is_alive: &is_alive,
        };
        let mut made = Made::default();
        let applied = apply.run(&mut made).await;
        let standing = snapshot
            .proxy
            .as_ref()
            .and_then(|proxy| proxy.metadata.uid.clone());
        let proxy_uid = made.proxy_uid().or(standing);
        let error = match applied {
            Ok(()) => {
                let grace = snapshot
                    .record
                    .as_ref()
                    .map_or(self.request.settings.grace, |found| {
                        Duration::from_secs(found.record.grace_seconds.into())
                    });
                return Attempt::Active(Active { proxy_uid, grace });
            }
            Err(error) => error,
        };
        tracing::warn!(%error, "the plan stopped and is undone");
        self.teller.enter(Phase::Closing {
            why: CloseReason::Asked,
        });
        let reverted = again(|| self.undo(&made, proxy_uid.as_deref())).await;
        match error {
            ApplyError::Raced if reverted.is_ok() => Attempt::Again,
            error => Attempt::Failed(Box::new(Outcome::Failed {
                error: error.into(),
                reverted,
            })),
        }
    }

    /// What stands in the record may be shared by now: whoever joined keeps the proxy, and the fuse with it,
    /// which their own plan removes.
    async fn undo(&self, made: &Made, proxy_uid: Option<&str>) -> Result<(), RevertError> {
        let (namespace, service) = (&self.request.spec.namespace, &self.request.spec.service);
        if made.recorded {
            let id = &self.identity.intercept;
            if leave(&self.client, namespace, service, id, proxy_uid).await? == Left::OthersRemain {
                return Ok(());
            }
        }
        abandon(&self.client, namespace, service, made).await
    }

    fn already_held(&self, plan: &Plan, snapshot: &Snapshot) -> Outcome {
        let standing = snapshot.record.iter().flat_map(|found| &found.record.intercepts);
        let mut same =
            standing.filter(|one| one.port == plan.intercept.port && one.rule.same_as(&plan.intercept.rule));
        let held = same.next().unwrap_or(&plan.intercept);
        Outcome::AlreadyHeld {
            intercept: held.id.clone(),
            owner: held.owner.clone(),
        }
    }
}

enum Attempt {
    Active(Active),
    Again,
    Failed(Box<Outcome>),
}

fn failed(error: SessionError) -> Outcome {
    Outcome::Failed {
        error,
        reverted: Ok(()),
    }
}

/// By the lock where this machine knows the session, otherwise by its last heartbeat in the cluster.
fn is_alive<'a>(
    locks: &'a Path,
    found: Option<&'a FoundRecord>,
) -> impl Fn(&Intercept) -> bool + Send + Sync + 'a {
    move |one| match life(locks, &one.session) {
        Life::Alive => true,
        Life::Dead => false,
        Life::Unknown => {
            let grace = found.map_or(60, |found| u64::from(found.record.grace_seconds));
            let beat = found.and_then(|found| found.heartbeats.get(&one.session));
            let last = beat
                .and_then(|text| text.parse::<u64>().ok())
                .unwrap_or(one.created);
            now().saturating_sub(last) < grace * 4 / HEARTBEATS_PER_GRACE
        }
    }
}

/// How often a session shows that it lives.
pub(super) fn heartbeat_every(grace: Duration) -> Duration {
    grace / u32::try_from(HEARTBEATS_PER_GRACE).unwrap_or(1)
}

/// Seconds since 1970 UTC.
pub(super) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
