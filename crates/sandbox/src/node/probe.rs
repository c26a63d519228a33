//! Probes and hooks of containers: ask once, and say in a kubelet's words what was wrong.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, HTTPGetAction, LifecycleHandler, Probe};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::path_map::PathMap;
use super::workload::Handle;
use crate::network::Loopback;

const MOST_ANSWER: u64 = 4096;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    Http {
        scheme: String,
        host: Option<String>,
        port: u16,
        path: String,
        headers: Vec<(String, String)>,
    },
    Tcp {
        port: u16,
    },
    Exec {
        command: Vec<String>,
    },
    Sleep {
        seconds: u64,
    },
}

/// Where questions are asked.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) network: Loopback,
    pub(crate) ip: Ipv4Addr,
    pub(crate) handle: Handle,
    pub(crate) paths: PathMap,
}

impl Question {
    /// What a probe asks; nothing where the sandbox cannot ask it (gRPC).
    pub(crate) fn of_probe(probe: &Probe, container: &Container) -> Option<Self> {
        if let Some(get) = &probe.http_get {
            return Self::http(get, container);
        }
        if let Some(socket) = &probe.tcp_socket {
            return Some(Self::Tcp {
                port: number(&socket.port, container)?,
            });
        }
        let command = probe.exec.as_ref()?.command.clone().unwrap_or_default();
        Some(Self::Exec { command })
    }

    /// What a hook does.
    pub(crate) fn of_hook(hook: &LifecycleHandler, container: &Container) -> Option<Self> {
        if let Some(get) = &hook.http_get {
            return Self::http(get, container);
        }
        if let Some(sleep) = &hook.sleep {
            return Some(Self::Sleep {
                seconds: u64::try_from(sleep.seconds).unwrap_or_default(),
            });
        }
        let command = hook.exec.as_ref()?.command.clone().unwrap_or_default();
        Some(Self::Exec { command })
    }

    fn http(get: &HTTPGetAction, container: &Container) -> Option<Self> {
        let headers = get.http_headers.iter().flatten();
        Some(Self::Http {
            scheme: get.scheme.as_deref().unwrap_or("HTTP").to_lowercase(),
            host: get.host.clone(),
            port: number(&get.port, container)?,
            path: get.path.clone().unwrap_or_else(|| "/".to_owned()),
            headers: headers.map(|one| (one.name.clone(), one.value.clone())).collect(),
        })
    }

    /// Asks once.
    pub(crate) async fn ask(&self, asked: &Asked, limit: Duration) -> Result<(), String> {
        match self {
            Self::Sleep { seconds } => {
                tokio::time::sleep(Duration::from_secs(*seconds)).await;
                Ok(())
            }
            Self::Exec { command } => {
                let words = command.iter().map(|word| asked.paths.rewrite(word)).collect();
                match timeout(limit, asked.handle.exec(words)).await {
                    Ok(Ok(outcome)) => outcome,
                    Ok(Err(error)) => Err(error.to_string()),
                    Err(_) => Err(format!(
                        "command timed out: {command:?} timed out after {limit:?}"
                    )),
                }
            }
            Self::Tcp { port } => {
                let address = SocketAddr::from((asked.ip, *port));
                match timeout(limit, asked.network.connect(address)).await {
                    Ok(Ok(_)) => Ok(()),
                    Ok(Err(error)) => Err(dial(address, &error)),
                    Err(_) => Err(format!("dial tcp {address}: i/o timeout")),
                }
            }
            Self::Http {
                scheme, port, path, ..
            } => {
                let url = format!("{scheme}://{}:{port}{path}", asked.ip);
                match timeout(limit, self.get(asked)).await {
                    Ok(Ok(200..=399)) => Ok(()),
                    Ok(Ok(code)) => Err(format!("HTTP probe failed with statuscode: {code}")),
                    Ok(Err(error)) => {
                        let address = SocketAddr::from((asked.ip, *port));
                        Err(format!("Get \"{url}\": {}", dial(address, &error)))
                    }
                    Err(_) => Err(format!(
                        "Get \"{url}\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
                    )),
                }
            }
        }
    }

