//! What the pod tells the agent through its environment; read once, passed down.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use intercept_protocol::names;

/// More workers than this split the pool of kept connections to the origin without serving faster.
const MAX_WORKERS: usize = 8;

/// Who and where this agent is.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The intercepted Service's namespace.
    pub namespace: String,
    /// The intercepted Service's name.
    pub service: String,
    /// This pod's name.
    pub pod: String,
    /// This pod's uid.
    pub pod_uid: String,
    /// The folder shared with NGINX.
    pub run_dir: PathBuf,
    /// Where the record's ConfigMap is mounted.
    pub record_dir: PathBuf,
    /// Where the ServiceAccount's token and CA are mounted, when they are.
    pub account_dir: PathBuf,
    /// The NGINX binary of the image both containers run.
    pub nginx: PathBuf,
    /// How many worker processes NGINX gets.
    pub workers: usize,
    /// Where the API server is, when the pod was told.
    pub api: Option<ApiServer>,
    /// The pod's own address, where pods share one network and have no loopback address to themselves.
    pub pod_address: Option<IpAddr>,
}

/// Where the API server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiServer {
    /// Its address; a cluster always gives one, so no name is ever looked up.
    pub address: SocketAddr,
    /// Off only for a stand-in on the loopback address.
    pub tls: bool,
}

/// A setting that is missing or not understood.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The pod must say who it is.
    #[error("the environment variable {0} is not set")]
    Missing(&'static str),
    /// A value that is not of its kind.
    #[error("the environment variable {name} is `{value}`, expected {expected}")]
    Invalid {
        /// Which one.
        name: &'static str,
        /// What it held.
        value: String,
        /// What would do.
        expected: &'static str,
    },
}

impl Settings {
    /// Reads the settings through `get`, which looks up one environment variable.
    ///
    /// # Errors
    /// When one is missing or not understood.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let get = |name: &str| get(name).filter(|value| !value.is_empty());
        let required = |name: &'static str| get(name).ok_or(SettingsError::Missing(name));
        let path = |name: &str, default: &str| PathBuf::from(get(name).unwrap_or_else(|| default.to_owned()));
        Ok(Self {
            namespace: required("INTERCEPT_NAMESPACE")?,
            service: required("INTERCEPT_SERVICE")?,
            pod: required("INTERCEPT_POD")?,
            pod_uid: required("INTERCEPT_POD_UID")?,
            run_dir: path("INTERCEPT_RUN_DIR", names::RUN_DIR),
            record_dir: path("INTERCEPT_RECORD_DIR", names::RECORD_DIR),
            account_dir: path(
                "INTERCEPT_ACCOUNT_DIR",
                "/var/run/secrets/kubernetes.io/serviceaccount",
            ),
            nginx: path("INTERCEPT_NGINX", "nginx"),
            workers: workers(get("INTERCEPT_NGINX_CPUS"))?,
            api: api_server(&get)?,
            pod_address: pod_address(get("INTERCEPT_POD_ADDRESS"))?,
        })
    }

    /// Where what only this pod may reach is found: the relay, and NGINX as the agent itself asks it.
    pub fn own_address(&self) -> IpAddr {
        self.pod_address.unwrap_or(Ipv4Addr::LOCALHOST.into())
    }

    /// Where a file of the shared folder is.
    pub fn run_file(&self, name: &str) -> PathBuf {
        self.run_dir.join(name)
    }
}

/// As many as NGINX may use CPUs, where the pod says so.
fn workers(cpus: Option<String>) -> Result<usize, SettingsError> {
    let Some(value) = cpus else {
        return Ok(workers_on(
            std::thread::available_parallelism().map_or(1, usize::from),
        ));
    };
    let invalid = |value| SettingsError::Invalid {
        name: "INTERCEPT_NGINX_CPUS",
        value,
        expected: "a whole number of CPUs",
    };
    let parsed: usize = value.parse().map_err(|_| invalid(value))?;
    Ok(parsed.clamp(1, MAX_WORKERS))
}

/// Half of the CPUs, a few at most: the other half is for this program and for whoever answers. On two CPUs one worker
/// served 1.14 times the matching requests of two, and 1.19 times the others.
fn workers_on(cpus: usize) -> usize {
    (cpus / 2).clamp(1, MAX_WORKERS)
}

