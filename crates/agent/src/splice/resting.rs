//! The other end of a gate's connection, kept between two requests.
//!
//! The laptop's stream saves a stream for each request. A connection to the origin is kept only where NGINX keeps asking
//! at a gate whose laptop is gone: a new one for each request would use up the pod's ports.

use rustix::net::{RecvFlags, recv};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use intercept_protocol::mux::Stream;

use super::pump::farewell;
use crate::agent::Agent;

/// What rests.
pub(super) enum Resting {
    /// A stream of the relay with this number.
    Laptop { stream: Stream, relay: u64 },
    /// A connection to the origin.
    Origin(TcpStream),
}

impl Resting {
    /// Resolves when it ends or says anything: even a last word means that it serves no other request. A laptop's
    /// stream must also not rest when its gate shuts: a laptop that leaves waits for its streams.
    pub(super) async fn ended(resting: &mut Option<Self>, shut: &CancellationToken) {
        match resting {
            Some(Self::Laptop { stream, .. }) => {
                let mut word = [0];
                tokio::select! {
                    _ = stream.read(&mut word) => {}
                    () = shut.cancelled() => {}
                }
            }
            Some(Self::Origin(origin)) => drop(origin.readable().await),
            None => std::future::pending().await,
        }
    }

    /// Ends it in order, without anybody waiting for it.
    pub(super) fn part(self, agent: &Agent) {
        if let Self::Laptop { stream, .. } = self {
            agent.connections.spawn(farewell(stream));
        }
    }
}

/// Whether nothing came that was not asked for, neither bytes nor an end; as the system knows it at this moment.
pub(super) fn is_silent(origin: &TcpStream) -> bool {
    let mut byte = [0];
    recv(origin, &mut byte[..], RecvFlags::PEEK | RecvFlags::DONTWAIT)
        .is_err_and(|error| error == rustix::io::Errno::AGAIN)
}