    async fn get(&self, asked: &Asked) -> std::io::Result<u16> {
        let Self::Http {
            host,
            port,
            path,
            headers,
            ..
        } = self
        else {
            return Ok(200);
        };
        let address = SocketAddr::from((asked.ip, *port));
        let mut io = asked.network.connect(address).await?;
        let host = host.clone().unwrap_or_else(|| address.to_string());
        let mut request = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: kube-probe/1.35\r\nConnection: close\r\n"
        );
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        io.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        let mut io = io.take(MOST_ANSWER);
        while !answer.contains(&b'\n') && io.read_buf(&mut answer).await? > 0 {}
        let line = String::from_utf8_lossy(&answer).into_owned();
        let code = line.split_whitespace().nth(1).and_then(|code| code.parse().ok());
        code.ok_or_else(|| std::io::Error::new(std::io::ErrorKind::InvalidData, "malformed HTTP response"))
    }
}

fn dial(address: SocketAddr, error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => format!("dial tcp {address}: connect: connection refused"),
        _ => format!("dial tcp {address}: {error}"),
    }
}

/// A port by number, or by the name that the container gives it.
fn number(port: &IntOrString, container: &Container) -> Option<u16> {
    match port {
        IntOrString::Int(number) => u16::try_from(*number).ok(),
        IntOrString::String(name) => {
            let mut ports = container.ports.iter().flatten();
            let found = ports.find(|one| one.name.as_ref() == Some(name))?;
            u16::try_from(found.container_port).ok()
        }
    }
}

/// How often and how long, with Kubernetes' defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rhythm {
    pub(crate) initial: Duration,
    pub(crate) period: Duration,
    pub(crate) limit: Duration,
    pub(crate) successes: u32,
    pub(crate) failures: u32,
}

impl Rhythm {
    pub(crate) fn of(probe: &Probe) -> Self {
        let seconds = |value: Option<i32>, default: u64| {
            Duration::from_secs(value.and_then(|one| u64::try_from(one).ok()).unwrap_or(default))
        };
        let count = |value: Option<i32>, default: u32| {
            value
                .and_then(|one| u32::try_from(one).ok())
                .unwrap_or(default)
                .max(1)
        };
        Self {
            initial: seconds(probe.initial_delay_seconds, 0),
            period: seconds(probe.period_seconds, 10).max(Duration::from_secs(1)),
            limit: seconds(probe.timeout_seconds, 1).max(Duration::from_secs(1)),
            successes: count(probe.success_threshold, 1),
            failures: count(probe.failure_threshold, 3),
        }
    }
}

/// What a row of answers comes to: pure.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    row: u32,
    was_good: bool,
}

impl Tally {
    /// Takes one answer in; says what is settled by it, if anything.
    pub(crate) fn note(&mut self, is_good: bool, rhythm: &Rhythm) -> Option<bool> {
        self.row = if is_good == self.was_good {
            self.row.saturating_add(1)
        } else {
            1
        };
        self.was_good = is_good;
        let needed = if is_good {
            rhythm.successes
        } else {
            rhythm.failures
        };
        (self.row >= needed).then_some(is_good)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_named_port_is_the_containers() {
        let container: Container = serde_json::from_value(json!({
            "name": "c", "ports": [{ "name": "web", "containerPort": 8080 }],
        }))
        .unwrap();
        let probe: Probe = serde_json::from_value(json!({ "tcpSocket": { "port": "web" } })).unwrap();
        assert_eq!(
            Question::of_probe(&probe, &container),
            Some(Question::Tcp { port: 8080 })
        );
    }

    #[test]
    fn only_so_many_answers_in_a_row_settle_anything() {
        let probe: Probe = serde_json::from_value(json!({ "failureThreshold": 2 })).unwrap();
        let rhythm = Rhythm::of(&probe);
        let mut tally = Tally::default();
        let settled: Vec<_> = [true, false, true, false, false]
            .map(|is_good| tally.note(is_good, &rhythm))
            .into();
        assert_eq!(settled, [Some(true), None, Some(true), None, Some(false)]);
    }
}
