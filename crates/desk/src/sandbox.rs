//! The sandbox inside this program: started when it is asked for, ended with the window.
//!
//! While it runs it is the only cluster in sight. Merged with the user's kubeconfig, one of its names could lead
//! somewhere else.

use std::path::PathBuf;

use intercept_engine::kubeconfig::Kubeconfigs;
use intercept_trial::{Program, Trial, TrialError, TrialOptions};
use tokio::sync::Mutex;

use crate::error::CommandError;
use crate::wire::Listener;

/// The sandbox, if there is one.
pub(crate) struct Sandbox {
    is_wanted: bool,
    nginx: Option<PathBuf>,
    running: Mutex<Option<Running>>,
}

/// The sandbox, and a program on this machine that can answer in place of the shop's.
struct Running {
    trial: Trial,
    program: Option<Program>,
}

/// Kubeconfig files, and whether they are the sandbox's.
pub(crate) struct Sight {
    pub(crate) kubeconfigs: Kubeconfigs,
    pub(crate) is_sandbox: bool,
}

impl Sandbox {
    pub(crate) fn new(is_wanted: bool, nginx: Option<PathBuf>) -> Self {
        Self {
            is_wanted,
            nginx,
            running: Mutex::default(),
        }
    }

    /// The clusters in sight. Starts the sandbox, where the program was started for it.
    pub(crate) async fn sight(&self) -> Result<Sight, CommandError> {
        if self.is_wanted {
            self.start().await?;
        }
        let running = self.running.lock().await;
        let kubeconfig = running.as_ref().map(|running| running.trial.kubeconfig());
        Ok(Sight {
            kubeconfigs: Kubeconfigs::load(kubeconfig)?,
            is_sandbox: running.is_some(),
        })
    }

    /// Starts it; once more changes nothing. Its shop comes up by itself after that.
    pub(crate) async fn start(&self) -> Result<(), TrialError> {
        let mut running = self.running.lock().await;
        if running.is_none() {
            let options = TrialOptions {
                nginx: self.nginx.clone(),
                has_shop: true,
                has_colleague: true,
                ..TrialOptions::default()
            };
            let trial = Box::pin(Trial::start(options)).await?;
            // Without it one has to bring a program of one's own.
            let program = Program::start("your laptop").await.ok();
            *running = Some(Running { trial, program });
        }
        Ok(())
    }

    /// The program that can answer, where there is one.
    pub(crate) async fn program(&self) -> Option<Listener> {
        let running = self.running.lock().await;
        let port = running.as_ref()?.program.as_ref()?.port();
        Some(Listener {
            port,
            program: "sample program".to_owned(),
            pid: std::process::id(),
        })
    }

    /// Ends it: no process, no file and no port is left.
    pub(crate) async fn stop(&self) {
        if let Some(running) = self.running.lock().await.take() {
            running.trial.stop().await;
        }
    }
}
