//! One container's life: image, start, run, end, and again, with a kubelet's patience.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Probe};
use k8s_openapi::jiff::Timestamp;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::env::{self, EnvError};
use super::events::Severity;
use super::image::{Context, Image, Program};
use super::path_map::PathMap;
use super::pod::Terminated;
use super::pod_run::PodRun;
use super::probe::{Asked, Question, Rhythm, Tally};
use super::workload::{self, Exit, Handle, Running};

/// A container that ran so long has shown that it can.
const FORGIVEN_AFTER: Duration = Duration::from_secs(600);
/// Until a container first answers, it is asked more often than its probe says: a node's jitter would else be the
/// largest part of starting.
const EAGER_EVERY: Duration = Duration::from_millis(15);
const EAGER_FOR: Duration = Duration::from_secs(1);
/// Lines of the log that a failed container's message shows.
const LAST_LINES: usize = 5;

/// How a container came to its end, as far as its pod must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Completed,
    Failed,
}

/// Why a run did not begin.
enum NoStart {
    Image,
    Config(EnvError),
    Run(std::io::Error),
}

/// Runs `container` until it will not start again or the pod goes.
pub(crate) async fn live(run: Arc<PodRun>, container: Container, is_init: bool) -> Ended {
    let options = &run.kubelet.options;
    let (first, most) = (options.crash_backoff, options.crash_backoff * 30);
    let mut backoff = Duration::ZERO;
    let mut pull_backoff = first;
    loop {
        let began = Instant::now();
        let wait = match begin(&run, &container).await {
            Ok((image, running, paths)) => {
                pull_backoff = first;
                let exit = attend(&run, &container, &image, running, paths).await;
                let ended = if exit.code == 0 {
                    Ended::Completed
                } else {
                    Ended::Failed
                };
                if run.stopping.is_cancelled() || !restarts(&run, is_init, ended) {
                    return ended;
                }
                if began.elapsed() >= FORGIVEN_AFTER {
                    backoff = Duration::ZERO;
                }
                // The first time it starts again at once.
                if !backoff.is_zero() {
                    crash_looping(&run, &container, backoff);
                }
                let wait = backoff;
                backoff = (backoff * 2).clamp(first, most);
                wait
            }
            Err(NoStart::Image) => {
                let wait = pull_backoff;
                pull_backoff = (pull_backoff * 2).min(most);
                let words = pull_failed(&run, &container);
                tokio::select! {
                    () = run.stopping.cancelled() => return Ended::Failed,
                    () = sleep(wait / 10) => pull_backing_off(&run, &container, &words),
                }
                wait
            }
            Err(NoStart::Config(error)) => {
                not_started(&run, &container, "CreateContainerConfigError", &error.to_string());
                first
            }
            Err(NoStart::Run(error)) => {
                let words = format!("failed to create containerd task: failed to start: {error}");
                not_started(&run, &container, "RunContainerError", &words);
                let wait = backoff.max(first);
                backoff = (backoff * 2).clamp(first, most);
                wait
            }
        };
        tokio::select! {
            () = run.stopping.cancelled() => return Ended::Failed,
            () = sleep(wait) => {}
        }
    }
}

fn restarts(run: &PodRun, is_init: bool, ended: Ended) -> bool {
    let pod = run.pod();
    let policy = pod.spec.as_ref().and_then(|spec| spec.restart_policy.clone());
    match policy.as_deref().unwrap_or("Always") {
        "Never" => false,
        "OnFailure" => ended == Ended::Failed,
        _ => !is_init || ended == Ended::Failed,
    }
}

fn crash_looping(run: &PodRun, container: &Container, wait: Duration) {
    let name = &container.name;
    let message = format!(
        "back-off {wait:?} restarting failed container={name} pod={}",
        run.title()
    );
    run.waiting(name, "CrashLoopBackOff", &message);
    let message = format!(
        "Back-off restarting failed container {name} in pod {}",
        run.title()
    );
    run.tell(Some(name), Severity::Warning, "BackOff", message);
}

fn pull_failed(run: &PodRun, container: &Container) -> String {
    let (name, image) = (&container.name, container.image.clone().unwrap_or_default());
    let words = format!(
        "failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": {image}: not found"
    );
    let message = format!("Failed to pull image \"{image}\": {words}");
    run.tell(Some(name), Severity::Warning, "Failed", message);
    run.tell(
        Some(name),
        Severity::Warning,
        "Failed",
        "Error: ErrImagePull".to_owned(),
    );
    run.waiting(name, "ErrImagePull", &words);
    words
}

