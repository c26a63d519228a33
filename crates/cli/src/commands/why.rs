//! `interceptctl why` and `interceptctl probe`: why requests do not arrive, from what a running session sees.

use std::time::Duration;

use intercept_engine::control::{Answer, Answering, Request};
use intercept_engine::probe::{Hop, ProbeReport, State};
use intercept_engine::traffic::{Caller, Example, Reason, TrafficView};
use intercept_protocol::traffic::Miss;

use crate::args::{Global, ProbeArgs, WhyArgs};
use crate::errors::Failure;
use crate::exit::Exit;
use crate::output::{Output, Table, bold, dim, good, one_line, warning};
use crate::running::{PROGRAM, Running, is_meant, none, running};
use crate::signals::Signals;

/// A view comes at once; this is for a program that hangs.
const AT_ONCE: Duration = Duration::from_secs(10);
/// A probe waits for pods that do not answer.
const PROBED_WITHIN: Duration = Duration::from_secs(60);
/// While nothing passes, nothing new is told.
const QUIET: Duration = Duration::from_secs(24 * 3600);
/// Of each list so many are shown.
const SHOWN: usize = 5;

/// Shows what passed the Service and why the rest of it did not arrive.
pub(crate) async fn why(global: &Global, args: &WhyArgs, output: &Output) -> Result<Exit, Failure> {
    let (mut answering, held) = ask(global, &args.service, output, |intercept| Request::Why {
        intercept,
    })
    .await?;
    let Some(first) = view(&mut answering, AT_ONCE).await? else {
        return Err(none(Some(&args.service)));
    };
    if !args.follow {
        output.result(&first, || text(&first, &held));
        return Ok(Exit::Done);
    }
    let mut signals = Signals::listen().map_err(|error| {
        Failure::from_error(Exit::Unexpected, "unexpected", &error).during("Signals cannot be heard")
    })?;
    let mut shown = Some(first);
    while let Some(one) = shown {
        output.event(&one);
        output.line(&text(&one, &held));
        output.line("");
        shown = tokio::select! {
            _ = signals.next() => None,
            next = view(&mut answering, QUIET) => next?,
        };
    }
    Ok(Exit::Done)
}

/// Sends one request through the Service, and shows how far it came.
pub(crate) async fn probe(global: &Global, args: &ProbeArgs, output: &Output) -> Result<Exit, Failure> {
    output.live("Sending a request through the Service");
    let asked = ask(global, &args.service, output, |intercept| Request::Probe {
        intercept,
    })
    .await;
    let answer = match asked {
        Ok((mut answering, _)) => answering.next(PROBED_WITHIN).await.map_err(Failure::from),
        Err(failure) => Err(failure),
    };
    output.still();
    let Some(Answer::Probe(report)) = answer? else {
        return Err(none(Some(&args.service)));
    };
    output.result(&report, || hops(&report));
    let Some(stopped) = report.hops.iter().find(|hop| hop.state == State::Stopped) else {
        return Ok(Exit::Done);
    };
    let message = format!("A request to {} does not arrive", args.service);
    let mut failure = Failure::new(Exit::Undone, "stopped", message);
    failure.causes.push(one_line(&stopped.words));
    Err(failure)
}

/// Asks the one session that is meant.
async fn ask(
    global: &Global,
    service: &str,
    output: &Output,
    request: impl FnOnce(intercept_protocol::ids::InterceptId) -> Request,
) -> Result<(Answering, Running), Failure> {
    let mut found = running(output).await?;
    found.retain(|one| is_meant(&one.held, global, Some(service)) && one.held.intercept.is_some());
    if found.len() > 1 {
        let places: Vec<String> = found
            .iter()
            .map(|one| format!("{}/{} ({})", one.held.namespace, one.held.service, one.held.rule))
            .collect();
        output.note(&dim(format!(
            "Several sessions fit; this is the first: {}",
            places.join(", ")
        )));
    }
    let Some((one, intercept)) = found.into_iter().next().and_then(|one| {
        let intercept = one.held.intercept.clone()?;
        Some((one, intercept))
    }) else {
        return Err(none(Some(service)));
    };
    let answering = one.program.ask(PROGRAM, &request(intercept)).await?;
    Ok((answering, one))
}

async fn view(answering: &mut Answering, limit: Duration) -> Result<Option<TrafficView>, Failure> {
    Ok(match answering.next(limit).await? {
        Some(Answer::Traffic(view)) => Some(*view),
        _ => None,
    })
}

fn text(view: &TrafficView, running: &Running) -> String {
    let held = &running.held;
    let sums = &view.sums;
    let place = one_line(&format!("{}/{}", held.namespace, held.service));
    let mut out = vec![bold(format!("{place}: {}", one_line(&held.rule.to_string())))];
    out.push(format!(
        "{} requests fitted, {} of them were answered by the original pods; {} did not fit",
        good(sums.matched),
        sums.fell_back,
        sums.unmatched
    ));
    if sums.unseen > 0 {
        out.push(dim(format!(
            "{} more passed too quickly to be told one by one",
            sums.unseen
        )));
    }
    for one in &view.reasons {
        reason(one, &mut out);
    }
    if !view.callers.is_empty() {
        out.push(String::new());
        out.push(callers(&view.callers));
    }
    if let Some(words) = view.kept_alive_words() {
        out.push(String::new());
        out.push(dim(words));
    }
    out.join("\n")
}

fn reason(reason: &Reason, out: &mut Vec<String>) {
    out.push(String::new());
    out.push(warning(format!("{}: {}", words(reason.why), reason.count)));
    out.extend(reason.examples.iter().take(SHOWN).map(example));
}

fn words(why: Miss) -> &'static str {
    match why {
        Miss::Absent => "Without the header or baggage member",
        Miss::OtherValue => "With another value of it",
        Miss::OtherPath => "Another path",
        Miss::OtherMethod => "Another method",
        Miss::Taken => "Taken by another intercept, which is asked first",
    }
}

fn example(example: &Example) -> String {
    let found = if example.found.is_empty() {
        String::new()
    } else {
        format!(", found \"{}\"", one_line(&example.found))
    };
    let text = format!("  {} {} from {}", example.method, example.uri, example.address);
    format!("{}{found} {}", one_line(&text), dim(example.status))
}

fn callers(callers: &[Caller]) -> String {
    let mut table = Table::new(&["CALLER", "FITTED", "DID NOT"]);
    for caller in callers.iter().take(SHOWN) {
        let name = caller.pod.as_ref().unwrap_or(&caller.address);
        table.row(vec![
            one_line(name),
            caller.matched.to_string(),
            caller.unmatched.to_string(),
        ]);
    }
    table.to_string()
}

fn hops(report: &ProbeReport) -> String {
    let lines = report.hops.iter().map(hop);
    let mut out: Vec<String> = lines.collect();
    if report.stopped_at.is_none() {
        out.push(good("A request arrives"));
    }
    out.join("\n")
}

fn hop(hop: &Hop) -> String {
    let place = format!("{:?}", hop.what).to_lowercase();
    let mark = match hop.state {
        State::Passed => good("✓ passed "),
        State::Stopped => bold(warning("✗ stopped")),
        State::Unknown => dim("? unknown"),
    };
    let took = hop
        .took
        .map(|took| dim(format!(" ({})", crate::line::micros(took))));
    format!(
        "{mark} {place:<8} {}{}",
        one_line(&hop.words),
        took.unwrap_or_default()
    )
}
