//! An entry of a HAR file to an exchange.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::entry::{self, Content, Entry, Named, Own, SocketEntry, Timings};
use super::{Limits, header};
use crate::exchange::{
    Body, Exchange, ExchangeId, Header, Message, Moment, Outcome, Place, Protocol, Request, Response, Tags,
    Times,
};
use crate::frames;
use crate::text::Text;

/// Why an entry is no exchange.
#[derive(Debug, thiserror::Error)]
pub(super) enum EntryError {
    #[error("`{0}` is not a moment")]
    Moment(String),
    #[error("there is no method")]
    NoMethod,
    #[error("`{0}` is not a URL")]
    Url(String),
    #[error("a body is not the base64 that it says it is")]
    Base64,
}

pub(super) fn exchange(entry: Entry, index: usize, limits: Limits) -> Result<Exchange, EntryError> {
    let began = moment(&entry.started_date_time).ok_or(EntryError::Moment(entry.started_date_time))?;
    let asked = entry.request;
    if asked.method.is_empty() {
        return Err(EntryError::NoMethod);
    }
    let own = entry.own;
    let answered = entry.response;
    let found = if asked.http_version.is_empty() {
        &answered.http_version
    } else {
        &asked.http_version
    };
    let mut exchange = Exchange {
        id: ExchangeId(index as u64),
        place: Place::default(),
        began,
        times: times(&entry.timings, entry.time),
        protocol: protocol(found),
        source: None,
        request: Request::default(),
        response: None,
        outcome: Outcome::Imported,
        tags: Tags::default(),
    };
    let (host, target) = match &own {
        Some(own) => (own.host.clone(), own.target.clone()),
        None => address(&asked.url, &asked.headers)?,
    };
    let message = message(
        asked.headers,
        asked.trailers,
        &asked.post_data.unwrap_or_default(),
        limits,
    )?;
    exchange.request = Request {
        method: asked.method.into(),
        target,
        host,
        message,
    };
    exchange.response = response(answered, limits)?;
    if let Some(response) = exchange
        .response
        .as_mut()
        .filter(|response| response.message.body.bytes.is_empty())
    {
        let (sent, received) = (&mut exchange.request.message.body, &mut response.message.body);
        said(&entry.socket, began, limits, sent, received);
    }
    if let Some(own) = own {
        known(&mut exchange, own);
    }
    Ok(exchange)
}

fn response(answered: entry::Response, limits: Limits) -> Result<Option<Response>, EntryError> {
    let status = answered.status as u16;
    if status == 0 {
        return Ok(None);
    }
    let message = message(answered.headers, answered.trailers, &answered.content, limits)?;
    let reason = answered.status_text.into();
    Ok(Some(Response {
        status,
        reason,
        interim: Vec::new(),
        message,
    }))
}

/// What this program wrote itself is better than what was concluded.
fn known(exchange: &mut Exchange, own: Own) {
    exchange.place = Place {
        intercept: String::new(),
        ..own.place
    };
    exchange.times = own.times;
    exchange.protocol = own.protocol;
    exchange.source = own.source;
    exchange.tags = own.tags;
    if let Some(response) = &mut exchange.response {
        response.interim = own.interim;
    }
}

fn moment(text: &str) -> Option<Moment> {
    let moment: Timestamp = text.trim().parse().ok()?;
    Some(Moment(moment.as_microsecond()))
}

/// Host and target, which HAR has in one.
fn address(url: &str, headers: &[Named]) -> Result<(Text, Text), EntryError> {
    let wrong = || EntryError::Url(url.chars().take(80).collect());
    let (_, rest) = url.split_once("://").ok_or_else(wrong)?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let path = path.split('#').next().unwrap_or_default();
    let slash = if path.starts_with('/') { "" } else { "/" };
    let named = headers.iter().find(|header| {
        ["host", ":authority"]
            .iter()
            .any(|name| header.name.eq_ignore_ascii_case(name))
    });
    let host = named.map_or(authority, |header| header.value.as_str());
    // A target is one word; what a program wrote out in plain is put back as it must have been sent.
    let word = |letter: char| match letter {
        ' ' | '\t' | '\r' | '\n' => utf8_percent_encode(&letter.to_string(), NON_ALPHANUMERIC).to_string(),
        other => other.to_string(),
    };
    let path: String = path.chars().map(word).collect();
    Ok((host.into(), format!("{slash}{path}").into()))
}

