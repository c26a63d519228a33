//! Why does nothing arrive? One request sent inside of the cluster, followed hop by hop.
//!
//! ```text
//! Service ─► proxy pod ─► rule ─► gate ─► relay ─► this program ─► local program
//! ```
//!
//! Pure: what agents saw goes in, a report comes out. This program answers the request itself; the local program never
//! sees it, and is only asked whether it listens. Deliberately absent: sending anything.

use std::time::Duration;

use intercept_protocol::ids::InterceptId;
use intercept_protocol::relay::TraceStep;
use intercept_protocol::traffic::Miss;
use serde::{Deserialize, Serialize};

use crate::tunnel::{PodName, Trace, Traced};

/// A place that every request passes on its way.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(rename = "HopPlace"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Place {
    /// The Service's own address.
    Service,
    /// A proxy pod, and not an original one.
    Proxy,
    /// The intercept's rule.
    Rule,
    /// The intercept's gate in that pod.
    Gate,
    /// The relay from there to here.
    Relay,
    /// This program, and the way back.
    Laptop,
    /// The local program.
    Program,
}

/// What is known of a place.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(rename = "HopState"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// The request came past.
    Passed,
    /// It did not.
    Stopped,
    /// It never came so far, or nobody could see it.
    Unknown,
}

/// One place on the way.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hop {
    /// Which.
    pub what: Place,
    /// Whether the request came past.
    pub state: State,
    /// When it did, in microseconds after it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took: Option<u64>,
    /// For people: what was seen, and where it stopped, what to do.
    pub words: String,
}

/// The whole way.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProbeReport {
    /// Every place, in order.
    pub hops: Vec<Hop>,
    /// The first place that was not passed; absent where a request arrives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<Place>,
}

/// What is asked about, and what is known on this side.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The Service, for words.
    pub service: String,
    /// The intercept.
    pub intercept: InterceptId,
    /// Where the local program should listen, for words.
    pub target: String,
    /// Why it does not; nothing where it does.
    pub not_listening: Option<String>,
}

/// Nothing could be sent, because where to could not be found out.
pub fn unsent(asked: &Asked, reason: String) -> ProbeReport {
    let here = PodName::from("this program");
    let step = TraceStep::NotSent { reason };
    let steps = vec![Traced {
        pod: here.clone(),
        step,
        after: Duration::ZERO,
    }];
    let trace = Trace {
        sender: Some(here),
        steps,
        ..Trace::default()
    };
    report(asked, &trace)
}

/// What became of one hop.
type Seen = (State, Option<Duration>, String);

/// Says where a request stops, from what agents saw of one.
pub fn report(asked: &Asked, trace: &Trace) -> ProbeReport {
    let places = [
        (Place::Service, service(asked, trace)),
        (Place::Proxy, proxy(asked, trace)),
        (Place::Rule, rule(asked, trace)),
        (Place::Gate, gate(asked, trace)),
        (Place::Relay, relay(trace)),
        (Place::Laptop, laptop(trace)),
        (Place::Program, program(asked)),
    ];
    let mut hops: Vec<Hop> = Vec::with_capacity(places.len());
    for (what, (state, took, words)) in places {
        let is_behind = hops.iter().any(|hop| hop.state == State::Stopped);
        // The local program is asked by itself; everything else lies on the way.
        let hop = if is_behind && what != Place::Program {
            (
                State::Unknown,
                None,
                "The request did not come so far.".to_owned(),
            )
        } else {
            (state, took, words)
        };
        hops.push(Hop {
            what,
            state: hop.0,
            took: hop
                .1
                .map(|after| u64::try_from(after.as_micros()).unwrap_or(u64::MAX)),
            words: hop.2,
        });
    }
    let stopped_at = hops
        .iter()
        .find(|hop| hop.state == State::Stopped)
        .map(|hop| hop.what);
    ProbeReport { hops, stopped_at }
}

fn find<'a, T>(trace: &'a Trace, pick: impl Fn(&'a Traced) -> Option<T>) -> Option<T> {
    trace.steps.iter().find_map(pick)
}

fn passed(after: Duration, words: String) -> Seen {
    (State::Passed, Some(after), words)
}

fn stopped(words: String) -> Seen {
    (State::Stopped, None, words)
}

fn unknown(words: &str) -> Seen {
    (State::Unknown, None, words.to_owned())
}

fn blind_words(trace: &Trace) -> String {
    let each: Vec<String> = trace
        .blind
        .iter()
        .map(|(pod, how)| format!("{pod}: {how}"))
        .collect();
    each.join(", ")
}

