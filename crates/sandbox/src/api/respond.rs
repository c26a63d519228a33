//! Answers: whole ones, streamed ones, and ones that are cut.

use bytes::Bytes;
use futures::Stream;
use futures::StreamExt as _;
use http::{Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use serde_json::Value;

use super::status::Failure;

/// The connection ends here, without a word: a fault on order, or the server's end.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the connection is cut")]
pub(crate) struct Cut;

pub(crate) type Body = UnsyncBoxBody<Bytes, Cut>;
pub(crate) type Answer = Response<Body>;

const JSON: &str = "application/json";

pub(crate) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

pub(crate) fn json_bytes(code: StatusCode, bytes: impl Into<Bytes>) -> Answer {
    with_type(code, JSON, whole(bytes))
}

pub(crate) fn json(code: StatusCode, value: &Value) -> Answer {
    json_bytes(code, value.to_string())
}

pub(crate) fn text(words: &'static str) -> Answer {
    with_type(StatusCode::OK, "text/plain; charset=utf-8", whole(words))
}

/// A path that is none of the API's.
pub(crate) fn no_page() -> Answer {
    let mut answer = text("404 page not found\n");
    *answer.status_mut() = StatusCode::NOT_FOUND;
    answer
}

pub(crate) fn failure(failure: &Failure) -> Answer {
    let mut answer = json(failure.code, &failure.json());
    if let Some(seconds) = failure.retry_after {
        answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    answer
}

/// A body of pieces that are sent as they come.
pub(crate) fn stream(
    kind: &'static str,
    pieces: impl Stream<Item = Result<Bytes, Cut>> + Send + 'static,
) -> Answer {
    let frames = pieces.map(|piece| piece.map(Frame::data));
    with_type(StatusCode::OK, kind, StreamBody::new(frames).boxed_unsync())
}

pub(crate) fn with_type(code: StatusCode, kind: &'static str, body: Body) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = code;
    answer
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    answer.headers_mut().insert(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("no-cache, private"),
    );
    answer
}

/// The same answer, whose connection ends in its middle.
pub(crate) async fn cut_short(answer: Answer) -> Answer {
    let (parts, mut body) = answer.into_parts();
    let first = body
        .frame()
        .await
        .and_then(Result::ok)
        .and_then(|frame| frame.into_data().ok());
    let mut half = first.unwrap_or_default();
    half.truncate(half.len() / 2);
    let pieces = futures::stream::iter([Ok(Frame::data(half)), Err(Cut)]);
    Response::from_parts(parts, StreamBody::new(pieces).boxed_unsync())
}
