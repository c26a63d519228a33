//! Somebody else at the shop: a developer whose laptop is this program too, with a session of the engine like any
//! other. So that newcomers see whose an intercept is, are refused what is taken, and can join with a header of their own.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use intercept_engine::cluster::Cluster as EngineCluster;
use intercept_engine::session::{Outcome, Session, SessionEvent, SessionRequest};
use intercept_engine::spec::{InterceptSpec, ProxySettings};
use intercept_engine::tap::Mocks;
use intercept_engine::target::Target;
use intercept_protocol::matching::Match;
use intercept_protocol::record::Owner;
use intercept_sandbox::{ClientError, Cluster, User, shop};
use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use kube::runtime::wait::await_condition;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::program::Program;

const PROGRAM: &str = concat!("intercept-trial ", env!("CARGO_PKG_VERSION"));
/// The shop is open within a second or two; on a machine that does much else, later.
const SHOP_OPENS_WITHIN: Duration = Duration::from_secs(60);
/// After this the cluster may as well go as it is.
const LEAVES_WITHIN: Duration = Duration::from_secs(5);

/// Whether the intercept stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Still to come.
    Underway,
    /// It stands.
    Active,
    /// It does not; why.
    Absent(String),
}

/// A developer with an intercept on [`Colleague::SERVICE`]. Dropped rather than sent home, the session ends with it
/// and the cluster restores itself.
pub struct Colleague {
    leave: CancellationToken,
    // colleague → whoever shows it
    arrival: watch::Receiver<Arrival>,
    task: AbortOnDropHandle<()>,
}

/// What the colleague has open.
struct Desk {
    cluster: EngineCluster,
    locks: PathBuf,
}

impl Colleague {
    /// The Service that is taken, in the shop's namespace.
    pub const SERVICE: &'static str = "recommendations";

    /// Who that is.
    pub fn owner() -> Owner {
        Owner {
            user: "sam".to_owned(),
            host: "other-laptop".to_owned(),
        }
    }

    /// Comes to `cluster`, and intercepts as soon as the Service answers.
    pub(crate) fn arrive(cluster: &Cluster) -> Result<Self, ClientError> {
        let sandbox = cluster.sandbox();
        // Faults on order are meant for whoever orders them.
        let client = sandbox.client_for(User::admin(&Self::owner().user).spared())?;
        let desk = Desk {
            cluster: EngineCluster::from_client(client, "sandbox", &sandbox.address().to_string()),
            // Not this user's: another laptop's sessions are known by their heartbeat only.
            locks: cluster.node().folder().join("other-laptop"),
        };
        let (arrival_tx, arrival) = watch::channel(Arrival::Underway);
        let leave = CancellationToken::new();
        let task = tokio::spawn(desk.work(arrival_tx, leave.clone()));
        Ok(Self {
            leave,
            arrival,
            task: AbortOnDropHandle::new(task),
        })
    }

    /// How it went, once that is known. Safe to cancel.
    pub async fn arrived(&self) -> Arrival {
        let mut arrival = self.arrival.clone();
        let known = arrival.wait_for(|arrival| *arrival != Arrival::Underway).await;
        known.map_or_else(|_| absent(&"it ended"), |arrival| arrival.clone())
    }

    /// Ends the intercept, so that the Service is what it was.
    pub(crate) async fn leave(self) {
        self.leave.cancel();
        if timeout(LEAVES_WITHIN, self.task).await.is_err() {
            tracing::warn!("the colleague's intercept was not undone in time");
        }
    }
}

impl Desk {
    async fn work(self, arrival_tx: watch::Sender<Arrival>, leave: CancellationToken) {
        let ended = tokio::select! {
            () = leave.cancelled() => Ok(()),
            open = self.shop_opens() => match open {
                Ok(()) => Box::pin(self.intercept(&arrival_tx, &leave)).await,
                Err(why) => Err(why),
            },
        };
        if let Err(why) = ended {
            tracing::warn!(%why, "the colleague does not intercept");
            arrival_tx.send_replace(Arrival::Absent(why));
        }
    }

    async fn shop_opens(&self) -> Result<(), String> {
        let deployments: Api<Deployment> = Api::namespaced(self.cluster.client(), shop::NAMESPACE);
        let is_ready = |deployment: Option<&Deployment>| {
            let status = deployment.and_then(|one| one.status.as_ref());
            status.is_some_and(|status| status.ready_replicas.unwrap_or_default() > 0)
        };
        let opens = await_condition(deployments, Colleague::SERVICE, is_ready);
        match timeout(SHOP_OPENS_WITHIN, opens).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!(
                "{} was not ready within {} s",
                Colleague::SERVICE,
                SHOP_OPENS_WITHIN.as_secs()
            )),
        }
    }

    async fn intercept(
        &self,
        arrival_tx: &watch::Sender<Arrival>,
        leave: &CancellationToken,
    ) -> Result<(), String> {
        let program = Program::start("sam's laptop")
            .await
            .map_err(|error| error.to_string())?;
        let mut session = Session::open(&self.cluster, self.request(program.port()));
        let closer = session.closer();
        let events = async {
            while let Some(event) = session.event().await {
                if matches!(event, SessionEvent::Ready { .. }) {
                    arrival_tx.send_replace(Arrival::Active);
                }
            }
        };
        tokio::select! {
            () = events => {}
            () = leave.cancelled() => closer.cancel(),
        }
        match session.ended().await {
            Outcome::Closed { .. } => Ok(()),
            Outcome::Failed { error, .. } if !leave.is_cancelled() => Err(with_causes(&error)),
            Outcome::Failed { .. } | Outcome::AlreadyHeld { .. } => Ok(()),
        }
    }

    /// The mark that everybody tries first.
    fn request(&self, port: u16) -> SessionRequest {
        SessionRequest {
            spec: InterceptSpec {
                namespace: shop::NAMESPACE.to_owned(),
                service: Colleague::SERVICE.to_owned(),
                port: None,
                rule: Match::default(),
                target: Target::localhost(port),
                ttl: None,
                protocol: None,
                owner: Colleague::owner(),
            },
            settings: ProxySettings::default(),
            program: PROGRAM.to_owned(),
            locks: self.locks.clone(),
            record: None,
            mocks: Mocks::default(),
        }
    }
}

fn absent(why: &impl fmt::Display) -> Arrival {
    Arrival::Absent(why.to_string())
}

/// The error and what stands behind it, outermost first.
fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |one| one.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
