//! The way to addresses inside the cluster: straight where the tests run in its network, as `tests/cluster/run` has
//! it; otherwise through a pod that dials for us, over a port-forward for each connection. The second way is slower,
//! not different: requests still come from inside the cluster and pass kube-proxy.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, Pod, Service};
use kube::Client;
use kube::api::{Api, DeleteParams, PostParams};
use kube::runtime::conditions::is_pod_running;
use kube::runtime::wait::await_condition;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::cluster::sample_image;
use crate::{await_some, await_true};

/// Takes the slower way where the straight one is open too: `dialer`.
const REACH_VARIABLE: &str = "INTERCEPT_TEST_REACH";
const DIALER: &str = "dialer";
const DIAL_PORT: u16 = 7999;
/// What the dialer says once it is through; its Go twin is `dial` in `tests/cluster/sample`.
const THROUGH: u8 = b'+';
const STRAIGHT_LIMIT: Duration = Duration::from_secs(2);
const LOOK_LIMIT: Duration = Duration::from_millis(500);
/// Outside of what the test node, and by default any Linux, gives to outgoing connections.
const ASIDE: RangeInclusive<u16> = 2_000..=14_000;
const READY_LIMIT: Duration = Duration::from_secs(60);

/// One connection, whichever way it goes.
pub trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// How to get to addresses inside a cluster.
#[derive(Clone)]
pub enum Reach {
    /// They are in our own network.
    Straight,
    /// This pod dials for us.
    Through(Dialer),
}

/// A pod that dials for us, in a namespace of its own: it must not count in a test's quota.
#[derive(Clone)]
pub struct Dialer {
    client: Client,
    namespace: String,
}

impl Reach {
    /// Finds the way, and makes the dialer where it is needed.
    pub(crate) async fn find(client: &Client, test_namespace: &str) -> Self {
        let is_forced = std::env::var(REACH_VARIABLE).is_ok_and(|value| value == DIALER);
        if !is_forced && is_straight(client).await {
            return Self::Straight;
        }
        Self::Through(Dialer::make(client, &format!("{test_namespace}-{DIALER}")).await)
    }

    /// Opens a connection to an address inside the cluster.
    pub(crate) async fn connect(&self, host: &str, port: u16) -> io::Result<Box<dyn Wire>> {
        match self {
            Self::Straight => {
                let stream = TcpStream::connect((host, port)).await?;
                stream.set_nodelay(true)?;
                // A load must leave no TIME_WAIT behind.
                stream.set_zero_linger()?;
                Ok(Box::new(stream))
            }
            Self::Through(dialer) => dialer.connect(host, port).await,
        }
    }

    /// Whether the cluster routes to an address that may be new to it.
    ///
    /// The kernel remembers a connection from before kube-proxy knew the address, for seconds, and sends later ones from
    /// the same port the same way: into nothing. So this one leaves from a port that no load ever has.
    pub(crate) async fn takes_connections(&self, host: &str, port: u16) -> bool {
        let opened = async {
            match self {
                Self::Straight => from_aside(host, port).await.map(drop),
                Self::Through(dialer) => dialer.connect(host, port).await.map(drop),
            }
        };
        matches!(timeout(LOOK_LIMIT, opened).await, Ok(Ok(())))
    }

    /// Removes what [`Reach::find`] made.
    pub(crate) async fn remove(&self) -> Result<(), kube::Error> {
        let Self::Through(dialer) = self else {
            return Ok(());
        };
        let namespaces: Api<Namespace> = Api::all(dialer.client.clone());
        namespaces
            .delete(&dialer.namespace, &DeleteParams::background())
            .await
            .map(drop)
    }
}

async fn from_aside(host: &str, port: u16) -> io::Result<TcpStream> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let turn = NEXT
        .fetch_add(1, Ordering::Relaxed)
        .wrapping_add(std::process::id() as u16);
    let address = host.parse().map_err(io::Error::other)?;
    let (socket, any) = match address {
        IpAddr::V4(_) => (TcpSocket::new_v4()?, IpAddr::from(Ipv4Addr::UNSPECIFIED)),
        IpAddr::V6(_) => (TcpSocket::new_v6()?, IpAddr::from(Ipv6Addr::UNSPECIFIED)),
    };
    socket.bind((any, ASIDE.start() + turn % (ASIDE.end() - ASIDE.start())).into())?;
    socket.connect((address, port).into()).await
}

/// Every cluster has this Service.
async fn is_straight(client: &Client) -> bool {
    let services: Api<Service> = Api::namespaced(client.clone(), "default");
    let service = services
        .get("kubernetes")
        .await
        .expect("a cluster must have its own Service");
    let Some(host) = service.spec.and_then(|spec| spec.cluster_ip) else {
        return false;
    };
    matches!(
        timeout(STRAIGHT_LIMIT, TcpStream::connect((host, 443))).await,
        Ok(Ok(_))
    )
}

impl Dialer {
    async fn make(client: &Client, namespace: &str) -> Self {
        let namespaces: Api<Namespace> = Api::all(client.clone());
        let object = json!({ "metadata": { "name": namespace, "labels": { "intercept.dev/test": "true" } } });
        let object = serde_json::from_value(object).expect("a namespace must be a namespace");
        namespaces
            .create(&PostParams::default(), &object)
            .await
            .expect("the cluster must accept a namespace");
        let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
        let pod = json!({
            "metadata": { "name": DIALER },
            "spec": {
                "terminationGracePeriodSeconds": 0,
                "containers": [{
                    "name": DIALER,
                    "image": sample_image(),
                    "imagePullPolicy": "IfNotPresent",
                    "env": [
                        { "name": "HTTP_PORTS", "value": "" },
                        { "name": "DIAL_PORTS", "value": DIAL_PORT.to_string() },
                    ],
                }],
            },
        });
        let pod: Pod = serde_json::from_value(pod).expect("a pod must be a pod");
        // Refused until the cluster has given the namespace its ServiceAccount.
        await_some(READY_LIMIT, "the dialer to be accepted", async || {
            pods.create(&PostParams::default(), &pod).await.ok()
        })
        .await;
        let running = timeout(READY_LIMIT, await_condition(pods, DIALER, is_pod_running())).await;
        running
            .expect("the dialer must run in time")
            .expect("the dialer must be watchable");
        let dialer = Self {
            client: client.clone(),
            namespace: namespace.to_owned(),
        };
        let own_port = ("127.0.0.1", DIAL_PORT);
        await_true(READY_LIMIT, "the dialer to listen", async || {
            dialer.connect(own_port.0, own_port.1).await.is_ok()
        })
        .await;
        dialer
    }

    async fn forward(&self) -> io::Result<impl Wire + 'static> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &self.namespace);
        let mut forward = pods
            .portforward(DIALER, &[DIAL_PORT])
            .await
            .map_err(io::Error::other)?;
        // Its task lives as long as the stream does.
        Ok(forward
            .take_stream(DIAL_PORT)
            .expect("a forwarded port must have a stream"))
    }

    async fn connect(&self, host: &str, port: u16) -> io::Result<Box<dyn Wire>> {
        let mut stream = self.forward().await?;
        stream.write_all(format!("{host}:{port}\n").as_bytes()).await?;
        let through = stream.read_u8().await?;
        if through != THROUGH {
            return Err(io::Error::new(
                io::ErrorKind::ConnectionRefused,
                "the dialer was refused",
            ));
        }
        Ok(Box::new(stream))
    }
}
