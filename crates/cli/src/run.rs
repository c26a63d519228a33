//! From the command line to an exit code.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use clap::error::ErrorKind;

use crate::args::{self, Cli, Color, Command, Format, Global, SessionCommand};
use crate::commands;
use crate::errors::Failure;
use crate::exit::Exit;
use crate::log;
use crate::output::Output;

/// What nobody has read by then is for nobody.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Parses, does what is asked, says how it went.
pub(crate) fn run() -> ExitCode {
    let cli = match Cli::try_parse_from(args::with_negations(std::env::args_os())) {
        Ok(cli) => cli,
        Err(error) => return misused(&error).into(),
    };
    let output = Output::new(cli.global.output, cli.global.color);
    log::start(cli.global.log, &output);
    // One thread: what several streams have to say then leaves together, in fewer and cheaper messages.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended =
        match runtime {
            Ok(runtime) => {
                let ended = runtime.block_on(dispatch(cli.global, cli.command, &output));
                // Whatever still resolves a name or reads a file has nothing to say any more.
                runtime.shutdown_background();
                ended
            }
            Err(error) => Err(Failure::from_error(Exit::Unexpected, "unexpected", &error)
                .during("The program cannot start")),
        };
    let exit = ended.unwrap_or_else(|failure| {
        output.failure(&failure);
        failure.exit
    });
    output.finish(LAST_WORDS);
    exit.into()
}

async fn dispatch(global: Global, command: Command, output: &Output) -> Result<Exit, Failure> {
    let is_of_requests = matches!(command, Command::Requests(_) | Command::Request(_));
    if matches!(global.output, Format::Har | Format::Curl) && !is_of_requests {
        return Err(
            Failure::usage("the formats har and curl are for `requests` and `request`").hint(Some(
                "Choose text, json or yaml with --output or INTERCEPT_OUTPUT.",
            )),
        );
    }
    match command {
        Command::Contexts => commands::contexts(&global, output),
        Command::Services(scope) => commands::services(&global, &scope, output).await,
        Command::Plan(args) => Box::pin(commands::plan(&global, &args, output)).await,
        Command::Start(args) => Box::pin(commands::start(&global, &args, output)).await,
        Command::List(scope) => commands::list(&global, &scope, output).await,
        Command::Requests(args) => commands::requests(&global, &args, output).await,
        Command::Request(args) => commands::request(&global, &args, output),
        Command::Replay(args) => Box::pin(commands::replay(&global, &args, output)).await,
        Command::Import(args) => commands::import(&args, output),
        Command::Record(args) => commands::record(&global, &args, output).await,
        Command::Why(args) => commands::why(&global, &args, output).await,
        Command::Probe(args) => commands::probe(&global, &args, output).await,
        Command::Session(SessionCommand::Close(args)) => commands::close(&global, &args, output).await,
        Command::Sandbox(args) => Box::pin(commands::sandbox(&args, output)).await,
        Command::Demo(args) => Box::pin(commands::demo(&args, output)).await,
        Command::Completions { shell } => Ok(commands::completions(shell, output)),
        Command::Manual { folder } => commands::manual(&folder),
    }
}

/// Help, version, or a command line that cannot be understood.
fn misused(error: &clap::Error) -> Exit {
    let output = Output::new(asked_format(), Color::Auto);
    let is_asked_for = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if is_asked_for || output.is_text() {
        output.clap(error);
        return if is_asked_for { Exit::Done } else { Exit::Usage };
    }
    let rendered = error.render().to_string();
    let message = rendered.trim().strip_prefix("error: ").unwrap_or(rendered.trim());
    let what = message.split("\n\n").next().unwrap_or(message);
    output.failure(&Failure::usage(what).hint(Some("See `interceptctl --help`.")));
    Exit::Usage
}

/// The format, from a command line that could not be parsed.
fn asked_format() -> Format {
    let args: Vec<String> = std::env::args_os()
        .map(|arg| arg.to_string_lossy().into_owned())
        .collect();
    let after = |flag: &str| {
        args.iter()
            .position(|arg| arg == flag)
            .and_then(|at| args.get(at + 1))
            .cloned()
    };
    let joined = args
        .iter()
        .find_map(|arg| arg.strip_prefix("--output=").or_else(|| arg.strip_prefix("-o")));
    let named = after("--output")
        .or_else(|| after("-o"))
        .or_else(|| joined.map(str::to_owned));
    match named
        .or_else(|| std::env::var("INTERCEPT_OUTPUT").ok())
        .as_deref()
    {
        Some("json") => Format::Json,
        Some("yaml") => Format::Yaml,
        _ => Format::Text,
    }
}