fn pull_backing_off(run: &PodRun, container: &Container, words: &str) {
    let (name, image) = (&container.name, container.image.clone().unwrap_or_default());
    let backing = format!("Back-off pulling image \"{image}\"");
    run.tell(Some(name), Severity::Normal, "BackOff", backing.clone());
    let message = "Error: ImagePullBackOff".to_owned();
    run.tell(Some(name), Severity::Warning, "Failed", message);
    run.waiting(
        name,
        "ImagePullBackOff",
        &format!("{backing}: ErrImagePull: {words}"),
    );
}

fn not_started(run: &PodRun, container: &Container, reason: &str, words: &str) {
    run.waiting(&container.name, reason, words);
    run.tell(
        Some(&container.name),
        Severity::Warning,
        "Failed",
        format!("Error: {words}"),
    );
}

/// Image, environment, start.
async fn begin(run: &Arc<PodRun>, container: &Container) -> Result<(Image, Running, PathMap), NoStart> {
    let name = &container.name;
    let image = pulled(run, container).await?;
    let own = env::resolve(container, &run.pod(), &run.ip.ip().to_string(), &run.objects)
        .await
        .map_err(NoStart::Config)?;
    let paths = run.paths(container);
    let log = run.fresh_log(name);
    let expanded = |words: &Option<Vec<String>>| -> Vec<String> {
        let words = words.iter().flatten();
        words.map(|word| env::expand(word, &own)).collect()
    };
    let words = [expanded(&container.command), expanded(&container.args)].concat();
    let context = |env| Context {
        namespace: run.objects.namespace.clone(),
        pod: run.name.clone(),
        container: name.clone(),
        ip: run.ip.ip(),
        env,
        args: words.clone(),
        log: log.clone(),
        stop: CancellationToken::new(),
        network: run.kubelet.network.clone(),
        names: run.kubelet.names.clone(),
    };
    let running = match &image.program {
        Program::Task(service) => {
            let context = context(own);
            workload::start_task(context.stop.clone(), service(context))
        }
        #[cfg(target_os = "linux")]
        Program::StandIn => {
            let mut env = run.kubelet.process_env(run, &paths);
            env.extend(own);
            let context = context(env);
            workload::start_task(context.stop.clone(), super::stand_in::run(context))
        }
        Program::Nginx => processes(run, container, &paths, own, words, &log).map_err(NoStart::Run)?,
    };
    let created = format!("Created container: {name}");
    run.tell(Some(name), Severity::Normal, "Created", created);
    let started = format!("Started container {name}");
    run.tell(Some(name), Severity::Normal, "Started", started);
    Ok((image, running, paths))
}

/// The container's image, with what a kubelet says while it gets it.
async fn pulled(run: &PodRun, container: &Container) -> Result<Image, NoStart> {
    let name = Some(container.name.as_str());
    let reference = container.image.clone().unwrap_or_default();
    let found = run.kubelet.options.images.find(&reference);
    let pulls = container.image_pull_policy.as_deref() == Some("Always") || found.is_none();
    let since = Instant::now();
    if pulls {
        let message = format!("Pulling image \"{reference}\"");
        run.tell(name, Severity::Normal, "Pulling", message);
    }
    let image = found.ok_or(NoStart::Image)?;
    if run.kubelet.first_use(&reference) {
        sleep(image.pull).await;
    }
    let message = if pulls {
        format!(
            "Successfully pulled image \"{reference}\" in {:?}",
            since.elapsed()
        )
    } else {
        format!("Container image \"{reference}\" already present on machine")
    };
    run.tell(name, Severity::Normal, "Pulled", message);
    Ok(image)
}

#[cfg(unix)]
fn processes(
    run: &PodRun,
    container: &Container,
    paths: &PathMap,
    own: std::collections::BTreeMap<String, String>,
    words: Vec<String>,
    log: &super::logs::Log,
) -> std::io::Result<Running> {
    // What the stock image does when it is told nothing.
    let default = || ["nginx", "-g", "daemon off;"].map(str::to_owned).to_vec();
    let words = if words.is_empty() { default() } else { words };
    let mut env = run.kubelet.process_env(run, paths);
    env.extend(own.into_iter().map(|(key, value)| (key, paths.rewrite(&value))));
    let commanded = super::process::Commanded {
        command: words.iter().map(|word| paths.rewrite(word)).collect(),
        env,
        folder: run.root(&container.name),
    };
    workload::start_process(commanded, log)
}

