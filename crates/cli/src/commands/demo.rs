//! `interceptctl demo`: the whole story of an intercept, told with the program itself on a sandbox.
//!
//! Every command that is shown is run, as a process of its own: only so can one be killed. Nothing is acted but the
//! program of the developer, which is a few lines of this one.

mod asking;
mod command;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use intercept_engine::residue;
use intercept_sandbox::Cluster;
use intercept_sandbox::shop::{MARK, NAMESPACE};
use intercept_trial::{Program as LocalProgram, Trial, TrialOptions};
use k8s_openapi::api::core::v1::Service;
use kube::Api;

use self::asking::Asking;
use self::command::{Program, Running};
use super::sandbox::started;
use crate::args::DemoArgs;
use crate::errors::Failure;
use crate::exit::Exit;
use crate::output::{Output, bold, dim, good};
use crate::signals::Signals;

/// The Service that is intercepted.
const SERVICE: &str = "catalog";
const PORT: u16 = 8080;
/// How long the cluster waits for a laptop that is gone; a minute, unless somebody is watching a story.
const GRACE: &str = "5s";
/// What the developer's program answers.
const LAPTOP: &str = "your laptop";
/// Everything in a sandbox happens within this, or not at all.
const LIMIT: Duration = Duration::from_secs(30);
const LINES_OF_PLAN: usize = 14;

/// Tells the story.
pub(crate) async fn demo(args: &DemoArgs, output: &Output) -> Result<Exit, Failure> {
    let mut signals = Signals::listen().map_err(|error| {
        Failure::from_error(Exit::Unexpected, "unexpected", &error).during("Signals cannot be heard")
    })?;
    // The story has one developer: nothing is left means nothing at all.
    let trial = started(TrialOptions {
        nginx: args.nginx.nginx.clone(),
        has_shop: true,
        ..TrialOptions::default()
    })
    .await?;
    let told = tokio::select! {
        told = Box::pin(tell(&trial, output)) => told,
        signal = signals.next() => {
            output.note(&dim(format!("Ending the demo ({signal})")));
            Ok(Exit::Interrupted)
        }
    };
    trial.stop().await;
    told
}

async fn tell(trial: &Trial, output: &Output) -> Result<Exit, Failure> {
    let begun = Instant::now();
    let program = Program::new(trial.kubeconfig(), NAMESPACE, output)?;
    let stage = Stage::set(trial.cluster(), output).await?;
    stage.chapter("A small Kubernetes on this machine, with a shop in it, and customers.");
    program.shown(&["services"], usize::MAX).await?;

    stage.chapter("What an intercept would change. Nothing is changed yet.");
    let to = stage.laptop.port().to_string();
    program
        .shown(&["plan", SERVICE, "--to", &to], LINES_OF_PLAN)
        .await?;

    stage.chapter(
        "The intercept. A program on this machine answers the requests with the header, nobody else's.",
    );
    let session = stage.engage(&program, &to).await?;
    stage.ask_both().await?;

    stage.chapter("The laptop vanishes: the program is killed, and nobody tells the cluster.");
    session.kill().await;
    stage.until_original_answers().await?;
    stage
        .until_restored(&format!(
            "the cluster restored itself, {GRACE} after the last sign of life"
        ))
        .await?;

    stage.chapter("Once more, and this time it ends as it should: with Ctrl-C.");
    let session = stage.engage(&program, &to).await?;
    stage.ask_both().await?;
    session.interrupt(&program).await?;
    stage.until_original_answers().await?;

    stage.chapter("What is left?");
    stage
        .until_restored("the Service is what it was, to the byte")
        .await?;
    stage.until_nothing_is_left().await?;
    program
        .shown(&["session", "close", "--dry-run"], usize::MAX)
        .await?;
    output.line(&good(format!(
        "\nNothing is left. That took {} s.",
        begun.elapsed().as_secs()
    )));
    Ok(Exit::Done)
}

/// What the story is told with.
struct Stage<'a> {
    output: &'a Output,
    services: Api<Service>,
    before: Service,
    laptop: LocalProgram,
    asking: Asking,
}

