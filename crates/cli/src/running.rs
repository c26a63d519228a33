//! The user's running programs, and what they hold.

use intercept_engine::control::{ControlError, Held, Program, Refused, RefusedCode, programs, sockets};
use intercept_inspect::exchange::Place;

use crate::args::Global;
use crate::errors::Failure;
use crate::exit::Exit;
use crate::output::{Output, warning};

/// Name and version, for others.
pub(crate) const PROGRAM: &str = concat!("interceptctl ", env!("CARGO_PKG_VERSION"));

/// A session, and which program holds it.
pub(crate) struct Running {
    pub(crate) program: Program,
    pub(crate) held: Held,
}

/// Everything that runs now. What cannot be asked is said, and left out.
pub(crate) async fn running(output: &Output) -> Result<Vec<Running>, Failure> {
    let (programs, troubles) = programs(&sockets(), PROGRAM).await?;
    for trouble in &troubles {
        say(trouble, output);
    }
    let mut found = Vec::new();
    for program in programs {
        match program.sessions(PROGRAM).await {
            Ok(sessions) => found.extend(sessions.into_iter().map(|held| Running {
                program: program.clone(),
                held,
            })),
            Err(trouble) => say(&trouble, output),
        }
    }
    Ok(found)
}

fn say(trouble: &ControlError, output: &Output) {
    output.note(&format!("{} {trouble}", warning("Warning:")));
}

/// Whether it is within what the flags name.
pub(crate) fn is_meant(held: &Held, global: &Global, service: Option<&str>) -> bool {
    let is = |asked: Option<&str>, found: &str| asked.is_none_or(|asked| asked == found);
    is(global.context.as_deref(), &held.context)
        && is(global.namespace.as_deref(), &held.namespace)
        && is(service, &held.service)
}

/// Whether it is the Service that a recorded request was for.
pub(crate) fn is_of(held: &Held, place: &Place) -> bool {
    (&held.context, &held.namespace, &held.service) == (&place.context, &place.namespace, &place.service)
}

/// No session runs that is meant.
pub(crate) fn none(service: Option<&str>) -> Failure {
    let (message, example) = match service {
        Some(service) => (
            format!("No running session of yours on this machine intercepts {service}"),
            service,
        ),
        None => ("No session of yours runs on this machine".to_owned(), "SERVICE"),
    };
    Failure::new(Exit::Refused, "notRunning", message).hint(Some(format!(
        "Start one with `interceptctl start {example} --to 3000`, or see `interceptctl list` for everybody's."
    )))
}

impl From<ControlError> for Failure {
    fn from(error: ControlError) -> Self {
        let (exit, code, hint) = match &error {
            ControlError::Refused(Refused { code, .. }) => return refused(*code, &error),
            ControlError::Version { .. } => (
                Exit::Refused,
                "version",
                "Stop the running program and start it again with this version.",
            ),
            ControlError::NotYours { .. } | ControlError::Stranger { .. } | ControlError::NotOurs { .. } => (
                Exit::Refused,
                "stranger",
                "See who owns it, and remove it if nobody needs it.",
            ),
            ControlError::Folder { .. } | ControlError::Listen { .. } => (
                Exit::Undone,
                "socket",
                "Check that the folder is yours and that the disk has room.",
            ),
            ControlError::Connect { .. } | ControlError::Silent | ControlError::BrokeOff(_) => {
                (Exit::Undone, "noAnswer", "It may be ending just now: try again.")
            }
        };
        Self::from_error(exit, code, &error).hint(Some(hint))
    }
}

fn refused(code: RefusedCode, error: &ControlError) -> Failure {
    let (name, hint) = match code {
        RefusedCode::NoSuchSession => ("noSuchSession", "It may have ended meanwhile."),
        RefusedCode::NoRecorder => (
            "noRecorder",
            "See what it said when it was started, and start it again.",
        ),
        RefusedCode::Busy | RefusedCode::Ending => ("busy", "Try again in a moment."),
        RefusedCode::NotUnderstood => ("notUnderstood", "Use the same version of both programs."),
        _ => ("refused", "Try again; if it stays, please report it."),
    };
    Failure::from_error(Exit::Refused, name, error).hint(Some(hint))
}
