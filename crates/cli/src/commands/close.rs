//! `interceptctl session close`: takes out what stands in the cluster, and proves it.

mod choice;
mod report;

use intercept_engine::cluster::Cluster;
use intercept_engine::discover;
use intercept_engine::residue::{self, CloseResult, Closed, ResidueError, Standing};
use serde_json::json;

use self::choice::{Choice, choices};
use super::services::place;
use crate::args::{CloseArgs, Global};
use crate::connection::{Connection, connect, settings};
use crate::errors::Failure;
use crate::exit::Exit;
use crate::output::{Output, dim};

/// Finds, closes what is meant, and shows both.
pub(crate) async fn close(global: &Global, args: &CloseArgs, output: &Output) -> Result<Exit, Failure> {
    let settings = settings(global)?;
    let name = args.owner.as_deref().or(settings.owner.as_deref());
    let owner = intercept_engine::settings::owner(name).map_err(|error| Failure::usage(error.to_string()))?;
    let Connection { cluster, namespace } = connect(global, &settings, output).await?;
    let namespace = (!args.all_namespaces).then_some(namespace.as_str());
    output.live("Searching the cluster");
    let found = residue::find(&cluster.client(), namespace).await;
    output.still();
    let found = found?;
    let chosen = choices(&cluster, namespace, args, &owner, found).await;
    if let Some(name) = args
        .name
        .as_deref()
        .filter(|_| chosen.iter().all(|(_, choice)| *choice == Choice::Keep))
    {
        return nothing(&cluster, namespace, name, output).await;
    }
    if args.dry_run {
        output.result(&report::dry_document(&chosen), || {
            report::dry_text(&chosen, namespace)
        });
        return Ok(Exit::Done);
    }
    carry_out(&cluster, &chosen, namespace, output).await
}

/// A name behind which nothing stands: fine if the Service is there, a mistake if it is not.
async fn nothing(
    cluster: &Cluster,
    namespace: Option<&str>,
    name: &str,
    output: &Output,
) -> Result<Exit, Failure> {
    let services = discover::services(cluster, namespace).await?;
    let is_service = services.iter().any(|one| one.name == name);
    if !is_service && !choice::is_id(name) {
        let message = format!("There is no Service `{name}` in {}", place(namespace));
        return Err(Failure::new(Exit::Refused, "noSuchService", message).hint(Some(
            "See what stands where: interceptctl session close --dry-run --all-namespaces",
        )));
    }
    let what = if is_service {
        format!("around Service {name}")
    } else {
        format!("behind id {name}")
    };
    let text = format!("Nothing of Intercept stands {what} in {}.", place(namespace));
    output.result(&json!({ "dryRun": false, "closed": [], "kept": [] }), || text);
    Ok(Exit::Done)
}

async fn carry_out(
    cluster: &Cluster,
    chosen: &[(Standing, Choice)],
    namespace: Option<&str>,
    output: &Output,
) -> Result<Exit, Failure> {
    let (mut closed, mut kept, mut failures) = (Vec::new(), Vec::new(), Vec::new());
    for (standing, choice) in chosen {
        let service = format!("{}/{}", standing.namespace, standing.service);
        if *choice == Choice::Keep {
            kept.push(standing);
            continue;
        }
        announce(output, &service);
        let came_to = one(cluster, standing, choice).await;
        output.still();
        match came_to {
            Ok(done) => {
                output.line(&report::closed(&done));
                closed.push(done);
            }
            // One Service that cannot be restored must not keep the others from it.
            Err(error) => {
                failures.push(Failure::from(error).during(format!("Service {service} could not be closed")));
            }
        }
    }
    if !output.is_text() {
        output.result(&report::document(&closed, &kept), String::new);
    } else if let Some(text) = report::rest(&closed, &kept, &failures, namespace) {
        output.line(&text);
    }
    ended(&closed, failures, output)
}

fn announce(output: &Output, service: &str) {
    let words = format!("Closing {service}; its proxy drains for some seconds");
    output.live(&words);
    if !output.is_live() {
        output.note(&dim(words));
    }
}

async fn one(cluster: &Cluster, standing: &Standing, choice: &Choice) -> Result<Closed, ResidueError> {
    let client = cluster.client();
    let Choice::Intercepts(ids) = choice else {
        return residue::close(&client, standing, None).await;
    };
    let mut last = None;
    for id in ids {
        last = Some(residue::close(&client, standing, Some(id)).await?);
    }
    match last {
        Some(done) => Ok(done),
        None => residue::close(&client, standing, None).await,
    }
}

fn ended(closed: &[Closed], mut failures: Vec<Failure>, output: &Output) -> Result<Exit, Failure> {
    let last = failures.pop();
    for failure in &failures {
        output.failure(failure);
    }
    if let Some(failure) = last {
        return Err(failure);
    }
    let unfinished: Vec<&Closed> = closed
        .iter()
        .filter(|one| one.result == CloseResult::Incomplete)
        .collect();
    let Some(first) = unfinished.first() else {
        return Ok(Exit::Done);
    };
    let service = format!("{}/{}", first.found.namespace, first.found.service);
    let mut failure = Failure::new(
        Exit::Left,
        "incomplete",
        format!("Something is left around Service {service}"),
    );
    failure.causes = first.remaining.iter().cloned().collect();
    Err(failure.hint(Some(
        "Pods that still serve requests may take a minute: run the same command again.",
    )))
}
