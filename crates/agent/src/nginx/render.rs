//! The record as NGINX configuration. Pure: same record, same text.
//!
//! A port that never had an intercept passes through `stream`, byte for byte. An intercepted HTTP port goes
//! through `http`, where single requests can be matched; an intercepted TCP port through `stream` with the
//! gate as first choice and the origin as backup. What each directive is for, and what was measured
//! without it, stands beside it in `render::http`.

mod http;
mod matching;
mod stream;
mod telling;

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use intercept_protocol::ids::InterceptId;
use intercept_protocol::record::{Intercept, Listener, PortProtocol, Record};

use super::binary::{Binary, Stream};
use super::quote::token;

/// Where on the health port NGINX tells which configuration it runs.
pub const CONFIGURATION_PATH: &str = "/intercept/configuration";
/// Where on the health port NGINX tells how many requests it has served, if it can.
pub const REQUESTS_PATH: &str = "/intercept/requests";
/// Both sides of every proxied connection count.
const WORKER_CONNECTIONS: usize = 8192;

/// Whether the pod stays or goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The ordinary one.
    Serving,
    /// Every answer asks its client to come back on a new connection, which the Service sends elsewhere.
    Draining,
}

/// What of the pod shows in the configuration.
#[derive(Clone, Debug)]
pub struct Place {
    /// The folder shared with NGINX; gates, temporary files and the pid file are below it.
    pub run_dir: PathBuf,
    /// Worker processes.
    pub workers: usize,
    /// Open files a worker may have.
    pub open_files: u64,
    /// Whether the pod has IPv6.
    pub has_ipv6: bool,
    /// The one address to listen on; otherwise every address of the pod.
    pub address: Option<IpAddr>,
    /// Ports that had an intercept in this pod's life. They stay with `http`: as plain TCP, callers that keep
    /// their connection could no longer be asked away when the pod drains.
    pub http_ports: BTreeSet<u16>,
}

impl Place {
    /// Where the gate of an intercept is.
    pub fn gate(&self, id: &InterceptId) -> PathBuf {
        gate_file(&self.run_dir, id)
    }
}

/// Where the gate of an intercept is, below the shared folder.
pub fn gate_file(run_dir: &Path, id: &InterceptId) -> PathBuf {
    run_dir.join("gate").join(format!("{id}.sock"))
}

/// A configuration, and how to recognise it running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// The file's text.
    pub text: String,
    /// What NGINX answers at [`CONFIGURATION_PATH`] once it runs this.
    pub digest: String,
    /// The intercepts that it sends requests to.
    pub routed: Vec<InterceptId>,
}

/// A record that this NGINX cannot carry out.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// Plain TCP needs the `stream` module.
    #[error("port {port} passes plain TCP, and this NGINX has no stream module: use the stock image")]
    NoStream {
        /// The listener's port.
        port: u16,
    },
}

/// How one port is carried.
enum Way<'a> {
    Http(&'a Listener, Vec<&'a Intercept>),
    Stream(&'a Listener, Option<&'a Intercept>),
}

/// Everything a part of the configuration is rendered from.
struct Sheet<'a> {
    record: &'a Record,
    binary: &'a Binary,
    place: &'a Place,
    mode: Mode,
}

impl Sheet<'_> {
    /// The origin's addresses for a listener, as servers of an upstream.
    fn origin(&self, listener: &Listener, role: &str) -> String {
        let servers = self.record.origins(listener).into_iter();
        servers
            .map(|address| format!(" server {address} max_fails=0{role};"))
            .collect()
    }

    /// `listen` directives for a port.
    fn listen(&self, port: u16) -> String {
        if let Some(address) = self.place.address {
            return format!("listen {} backlog=4096;", SocketAddr::new(address, port));
        }
        let mut text = format!("listen {port} backlog=4096;");
        if self.place.has_ipv6 {
            text.push_str(&format!(" listen [::]:{port} ipv6only=on backlog=4096;"));
        }
        text
    }

    fn gate(&self, intercept: &Intercept) -> String {
        token(&format!("unix:{}", self.place.gate(&intercept.id).display()))
    }

    fn run_file(&self, name: &str) -> String {
        token(&self.place.run_dir.join(name).display().to_string())
    }
}

/// Renders `record` for this NGINX.
///
/// # Errors
/// When this NGINX lacks what the record needs.
pub fn render(
    record: &Record,
    binary: &Binary,
    place: &Place,
    mode: Mode,
) -> Result<Configuration, RenderError> {
    let sheet = Sheet {
        record,
        binary,
        place,
        mode,
    };
    let ways = ways(&sheet)?;
    let body = |digest: &str| {
        let mut text = head(&sheet, &ways);
        text.push_str(&http::block(&sheet, &ways, digest));
        text.push_str(&stream::block(&sheet, &ways));
        text
    };
    let mut hasher = DefaultHasher::new();
    body("").hash(&mut hasher);
    let digest = format!("{:016x}", hasher.finish());
    Ok(Configuration {
        text: body(&digest),
        digest,
        routed: ways.iter().flat_map(Way::routed).collect(),
    })
}

impl Way<'_> {
    fn routed(&self) -> Vec<InterceptId> {
        match self {
            Way::Http(_, intercepts) => intercepts.iter().map(|one| one.id.clone()).collect(),
            Way::Stream(_, intercept) => intercept.iter().map(|one| one.id.clone()).collect(),
        }
    }
}

fn ways<'a>(sheet: &Sheet<'a>) -> Result<Vec<Way<'a>>, RenderError> {
    sheet
        .record
        .listeners
        .iter()
        .map(|listener| way(sheet, listener))
        .collect()
}

fn way<'a>(sheet: &Sheet<'a>, listener: &'a Listener) -> Result<Way<'a>, RenderError> {
    let intercepts = sheet.record.by_precedence(listener.port);
    let has_stream = sheet.binary.stream != Stream::Absent;
    let is_known = sheet.place.http_ports.contains(&listener.port);
    match listener.protocol {
        PortProtocol::Http if !intercepts.is_empty() || is_known || !has_stream => {
            Ok(Way::Http(listener, intercepts))
        }
        _ if !has_stream => Err(RenderError::NoStream { port: listener.port }),
        // Whole connections can only go to a rule that takes everything.
        _ => Ok(Way::Stream(
            listener,
            intercepts
                .into_iter()
                .find(|one| one.rule.takes_everything() && listener.protocol == PortProtocol::Tcp),
        )),
    }
}

fn head(sheet: &Sheet<'_>, ways: &[Way<'_>]) -> String {
    let module = match &sheet.binary.stream {
        Stream::Module(file) => format!("load_module {};\n", token(&file.display().to_string())),
        _ => String::new(),
    };
    // Compiled expressions: 1.02 to 1.06 times the matching requests. An NGINX without PCRE would not know the word.
    let has_expressions = ways.iter().any(|way| matches!(way, Way::Http(..)));
    let compiled = if has_expressions { "pcre_jit on;\n" } else { "" };
    format!(
        "# Rendered by the agent from the record; changes made here are lost.\n\
         {module}worker_processes {workers};\n\
         worker_rlimit_nofile {files};\n\
         pid {pid};\n\
         # Requests are not logged here: one refused gate would write a line for each.\n\
         error_log stderr warn;\n\
         {compiled}events {{ worker_connections {WORKER_CONNECTIONS}; }}\n",
        workers = sheet.place.workers,
        files = sheet.place.open_files,
        pid = sheet.run_file("nginx.pid"),
    )
}
