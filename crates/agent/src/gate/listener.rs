//! One gate's listener, from rename to close.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::agent::Agent;
use crate::splice::{self, Route};
use crate::warning;

/// After the unlink nobody new can find the socket; whoever found it just before is in the queue within this.
const QUEUE_SETTLES: Duration = Duration::from_millis(20);

/// Accepts until the gate shuts and nobody waits any more. What came last finds no laptop and goes to the origin.
pub(super) async fn serve(
    agent: Arc<Agent>,
    route: Arc<Route>,
    listener: UnixListener,
    shut: CancellationToken,
) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = shut.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((connection, _)) => carry(&agent, &route, &shut, connection),
            Err(error) => {
                warning!("a connection to a gate could not be accepted: {error}");
                // Out of file descriptors, most likely: others must end first.
                sleep(Duration::from_millis(5)).await;
            }
        }
    }
    while let Ok(Ok((connection, _))) = timeout(QUEUE_SETTLES, listener.accept()).await {
        carry(&agent, &route, &shut, connection);
    }
}

fn carry(agent: &Arc<Agent>, route: &Arc<Route>, shut: &CancellationToken, connection: UnixStream) {
    let (agent, route, shut) = (agent.clone(), route.clone(), shut.clone());
    let tracker = agent.connections.clone();
    tracker.spawn(async move { splice::carry(&agent, connection, &route, &shut).await });
}
