//! Proxy pods and agents that do what a test says.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt as _};
use intercept_protocol::ids::{InterceptId, SessionId, Token};
use intercept_protocol::mux::{Incoming, Mux, Side, Stream};
use intercept_protocol::relay::{
    Answer, Hello, Refusal, Status, StreamOpen, ToAgent, ToLaptop, encode, read_frame, read_preamble,
    write_frame, write_preamble,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::timeout;

use crate::tunnel::awake::WallClock;
use crate::tunnel::open::Credentials;
use crate::tunnel::{
    Acceptor, Arrival, ConnectError, PodConnector, PodName, PodStage, RelayPool, RelayState, Routes,
};

/// Longer than anything here takes, on the paused clock as on the real one.
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) type Pods = BTreeMap<PodName, PodStage>;

/// A pool whose pods and agents are the test's.
pub(crate) struct Rig {
    pub(crate) pool: RelayPool,
    pub(crate) routes: Routes,
    pub(crate) intercept: InterceptId,
    pub(crate) pods_tx: watch::Sender<Pods>,
    pub(crate) dial_rx: mpsc::UnboundedReceiver<DuplexStream>,
}

impl Rig {
    /// With one pod.
    pub(crate) fn new() -> Self {
        Self::with_clock(SystemTime::now)
    }

    pub(crate) fn with_clock(wall_clock: WallClock) -> Self {
        let (pods_tx, pods_rx) = watch::channel(Pods::from([("pod-a".into(), PodStage::Running)]));
        let (dial_tx, dial_rx) = mpsc::unbounded_channel();
        let routes = Routes::default();
        let credentials = Credentials {
            program: "test".into(),
            session: SessionId::random(),
            token: Token::random(),
        };
        let connector = FakePods { pods_rx, dial_tx };
        let pool = RelayPool::start_with_clock(connector, credentials, routes.clone(), wall_clock);
        Self {
            pool,
            routes,
            intercept: InterceptId::random(),
            pods_tx,
            dial_rx,
        }
    }

    /// The laptop's next connection.
    pub(crate) async fn dialled(&mut self) -> DuplexStream {
        timeout(SOON, self.dial_rx.recv())
            .await
            .expect("must connect")
            .expect("must be running")
    }

    /// An agent that lets the laptop in and routes the intercept.
    pub(crate) async fn open(&mut self) -> FakeAgent {
        let io = self.dialled().await;
        let agent = FakeAgent::welcome(io).await;
        agent.say(&ToLaptop::Status(self.routed()));
        self.pool.await_open(&self.intercept, SOON).await.unwrap();
        agent
    }

    pub(crate) fn routed(&self) -> Status {
        let ids = vec![self.intercept.clone()];
        Status {
            routed: ids.clone(),
            open: ids,
            direct: Vec::new(),
            rejected: None,
        }
    }

    pub(crate) async fn await_state(&self, is_it: impl Fn(Option<&RelayState>) -> bool) {
        let mut states_rx = self.pool.states();
        let wait = states_rx.wait_for(|states| is_it(states.values().next()));
        timeout(SOON, wait)
            .await
            .expect("the state must come")
            .expect("the pool must run");
    }
}

struct FakePods {
    pods_rx: watch::Receiver<Pods>,
    dial_tx: mpsc::UnboundedSender<DuplexStream>,
}

impl PodConnector for FakePods {
    type Stream = DuplexStream;

    fn pods(&self) -> BoxStream<'static, Pods> {
        let mut pods_rx = self.pods_rx.clone();
        pods_rx.mark_changed();
        stream::unfold(pods_rx, |mut pods_rx| async {
            pods_rx.changed().await.ok()?;
            let pods = pods_rx.borrow_and_update().clone();
            Some((pods, pods_rx))
        })
        .boxed()
    }

    fn connect<'a>(&'a self, _pod: &'a PodName) -> BoxFuture<'a, Result<DuplexStream, ConnectError>> {
        Box::pin(async {
            let (laptop, agent) = tokio::io::duplex(256 * 1024);
            self.dial_tx.send(agent).map_err(|_| ConnectError::NoPod)?;
            Ok(laptop)
        })
    }
}

/// An agent that has let the laptop in. Answers pings until it falls silent.
pub(crate) struct FakeAgent {
    pub(crate) mux: Mux,
    pub(crate) heard_rx: mpsc::UnboundedReceiver<ToAgent>,
    // whoever → the agent's mouth
    say_tx: mpsc::UnboundedSender<Vec<u8>>,
    is_silent: Arc<AtomicBool>,
    ends_at_goodbye: Arc<Mutex<Option<Mux>>>,
    is_asked: Arc<AtomicBool>,
    opened: Arc<AtomicU64>,
    _incoming: Incoming,
}