fn service(asked: &Asked, trace: &Trace) -> Seen {
    if trace.sender.is_none() {
        let blind = blind_words(trace);
        let standing = if blind.is_empty() {
            "there is no proxy pod".to_owned()
        } else {
            blind
        };
        return stopped(format!(
            "No proxy pod could be asked to send a request, because no relay is open ({standing}). Requests go to the \
             original pods meanwhile; the relay opens again by itself where the cluster can be reached."
        ));
    }
    find(trace, |one| match &one.step {
        TraceStep::Connected => Some(passed(
            one.after,
            format!("The address of Service {} takes connections.", asked.service),
        )),
        TraceStep::NotConnected { reason } => Some(stopped(format!(
            "The address of Service {} does not take connections inside of the cluster: {reason}. Nobody is ready behind \
             it, or a NetworkPolicy stands in between.",
            asked.service
        ))),
        TraceStep::NotSent { reason } => Some(stopped(format!("No request was sent: {reason}."))),
        _ => None,
    })
    .unwrap_or_else(|| stopped("The agent that was to send a request said nothing more.".to_owned()))
}

/// Where the request was seen first.
fn seen_in(trace: &Trace) -> Option<&Traced> {
    let is_seen = |one: &&Traced| {
        matches!(
            one.step,
            TraceStep::AtGate | TraceStep::Delivered | TraceStep::Passed { .. }
        )
    };
    trace.steps.iter().find(is_seen)
}

fn proxy(asked: &Asked, trace: &Trace) -> Seen {
    if let Some(seen) = seen_in(trace) {
        return passed(seen.after, format!("Proxy pod {} took it.", seen.pod));
    }
    let answer = find(trace, |one| match &one.step {
        TraceStep::Answered { line, .. } => Some(line.clone()),
        _ => None,
    });
    let answer = match answer {
        Some(line) if !line.is_empty() => format!("somebody else answered `{line}`"),
        Some(_) => "whoever took it closed without an answer".to_owned(),
        None => "whoever took it did not answer".to_owned(),
    };
    let also = if trace.blind.is_empty() {
        String::new()
    } else {
        format!(
            " Or one of the proxy pods that could not be asked took it ({}).",
            blind_words(trace)
        )
    };
    stopped(format!(
        "No proxy pod got it, {answer}: Service {} leads to other pods. Its selector was put back, another tool changed \
         it, or the node that sent it does not know of the switch yet.{also}",
        asked.service
    ))
}

fn gate_step(trace: &Trace) -> Option<&Traced> {
    trace
        .steps
        .iter()
        .find(|one| matches!(one.step, TraceStep::AtGate | TraceStep::Delivered))
}

fn rule(asked: &Asked, trace: &Trace) -> Seen {
    if let Some(seen) = gate_step(trace) {
        return passed(seen.after, "The rule fits it.".to_owned());
    }
    let fate = find(trace, |one| match &one.step {
        TraceStep::Passed { matched, miss, .. } => Some((one, matched, miss)),
        _ => None,
    });
    match fate {
        Some((one, Some(matched), _)) if *matched == asked.intercept => {
            passed(one.after, "The rule fits it.".to_owned())
        }
        Some((one, Some(_), _)) => stopped(format!(
            "In pod {} another intercept's rule took it, which is asked before yours.",
            one.pod
        )),
        Some((one, None, None | Some(Miss::Taken))) => stopped(format!(
            "NGINX in pod {} does not know the intercept yet: it runs an older configuration. It follows by itself; if it \
             does not, see the agent's log.",
            one.pod
        )),
        Some((one, None, Some(miss))) => stopped(format!(
            "In pod {} the rule does not fit a request that was made for it ({miss:?}): something on the way changes \
             headers or paths.",
            one.pod
        )),
        None => unknown("Nobody saw what the rules made of it."),
    }
}

fn gate(asked: &Asked, trace: &Trace) -> Seen {
    if let Some(seen) = gate_step(trace) {
        return passed(seen.after, format!("The gate in pod {} is open.", seen.pod));
    }
    let fell = find(trace, |one| match &one.step {
        TraceStep::Passed {
            matched: Some(matched),
            fell_back: true,
            ..
        } if *matched == asked.intercept => Some(one),
        _ => None,
    });
    match fell {
        Some(one) => stopped(format!(
            "The gate in pod {} is shut: its agent has no relay to this session, so the original pods answered. It opens \
             with the relay.",
            one.pod
        )),
        None => unknown("Nobody saw whether the gate is open."),
    }
}

fn relay(trace: &Trace) -> Seen {
    let delivered = trace.steps.iter().find(|one| one.step == TraceStep::Delivered);
    match (delivered, gate_step(trace)) {
        (Some(one), _) => passed(
            one.after,
            format!("It came through the relay of pod {}.", one.pod),
        ),
        (None, Some(one)) => stopped(format!(
            "It was not taken at this end of the relay of pod {}: that is overloaded, or about to end.",
            one.pod
        )),
        (None, None) => unknown("Nobody saw it on the relay."),
    }
}

