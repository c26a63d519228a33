//! The engine itself, the agent itself and NGINX itself, on a sandbox.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use intercept_engine::cluster::Cluster as EngineCluster;
use intercept_engine::inspector::{Inspector, USUAL_BODY};
use intercept_engine::kubeconfig::Kubeconfigs;
use intercept_engine::session::{Outcome, Phase, Record, Session, SessionEvent, SessionRequest};
use intercept_engine::spec::{InterceptSpec, MIN_GRACE, ProxySettings};
use intercept_engine::tap::{Level, Mocks};
use intercept_engine::target::Target;
use intercept_inspect::store::Limits;
use intercept_protocol::matching::Match;
use intercept_protocol::record::Owner;
use intercept_sandbox::Cluster;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Pod, Service};
use kube::ResourceExt as _;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use crate::rig::{
    PATIENCE, api, app, ask, await_true, cluster, create, deployment, has_nginx, processes_below, service,
    who, with,
};

pub(crate) const MARKED: [(&str, &str); 1] = [("X-C6O-INTERCEPT", "yes")];

/// The developer's program.
pub(crate) struct Laptop {
    pub(crate) port: u16,
    task: AbortOnDropHandle<()>,
}

impl Laptop {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let task = tokio::spawn(async move {
            let mut open = tokio::task::JoinSet::new();
            while let Ok((io, _)) = listener.accept().await {
                let answer = |_: Request<hyper::body::Incoming>| async {
                    Ok::<_, std::convert::Infallible>(Response::new(Full::new(Bytes::from(
                        r#"{"by":"laptop"}"#,
                    ))))
                };
                open.spawn(http1::Builder::new().serve_connection(TokioIo::new(io), service_fn(answer)));
            }
        });
        Self {
            port,
            task: AbortOnDropHandle::new(task),
        }
    }
}

/// An open session of the engine, and what it needs.
pub(crate) struct Engaged {
    pub(crate) session: Session,
    /// Everything that passes is recorded.
    pub(crate) inspector: Inspector,
    took: Duration,
    _dir: TempDir,
}

async fn engine(cluster: &Cluster, dir: &TempDir) -> EngineCluster {
    let file = dir.path().join("kubeconfig");
    cluster.sandbox().write_kubeconfig(&file).unwrap();
    let kubeconfigs = Kubeconfigs::load(Some(&file)).unwrap();
    EngineCluster::connect(&kubeconfigs, None).await.unwrap()
}

fn request(dir: &TempDir, laptop: u16, settings: ProxySettings) -> SessionRequest {
    request_for(("default", "api"), dir, laptop, settings)
}

fn request_for(
    (namespace, service): (&str, &str),
    dir: &TempDir,
    laptop: u16,
    settings: ProxySettings,
) -> SessionRequest {
    let spec = InterceptSpec {
        namespace: namespace.into(),
        service: service.into(),
        port: None,
        rule: Match::default(),
        target: Target::localhost(laptop),
        ttl: None,
        protocol: None,
        owner: Owner {
            user: "dev".into(),
            host: "laptop".into(),
        },
    };
    SessionRequest {
        spec,
        settings,
        program: "test".into(),
        locks: dir.path().join("locks"),
        record: None,
        mocks: Mocks::default(),
    }
}

async fn open(cluster: &Cluster, laptop: u16, settings: ProxySettings) -> (Session, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(cluster, &dir).await;
    let request = request(&dir, laptop, settings);
    (Session::open(&engine, request), dir)
}

pub(crate) async fn engage(cluster: &Cluster, laptop: u16) -> Engaged {
    engage_on(cluster, ("default", "api"), laptop).await
}

pub(crate) async fn engage_on(cluster: &Cluster, on: (&str, &str), laptop: u16) -> Engaged {
    engage_with(cluster, on, laptop, ProxySettings::default()).await
}

/// With the shortest grace there is.
pub(crate) async fn short_lived(cluster: &Cluster, laptop: u16) -> Engaged {
    let settings = ProxySettings {
        grace: MIN_GRACE,
        ..ProxySettings::default()
    };
    engage_with(cluster, ("default", "api"), laptop, settings).await
}

async fn engage_with(cluster: &Cluster, on: (&str, &str), laptop: u16, settings: ProxySettings) -> Engaged {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(cluster, &dir).await;
    let mut request = request_for(on, &dir, laptop, settings);
    let inspector = Inspector::open(&dir.path().join("requests"), Limits::default(), USUAL_BODY).unwrap();
    request.record = Some(Record {
        recorder: Arc::clone(inspector.recorder()),
        level: Level::Bodies,
    });
    let mut session = Session::open(&engine, request);
    let ready = async {
        while let Some(event) = session.event().await {
            match event {
                SessionEvent::Ready { took } => return Some(took),
                SessionEvent::Phase(Phase::Closed) => return None,
                SessionEvent::Progress(progress) => eprintln!("{progress:?}"),
                _ => {}
            }
        }
        None
    };
    let took = timeout(Duration::from_secs(40), ready).await;
    let Some(took) = took.expect("a session must settle") else {
        dump(cluster).await;
        panic!("the session must get active: {:?}", session.ended().await);
    };
    Engaged {
        session,
        inspector,
        took,
        _dir: dir,
    }
}