fn protocol(version: &str) -> Protocol {
    match version.to_ascii_lowercase().as_str() {
        "http/1.0" => Protocol::Http10,
        "http/2" | "http/2.0" | "h2" | "h2c" | "http/3" | "http/3.0" | "h3" => Protocol::Http2,
        _ => Protocol::Http11,
    }
}

fn message(
    headers: Vec<Named>,
    trailers: Vec<Named>,
    content: &Content,
    limits: Limits,
) -> Result<Message, EntryError> {
    let mut headers = lines(headers);
    let body = body(content, limits)?;
    // Programs write bodies decoded and headers as sent. Body and headers must agree here.
    if !content.is_encoded && body.size > 0 {
        headers.retain(|header| !header.name.eq_ignore_ascii_case("content-encoding"));
    }
    Ok(Message {
        headers,
        body,
        trailers: lines(trailers),
    })
}

fn lines(named: Vec<Named>) -> Vec<Header> {
    // Browsers write HTTP/2's pseudo headers among the others.
    let real = named.into_iter().filter(|named| !named.name.starts_with(':'));
    real.map(|named| {
        header(
            named.name.into(),
            named.exact.unwrap_or_else(|| named.value.into()),
        )
    })
    .collect()
}

fn body(content: &Content, limits: Limits) -> Result<Body, EntryError> {
    let mut bytes = match (&content.text, &content.encoding) {
        (Some(text), Some(encoding)) if encoding.eq_ignore_ascii_case("base64") => {
            let packed: String = text.split_ascii_whitespace().collect();
            STANDARD.decode(packed).map_err(|_| EntryError::Base64)?
        }
        (Some(text), _) => text.clone().into_bytes(),
        (None, _) => form(&content.params).into_bytes(),
    };
    // A browser that left a body out says its size all the same.
    let said = content
        .size
        .filter(|_| bytes.is_empty())
        .map_or(0, |size| size.max(0.0) as u64);
    let size = content.true_size.unwrap_or(said).max(bytes.len() as u64);
    bytes.truncate(limits.body);
    Ok(Body {
        bytes,
        size,
        arrivals: Vec::new(),
    })
}

fn form(params: &[Named]) -> String {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs: Vec<_> = params
        .iter()
        .map(|pair| format!("{}={}", encode(&pair.name), encode(&pair.value)))
        .collect();
    pairs.join("&")
}

fn times(timings: &Timings, total: f64) -> Times {
    let micros = |millis: f64| (millis.max(0.0) * 1000.0).round() as u64;
    let connected = micros(timings.blocked) + micros(timings.dns) + micros(timings.connect);
    let sent = connected + micros(timings.send);
    let first = sent + micros(timings.wait);
    let happened = timings.wait >= 0.0;
    Times {
        connect: (timings.connect >= 0.0).then(|| micros(timings.connect)),
        sent: (timings.send >= 0.0).then_some(sent),
        first_byte: happened.then_some(first),
        last_byte: match (happened, timings.receive >= 0.0) {
            (true, true) => Some(first + micros(timings.receive)),
            _ => (total > 0.0).then(|| micros(total)),
        },
        proxy: None,
    }
}

/// Messages as the frames of a connection, which is what is decoded here. Frames need no masks to be read.
fn said(socket: &[SocketEntry], began: Moment, limits: Limits, sent: &mut Body, received: &mut Body) {
    for message in socket {
        let body = if message.direction == "send" {
            &mut *sent
        } else {
            &mut *received
        };
        let bytes = match message.opcode as u8 {
            1 => message.data.clone().into_bytes(),
            _ => STANDARD
                .decode(&message.data)
                .unwrap_or_else(|_| message.data.clone().into_bytes()),
        };
        let at = (message.time * 1e6) as i64;
        let at = u64::try_from(at.saturating_sub(began.0)).unwrap_or(0);
        frames::add(body, message.opcode as u8, &bytes, at, limits.body);
    }
}
