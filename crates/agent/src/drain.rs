//! The way out: nobody is cut off, and the user waits for none of it.
//!
//! Asking every caller to come back on a new connection, listening on for as long as nodes may still send
//! new ones here, and only then quitting is the order that loses nothing; deleting the pod right after the
//! Service was switched loses requests.

use std::path::Path;
use std::time::Duration;

use rustix::process::Pid;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::agent::Agent;
use crate::log::chain;
use crate::nginx::process::{master, quit};
use crate::{info, warning};

/// Written when NGINX is gone; NGINX's container waits for it before it ends.
pub const DRAINED_FILE: &str = "drained";
/// All of it, within the pod's grace period of 40 s.
const LIMIT: Duration = Duration::from_secs(25);
const RELOAD_LIMIT: Duration = Duration::from_secs(3);
/// A node may go on sending new connections for a second or two after the Service was switched.
const KEEP_LISTENING: Duration = Duration::from_secs(4);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Drains this pod; returns when NGINX is gone or time is up.
pub async fn drain(agent: &Agent) {
    let run_dir = &agent.settings.run_dir;
    if timeout_at(Instant::now() + LIMIT, in_order(agent, run_dir))
        .await
        .is_err()
    {
        warning!(
            "connections are still open after {} s; they end now",
            LIMIT.as_secs()
        );
    }
    if let Err(error) = std::fs::write(run_dir.join(DRAINED_FILE), "") {
        warning!("the end of the drain could not be noted: {error}");
    }
    info!("drained");
}

async fn in_order(agent: &Agent, run_dir: &Path) {
    agent.draining.send_replace(true);
    let Some(pid) = master(run_dir) else {
        return;
    };
    let mut configured = agent.drain_configured.subscribe();
    if timeout(RELOAD_LIMIT, configured.wait_for(|is| *is))
        .await
        .is_err()
    {
        warning!("NGINX did not take the draining configuration; kept-alive callers are cut");
    }
    sleep(KEEP_LISTENING).await;
    if let Err(error) = quit(pid) {
        warning!("{}", chain(&error));
    }
    gone(run_dir, pid).await;
}

async fn gone(run_dir: &Path, pid: Pid) {
    while master(run_dir) == Some(pid) {
        sleep(LOOK_EVERY).await;
    }
}