/// What a failed test is explained by.
async fn dump(cluster: &Cluster) {
    for pod in api::<Pod>(cluster).list(&ListParams::default()).await.unwrap() {
        eprintln!("{}: {}", pod.name_any(), json!(pod.status));
        for container in pod.spec.iter().flat_map(|spec| &spec.containers) {
            let params = kube::api::LogParams {
                container: Some(container.name.clone()),
                ..Default::default()
            };
            eprintln!(
                "{}: {:?}",
                container.name,
                api::<Pod>(cluster).logs(&pod.name_any(), &params).await
            );
        }
    }
    for event in api::<Event>(cluster).list(&ListParams::default()).await.unwrap() {
        eprintln!(
            "{:?} {:?} {:?}",
            event.involved_object.name, event.reason, event.message
        );
    }
}

pub(crate) async fn leave(engaged: Engaged) {
    engaged.session.close();
    let outcome = timeout(PATIENCE, engaged.session.ended())
        .await
        .expect("a session must end");
    assert!(
        matches!(outcome, Outcome::Closed { left: Ok(_), .. }),
        "{outcome:?}"
    );
}

/// The Service as it was, and nothing of ours beside it.
async fn is_clean(cluster: &Cluster, before: &Service) -> bool {
    let now = api::<Service>(cluster).get("api").await.unwrap();
    let ours = ListParams::default().labels("app.kubernetes.io/managed-by=intercept");
    let left = [
        api::<Service>(cluster).list(&ours).await.unwrap().items.len(),
        api::<Deployment>(cluster).list(&ours).await.unwrap().items.len(),
        api::<ConfigMap>(cluster).list(&ours).await.unwrap().items.len(),
        api::<Pod>(cluster).list(&ours).await.unwrap().items.len(),
        api::<Job>(cluster).list(&ours).await.unwrap().items.len(),
    ];
    let same = now.spec == before.spec && now.annotations() == before.annotations();
    same && left.iter().sum::<usize>() == 0
}

/// A node follows a moment after the EndpointSlices say something new.
pub(crate) async fn await_answer(cluster: &Cluster, headers: &[(&str, &str)], by: &str) {
    await_true(by, async || who(cluster, "api", headers).await == by).await;
}

