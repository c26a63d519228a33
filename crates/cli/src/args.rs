//! The command line: commands, flags, and where their values may also come from.

mod help;
mod inspect;
mod values;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use intercept_engine::settings;
use intercept_engine::target::Target;
use intercept_protocol::matching::{Mark, Method, PathPrefix};
use intercept_protocol::record::PortProtocol;
use intercept_sandbox::faults::Order;

pub(crate) use inspect::{
    Half, ImportArgs, ProbeArgs, RecordArgs, RecordOrder, Recorded, ReplayArgs, ReplayTo, RequestArgs,
    RequestOrder, RequestsArgs, WhyArgs, with_negations,
};
pub(crate) use values::ServiceArg;

/// Answer requests to a Kubernetes Service on this machine.
#[derive(Debug, Parser)]
#[command(
    name = "interceptctl",
    version,
    about,
    long_about = help::ABOUT,
    after_help = help::SHORT,
    after_long_help = help::root(),
    arg_required_else_help = true,
    subcommand_required = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Context of the kubeconfig.
    #[arg(
        long,
        global = true,
        env = "INTERCEPT_CONTEXT",
        hide_env_values = true,
        value_name = "NAME"
    )]
    pub(crate) context: Option<String>,
    /// Namespace; without it the one of intercept.toml, then the context's.
    #[arg(short, long, global = true, env = "INTERCEPT_NAMESPACE", hide_env_values = true, value_name = "NAME", value_parser = settings::label)]
    pub(crate) namespace: Option<String>,
    /// Kubeconfig file; without it KUBECONFIG, then ~/.kube/config.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Settings file; without it the nearest intercept.toml up to the repository's root.
    #[arg(
        long,
        global = true,
        env = "INTERCEPT_CONFIG",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub(crate) config: Option<PathBuf>,
    /// How results and errors are written.
    #[arg(
        short,
        long,
        global = true,
        env = "INTERCEPT_OUTPUT",
        hide_env_values = true,
        value_enum,
        default_value_t
    )]
    pub(crate) output: Format,
    /// What is logged to the standard error.
    #[arg(
        long,
        global = true,
        env = "INTERCEPT_LOG",
        hide_env_values = true,
        value_enum,
        default_value_t,
        value_name = "LEVEL"
    )]
    pub(crate) log: Level,
    /// When to use colours; NO_COLOR turns them off too.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) color: Color,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs; `start` writes one event a line.
    Json,
    /// The same as YAML.
    Yaml,
    /// Requests as HAR 1.2; of `requests` and `request`.
    Har,
    /// Requests as commands for a shell; of `requests` and `request`.
    Curl,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Level {
    Off,
    #[default]
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal.
    #[default]
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the contexts of the kubeconfig.
    #[command(alias = "context", after_help = help::CONTEXTS, after_long_help = help::long(help::CONTEXTS))]
    Contexts,
    /// List Services, what runs them, and who intercepts them.
    #[command(aliases = ["service", "svc"], after_help = help::SERVICES, after_long_help = help::long(help::SERVICES))]
    Services(Scope),
    /// Show what `start` would do, with how each step is undone, and change nothing.
    #[command(after_help = help::PLAN, after_long_help = help::long(help::PLAN))]
    Plan(Box<InterceptArgs>),
    /// Intercept a Service until Ctrl-C, then restore it.
    #[command(alias = "intercept", after_help = help::START, after_long_help = help::start())]
    Start(Box<InterceptArgs>),
    /// List everybody's intercepts.
    #[command(aliases = ["ls", "intercepts"], after_help = help::LIST, after_long_help = help::long(help::LIST))]
    List(Scope),
    /// List recorded requests: the newest, or those that a filter lets pass.
    #[command(after_help = help::REQUESTS, after_long_help = help::requests())]
    Requests(RequestsArgs),
    /// Show one recorded request with its answer; keep, forget.
    #[command(after_help = help::REQUEST, after_long_help = help::long(help::REQUEST))]
    Request(RequestArgs),
    /// Send a recorded request again: to your program, to the original pods, or to both and compare.
    #[command(after_help = help::REPLAY, after_long_help = help::long(help::REPLAY))]
    Replay(ReplayArgs),
    /// Put the requests of a HAR file among the recorded ones.
    #[command(after_help = help::IMPORT, after_long_help = help::long(help::IMPORT))]
    Import(ImportArgs),
    /// Say which requests of a Service did not arrive, and why.
    #[command(after_help = help::WHY, after_long_help = help::long(help::WHY))]
    Why(WhyArgs),
    /// Send one request through a Service, and say where it stops.
    #[command(after_help = help::PROBE, after_long_help = help::long(help::PROBE))]
    Probe(ProbeArgs),
    /// Say how much of requests running sessions record, or change it.
    #[command(after_help = help::RECORD, after_long_help = help::long(help::RECORD))]
    Record(RecordArgs),
    /// Clean up what sessions left, on this machine or any other.
    #[command(subcommand, alias = "sessions")]
    Session(SessionCommand),
    /// Run a small Kubernetes with a sample shop on this machine, to try and break things.
    #[command(after_help = help::SANDBOX, after_long_help = help::sandbox())]
    Sandbox(SandboxArgs),
    /// Tell the whole story of an intercept on a sandbox, in half a minute.
    #[command(after_help = help::DEMO, after_long_help = help::long(help::DEMO))]
    Demo(DemoArgs),
    /// Print a completion script for a shell.
    #[command(alias = "completion", after_help = help::COMPLETIONS, after_long_help = help::long(help::COMPLETIONS))]
    Completions {
        /// The shell.
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Write the manual's pages into a folder, for packages.
    #[command(hide = true)]
    Manual {
        /// The folder, which exists.
        folder: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum SessionCommand {
    /// Restore Services, remove what stands around them, and prove it.
    #[command(after_help = help::CLOSE, after_long_help = help::long(help::CLOSE))]
    Close(CloseArgs),
}

/// Where a list looks.
#[derive(Debug, Args)]
pub(crate) struct Scope {
    /// In every namespace you may see.
    #[arg(short = 'A', long)]
    pub(crate) all_namespaces: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CloseArgs {
    /// A Service, with everybody's intercepts on it, or the id of one intercept. Without it: your own
    /// intercepts, and whatever no living session stands behind.
    #[arg(conflicts_with = "all", value_parser = values::closing)]
    pub(crate) name: Option<String>,
    /// Everything, whoever it belongs to.
    #[arg(long)]
    pub(crate) all: bool,
    /// In every namespace you may see.
    #[arg(short = 'A', long)]
    pub(crate) all_namespaces: bool,
    /// Say what would be closed, and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Who you are, if not the operating system's user.
    #[arg(long, env = "INTERCEPT_OWNER", hide_env_values = true, value_name = "NAME")]
    pub(crate) owner: Option<String>,
}

/// A small Kubernetes on this machine.
#[derive(Debug, Args)]
pub(crate) struct SandboxArgs {
    /// Write the kubeconfig to this file, which must not be there yet; it goes when the sandbox ends.
    #[arg(long, value_name = "FILE")]
    pub(crate) write_kubeconfig: Option<PathBuf>,
    /// Add so many Services with five pods each, which do nothing.
    #[arg(long, value_name = "SERVICES", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=100_000))]
    pub(crate) scale: u32,
    /// Go wrong in this way; may be given several times.
    #[arg(long, value_name = "FAULT", value_parser = Order::parse)]
    pub(crate) fault: Vec<Order>,
    /// Without the sample shop and its customers.
    #[arg(long)]
    pub(crate) empty: bool,
    /// Without the colleague who intercepts one of the shop's Services.
    #[arg(long)]
    pub(crate) alone: bool,
    #[command(flatten)]
    pub(crate) nginx: NginxArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    #[command(flatten)]
    pub(crate) nginx: NginxArgs,
}

/// Which NGINX a sandbox runs.
#[derive(Debug, Args)]
pub(crate) struct NginxArgs {
    /// An NGINX to run rather than the one of this machine.
    #[arg(long, env = "INTERCEPT_NGINX", hide_env_values = true, value_name = "FILE")]
    pub(crate) nginx: Option<PathBuf>,
}

/// One intercept, for `start` and `plan`.
#[derive(Debug, Args)]
pub(crate) struct InterceptArgs {
    /// The Service, with a port's number or name where it has several.
    #[arg(value_name = "SERVICE[:PORT]", value_parser = values::service)]
    pub(crate) service: ServiceArg,
    /// Where its requests go: a local port, host:port, or a URL. May stand in intercept.toml.
    #[arg(long, value_name = "PORT|HOST:PORT|URL")]
    pub(crate) to: Option<Target>,
    /// End by itself after this time.
    #[arg(long, env = "INTERCEPT_TTL", hide_env_values = true, value_name = "2h", value_parser = settings::ttl)]
    pub(crate) ttl: Option<Duration>,
    /// The way from the cluster to this machine.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) tunnel: Tunnel,
    /// What the port speaks, where the Service does not say so.
    #[arg(long, value_name = "http|tcp", value_parser = values::protocol)]
    pub(crate) protocol: Option<PortProtocol>,
    /// Accept any certificate of an https target.
    #[arg(long)]
    pub(crate) insecure_local_certificate: bool,
    /// How much of requests is recorded on this machine.
    #[arg(
        long,
        env = "INTERCEPT_RECORD",
        hide_env_values = true,
        value_enum,
        default_value_t,
        value_name = "LEVEL"
    )]
    pub(crate) record: Recorded,
    /// Do not show requests as they come.
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Who you are to others, if not the operating system's user.
    #[arg(long, env = "INTERCEPT_OWNER", hide_env_values = true, value_name = "NAME")]
    pub(crate) owner: Option<String>,
    #[command(flatten)]
    pub(crate) rule: MatchArgs,
    #[command(flatten)]
    pub(crate) proxy: ProxyArgs,
}

/// Which requests; at most one of the first three.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which requests (default: X-C6O-INTERCEPT: yes)")]
pub(crate) struct MatchArgs {
    /// Requests with this header; without a value, with any value.
    #[arg(long, value_name = "NAME[=VALUE]", group = "mark", value_parser = settings::mark_header)]
    pub(crate) header: Option<Mark>,
    /// Requests with this member of the W3C `baggage` header.
    #[arg(long, value_name = "KEY[=VALUE]", group = "mark", value_parser = settings::mark_baggage)]
    pub(crate) baggage: Option<Mark>,
    /// Every request.
    #[arg(long, group = "mark")]
    pub(crate) all: bool,
    /// Only at or below this path.
    #[arg(long, value_name = "PREFIX", value_parser = settings::path_prefix)]
    pub(crate) path: Option<PathPrefix>,
    /// Only this method; may be given several times.
    #[arg(long, value_name = "METHOD", value_delimiter = ',', value_parser = settings::method)]
    pub(crate) method: Vec<Method>,
}

/// How the proxy is built. Matters to whoever is the first on a Service.
#[derive(Debug, Args)]
#[command(next_help_heading = "Proxy (set by the first intercept of a Service)")]
pub(crate) struct ProxyArgs {
    /// Image of the proxy: a stock NGINX.
    #[arg(long, env = "INTERCEPT_PROXY_IMAGE", hide_env_values = true, value_name = "IMAGE", value_parser = settings::image)]
    pub(crate) proxy_image: Option<String>,
    /// Image that holds the agent, where programs from ConfigMaps are forbidden.
    #[arg(long, env = "INTERCEPT_AGENT_IMAGE", hide_env_values = true, value_name = "IMAGE", value_parser = settings::image)]
    pub(crate) agent_image: Option<String>,
    /// Secret for pulling the images; may be given several times.
    #[arg(long, value_name = "NAME", value_parser = settings::label)]
    pub(crate) pull_secret: Vec<String>,
    /// How long the intercept outlives this machine before the cluster restores itself.
    #[arg(long, env = "INTERCEPT_GRACE", hide_env_values = true, value_name = "60s", value_parser = settings::grace)]
    pub(crate) grace: Option<Duration>,
    /// Add X-Forwarded-* headers to requests.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "true|false")]
    pub(crate) forwarded_headers: Option<bool>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tunnel {
    /// Over the Kubernetes API's port-forward; needs no account.
    #[default]
    Relay,
}

#[cfg(test)]
mod tests;
