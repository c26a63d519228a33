//! `interceptctl replay`: a recorded request again, as it was or edited, answered by whom one likes.

mod editor;

use intercept_engine::replay::{Originals, Replay, To, USUAL_LIMIT};
use intercept_engine::settings::Settings;
use intercept_engine::target::Target;
use intercept_inspect::diff::{Difference, Rules, compare, render};
use intercept_inspect::edit::{Outgoing, outgoing};
use intercept_inspect::exchange::{Exchange, ExchangeId, Outcome};
use intercept_inspect::store::Store;
use serde_json::json;

use super::request::{document, show};
use crate::args::{Global, ReplayArgs, ReplayTo};
use crate::connection::{connect, settings};
use crate::errors::Failure;
use crate::exit::Exit;
use crate::output::{Output, block, bold, one_line};
use crate::question::is_agreed;
use crate::recorded::{Cover, Reading, get, open};
use crate::running::{is_of, running};

/// Methods that change nothing where programs keep to the rules.
const SAFE: [&[u8]; 4] = [b"GET", b"HEAD", b"OPTIONS", b"TRACE"];

/// Sends it, records what came of it, and shows that.
pub(crate) async fn replay(global: &Global, args: &ReplayArgs, output: &Output) -> Result<Exit, Failure> {
    let mut store = open(output)?;
    let exchange = get(&store, args.id)?;
    let settings = settings(global)?;
    let (outgoing, is_edited) = what(args, &exchange)?;
    agreed(args, &outgoing, output)?;
    let replay = Replay {
        outgoing,
        of: args.id,
        is_edited,
        place: exchange.place.clone(),
        limit: USUAL_LIMIT,
    };
    let mut answers = Vec::new();
    if args.to != ReplayTo::Cluster {
        let target = target(args, &settings, &exchange, output).await?;
        answers.push(replay.send(To::Laptop(&target)).await);
    }
    if args.to != ReplayTo::Laptop {
        let originals = originals(global, &settings, &exchange, output).await?;
        answers.push(replay.send(To::Cluster(&originals)).await);
    }
    keep(&mut store, &mut answers)?;
    told(&answers, args, output)
}

/// What is to be sent, and whether it differs from what was recorded.
fn what(args: &ReplayArgs, exchange: &Exchange) -> Result<(Outgoing, bool), Failure> {
    if args.edit {
        return editor::edited(exchange);
    }
    let again = outgoing(exchange).map_err(|error| {
        Failure::from_error(Exit::Refused, "notRepeatable", &error)
            .during(format!("Request {} cannot be sent again", exchange.id))
            .hint(Some("`--edit` lets you give it what is missing."))
    })?;
    Ok((again, false))
}

fn agreed(args: &ReplayArgs, outgoing: &Outgoing, output: &Output) -> Result<(), Failure> {
    if args.yes || SAFE.contains(&outgoing.method.as_bytes()) {
        return Ok(());
    }
    let question = format!(
        "{} {} may change something. Send it?",
        one_line(&outgoing.method.shown()),
        one_line(&outgoing.target.shown())
    );
    if is_agreed(&question, "--yes", output)? {
        return Ok(());
    }
    Err(Failure::new(Exit::Refused, "notAgreed", "Nothing was sent"))
}

/// Where the program is: as said, as the running session has it, or as the settings do.
async fn target(
    args: &ReplayArgs,
    settings: &Settings,
    exchange: &Exchange,
    output: &Output,
) -> Result<Target, Failure> {
    if let Some(target) = &args.target {
        return Ok(target.clone());
    }
    let place = &exchange.place;
    let held = running(output).await?.into_iter().map(|one| one.held);
    if let Some(held) = held.into_iter().find(|held| is_of(held, place))
        && let Ok(mut target) = held.target.parse::<Target>()
    {
        target.accept_any_certificate = held.accept_any_certificate;
        return Ok(target);
    }
    let service = settings.service(&place.service);
    service.to.map_or_else(
        || {
            let message = format!(
                "It is not known where your program for request {} is",
                exchange.id
            );
            Err(Failure::new(Exit::Refused, "noTarget", message).hint(Some(
                "Say it, for instance --target 3000, or keep the session running in another terminal.",
            )))
        },
        |mut target| {
            target.accept_any_certificate = target.is_tls() && service.insecure_local_certificate;
            Ok(target)
        },
    )
}

/// The pods of the cluster that the request came from, whatever the current context is.
async fn originals(
    global: &Global,
    settings: &Settings,
    exchange: &Exchange,
    output: &Output,
) -> Result<Originals, Failure> {
    let place = &exchange.place;
    if place.service.is_empty() {
        let message = format!(
            "Request {} was imported: no Service of a cluster stands behind it",
            exchange.id
        );
        return Err(Failure::new(Exit::Refused, "noService", message).hint(Some(
            "Send it to your program instead: --to laptop --target 3000.",
        )));
    }
    let mut there = global.clone();
    if there.context.is_none() && !place.context.is_empty() {
        there.context = Some(place.context.clone());
    }
    let connection = connect(&there, settings, output).await?;
    Ok(Originals::new(connection.cluster.client()))
}

fn keep(store: &mut Store, answers: &mut [Exchange]) -> Result<(), Failure> {
    let numbers = store.numbers(answers.len() as u64)?;
    for (answer, number) in answers.iter_mut().zip(numbers) {
        answer.id = ExchangeId(number);
    }
    store.put(answers)?;
    Ok(())
}

fn told(answers: &[Exchange], args: &ReplayArgs, output: &Output) -> Result<Exit, Failure> {
    let cover = Cover::new(args.reveal)?;
    let covered: Vec<_> = answers.iter().map(|answer| cover.exchange(answer)).collect();
    let difference = match &covered[..] {
        [left, right] => left
            .exchange
            .response
            .as_ref()
            .zip(right.exchange.response.as_ref())
            .map(|(left, right)| compare(left, right, &Rules::default(), &Reading)),
        _ => None,
    };
    let documents: Vec<_> = covered.iter().map(document).collect();
    output.result(&json!({ "replays": documents, "difference": difference }), || {
        let mut out: Vec<String> = covered
            .iter()
            .map(|one| show::text(one, output.width()))
            .collect();
        if answers.len() > 1 {
            out.push(differs(difference.as_ref()));
        }
        out.join("\n\n")
    });
    let is_answered =
        |answer: &Exchange| matches!(answer.outcome, Outcome::Answered | Outcome::AnsweredByCluster);
    let unanswered = answers.iter().find(|answer| !is_answered(answer));
    unanswered.map_or(Ok(Exit::Done), |answer| Err(failed(answer)))
}

fn differs(difference: Option<&Difference>) -> String {
    let Some(difference) = difference else {
        return bold("There are no two answers to compare");
    };
    let title = if difference.is_equal() {
        "Both answer the same"
    } else {
        "What differs: - your program, + the original pods"
    };
    let rendered = render(difference);
    [bold(title), block(rendered.trim_end())]
        .join("\n")
        .trim_end()
        .to_owned()
}

fn failed(answer: &Exchange) -> Failure {
    let words = crate::line::outcome(&answer.outcome).unwrap_or_default();
    let message = format!(
        "Request {}, sent again as {}, got no answer",
        replayed(answer),
        answer.id
    );
    let mut failure = Failure::new(Exit::Undone, "noAnswer", message).hint(Some(
        "See that your program runs where it was expected, or that the Service has ready pods.",
    ));
    failure.causes.push(words);
    failure
}

fn replayed(answer: &Exchange) -> String {
    answer.tags.replay_of.map(|of| of.to_string()).unwrap_or_default()
}
