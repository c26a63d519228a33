//! What passes NGINX, judged and told to the laptops that asked.
//!
//! ```text
//! NGINX ── a datagram for each request ──► listen ─► line ─► book ─► Watching, one for each laptop ─► control stream
//! ```
//!
//! Datagrams, so that NGINX never waits for this program: one that finds no room is lost, and shows in the difference to
//! NGINX's own count. Deliberately absent: everything about how requests are sent on.

mod book;
mod line;
mod unseen;
mod watching;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use intercept_protocol::ids::InterceptId;
use tokio::net::UnixDatagram;
use tokio::time::{Duration, sleep};

use crate::agent::Agent;
use crate::warning;
use book::Book;
use line::Line;

pub(crate) use book::why;
pub use line::{HEALTH, Request as Passed, format, headers};
pub use watching::Watching;

/// A longer line is not one of a request that anybody wants to read about; it counts as unseen.
const MAX_LINE: usize = 64 * 1024;

/// Where NGINX writes, below the shared folder.
pub fn socket(run_dir: &Path) -> PathBuf {
    run_dir.join("log.sock")
}

/// What is known of the requests that passed.
#[derive(Debug, Default)]
pub struct Traffic {
    book: Mutex<Book>,
    watching: AtomicUsize,
}

impl Traffic {
    fn book(&self) -> MutexGuard<'_, Book> {
        // Nothing panics while it is held, and sums are sums at any moment.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether some laptop asked to be told.
    pub fn is_watched(&self) -> bool {
        self.watching.load(Ordering::Relaxed) > 0
    }

    /// The laptop did not take a request, which begins with `first`: the origin answers it.
    pub fn fell_back(&self, intercept: &InterceptId, first: &[u8]) {
        if self.is_watched() {
            self.book().fell_back(intercept, first);
        }
    }
}

/// The socket NGINX writes to. Has to be there before NGINX is: it complains about each line otherwise.
///
/// # Errors
/// When it cannot be made.
pub fn bind(run_dir: &Path) -> std::io::Result<UnixDatagram> {
    let path = socket(run_dir);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => UnixDatagram::bind(path),
    }
}

/// Listens until the task is dropped. While nobody watches, lines are taken and not looked at, except for a probe.
pub async fn listen(agent: Arc<Agent>, socket: UnixDatagram) {
    let mut bytes = vec![0; MAX_LINE];
    loop {
        match socket.recv(&mut bytes).await {
            Ok(length) => hear(&agent, &bytes[..length]),
            Err(error) => {
                warning!("what NGINX tells cannot be read: {error}");
                sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

fn hear(agent: &Agent, bytes: &[u8]) {
    if !agent.traffic.is_watched() && !agent.traces.is_any() {
        return;
    }
    let Some(record) = agent.record.borrow().clone() else {
        return;
    };
    match line::read(bytes) {
        Some(Line::Request(request)) => {
            agent.traces.passed(&record, &request);
            // Ours, and no caller's.
            if request.probe.is_none() {
                agent.traffic.book().enter(&record, &request);
            } else {
                agent.traffic.book().passed_unheard();
            }
        }
        Some(Line::Health) => agent.traffic.book().passed_unheard(),
        // From a configuration before, or cut off.
        None => {}
    }
}

/// Microseconds since 1970.
pub fn clock() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
