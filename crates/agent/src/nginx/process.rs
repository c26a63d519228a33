//! NGINX as a process of the other container: checked, told to reload, watched until it does, told to quit.
//!
//! A configuration counts as running once NGINX answers with its digest and no worker of the one before
//! still accepts connections: for about a tenth of a second after a reload both do.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use intercept_protocol::ids::InterceptId;
use intercept_protocol::record::Record;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::binary::Binary;
use super::render::{CONFIGURATION_PATH, Configuration, Mode, Place, RenderError, render};

/// Within this NGINX has taken a configuration over, or something is wrong that waiting does not mend.
const TAKE_OVER: Duration = Duration::from_secs(10);
const CHECK_LIMIT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(4);

/// A configuration that NGINX does not run.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// This NGINX lacks something.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// A file could not be written.
    #[error("{} could not be written", path.display())]
    Write {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// `nginx -t` could not be run.
    #[error("`nginx -t` could not be run")]
    Check(#[source] std::io::Error),
    /// `nginx -t` said no.
    #[error("NGINX refuses the configuration: {words}")]
    Refused {
        /// In its own words.
        words: String,
    },
    /// The master could not be told.
    #[error("NGINX could not be told to reload")]
    Signal(#[source] rustix::io::Errno),
    /// It was told and goes on as before, or is not there.
    #[error("NGINX did not take the configuration over within {} s", TAKE_OVER.as_secs())]
    NotTakenOver,
}

/// NGINX, and what it was last told.
#[derive(Debug)]
pub struct Nginx {
    path: PathBuf,
    binary: Binary,
    place: Place,
    running: Option<Configuration>,
}

impl Nginx {
    /// NGINX at `path`; nothing is started, that is the other container's.
    pub fn new(path: PathBuf, binary: Binary, place: Place) -> Self {
        Self {
            path,
            binary,
            place,
            running: None,
        }
    }

    /// Makes NGINX run `record`; the intercepts that it then routes. What runs already is not touched.
    ///
    /// # Errors
    /// When NGINX does not run it; the configuration before goes on.
    pub async fn apply(&mut self, record: &Record, mode: Mode) -> Result<Vec<InterceptId>, ApplyError> {
        self.place
            .http_ports
            .extend(record.intercepts.iter().map(|one| one.port));
        let wanted = render(record, &self.binary, &self.place, mode)?;
        if self.running.as_ref() == Some(&wanted) {
            return Ok(wanted.routed);
        }
        let candidate = self.place.run_dir.join("nginx.conf.next");
        write(&candidate, &wanted.text)?;
        self.check(&candidate).await?;
        let file = self.place.run_dir.join("nginx.conf");
        std::fs::rename(&candidate, &file).map_err(|source| ApplyError::Write { path: file, source })?;
        self.running = None;
        let before = match master(&self.place.run_dir) {
            Some(master) => {
                let workers = children(master);
                kill_process(master, Signal::HUP).map_err(ApplyError::Signal)?;
                workers
            }
            // Not started yet: the other container waits for the file.
            None => BTreeSet::new(),
        };
        let health = SocketAddr::new(
            self.place.address.unwrap_or(Ipv4Addr::LOCALHOST.into()),
            record.health_port,
        );
        taken_over(health, &wanted.digest, &before).await?;
        let routed = wanted.routed.clone();
        self.running = Some(wanted);
        Ok(routed)
    }

    async fn check(&self, candidate: &Path) -> Result<(), ApplyError> {
        let run = tokio::process::Command::new(&self.path)
            // The image's own error log may not be writable here.
            .args(["-t", "-q", "-e", "stderr", "-c"])
            .arg(candidate)
            .kill_on_drop(true)
            .output();
        let output = timeout(CHECK_LIMIT, run)
            .await
            .map_err(|elapsed| ApplyError::Check(elapsed.into()))?
            .map_err(ApplyError::Check)?;
        if output.status.success() {
            return Ok(());
        }
        Err(ApplyError::Refused {
            words: words(&String::from_utf8_lossy(&output.stderr)),
        })
    }
}

// The folder is in memory: a pool of threads for its files would cost more than it saves, here and elsewhere.
fn write(path: &Path, text: &str) -> Result<(), ApplyError> {
    std::fs::write(path, text).map_err(|source| ApplyError::Write {
        path: path.into(),
        source,
    })
}

/// The complaint itself, without time, process and the lines around it, and bounded.
fn words(stderr: &str) -> String {
    let complaint = |line: &'_ str| line.find("[emerg]").map(|at| line[at..].to_owned());
    let words = stderr.lines().find_map(complaint);
    let words = words.or_else(|| stderr.lines().last().map(str::to_owned));
    words
        .unwrap_or("no reason given".to_owned())
        .chars()
        .take(500)
        .collect()
}

/// The running master, if there is one. A pid file left by a crash may name any process by now, the agent too.
pub fn master(run_dir: &Path) -> Option<Pid> {
    let text = std::fs::read_to_string(run_dir.join("nginx.pid")).ok()?;
    let number = text.trim().parse::<u32>().ok()?;
    let title = std::fs::read(format!("/proc/{number}/cmdline")).ok()?;
    if !title.starts_with(b"nginx: master") {
        return None;
    }
    let pid = Pid::from_raw(i32::try_from(number).ok()?)?;
    test_kill_process(pid).ok().map(|()| pid)
}

/// Tells the master to finish what it has and end.
///
/// # Errors
/// When it is there and cannot be told.
pub fn quit(master: Pid) -> Result<(), ApplyError> {
    kill_process(master, Signal::QUIT).map_err(ApplyError::Signal)
}

/// Workers of a master; none where the kernel does not tell, and then the digest alone decides.
fn children(master: Pid) -> BTreeSet<i32> {
    let id = master.as_raw_nonzero();
    std::fs::read_to_string(format!("/proc/{id}/task/{id}/children"))
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect()
}

/// Whether a worker from before still takes connections. NGINX renames it before it closes its listeners.
fn still_accepts(worker: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{worker}/cmdline"))
        .is_ok_and(|title| !title.is_empty() && !title.contains("shutting down"))
}

async fn taken_over(health: SocketAddr, digest: &str, before: &BTreeSet<i32>) -> Result<(), ApplyError> {
    let limit = Instant::now() + TAKE_OVER;
    while Instant::now() < limit {
        let is_old = before.iter().any(|worker| still_accepts(*worker));
        if !is_old && running_digest(health).await.as_deref() == Some(digest) {
            return Ok(());
        }
        sleep(POLL).await;
    }
    Err(ApplyError::NotTakenOver)
}

/// What NGINX says it runs.
async fn running_digest(health: SocketAddr) -> Option<String> {
    let ask = async {
        let mut io = TcpStream::connect(health).await.ok()?;
        let request = format!("GET {CONFIGURATION_PATH} HTTP/1.0\r\n\r\n");
        io.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        io.take(4096).read_to_string(&mut answer).await.ok()?;
        let (_, body) = answer.split_once("\r\n\r\n")?;
        Some(body.to_owned())
    };
    timeout(Duration::from_secs(1), ask).await.ok().flatten()
}
