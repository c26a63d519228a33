//! An exchange as a row: what lists and filters ask for in columns, the rest packed beside its bodies.

use rmp_serde::{decode, encode};
use serde::{Deserialize, Serialize};

use crate::exchange::{
    Arrival, Body, Exchange, ExchangeId, Header, Message, Moment, Outcome, Place, Protocol, Request,
    Response, Side, Source, Tags, Times,
};
use crate::text::Text;

// Tuples, because the exchange's own form leaves out what is absent, which only works with names, and names double the size.
type PackedTimes = (Option<i64>, Option<u64>, Option<u64>, Option<u64>, Option<u64>);
type PackedMessage<L, A> = (L, u64, A, L);
type Packed<T, L, A, P, S> = (
    P,
    PackedTimes,
    u8,
    Option<(S, Option<S>)>,
    (T, T, T),
    PackedMessage<L, A>,
    Option<(u16, T, Vec<u16>, PackedMessage<L, A>)>,
    (u8, S),
    (Option<ExchangeId>, bool),
);
type Lent<'a> = Packed<&'a Text, &'a [Header], &'a [Arrival], &'a Place, &'a str>;
type Owned = Packed<Text, Vec<Header>, Vec<Arrival>, Place, String>;

/// Everything but the bodies' bytes and whether it is pinned.
pub(super) fn pack(exchange: &Exchange) -> Result<Vec<u8>, encode::Error> {
    let times = &exchange.times;
    let source = exchange.source.as_ref();
    let request = &exchange.request;
    let response = exchange.response.as_ref();
    let packed: Lent<'_> = (
        &exchange.place,
        (
            times.proxy,
            times.connect,
            times.sent,
            times.first_byte,
            times.last_byte,
        ),
        match exchange.protocol {
            Protocol::Http10 => 0,
            Protocol::Http11 => 1,
            Protocol::Http2 => 2,
            Protocol::Bytes => 3,
        },
        source.map(|source| (source.address.as_str(), source.pod.as_deref())),
        (&request.method, &request.target, &request.host),
        pack_message(&request.message),
        response.map(|response| {
            let message = pack_message(&response.message);
            (
                response.status,
                &response.reason,
                response.interim.clone(),
                message,
            )
        }),
        pack_outcome(&exchange.outcome),
        (exchange.tags.replay_of, exchange.tags.edited),
    );
    let mut bytes = Vec::with_capacity(512);
    packed.serialize(&mut rmp_serde::Serializer::new(&mut bytes))?;
    Ok(bytes)
}

/// Back again.
pub(super) fn unpack(
    id: ExchangeId,
    began: Moment,
    is_pinned: bool,
    bytes: &[u8],
    bodies: (&[u8], &[u8]),
) -> Result<Exchange, decode::Error> {
    let mut reader = rmp_serde::Deserializer::from_read_ref(bytes);
    let (place, times, protocol, source, request, message, response, outcome, tags) =
        Owned::deserialize(&mut reader)?;
    let (proxy, connect, sent, first_byte, last_byte) = times;
    Ok(Exchange {
        id,
        place,
        began,
        times: Times {
            proxy,
            connect,
            sent,
            first_byte,
            last_byte,
        },
        protocol: match protocol {
            0 => Protocol::Http10,
            1 => Protocol::Http11,
            2 => Protocol::Http2,
            _ => Protocol::Bytes,
        },
        source: source.map(|(address, pod)| Source { address, pod }),
        request: Request {
            method: request.0,
            target: request.1,
            host: request.2,
            message: unpack_message(message, bodies.0),
        },
        response: response.map(|(status, reason, interim, message)| Response {
            status,
            reason,
            interim,
            message: unpack_message(message, bodies.1),
        }),
        outcome: unpack_outcome(outcome),
        tags: Tags {
            pinned: is_pinned,
            replay_of: tags.0,
            edited: tags.1,
        },
    })
}

fn pack_message(message: &Message) -> PackedMessage<&[Header], &[Arrival]> {
    let body = &message.body;
    (&message.headers, body.size, &body.arrivals, &message.trailers)
}

fn unpack_message(packed: PackedMessage<Vec<Header>, Vec<Arrival>>, bytes: &[u8]) -> Message {
    let (headers, size, arrivals, trailers) = packed;
    Message {
        headers,
        body: Body {
            bytes: bytes.to_vec(),
            size,
            arrivals,
        },
        trailers,
    }
}

fn pack_outcome(outcome: &Outcome) -> (u8, &str) {
    match outcome {
        Outcome::InFlight => (0, ""),
        Outcome::Answered => (1, ""),
        Outcome::Mocked => (2, ""),
        Outcome::FellBack { why } => (3, why),
        Outcome::AnsweredByCluster => (4, ""),
        Outcome::Reset { by: Side::Caller } => (5, ""),
        Outcome::Reset { by: Side::Program } => (6, ""),
        Outcome::TimedOut => (7, ""),
        Outcome::Failed { why } => (8, why),
        Outcome::Imported => (9, ""),
    }
}

fn unpack_outcome((code, why): (u8, String)) -> Outcome {
    match code {
        0 => Outcome::InFlight,
        1 => Outcome::Answered,
        2 => Outcome::Mocked,
        3 => Outcome::FellBack { why },
        4 => Outcome::AnsweredByCluster,
        5 => Outcome::Reset { by: Side::Caller },
        6 => Outcome::Reset { by: Side::Program },
        7 => Outcome::TimedOut,
        8 => Outcome::Failed { why },
        _ => Outcome::Imported,
    }
}