impl FakeAgent {
    pub(crate) async fn welcome(mut io: DuplexStream) -> Self {
        let _: Hello = read_preamble(&mut io).await.unwrap();
        write_preamble(
            &mut io,
            &Answer::Welcome {
                program: "agent".into(),
            },
        )
        .await
        .unwrap();
        let (mux, mut incoming, _) = Mux::start(io, Side::Agent);
        let (mut reader, mut control) = tokio::io::split(incoming.accept().await.unwrap());
        let (heard_tx, heard_rx) = mpsc::unbounded_channel();
        let (say_tx, mut say_rx) = mpsc::unbounded_channel::<Vec<u8>>();
        let is_silent = Arc::<AtomicBool>::default();
        let ends_at_goodbye = Arc::<Mutex<Option<Mux>>>::default();
        let ended = Arc::clone(&ends_at_goodbye);
        tokio::spawn(async move {
            while let Some(words) = say_rx.recv().await {
                if control.write_all(&words).await.is_err() || control.flush().await.is_err() {
                    return;
                }
            }
        });
        let (pong_tx, is_mute) = (say_tx.clone(), Arc::clone(&is_silent));
        let (is_asked, opened) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let (asks, streams) = (Arc::clone(&is_asked), Arc::clone(&opened));
        tokio::spawn(async move {
            while let Ok(message) = read_frame(&mut reader).await {
                let is_over = ended
                    .lock()
                    .unwrap()
                    .as_ref()
                    .filter(|_| matches!(message, ToAgent::Goodbye))
                    .map(Mux::close);
                let _ = match message {
                    ToAgent::Goodbye if is_over.is_some() => true,
                    ToAgent::Ping { .. } if is_mute.load(Ordering::Relaxed) => true,
                    ToAgent::Goodbye if !asks.load(Ordering::Relaxed) => {
                        let streams = streams.load(Ordering::Relaxed);
                        pong_tx.send(encode(&ToLaptop::Goodbye { streams })).is_ok()
                    }
                    ToAgent::Ping { sequence } => {
                        pong_tx.send(encode(&ToLaptop::Pong { sequence, at: 0 })).is_ok()
                    }
                    other => heard_tx.send(other).is_ok(),
                };
            }
        });
        Self {
            mux,
            heard_rx,
            say_tx,
            is_silent,
            ends_at_goodbye,
            is_asked,
            opened,
            _incoming: incoming,
        }
    }

    pub(crate) fn say(&self, message: &ToLaptop) {
        self.say_raw(encode(message));
    }

    pub(crate) fn say_raw(&self, bytes: Vec<u8>) {
        self.say_tx.send(bytes).unwrap();
    }

    /// From here on pings are not answered.
    pub(crate) fn fall_silent(&self) {
        self.is_silent.store(true, Ordering::Relaxed);
    }

    /// Closes the relay instead of answering a goodbye.
    pub(crate) fn leaves_at_goodbye(&self) {
        *self.ends_at_goodbye.lock().unwrap() = Some(self.mux.clone());
    }

    /// Leaves the answer to a goodbye to the test, which hears it.
    pub(super) fn leaves_goodbyes_to_the_test(&self) {
        self.is_asked.store(true, Ordering::Relaxed);
    }

    /// A connection from NGINX that has sent `first`.
    pub(crate) async fn connection(&self, intercept: &InterceptId, first: &[u8]) -> Stream {
        let intercept = intercept.clone();
        self.stream(StreamOpen::Connection { intercept }, first).await
    }

    /// A stream of requests that begins with `first`.
    pub(crate) async fn requests(&self, intercept: &InterceptId, first: &[u8]) -> Stream {
        let intercept = intercept.clone();
        self.stream(StreamOpen::Requests { intercept }, first).await
    }

    async fn stream(&self, open: StreamOpen, first: &[u8]) -> Stream {
        let mut stream = self.mux.open().await.unwrap();
        write_frame(&mut stream, &open).await.unwrap();
        self.opened.fetch_add(1, Ordering::Relaxed);
        stream.write_all(first).await.unwrap();
        stream
    }
}

/// Reads a hello and refuses it.
pub(crate) async fn refuse(mut io: DuplexStream, refusal: Refusal) {
    let _: Hello = read_preamble(&mut io).await.unwrap();
    write_preamble(&mut io, &Answer::Refused(refusal)).await.unwrap();
}

/// Takes connections and sends back what comes, in memory.
pub(crate) struct Echo;

impl Acceptor for Echo {
    fn serve(&self, arrival: Arrival) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let (mut from, mut to) = tokio::io::split(arrival.accept());
            if tokio::io::copy(&mut from, &mut to).await.is_ok() {
                let _ = to.shutdown().await;
            }
        })
    }
}

/// Says that it has a connection, and never decides on it.
pub(super) struct Ponders(pub(super) Arc<Notify>);

impl Acceptor for Ponders {
    fn serve(&self, arrival: Arrival) -> BoxFuture<'static, ()> {
        self.0.notify_one();
        Box::pin(async move {
            std::future::pending::<()>().await;
            drop(arrival);
        })
    }
}

/// Reads the verdict.
pub(crate) async fn verdict(stream: &mut Stream) -> u8 {
    timeout(SOON, stream.read_u8())
        .await
        .expect("the verdict must come")
        .unwrap()
}