#[cfg(not(unix))]
fn processes(
    _run: &PodRun,
    _container: &Container,
    _paths: &PathMap,
    _own: std::collections::BTreeMap<String, String>,
    _words: Vec<String>,
    _log: &super::logs::Log,
) -> std::io::Result<Running> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// From started to ended, with probes.
async fn attend(
    run: &Arc<PodRun>,
    container: &Container,
    image: &Image,
    running: Running,
    paths: PathMap,
) -> Exit {
    let (name, started_at) = (&container.name, Timestamp::now());
    let asked = Asked {
        network: run.kubelet.network.clone(),
        ip: run.ip.ip(),
        handle: running.handle.clone(),
        paths,
    };
    run.running(name, started_at, running.handle.clone());
    // Whoever ends the pod looked for what runs a moment before this did.
    if run.stopping.is_cancelled() {
        running.handle.kill();
    }
    let is_eager = container.readiness_probe.is_none() && container.startup_probe.is_none();
    if is_eager && !image.is_never_ready {
        run.ready(name, true);
    }
    let watching = tokio::spawn(watch(run.clone(), container.clone(), image.is_never_ready, asked));
    let watching = AbortOnDropHandle::new(watching);
    let exit = running.exit.await;
    drop(watching);
    let message = if exit.code == 0 || !exit.message.is_empty() {
        exit.message.clone()
    } else if container.termination_message_policy.as_deref() == Some("FallbackToLogsOnError") {
        run.log_tail(name, LAST_LINES)
    } else {
        String::new()
    };
    let end = Terminated {
        exit_code: exit.code,
        reason: if exit.code == 0 { "Completed" } else { "Error" }.to_owned(),
        message,
        started_at,
        finished_at: Timestamp::now(),
        id: String::new(),
    };
    run.ended(name, end);
    exit
}

/// Asks the container's probes as long as it runs.
async fn watch(run: Arc<PodRun>, container: Container, is_never_ready: bool, asked: Asked) {
    if let Some(probe) = &container.startup_probe {
        let started = settle(&run, &container, probe, &asked, "Startup", |is_good| !is_good).await;
        if started == Some(false) {
            restart(&run, &container, &asked.handle, "startup").await;
            return;
        }
        if container.readiness_probe.is_none() && !is_never_ready {
            run.ready(&container.name, true);
        }
    }
    let readiness = async {
        if let Some(probe) = container.readiness_probe.as_ref().filter(|_| !is_never_ready) {
            settle(&run, &container, probe, &asked, "Readiness", |is_good| {
                run.ready(&container.name, is_good);
                true
            })
            .await;
        }
    };
    let liveness = async {
        if let Some(probe) = &container.liveness_probe {
            let alive = settle(&run, &container, probe, &asked, "Liveness", |is_good| is_good).await;
            if alive == Some(false) {
                restart(&run, &container, &asked.handle, "liveness").await;
            }
        }
    };
    tokio::join!(readiness, liveness);
}

/// Asks a probe until `go_on` says no to something settled; what that was.
async fn settle(
    run: &PodRun,
    container: &Container,
    probe: &Probe,
    asked: &Asked,
    title: &str,
    go_on: impl Fn(bool) -> bool + Send,
) -> Option<bool> {
    let question = Question::of_probe(probe, container)?;
    let rhythm = Rhythm::of(probe);
    let mut tally = Tally::default();
    let begun = Instant::now() + rhythm.initial;
    sleep_until(begun).await;
    let (mut was_good, mut told) = (false, begun);
    loop {
        let asked_at = Instant::now();
        let answer = question.ask(asked, rhythm.limit).await;
        let is_eager = title != "Liveness" && !was_good && begun.elapsed() < EAGER_FOR;
        if let Err(words) = &answer
            && (!is_eager || told.elapsed() >= rhythm.period)
        {
            told = Instant::now();
            let message = format!("{title} probe failed: {words}");
            run.tell(Some(&container.name), Severity::Warning, "Unhealthy", message);
        }
        was_good |= answer.is_ok();
        if (!is_eager || answer.is_ok())
            && let Some(settled) = tally.note(answer.is_ok(), &rhythm)
            && !go_on(settled)
        {
            return Some(settled);
        }
        let every = if is_eager && !was_good {
            EAGER_EVERY
        } else {
            rhythm.period
        };
        sleep_until(asked_at + every).await;
    }
}

async fn restart(run: &PodRun, container: &Container, handle: &Handle, probe: &str) {
    let name = &container.name;
    let message = format!("Container {name} failed {probe} probe, will be restarted");
    run.tell(Some(name), Severity::Normal, "Killing", message);
    handle.terminate();
    let grace = run
        .pod()
        .spec
        .as_ref()
        .and_then(|spec| spec.termination_grace_period_seconds);
    sleep(Duration::from_secs(
        grace.and_then(|grace| u64::try_from(grace).ok()).unwrap_or(30),
    ))
    .await;
    handle.kill();
}