fn api_server(get: &impl Fn(&str) -> Option<String>) -> Result<Option<ApiServer>, SettingsError> {
    if let Some(value) = get("INTERCEPT_API_SERVER") {
        return stand_in(value).map(Some);
    }
    let (Some(host), Some(port)) = (get("KUBERNETES_SERVICE_HOST"), get("KUBERNETES_SERVICE_PORT")) else {
        return Ok(None);
    };
    let address = host.parse::<IpAddr>().map_err(|_| SettingsError::Invalid {
        name: "KUBERNETES_SERVICE_HOST",
        value: host,
        expected: "an IP address",
    })?;
    let port = port.parse::<u16>().map_err(|_| SettingsError::Invalid {
        name: "KUBERNETES_SERVICE_PORT",
        value: port,
        expected: "a port number",
    })?;
    Ok(Some(ApiServer {
        address: SocketAddr::new(address, port),
        tls: true,
    }))
}

fn pod_address(value: Option<String>) -> Result<Option<IpAddr>, SettingsError> {
    let Some(value) = value else {
        return Ok(None);
    };
    match value.parse::<IpAddr>() {
        // The relay is for port-forwards alone; on an address that others reach it would be open to them.
        Ok(address) if address.is_loopback() => Ok(Some(address)),
        _ => Err(SettingsError::Invalid {
            name: "INTERCEPT_POD_ADDRESS",
            value,
            expected: "a loopback address",
        }),
    }
}

/// `http://` is taken for loopback addresses only: the token must not travel in the clear.
fn stand_in(value: String) -> Result<ApiServer, SettingsError> {
    let (tls, rest) = match value.split_once("://") {
        Some(("https", rest)) => (true, rest),
        Some(("http", rest)) => (false, rest),
        _ => (false, ""),
    };
    match rest.trim_end_matches('/').parse::<SocketAddr>() {
        Ok(address) if tls || address.ip().is_loopback() => Ok(ApiServer { address, tls }),
        _ => Err(SettingsError::Invalid {
            name: "INTERCEPT_API_SERVER",
            value,
            expected: "https://IP:PORT, or http://IP:PORT on the loopback address",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(more: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let mut all = vec![
            ("INTERCEPT_NAMESPACE", "shop"),
            ("INTERCEPT_SERVICE", "api"),
            ("INTERCEPT_POD", "api-intercept-proxy-1"),
            ("INTERCEPT_POD_UID", "u"),
        ];
        all.extend(more);
        let find = |name: &str| {
            all.iter()
                .rfind(|(key, _)| *key == name)
                .map(|(_, v)| (*v).to_owned())
        };
        Settings::read(find)
    }

    #[test]
    fn a_pod_without_an_api_server_is_not_an_error() {
        assert!(read(&[]).unwrap().api.is_none());
    }

    #[test]
    fn nginx_takes_half_of_the_cpus_but_at_least_one_and_a_few_at_most() {
        assert_eq!(
            [1, 2, 3, 4, 16, 128].map(workers_on),
            [1, 1, 1, 2, 8, MAX_WORKERS]
        );
    }

    #[test]
    fn an_ipv6_cluster_is_understood() {
        let settings = read(&[
            ("KUBERNETES_SERVICE_HOST", "fd00::1"),
            ("KUBERNETES_SERVICE_PORT", "443"),
        ])
        .unwrap();
        assert_eq!(settings.api.unwrap().address, "[fd00::1]:443".parse().unwrap());
    }

    #[test]
    fn the_token_is_never_sent_in_the_clear_to_another_machine() {
        assert!(read(&[("INTERCEPT_API_SERVER", "http://10.0.0.1:80")]).is_err());
        assert!(read(&[("INTERCEPT_API_SERVER", "http://127.0.0.1:80")]).is_ok());
    }

    #[test]
    fn the_relay_listens_on_loopback_addresses_alone() {
        let own = |value| read(&[("INTERCEPT_POD_ADDRESS", value)]).map(|settings| settings.own_address());
        assert_eq!(own("").unwrap(), Ipv4Addr::LOCALHOST);
        assert_eq!(own("127.80.0.2").unwrap(), Ipv4Addr::new(127, 80, 0, 2));
        assert!(own("10.0.0.7").is_err());
    }

    #[test]
    fn a_missing_name_is_told() {
        assert!(matches!(
            read(&[("INTERCEPT_SERVICE", "")]),
            Err(SettingsError::Missing("INTERCEPT_SERVICE"))
        ));
    }
}
