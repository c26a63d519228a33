//! A developer's program: the engine in a runtime of its own, so that it can end like a machine that loses power.

use std::error::Error;
use std::time::Duration;

use intercept_engine::cluster::Cluster as EngineCluster;
use intercept_engine::kubeconfig::Kubeconfigs;
use intercept_engine::session::{Outcome, Session, SessionError, SessionEvent, SessionRequest};
use intercept_engine::spec::{InterceptSpec, ProxySettings};
use intercept_engine::tap::Mocks;
use intercept_engine::target::Target;
use intercept_protocol::matching::{HeaderName, Mark, Match, Value};
use intercept_protocol::record::Owner;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::place::{Place, SERVICE};
use crate::world::LIMIT;

/// Who starts a program, and for which requests.
#[derive(Clone, Debug)]
pub(crate) struct Developer {
    /// Also the user that the API server sees.
    pub(crate) name: String,
    pub(crate) rule: Match,
    grace: Duration,
}

impl Developer {
    /// Somebody with a header of their own.
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            rule: rule(name),
            grace: Duration::from_secs(60),
        }
    }

    /// Takes the requests that this value marks.
    pub(crate) fn marked(mut self, value: &str) -> Self {
        self.rule = rule(value);
        self
    }

    pub(crate) fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    pub(crate) fn owner(&self) -> Owner {
        Owner {
            user: self.name.clone(),
            host: "laptop".to_owned(),
        }
    }

    /// Starts, and waits until requests arrive and nothing more is to be done at first.
    pub(crate) async fn settle(&self, place: &Place<'_>, case: &str) -> Program {
        let mut program = self.start(place).await;
        program.active(case).await;
        place.world.await_rest(&self.name, case).await;
        program
    }

    /// Starts to intercept the place's Service.
    pub(crate) async fn start(&self, place: &Place<'_>) -> Program {
        let request = SessionRequest {
            spec: InterceptSpec {
                namespace: place.namespace.clone(),
                service: SERVICE.to_owned(),
                port: None,
                rule: self.rule.clone(),
                target: Target::localhost(place.world.laptop.port()),
                ttl: None,
                protocol: None,
                owner: self.owner(),
            },
            settings: ProxySettings {
                grace: self.grace,
                ..ProxySettings::default()
            },
            program: "behaviour".to_owned(),
            locks: place.world.locks(&self.name),
            record: None,
            mocks: Mocks::default(),
        };
        let kubeconfigs = Kubeconfigs::load(Some(&place.world.kubeconfig(&self.name)));
        let kubeconfigs = kubeconfigs.expect("a kubeconfig of the sandbox must be one");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime must be possible");
        Program::run(runtime, kubeconfigs, request).await
    }
}

fn rule(value: &str) -> Match {
    Match::new(Mark::Header {
        name: HeaderName::new("X-Dev").expect("a header's name must be one"),
        value: Some(Value::new(value).expect("a value must be one")),
    })
}

/// A cluster's server that restarts is away for a moment.
async fn connected(kubeconfigs: Kubeconfigs) -> EngineCluster {
    let mut tries = 0;
    loop {
        tries += 1;
        match EngineCluster::connect(&kubeconfigs, None).await {
            Ok(cluster) => return cluster,
            Err(error) if tries > 50 => panic!("{error}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// A running program.
pub(crate) struct Program {
    runtime: Option<Runtime>,
    closer: CancellationToken,
    ready: watch::Receiver<bool>,
    task: Option<JoinHandle<Outcome>>,
}

impl Program {
    async fn run(runtime: Runtime, kubeconfigs: Kubeconfigs, request: SessionRequest) -> Self {
        let connecting = runtime.spawn(connected(kubeconfigs));
        let cluster = connecting.await.expect("the cluster must be reachable");
        let mut session = {
            let _inside = runtime.enter();
            Session::open(&cluster, request)
        };
        let closer = session.closer();
        // session's reader → whoever waits for it
        let (ready_tx, ready) = watch::channel(false);
        let task = runtime.spawn(async move {
            while let Some(event) = session.event().await {
                if matches!(event, SessionEvent::Ready { .. }) {
                    ready_tx.send_replace(true);
                }
            }
            session.ended().await
        });
        Self {
            runtime: Some(runtime),
            closer,
            ready,
            task: Some(task),
        }
    }

    /// Waits until requests arrive; otherwise how it ended instead.
    pub(crate) async fn settled(&mut self, case: &str) -> Option<Outcome> {
        let ready = timeout(LIMIT, self.ready.wait_for(|ready| *ready)).await;
        let is_ready = ready
            .unwrap_or_else(|_| panic!("{case}: hangs on its way in"))
            .is_ok();
        if is_ready {
            None
        } else {
            Some(self.ended(case).await)
        }
    }

    /// Waits until requests arrive.
    pub(crate) async fn active(&mut self, case: &str) {
        if let Some(outcome) = self.settled(case).await {
            panic!("{case}: {outcome:?}");
        }
    }

    /// Tells it to close.
    pub(crate) fn close(&self) {
        self.closer.cancel();
    }

    /// Whether it has ended by itself.
    pub(crate) fn is_over(&self) -> bool {
        self.task.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self, case: &str) -> Outcome {
        let task = self.task.take().expect("a program ends once");
        match timeout(LIMIT, task).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => panic!("{case}: {error}"),
            Err(_) => panic!("{case}: hangs on its way out"),
        }
    }

    /// Closes it, and waits for its end.
    pub(crate) async fn leave(&mut self, case: &str) -> Outcome {
        self.close();
        self.ended(case).await
    }

    /// Ends everything of it at once, wherever it stands.
    pub(crate) fn kill(self) {
        drop(self);
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Checks that an end which is no success says what, why and what next; returns whether all is undone as far as it knows.
pub(crate) fn judge(case: &str, outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Closed { left, .. } => {
            if let Err(error) = left {
                told(case, error);
            }
            left.is_ok()
        }
        Outcome::Failed { error, reverted } => {
            told(case, error);
            assert!(has_hint(error), "{case}: what to do about it? {error:?}");
            if let Err(error) = reverted {
                told(case, error);
            }
            reverted.is_ok()
        }
        Outcome::AlreadyHeld { .. } => panic!("{case}: {outcome:?}"),
    }
}

fn has_hint(error: &SessionError) -> bool {
    error.hint().is_some_and(|hint| !hint.trim().is_empty())
}

/// Every link of the chain says something.
fn told(case: &str, error: &dyn Error) {
    let mut link = Some(error);
    while let Some(one) = link {
        assert!(!one.to_string().trim().is_empty(), "{case}: {one:?}");
        link = one.source();
    }
}
