//! Which cluster the tests use: the one that `INTERCEPT_TEST_KUBECONFIG` names, and no other.
//!
//! `tests/cluster/run -- COMMAND` sets it. A user's own kubeconfig is never read.

use std::path::PathBuf;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

/// Names the kubeconfig of the cluster that tests may use.
pub const KUBECONFIG_VARIABLE: &str = "INTERCEPT_TEST_KUBECONFIG";
const SAMPLE_IMAGE_VARIABLE: &str = "INTERCEPT_TEST_SAMPLE_IMAGE";
const SAMPLE_PROGRAM_VARIABLE: &str = "INTERCEPT_TEST_SAMPLE";
const PROXY_IMAGE_VARIABLE: &str = "INTERCEPT_TEST_PROXY_IMAGE";
const KUBECTL_VARIABLE: &str = "INTERCEPT_TEST_KUBECTL";

/// A cluster that tests may use, as its administrator.
#[derive(Clone)]
pub struct Cluster {
    /// A client with all rights.
    pub client: Client,
    /// Where its kubeconfig is.
    pub kubeconfig: PathBuf,
}

impl Cluster {
    /// The cluster, or `None` after having said loudly that there is none.
    ///
    /// # Panics
    /// When there is none and `CI=true`: a build must not pass without its most important tests. When there is one
    /// whose kubeconfig is unusable.
    pub async fn find() -> Option<Self> {
        let Some(kubeconfig) = std::env::var_os(KUBECONFIG_VARIABLE).map(PathBuf::from) else {
            say_not_run();
            return None;
        };
        let config = config_of(&kubeconfig)
            .await
            .expect("the kubeconfig of the tests must be usable");
        let client = Client::try_from(config).expect("a client for the tests must be possible");
        Some(Self { client, kubeconfig })
    }
}

#[expect(
    clippy::print_stderr,
    reason = "a test that did not run must not look like one that passed"
)]
fn say_not_run() {
    let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(
        !is_ci,
        "{KUBECONFIG_VARIABLE} is not set: under CI=true tests on a real Kubernetes must run"
    );
    eprintln!(
        "### NOT RUN: {KUBECONFIG_VARIABLE} is not set. Run this through `tests/cluster/run -- COMMAND`. ###"
    );
}

async fn config_of(path: &PathBuf) -> anyhow::Result<Config> {
    let kubeconfig = Kubeconfig::read_from(path)?;
    Ok(Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?)
}

/// The image of the original pods.
pub fn sample_image() -> String {
    std::env::var(SAMPLE_IMAGE_VARIABLE).unwrap_or_else(|_| "intercept.test/sample:local".to_owned())
}

/// The NGINX that the cluster has; the program's own default may be a newer one.
pub fn proxy_image() -> String {
    std::env::var(PROXY_IMAGE_VARIABLE).unwrap_or_else(|_| "docker.io/library/nginx:1.31.3".to_owned())
}

/// The program inside [`sample_image`], for measurements with the same one on both sides.
pub fn sample_program() -> PathBuf {
    std::env::var_os(SAMPLE_PROGRAM_VARIABLE)
        .map(PathBuf::from)
        .unwrap_or_else(|| panic!("{SAMPLE_PROGRAM_VARIABLE} must name the built tests/cluster/sample"))
}

/// The kubectl of the cluster's version, for comparisons with it.
pub fn kubectl() -> PathBuf {
    std::env::var_os(KUBECTL_VARIABLE).map_or_else(|| PathBuf::from("kubectl"), PathBuf::from)
}
