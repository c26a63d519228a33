//! The command line of the inspector.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use intercept_engine::tap::Level;
use intercept_engine::target::Target;
use intercept_inspect::exchange::ExchangeId;

use super::values;

/// Stands before a term like `-path:/health` on its way through the parser of flags.
const NEGATION: char = '\u{F0100}';

/// Terms of filters that begin with a dash are no flags: told apart by their colon, quote or parenthesis, so that flags
/// can still stand anywhere.
pub(crate) fn with_negations(line: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut is_filter = false;
    let mark = |word: OsString| match word.to_str() {
        Some("requests") => {
            is_filter = true;
            word
        }
        Some(text) if is_filter && is_negation(text) => format!("{NEGATION}{text}").into(),
        _ => word,
    };
    line.map(mark).collect()
}

fn is_negation(word: &str) -> bool {
    let Some(term) = word.strip_prefix('-').filter(|term| !term.starts_with('-')) else {
        return false;
    };
    term.contains([':', '"', '('])
}

impl RequestsArgs {
    /// The filter as it was typed.
    pub(crate) fn typed(&self) -> String {
        let words = self.filter.iter().map(|word| word.trim_start_matches(NEGATION));
        words.collect::<Vec<_>>().join(" ")
    }
}

/// Which recorded requests, and how.
#[derive(Debug, Args)]
pub(crate) struct RequestsArgs {
    /// Which ones, in the filter language: `status:>=500 method:POST path:/cart slow:300ms -path:/health text`.
    #[arg(value_name = "FILTER")]
    pub(crate) filter: Vec<String>,
    /// Go on with new and changed ones until Ctrl-C.
    #[arg(long)]
    pub(crate) follow: bool,
    /// The newest ones, at most so many.
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) limit: u32,
    /// Show secrets too.
    #[arg(long)]
    pub(crate) reveal: bool,
}

/// One recorded request, or what is to become of several.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[group(skip)]
pub(crate) struct RequestArgs {
    /// Its number in the list.
    #[arg(required = true, value_name = "ID")]
    pub(crate) id: Option<ExchangeId>,
    /// As HTTP/1.1 would send it rather than decoded.
    #[arg(long, group = "bytes")]
    pub(crate) raw: bool,
    /// Nothing but this body's bytes.
    #[arg(long, value_enum, value_name = "WHICH", group = "bytes")]
    pub(crate) body: Option<Half>,
    /// Write what --raw or --body gives to this file, which must not be there yet.
    #[arg(long, value_name = "FILE", requires = "bytes")]
    pub(crate) save: Option<PathBuf>,
    /// Show secrets too.
    #[arg(long)]
    pub(crate) reveal: bool,
    #[command(subcommand)]
    pub(crate) order: Option<RequestOrder>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RequestOrder {
    /// Never remove these to make room.
    Pin(Ids),
    /// Let these be removed to make room, as all others.
    Unpin(Ids),
    /// Forget these.
    Delete(Ids),
    /// Forget all that are not pinned.
    Clear {
        /// The pinned ones too.
        #[arg(long)]
        pinned: bool,
        /// Do not ask first.
        #[arg(short, long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Ids {
    /// Their numbers in the list.
    #[arg(required = true, value_name = "ID")]
    pub(crate) ids: Vec<ExchangeId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Half {
    /// What was asked.
    Request,
    /// What was answered.
    Response,
}

/// A recorded request, again.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// Its number in the list.
    #[arg(value_name = "ID")]
    pub(crate) id: ExchangeId,
    /// Change it first, in VISUAL or EDITOR.
    #[arg(long)]
    pub(crate) edit: bool,
    /// Who is to answer.
    #[arg(long, value_enum, default_value_t, value_name = "WHO")]
    pub(crate) to: ReplayTo,
    /// Where your program is, if no running session and no intercept.toml says so.
    #[arg(long, value_name = "PORT|HOST:PORT|URL")]
    pub(crate) target: Option<Target>,
    /// Send also what may change something (POST, DELETE, ...) without asking first.
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Show secrets too.
    #[arg(long)]
    pub(crate) reveal: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReplayTo {
    /// Your program on this machine.
    #[default]
    Laptop,
    /// One of the original pods.
    Cluster,
    /// Both, one after the other; what differs is shown.
    Both,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// A HAR file, as browsers, proxies and `requests --output har` write it; `-` for the standard input.
    #[arg(value_name = "FILE.har")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct WhyArgs {
    /// A Service that a running session of yours intercepts.
    #[arg(value_name = "SERVICE", value_parser = values::closing)]
    pub(crate) service: String,
    /// Go on whenever something changes, until Ctrl-C.
    #[arg(long)]
    pub(crate) follow: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ProbeArgs {
    /// A Service that a running session of yours intercepts.
    #[arg(value_name = "SERVICE", value_parser = values::closing)]
    pub(crate) service: String,
}

#[derive(Debug, Args)]
pub(crate) struct RecordArgs {
    /// What to do from now on; without it nothing changes.
    #[arg(value_enum, value_name = "bodies|heads|nothing|pause|resume")]
    pub(crate) order: Option<RecordOrder>,
    /// Only for sessions of this Service.
    #[arg(value_name = "SERVICE", value_parser = values::closing)]
    pub(crate) service: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RecordOrder {
    /// Record heads and bodies.
    Bodies,
    /// Record heads, sizes and times.
    Heads,
    /// Record nothing.
    Nothing,
    /// Record nothing until `resume`, in all sessions.
    Pause,
    /// Go on as before the pause.
    Resume,
}

/// How much is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Recorded {
    /// Heads and bodies.
    #[default]
    Bodies,
    /// Heads, sizes and times.
    Heads,
    /// Nothing.
    Nothing,
}

impl From<Recorded> for Level {
    fn from(recorded: Recorded) -> Self {
        match recorded {
            Recorded::Bodies => Self::Bodies,
            Recorded::Heads => Self::Heads,
            Recorded::Nothing => Self::Nothing,
        }
    }
}