fn laptop(trace: &Trace) -> Seen {
    find(trace, |one| match &one.step {
        TraceStep::Answered { by_laptop: true, .. } => Some(passed(
            one.after,
            "This program answered, and the answer came back.".to_owned(),
        )),
        TraceStep::Answered { line, .. } => Some(stopped(format!(
            "This program answered, but `{line}` came back to whoever asked."
        ))),
        TraceStep::NoAnswer => Some(stopped(
            "This program answered, and nothing came back.".to_owned(),
        )),
        _ => None,
    })
    .unwrap_or_else(|| unknown("Nothing is known of the answer."))
}

fn program(asked: &Asked) -> Seen {
    match &asked.not_listening {
        None => (
            State::Passed,
            None,
            format!("The local program listens on {}.", asked.target),
        ),
        Some(reason) => stopped(format!(
            "Nothing takes connections on {}: {reason}. Requests that arrive go back to the original pods until your \
             program runs there.",
            asked.target
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> Asked {
        Asked {
            service: "api".into(),
            intercept: InterceptId::random(),
            target: "localhost:3000".into(),
            not_listening: None,
        }
    }

    fn trace(steps: Vec<TraceStep>) -> Trace {
        let pod = PodName::from("proxy-1");
        let traced = |step| Traced {
            pod: pod.clone(),
            step,
            after: Duration::from_millis(1),
        };
        Trace {
            looking: [pod.clone()].into(),
            sender: Some(pod.clone()),
            steps: steps.into_iter().map(traced).collect(),
            ..Trace::default()
        }
    }

    fn fate(matched: Option<&InterceptId>, miss: Option<Miss>, fell_back: bool) -> TraceStep {
        TraceStep::Passed {
            matched: matched.cloned(),
            miss,
            fell_back,
            status: 200,
        }
    }

    fn answer(by_laptop: bool) -> TraceStep {
        TraceStep::Answered {
            line: "HTTP/1.1 200 OK".into(),
            by_laptop,
        }
    }

    #[test]
    fn each_place_a_request_can_stop_at_is_named() {
        use TraceStep::{AtGate, Connected, Delivered, NoAnswer};
        let asked = asked();
        let mine = Some(&asked.intercept);
        let other = InterceptId::random();
        let refused = TraceStep::NotConnected {
            reason: "Connection refused".into(),
        };
        for (steps, expected) in [
            (vec![refused], Some(Place::Service)),
            (vec![Connected, answer(false)], Some(Place::Proxy)),
            (vec![Connected, NoAnswer], Some(Place::Proxy)),
            (
                vec![Connected, answer(false), fate(Some(&other), None, false)],
                Some(Place::Rule),
            ),
            (
                vec![Connected, answer(false), fate(None, Some(Miss::Taken), false)],
                Some(Place::Rule),
            ),
            (
                vec![Connected, answer(false), fate(mine, None, true)],
                Some(Place::Gate),
            ),
            (vec![Connected, AtGate, answer(false)], Some(Place::Relay)),
            (vec![Connected, AtGate, Delivered, NoAnswer], Some(Place::Laptop)),
            (vec![Connected, AtGate, Delivered, answer(true)], None),
        ] {
            let found = report(&asked, &trace(steps.clone()));
            assert_eq!(found.stopped_at, expected, "{steps:?}: {found:?}");
            assert_eq!(found.hops.len(), 7);
        }
        assert_eq!(report(&asked, &Trace::default()).stopped_at, Some(Place::Service));
    }

    #[test]
    fn a_program_that_is_down_is_named_though_all_else_is_well() {
        let mut asked = asked();
        asked.not_listening = Some("connection refused".into());
        let well = trace(vec![
            TraceStep::Connected,
            TraceStep::AtGate,
            TraceStep::Delivered,
            answer(true),
        ]);
        let found = report(&asked, &well);
        assert_eq!(found.stopped_at, Some(Place::Program));
        assert!(found.hops[6].words.contains("localhost:3000"), "{found:?}");
        assert!(found.hops[..6].iter().all(|hop| hop.state == State::Passed));
    }

    #[test]
    fn pods_that_could_not_be_asked_are_said() {
        let mut trace = trace(vec![TraceStep::Connected, answer(false)]);
        trace.blind.push((PodName::from("proxy-2"), "connecting".into()));
        let found = report(&asked(), &trace);
        assert!(found.hops[1].words.contains("proxy-2: connecting"), "{found:?}");
    }
}
