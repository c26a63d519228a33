//! The sandbox inside this program: started when it is asked for, ended with the window.
//!
//! While it runs it is the only cluster in sight. Merged with the user's kubeconfig, one of its names could lead
//! somewhere else.

use std::path::PathBuf;

use intercept_engine::kubeconfig::Kubeconfigs;
use intercept_trial::{Trial, TrialError, TrialOptions};
use tauri::async_runtime::Mutex;

use crate::error::CommandError;

/// What this program was started with.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    /// `--sandbox`: start with it rather than with the user's clusters.
    pub(crate) is_wanted: bool,
    /// `INTERCEPT_NGINX`: an NGINX to use rather than the machine's.
    pub(crate) nginx: Option<PathBuf>,
}

/// The sandbox, if there is one.
pub(crate) struct Sandbox {
    wishes: Wishes,
    trial: Mutex<Option<Trial>>,
}

/// Kubeconfig files, and whether they are the sandbox's.
pub(crate) struct Clusters {
    pub(crate) kubeconfigs: Kubeconfigs,
    pub(crate) is_sandbox: bool,
}

impl Sandbox {
    pub(crate) fn new(wishes: Wishes) -> Self {
        Self {
            wishes,
            trial: Mutex::default(),
        }
    }

    /// The clusters in sight. Starts the sandbox, where the program was started for it.
    pub(crate) async fn clusters(&self) -> Result<Clusters, CommandError> {
        if self.wishes.is_wanted {
            self.start().await?;
        }
        let trial = self.trial.lock().await;
        Ok(Clusters {
            kubeconfigs: Kubeconfigs::load(trial.as_ref().map(Trial::kubeconfig))?,
            is_sandbox: trial.is_some(),
        })
    }

    /// Starts it; once more changes nothing.
    pub(crate) async fn start(&self) -> Result<(), TrialError> {
        let mut trial = self.trial.lock().await;
        if trial.is_none() {
            let options = TrialOptions {
                nginx: self.wishes.nginx.clone(),
                has_shop: true,
                has_colleague: true,
                ..TrialOptions::default()
            };
            let started = trial.insert(Box::pin(Trial::start(options)).await?);
            // The window lists Services once, and an empty shop would look broken.
            started.await_shop().await?;
        }
        Ok(())
    }

    /// Ends it: no process, no file and no port is left.
    pub(crate) async fn stop(&self) {
        if let Some(trial) = self.trial.lock().await.take() {
            trial.stop().await;
        }
    }
}
