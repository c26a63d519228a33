//! A recorded request, sent again: as it was, or as somebody edited it.
//!
//! [`outgoing`] says what is to be sent; [`write()`] and [`read`] are the text in which it is edited:
//!
//! ```text
//! # Lines before the request line that begin with # are remarks.
//! POST /cart HTTP/1.1
//! Host: shop
//! Content-Type: application/json
//!
//! {"sku":"b-7"}
//! ```
//!
//! What text cannot carry is written as `@base64:…`, and a body that is long and not text as `@recorded`, which stands for the
//! recorded one. `@file:PATH` names a file, which whoever sends it reads.
//!
//! Deliberately absent: sending, files, and the choice where to send.

mod form;

use crate::exchange::{Exchange, Header, Outcome, Protocol};
use crate::text::Text;

pub(crate) use form::is_token_byte;
pub use form::{Edited, EditedBody, FormError, Problem, read, write};

/// A request that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// As recorded or edited.
    pub method: Text,
    /// As recorded or edited.
    pub target: Text,
    /// Whom it is for; the connection may go elsewhere.
    pub host: Text,
    /// How it was spoken.
    pub protocol: Protocol,
    /// Without `Host`, and without what belongs to one connection; with the length of the body where one is due.
    pub headers: Vec<Header>,
    /// All of it.
    pub body: Vec<u8>,
    /// What follows the body.
    pub trailers: Vec<Header>,
}

/// A request that cannot be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// Only the beginning of the body was kept.
    #[error(
        "only {recorded} of the body's {size} bytes were recorded, so the request cannot be sent as it was: edit it and give it a body"
    )]
    Truncated {
        /// Bytes that were kept.
        recorded: u64,
        /// Bytes that passed.
        size: u64,
    },
    /// The request has not ended.
    #[error("the request has not ended, so all of its body is not known: try again when it has")]
    InFlight,
    /// It was no HTTP.
    #[error("these bytes are not HTTP, so there is no request to send again")]
    NotHttp,
    /// The connection became something else.
    #[error("this request switched its connection to another protocol, whose talk cannot be repeated")]
    Switched,
}

/// Belong to one connection, or are made anew for each.
const OF_THE_CONNECTION: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-connection",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What has to be sent to repeat `exchange`.
///
/// # Errors
///
/// The request is not one that can be repeated; nothing is ever sent in part.
pub fn outgoing(exchange: &Exchange) -> Result<Outgoing, ReplayError> {
    is_http(exchange)?;
    let request = &exchange.request;
    if exchange.outcome == Outcome::InFlight && exchange.times.sent.is_none() {
        return Err(ReplayError::InFlight);
    }
    let body = &request.message.body;
    if !body.is_whole() {
        return Err(ReplayError::Truncated {
            recorded: body.bytes.len() as u64,
            size: body.size,
        });
    }
    Ok(Outgoing {
        method: request.method.clone(),
        target: request.target.clone(),
        host: request.host.clone(),
        protocol: exchange.protocol,
        headers: to_send(&request.message.headers, &request.method, body.size),
        body: body.bytes.clone(),
        trailers: request.message.trailers.clone(),
    })
}

fn is_http(exchange: &Exchange) -> Result<(), ReplayError> {
    if exchange.protocol == Protocol::Bytes || exchange.request.method.is_empty() {
        return Err(ReplayError::NotHttp);
    }
    let is_switched = exchange
        .response
        .as_ref()
        .is_some_and(|response| response.status == 101);
    if is_switched || exchange.request.method.as_bytes() == b"CONNECT" {
        return Err(ReplayError::Switched);
    }
    Ok(())
}

/// The headers that travel on, in their order, and the body's length.
pub(crate) fn to_send(headers: &[Header], method: &Text, length: u64) -> Vec<Header> {
    let named = headers
        .iter()
        .filter(|header| header.name.eq_ignore_ascii_case("connection"));
    let named: Vec<String> = named
        .flat_map(|header| {
            header
                .value
                .shown()
                .split(',')
                .map(|name| name.trim().to_owned())
                .collect::<Vec<_>>()
        })
        .collect();
    let stays = |header: &&Header| {
        let is_of_connection = OF_THE_CONNECTION
            .iter()
            .any(|name| header.name.eq_ignore_ascii_case(name))
            || named.iter().any(|name| header.name.eq_ignore_ascii_case(name));
        let is_other_te =
            header.name.eq_ignore_ascii_case("te") && !header.value.eq_ignore_ascii_case("trailers");
        let is_own = header
            .name
            .as_bytes()
            .to_ascii_lowercase()
            .starts_with(b"intercept-");
        // `TE` is named in `Connection` by rule; gRPC needs it in every hop.
        let is_te = header.name.eq_ignore_ascii_case("te") && !is_other_te;
        is_te || !(is_of_connection || is_other_te || is_own)
    };
    let mut kept: Vec<Header> = headers.iter().filter(stays).cloned().collect();
    let takes_body = [&b"POST"[..], b"PUT", b"PATCH"].contains(&method.as_bytes());
    if length > 0 || takes_body {
        kept.push(Header {
            name: "content-length".into(),
            value: length.to_string().into(),
        });
    }
    kept
}

impl Edited {
    /// What has to be sent, where the recorded body is that of `exchange`. A file's bytes come from whoever read it.
    ///
    /// # Errors
    ///
    /// As for [`outgoing`], but a body that was not wholly recorded is no matter if another was given.
    pub fn outgoing(
        self,
        exchange: &Exchange,
        file: impl FnOnce(&str) -> Vec<u8>,
    ) -> Result<Outgoing, ReplayError> {
        let recorded = &exchange.request.message;
        let (body, trailers) = match self.body {
            EditedBody::Bytes(bytes) => (bytes, Vec::new()),
            EditedBody::File(path) => (file(&path), Vec::new()),
            EditedBody::Recorded => {
                let whole = outgoing(exchange)?;
                (whole.body, recorded.trailers.clone())
            }
        };
        let host = self
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case("host"));
        Ok(Outgoing {
            headers: to_send(&self.headers, &self.method, body.len() as u64),
            host: host.map_or_else(|| exchange.request.host.clone(), |header| header.value.clone()),
            method: self.method,
            target: self.target,
            protocol: exchange.protocol,
            body,
            trailers,
        })
    }
}

#[cfg(test)]
pub(crate) mod tests;
