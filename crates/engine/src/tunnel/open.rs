//! One open relay: greeted, multiplexed, with its control stream and the tasks that serve it.

use std::io;
use std::time::Duration;

use intercept_protocol::heard::{Heard, Listening};
use intercept_protocol::ids::{SessionId, Token};
use intercept_protocol::mux::{Mux, Side, Stream};
use intercept_protocol::relay::{
    Answer, FrameError, Hello, Refusal, ToAgent, ToLaptop, read_frame, read_preamble, write_frame,
    write_preamble,
};
use tokio::io::{ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::connector::{PodConnector, PodName, PodStream};
use super::state::RelayError;
use super::streams::{Serving, serve_all};
use super::taken::Taken;

/// From asking for a connection to having it.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// From having a connection to the agent's answer.
const GREETING_LIMIT: Duration = Duration::from_secs(5);
/// An orderly end needs one round trip; a peer that is gone never gives it.
const CLOSE_LIMIT: Duration = Duration::from_millis(500);

/// What a relay shows the agent.
pub(super) struct Credentials {
    pub(super) program: String,
    pub(super) session: SessionId,
    pub(super) token: Token,
}

/// An open relay. Dropped, it ends at once and resets what it carries.
pub(super) struct OpenRelay {
    /// The agent's program and version.
    pub(super) agent: String,
    /// When the agent was last heard.
    pub(super) heard: Heard,
    // relay → control writer
    say_tx: mpsc::Sender<ToAgent>,
    // control reader → relay
    said_rx: mpsc::Receiver<Result<ToLaptop, FrameError>>,
    mux: Mux,
    driver: JoinHandle<io::Result<()>>,
    /// Its streams.
    pub(super) taken: Taken,
    // Control and streams; all end with this value.
    _tasks: JoinSet<()>,
}

/// What an open relay reports.
pub(super) enum Said {
    Message(ToLaptop),
    Ended(RelayError),
}

impl OpenRelay {
    /// Connects, greets and starts to serve streams.
    pub(super) async fn open<C: PodConnector>(
        connector: &C,
        pod: &PodName,
        credentials: &Credentials,
        serving: Serving,
    ) -> Result<Self, RelayError> {
        let connected = timeout(CONNECT_LIMIT, connector.connect(pod)).await;
        let io = connected.map_err(|_| RelayError::TimedOut { limit: CONNECT_LIMIT })?;
        let mut io = io.map_err(RelayError::Connect)?;
        let greeted = timeout(GREETING_LIMIT, greet(&mut io, credentials)).await;
        let agent = greeted.map_err(|_| RelayError::TimedOut {
            limit: GREETING_LIMIT,
        })??;
        Self::start(io, agent, serving).await
    }

    async fn start<T: PodStream>(io: T, agent: String, serving: Serving) -> Result<Self, RelayError> {
        let heard = Heard::now();
        let io = Listening::new(io, heard.clone());
        let (mux, incoming, driver) = Mux::start(io, Side::Laptop);
        let mut tasks = JoinSet::new();
        let taken = Taken::new();
        tasks.spawn(serve_all(incoming, serving, taken.clone()));
        let control = mux.open().await.map_err(|_| RelayError::Ended(None))?;
        let (control_rx, control_tx) = tokio::io::split(control);
        let (say_tx, say_rx) = mpsc::channel(16);
        let (said_tx, said_rx) = mpsc::channel(16);
        tasks.spawn(write_control(control_tx, say_rx));
        tasks.spawn(read_control(control_rx, said_tx));
        Ok(Self {
            agent,
            heard,
            say_tx,
            said_rx,
            mux,
            driver,
            taken,
            _tasks: tasks,
        })
    }

    /// Sends a message, unless so many wait already that the agent is not taking any.
    pub(super) fn say(&self, message: ToAgent) -> bool {
        self.say_tx.try_send(message).is_ok()
    }

    /// The next message, or the end. Safe to cancel.
    pub(super) async fn said(&mut self) -> Said {
        tokio::select! {
            // Last words come before the end.
            biased;
            message = self.said_rx.recv() => match message {
                Some(Ok(message)) => Said::Message(message),
                // When the whole connection ended, that is the reason and not the control stream.
                Some(Err(error)) => Said::Ended(self.end_reason().await.unwrap_or(RelayError::Control(error))),
                None => Said::Ended(RelayError::Ended(None)),
            },
            ended = &mut self.driver => Said::Ended(ended_by(ended)),
        }
    }

    /// Ends the connection in an orderly way, bounded in time.
    pub(super) async fn close(mut self) {
        self.mux.close();
        if timeout(CLOSE_LIMIT, &mut self.driver).await.is_err() {
            tracing::debug!("a relay did not end in time and was cut");
        }
    }

    async fn end_reason(&mut self) -> Option<RelayError> {
        // The driver notices the same end as the control stream, a moment later at most.
        timeout(Duration::from_millis(20), &mut self.driver)
            .await
            .ok()
            .map(ended_by)
    }
}

impl Drop for OpenRelay {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

fn ended_by(ended: Result<io::Result<()>, tokio::task::JoinError>) -> RelayError {
    match ended {
        Ok(Ok(())) => RelayError::Ended(None),
        Ok(Err(error)) => RelayError::Ended(Some(error)),
        Err(error) => RelayError::Ended(Some(io::Error::other(error))),
    }
}

async fn greet<T: PodStream>(io: &mut T, credentials: &Credentials) -> Result<String, RelayError> {
    let hello = Hello {
        program: credentials.program.clone(),
        session: credentials.session.clone(),
        token: credentials.token.clone(),
    };
    write_preamble(io, &hello).await.map_err(RelayError::Greeting)?;
    match read_preamble(io).await {
        Ok(Answer::Welcome { program }) => Ok(program),
        Ok(Answer::Refused(Refusal::UnknownSession)) => Err(RelayError::UnknownSession),
        Ok(Answer::Refused(Refusal::Draining)) => Err(RelayError::Draining),
        Err(error @ FrameError::VersionMismatch { .. }) => Err(RelayError::Incompatible(error)),
        Err(error) => Err(RelayError::Greeting(error)),
    }
}

async fn write_control(mut control: WriteHalf<Stream>, mut say_rx: mpsc::Receiver<ToAgent>) {
    while let Some(message) = say_rx.recv().await {
        if write_frame(&mut control, &message).await.is_err() {
            return;
        }
    }
}

async fn read_control(mut control: ReadHalf<Stream>, said_tx: mpsc::Sender<Result<ToLaptop, FrameError>>) {
    loop {
        let message = read_frame(&mut control).await;
        let is_last = message.is_err();
        if said_tx.send(message).await.is_err() || is_last {
            return;
        }
    }
}
