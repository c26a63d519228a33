//! A container that runs, whichever way: a task of this process, or processes of this machine.

use std::io;
#[cfg(unix)]
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exit {
    pub(crate) code: i32,
    pub(crate) message: String,
}

/// As a shell says that SIGKILL ended a program.
const KILLED: i32 = 137;

/// A run under way.
pub(crate) struct Running {
    pub(crate) handle: Handle,
    pub(crate) exit: BoxFuture<'static, Exit>,
}

/// By which a run is ended or joined from elsewhere.
#[derive(Clone)]
pub(crate) enum Handle {
    Task {
        stop: CancellationToken,
        abort: AbortHandle,
    },
    #[cfg(unix)]
    Process(Arc<super::process::Group>),
}

impl Handle {
    /// Asks it to end, by the signal that NGINX's image names where it is processes.
    pub(crate) fn terminate(&self) {
        match self {
            Self::Task { stop, .. } => stop.cancel(),
            #[cfg(unix)]
            Self::Process(group) => group.signal(rustix::process::Signal::QUIT),
        }
    }

    /// Ends it.
    pub(crate) fn kill(&self) {
        match self {
            Self::Task { abort, .. } => abort.abort(),
            #[cfg(unix)]
            Self::Process(group) => group.kill(),
        }
    }

    /// Holds its processes where they are. A task is held with the thread it runs on.
    pub(crate) fn stop(&self) {
        #[cfg(unix)]
        if let Self::Process(group) = self {
            group.stop();
        }
    }

    /// Lets them go on.
    pub(crate) fn go_on(&self) {
        #[cfg(unix)]
        if let Self::Process(group) = self {
            group.go_on();
        }
    }

    /// Runs a command in it; what it wrote, if it failed. A task has no shell to run anything.
    pub(crate) async fn exec(&self, words: Vec<String>) -> io::Result<Result<(), String>> {
        match self {
            Self::Task { .. } => Ok(Ok(())),
            #[cfg(unix)]
            Self::Process(group) => group.exec(words).await,
        }
    }
}

/// Starts a task; `stop` asks it to end.
pub(crate) fn start_task(
    stop: CancellationToken,
    program: impl Future<Output = i32> + Send + 'static,
) -> Running {
    let task = tokio::spawn(program);
    let abort = task.abort_handle();
    let exit = async move {
        match task.await {
            Ok(code) => Exit {
                code,
                message: String::new(),
            },
            Err(error) if error.is_cancelled() => Exit {
                code: KILLED,
                message: String::new(),
            },
            Err(_) => Exit {
                code: 2,
                message: "the program panicked".to_owned(),
            },
        }
    };
    Running {
        handle: Handle::Task { stop, abort },
        exit: Box::pin(exit),
    }
}

/// Starts processes.
#[cfg(unix)]
pub(crate) fn start_process(
    commanded: super::process::Commanded,
    log: &super::logs::Log,
) -> io::Result<Running> {
    use std::os::unix::process::ExitStatusExt as _;

    let process = super::process::Process::start(commanded, log)?;
    let handle = Handle::Process(process.group());
    let exit = async move {
        match process.ended().await {
            Ok(status) => Exit {
                code: status
                    .code()
                    .or(status.signal().map(|signal| 128 + signal))
                    .unwrap_or(KILLED),
                message: String::new(),
            },
            Err(error) => Exit {
                code: KILLED,
                message: error.to_string(),
            },
        }
    };
    Ok(Running {
        handle,
        exit: Box::pin(exit),
    })
}