pub(crate) async fn proxied() -> Option<(Cluster, Service)> {
    let cluster = cluster().await;
    if !has_nginx(&cluster) {
        return None;
    }
    app(&cluster, "api", 1).await;
    let before = api::<Service>(&cluster).get("api").await.unwrap();
    Some((cluster, before))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_intercept_takes_what_is_marked_and_leaves_nothing_behind() {
    let Some((cluster, before)) = proxied().await else {
        return;
    };
    let laptop = Laptop::start().await;
    let engaged = engage(&cluster, laptop.port).await;
    eprintln!("engaged in {:?}", engaged.took);
    await_answer(&cluster, &MARKED, "laptop").await;
    assert_eq!(who(&cluster, "api", &[]).await, "original");

    let begun = Instant::now();
    leave(engaged).await;
    await_answer(&cluster, &MARKED, "original").await;
    eprintln!("left in {:?}", begun.elapsed());
    await_true("nothing is left", async || is_clean(&cluster, &before).await).await;
    let folder = cluster.node().folder().to_owned();
    await_true("no process is left", async || processes_below(&folder).is_empty()).await;
    cluster.stop().await;
    assert!(!folder.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_is_gone_is_answered_for_by_the_original() {
    let Some((cluster, _)) = proxied().await else {
        return;
    };
    let laptop = Laptop::start().await;
    let engaged = engage(&cluster, laptop.port).await;
    await_answer(&cluster, &MARKED, "laptop").await;
    drop(laptop.task);
    await_answer(&cluster, &MARKED, "original").await;
    leave(engaged).await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_laptop_that_vanishes_is_cleaned_up_after_by_the_agent() {
    let Some((cluster, before)) = proxied().await else {
        return;
    };
    let laptop = Laptop::start().await;
    let settings = ProxySettings {
        grace: Duration::from_secs(5),
        ..ProxySettings::default()
    };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("kubeconfig");
    cluster.sandbox().write_kubeconfig(&file).unwrap();
    let request = request(&dir, laptop.port, settings);
    // A runtime of its own: when it goes, all of the engine goes with it, as with a machine that loses power.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let opened = runtime.spawn(async move {
        let kubeconfigs = Kubeconfigs::load(Some(&file)).unwrap();
        let engine = EngineCluster::connect(&kubeconfigs, None).await.unwrap();
        let mut session = Session::open(&engine, request);
        while let Some(event) = session.event().await {
            if matches!(event, SessionEvent::Ready { .. }) {
                return session;
            }
        }
        panic!("the session must get active");
    });
    let held = timeout(Duration::from_secs(40), opened).await.unwrap().unwrap();
    await_answer(&cluster, &MARKED, "laptop").await;
    runtime.shutdown_background();
    drop(held);
    await_answer(&cluster, &MARKED, "original").await;
    await_true("the cluster is as it was", async || {
        is_clean(&cluster, &before).await
    })
    .await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_that_cannot_be_pulled_stops_an_engage_at_once_and_is_undone() {
    let Some((cluster, before)) = proxied().await else {
        return;
    };
    let settings = ProxySettings {
        image: "registry.example/nothing:1".into(),
        ..ProxySettings::default()
    };
    let (session, _dir) = open(&cluster, 9, settings).await;
    let begun = Instant::now();
    let outcome = timeout(PATIENCE, session.ended())
        .await
        .expect("a session must end");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let Outcome::Failed {
        error,
        reverted: Ok(()),
    } = outcome
    else {
        panic!("{outcome:?}");
    };
    let words = format!("{error:?}");
    assert!(
        words.contains("ErrImagePull") || words.contains("ImagePullBackOff"),
        "{words}"
    );
    await_true("nothing is left", async || is_clean(&cluster, &before).await).await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_reaches_an_agent_without_rights_late_or_when_the_pod_is_touched() {
    let cluster = with(|options| options.node.config_map_delay = Duration::from_secs(3600)).await;
    if !has_nginx(&cluster) {
        return;
    }
    create::<ConfigMap>(
        &cluster,
        json!({ "metadata": { "name": "m" }, "data": { "k": "1" } }),
    )
    .await;
    let mut pod = json!({
        "metadata": { "name": "p" },
        "spec": { "terminationGracePeriodSeconds": 0, "containers": [{
            "name": "c", "image": "nginx:1.31.4",
            "command": ["sh", "-c", "while :; do cat /etc/m/k; echo; sleep 0.05; done"],
            "volumeMounts": [{ "name": "m", "mountPath": "/etc/m" }],
        }], "volumes": [{ "name": "m", "configMap": { "name": "m" } }] },
    });
    pod["metadata"]["annotations"] = json!({ "touched": "no" });
    create::<Pod>(&cluster, pod).await;
    let last = async || {
        let log = api::<Pod>(&cluster)
            .logs("p", &kube::api::LogParams::default())
            .await
            .unwrap_or_default();
        log.lines().last().unwrap_or_default().to_owned()
    };
    await_true("the first text is there", async || last().await == "1").await;
    let patch = Patch::Merge(json!({ "data": { "k": "2" } }));
    api::<ConfigMap>(&cluster)
        .patch("m", &PatchParams::default(), &patch)
        .await
        .unwrap();
    let touch = Patch::Merge(json!({ "metadata": { "annotations": { "touched": "yes" } } }));
    api::<Pod>(&cluster)
        .patch("p", &PatchParams::default(), &touch)
        .await
        .unwrap();
    await_true("the second text is there", async || last().await == "2").await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_nginx_a_stand_in_routes_by_the_same_record() {
    let cluster = with(|options| options.node.without_nginx = true).await;
    create::<Deployment>(&cluster, deployment("api", 1)).await;
    create::<Service>(&cluster, service("api")).await;
    await_true("the Service answers", async || {
        who(&cluster, "api", &[]).await == "original"
    })
    .await;
    let before = api::<Service>(&cluster).get("api").await.unwrap();
    let laptop = Laptop::start().await;
    let engaged = engage(&cluster, laptop.port).await;
    await_answer(&cluster, &MARKED, "laptop").await;
    assert_eq!(who(&cluster, "api", &[]).await, "original");
    leave(engaged).await;
    await_true("nothing is left", async || is_clean(&cluster, &before).await).await;
    cluster.stop().await;
}

#[tokio::test]
async fn a_service_can_be_reached_by_any_program_of_this_machine() {
    let cluster = cluster().await;
    app(&cluster, "api", 1).await;
    let address: SocketAddr = cluster
        .service_address("default", "api.default.svc", 8080)
        .unwrap();
    assert_eq!(ask(address, "/x", &[]).await.unwrap().body["target"], "/x");
    cluster.stop().await;
}
