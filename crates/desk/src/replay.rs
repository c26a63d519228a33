//! Recorded requests again: as they were or edited, answered by whom one likes.

use intercept_engine::cluster::Cluster;
use intercept_engine::replay::{Originals, Replay, To, USUAL_LIMIT};
use intercept_engine::target::Target;
use intercept_inspect::decode::Reading;
use intercept_inspect::diff::{Rules, compare};
use intercept_inspect::edit::{Edited, EditedBody, Outgoing, ReplayError, outgoing};
use intercept_inspect::exchange::{Exchange, ExchangeId, Header};
use intercept_inspect::redact::{Reader as _, Redaction};
use intercept_inspect::store::Store;

use crate::error::{CommandError, ErrorCode};
use crate::requests::detail;
use crate::wire::{EditableHeader, EditedRequest, ReplayAnswer};

/// Methods that change nothing where programs keep to the rules.
const SAFE: [&[u8]; 4] = [b"GET", b"HEAD", b"OPTIONS", b"TRACE"];

/// A request as it can be edited.
pub(crate) fn editable(exchange: &Exchange) -> EditedRequest {
    let request = &exchange.request;
    let body = text_of(exchange);
    let headers = request.message.headers.iter().filter(|header| {
        // The text is what comes out of the codings, and is sent as it is shown.
        let is_of_coding = header.name.eq_ignore_ascii_case("content-encoding");
        !(header.name.eq_ignore_ascii_case("host") || body.is_some() && is_of_coding)
    });
    EditedRequest {
        method: request.method.shown().into_owned(),
        target: request.target.shown().into_owned(),
        host: request.host.shown().into_owned(),
        headers: headers
            .map(|header| EditableHeader {
                name: header.name.shown().into_owned(),
                value: header.value.shown().into_owned(),
            })
            .collect(),
        body,
    }
}

/// The body as text, where it is text and all of it is there.
fn text_of(exchange: &Exchange) -> Option<String> {
    let message = &exchange.request.message;
    if !message.body.is_whole() {
        return None;
    }
    let plain = Reading.plain(message).filter(|plain| plain.is_whole)?;
    String::from_utf8(plain.bytes.into_owned()).ok()
}

/// What is to be sent.
pub(crate) fn what(exchange: &Exchange, edited: Option<EditedRequest>) -> Result<Outgoing, CommandError> {
    let made = match edited {
        None => outgoing(exchange),
        Some(edited) => {
            let host = EditableHeader {
                name: "Host".to_owned(),
                value: edited.host,
            };
            let headers = std::iter::once(host).chain(edited.headers).map(|one| Header {
                name: one.name.into(),
                value: one.value.into(),
            });
            let edited = Edited {
                method: edited.method.trim().to_owned().into(),
                target: edited.target.trim().to_owned().into(),
                headers: headers.collect(),
                body: edited
                    .body
                    .map_or(EditedBody::Recorded, |text| EditedBody::Bytes(text.into_bytes())),
            };
            edited.outgoing(exchange, |_| Vec::new())
        }
    };
    let made = made.map_err(|error| unrepeatable(exchange.id, &error))?;
    sendable(&made)?;
    Ok(made)
}

fn unrepeatable(id: ExchangeId, error: &ReplayError) -> CommandError {
    CommandError::said(
        ErrorCode::Wrong,
        format!("Request {id} cannot be sent again: {error}."),
        "Edit it to give it what is missing, or choose another one.",
    )
}

/// A head with a line's end or a space in the wrong place would be another request.
fn sendable(outgoing: &Outgoing) -> Result<(), CommandError> {
    let wrong = |field: &str, words: &str| {
        Err(CommandError::wrong(
            field,
            &std::io::Error::other(words.to_owned()),
            "Correct it; nothing was sent.",
        ))
    };
    let is_token = |bytes: &[u8]| {
        !bytes.is_empty()
            && bytes
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
    };
    if !is_token(outgoing.method.as_bytes()) {
        return wrong("method", "a method is one word, like GET");
    }
    let target = outgoing.target.as_bytes();
    if target.is_empty() || target.iter().any(|byte| *byte <= b' ' || *byte == 0x7f) {
        return wrong(
            "target",
            "a path begins with `/` and has no spaces; write %20 for one",
        );
    }
    let has_control = |bytes: &[u8]| {
        bytes
            .iter()
            .any(|byte| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f)
    };
    if has_control(outgoing.host.as_bytes()) {
        return wrong("host", "a host is one line");
    }
    for header in &outgoing.headers {
        let name = header.name.shown();
        if !is_token(header.name.as_bytes()) {
            return wrong("headers", &format!("`{name}` is no name of a header"));
        }
        if has_control(header.value.as_bytes()) {
            return wrong("headers", &format!("the value of {name} is not one line"));
        }
    }
    Ok(())
}

/// Whether somebody has to agree before it is sent.
pub(crate) fn is_unsafe(outgoing: &Outgoing) -> bool {
    !SAFE.contains(&outgoing.method.as_bytes())
}

/// Sends it to whoever is named, in this order, and says what came.
pub(crate) async fn send(
    exchange: &Exchange,
    (outgoing, is_edited): (Outgoing, bool),
    laptop: Option<&Target>,
    cluster: Option<&Cluster>,
) -> Vec<Exchange> {
    let replay = Replay {
        outgoing,
        of: exchange.id,
        is_edited,
        place: exchange.place.clone(),
        limit: USUAL_LIMIT,
    };
    let mut answers = Vec::new();
    if let Some(target) = laptop {
        answers.push(replay.send(To::Laptop(target)).await);
    }
    if let Some(cluster) = cluster {
        let originals = Originals::new(cluster.client());
        answers.push(replay.send(To::Cluster(&originals)).await);
    }
    answers
}

/// Keeps the answers, and shows them.
pub(crate) fn keep(
    store: &mut Store,
    mut answers: Vec<Exchange>,
    covering: &Redaction,
) -> Result<ReplayAnswer, CommandError> {
    let numbers = store.numbers(answers.len() as u64)?;
    for (answer, number) in answers.iter_mut().zip(numbers) {
        answer.id = ExchangeId(number);
    }
    store.put(&answers)?;
    let shown = answers.iter().map(|answer| detail(store, answer, covering));
    let shown = shown.collect::<Result<Vec<_>, _>>()?;
    let difference = match &shown[..] {
        [left, right] => {
            let both = left
                .exchange
                .response
                .as_ref()
                .zip(right.exchange.response.as_ref());
            both.map(|(left, right)| compare(left, right, &Rules::default(), &Reading))
        }
        _ => None,
    };
    Ok(ReplayAnswer {
        answers: shown,
        difference,
    })
}
