//! One sandbox with all that belongs to it, from started to stopped.

use std::path::{Path, PathBuf};

use intercept_sandbox::node::NodeOptions;
use intercept_sandbox::shop::{self, ShopOptions};
use intercept_sandbox::{ClientError, Cluster, ClusterOptions, ClusterStartError, InsertError, Options};

use crate::colleague::Colleague;
use crate::kubeconfig::{Kubeconfig, KubeconfigError};
use crate::opening;

/// Changes that a watch may lag behind; each generated Service is more than a dozen of them.
const HISTORY: usize = 10_000;

/// What a trial starts with.
#[derive(Clone, Debug, Default)]
pub struct TrialOptions {
    /// An NGINX to use rather than the machine's.
    pub nginx: Option<PathBuf>,
    /// The sample shop and its customers.
    pub has_shop: bool,
    /// Somebody who intercepts one of the shop's Services as soon as it answers.
    pub has_colleague: bool,
    /// So many Services besides, with pods that do nothing.
    pub services: usize,
    /// Where the kubeconfig goes; without it, into a folder that goes with the sandbox.
    pub kubeconfig: Option<PathBuf>,
}

/// A trial that did not start. Nothing of it is left.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// The sandbox did not.
    #[error("the sandbox does not start")]
    Start(#[from] ClusterStartError),
    /// The generated objects were not taken.
    #[error("the generated Services cannot be added")]
    Generate(#[from] InsertError),
    /// The colleague has no way in.
    #[error("nobody can reach the sandbox")]
    Client(#[from] ClientError),
    /// The kubeconfig could not be written.
    #[error(transparent)]
    Kubeconfig(#[from] KubeconfigError),
}

/// A running sandbox. Whoever has it stops it; dropped, its processes end all the same.
pub struct Trial {
    kubeconfig: Kubeconfig,
    colleague: Option<Colleague>,
    cluster: Cluster,
}

impl Trial {
    /// Starts it. Pods, and the colleague, come by themselves after that.
    ///
    /// # Errors
    /// When a part does not start.
    pub async fn start(options: TrialOptions) -> Result<Self, TrialError> {
        let cluster = Cluster::start(ClusterOptions {
            api: Options {
                history: HISTORY,
                ..Options::default()
            },
            node: NodeOptions {
                nginx: options.nginx.clone(),
                ..NodeOptions::default()
            },
            shop: options.has_shop.then(ShopOptions::default),
        })
        .await?;
        match furnished(&cluster, &options) {
            Ok((kubeconfig, colleague)) => Ok(Self {
                kubeconfig,
                colleague,
                cluster,
            }),
            Err(error) => {
                cluster.stop().await;
                Err(error)
            }
        }
    }

    /// The cluster: its API server, its node, faults.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The file that leads to it.
    pub fn kubeconfig(&self) -> &Path {
        self.kubeconfig.path()
    }

    /// Whoever was there first.
    pub fn colleague(&self) -> Option<&Colleague> {
        self.colleague.as_ref()
    }

    /// Returns once all of the shop answers, or after a while.
    ///
    /// # Errors
    /// When there is no way in.
    pub async fn await_shop(&self) -> Result<(), TrialError> {
        opening::await_shop(&self.cluster.sandbox().client()?).await;
        Ok(())
    }

    /// Sends the colleague home and ends the cluster: no process, no file and no port is left.
    pub async fn stop(self) {
        if let Some(colleague) = self.colleague {
            colleague.leave().await;
        }
        drop(self.kubeconfig);
        self.cluster.stop().await;
    }
}

fn furnished(
    cluster: &Cluster,
    options: &TrialOptions,
) -> Result<(Kubeconfig, Option<Colleague>), TrialError> {
    let sandbox = cluster.sandbox();
    sandbox.insert_many(shop::scale(options.services))?;
    let kubeconfig = Kubeconfig::write(options.kubeconfig.as_deref(), cluster)?;
    let comes = options.has_shop && options.has_colleague;
    let colleague = comes.then(|| Colleague::arrive(cluster)).transpose()?;
    Ok((kubeconfig, colleague))
}