impl<'a> Stage<'a> {
    /// Waits until the shop answers.
    async fn set(cluster: &Cluster, output: &'a Output) -> Result<Stage<'a>, Failure> {
        let client = cluster.sandbox().client().map_err(|error| unexpected(&error))?;
        let services: Api<Service> = Api::namespaced(client, NAMESPACE);
        let laptop = LocalProgram::start(LAPTOP)
            .await
            .map_err(|error| unexpected(&error))?;
        let address = until("the shop to have an address", async || {
            cluster.service_address(NAMESPACE, SERVICE, PORT)
        })
        .await?;
        let asking = Asking::new(address, format!("{SERVICE}.{NAMESPACE}"));
        until("the shop to answer", async || asking.who(None).await).await?;
        let before = services.get(SERVICE).await.map_err(|error| unexpected(&error))?;
        Ok(Self {
            output,
            services,
            before,
            laptop,
            asking,
        })
    }

    fn chapter(&self, text: &str) {
        self.output.line(&format!("\n{}", bold(text)));
    }

    async fn engage(&self, program: &Program<'_>, to: &str) -> Result<Running, Failure> {
        let session = program
            .started(&["start", SERVICE, "--to", to, "--grace", GRACE])
            .await?;
        until("the laptop to answer", async || {
            self.asking.is_answered_by(Some(MARK), LAPTOP).await.then_some(())
        })
        .await?;
        Ok(session)
    }

    async fn ask_both(&self) -> Result<(), Failure> {
        for mark in [Some(MARK), None, None, Some(MARK)] {
            let who = until("an answer", async || self.asking.who(mark).await).await?;
            self.told(mark, &who);
        }
        Ok(())
    }

    fn told(&self, mark: Option<(&str, &str)>, who: &str) {
        let header = mark.map_or_else(String::new, |(name, value)| format!("-H '{name}: {value}' "));
        self.output.line(&format!(
            "{} {}",
            dim(format!("$ curl {header}http://{SERVICE}.{NAMESPACE}:{PORT}/  →")),
            bold(who)
        ));
    }

    async fn until_original_answers(&self) -> Result<(), Failure> {
        let begun = Instant::now();
        let who = until("an original pod to answer", async || {
            self.asking.who(Some(MARK)).await.filter(|who| who != LAPTOP)
        })
        .await?;
        self.told(Some(MARK), &who);
        self.output
            .line(&dim(format!("  after {} ms", begun.elapsed().as_millis())));
        Ok(())
    }

    /// The Service as it was before the first intercept, save for what Kubernetes counts and notes itself.
    async fn until_restored(&self, words: &str) -> Result<(), Failure> {
        let begun = Instant::now();
        until("the Service to be restored", async || {
            let now = self.services.get(SERVICE).await.ok()?;
            (lasting(&now) == lasting(&self.before)).then_some(())
        })
        .await?;
        let took = begun.elapsed().as_secs_f64();
        self.output.line(&good(format!("{words} ({took:.1} s)")));
        Ok(())
    }
}

impl Stage<'_> {
    /// The proxy's pods drain for some seconds after everybody was sent elsewhere.
    async fn until_nothing_is_left(&self) -> Result<(), Failure> {
        let client = self.services.clone().into_client();
        until("the proxy's pods to drain", async || {
            let found = residue::find(&client, Some(NAMESPACE)).await.ok()?;
            found.is_empty().then_some(())
        })
        .await
    }
}

type Labels = Option<BTreeMap<String, String>>;

fn lasting(service: &Service) -> (Option<&k8s_openapi::api::core::v1::ServiceSpec>, &Labels, &Labels) {
    let meta = &service.metadata;
    (service.spec.as_ref(), &meta.labels, &meta.annotations)
}

/// Asks again and again, for a while.
async fn until<T>(what: &str, ask: impl AsyncFn() -> Option<T>) -> Result<T, Failure> {
    let asked = async {
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LIMIT, asked).await.map_err(|_| {
        let message = format!("The demo waited {} s in vain for {what}", LIMIT.as_secs());
        Failure::new(Exit::Unexpected, "demo", message)
    })
}

fn unexpected(error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::from_error(Exit::Unexpected, "demo", error).during("The demo cannot go on")
}
