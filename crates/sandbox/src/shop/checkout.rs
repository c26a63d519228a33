//! gRPC over HTTP/2 with prior knowledge: `shop.Checkout/PlaceOrder`, whatever the order says.
//!
//! Written out by hand, since it is one message of four fields:
//! `message Placed { string order = 1; string by = 2; string pod = 3; uint32 cents = 4; }`

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{BufMut as _, Bytes, BytesMut};
use futures::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Response, StatusCode};

use super::serve;
use crate::node::image::Context;

pub(super) const METHOD: &str = "/shop.Checkout/PlaceOrder";
const UNIMPLEMENTED: &str = "12";

/// Runs until it is asked to end.
pub(super) async fn run(context: Context) -> i32 {
    let orders = Arc::new(AtomicU64::new(1000));
    serve::ports(&context, &[50051], move |context, _, request| {
        let orders = orders.clone();
        async move {
            let path = request.uri().path().to_owned();
            if request.into_body().collect().await.is_err() {
                return grpc(None, "13");
            }
            context.log.line(format!("{path} from a customer"));
            if path != METHOD {
                return grpc(None, UNIMPLEMENTED);
            }
            let order = orders.fetch_add(1, Ordering::Relaxed);
            grpc(
                Some(placed(&format!("A-{order}"), "checkout", &context.pod, 2070)),
                "0",
            )
        }
    })
    .await
}

fn grpc(message: Option<Bytes>, status: &'static str) -> Response<serve::Body> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static(status));
    let data = message.map(|message| Ok(Frame::data(framed(&message))));
    let frames = data.into_iter().chain([Ok(Frame::trailers(trailers))]);
    let mut answer = Response::new(StreamBody::new(stream::iter(frames)).boxed_unsync());
    *answer.status_mut() = StatusCode::OK;
    let is = HeaderValue::from_static("application/grpc");
    answer.headers_mut().insert(CONTENT_TYPE, is);
    answer
}

/// A message as gRPC carries it: not compressed, its length, itself.
pub(super) fn framed(message: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(message.len() + 5);
    out.put_u8(0);
    out.put_u32(u32::try_from(message.len()).unwrap_or_default());
    out.put_slice(message);
    out.freeze()
}

fn placed(order: &str, by: &str, pod: &str, cents: u32) -> Bytes {
    let mut out = BytesMut::new();
    for (field, text) in [(1, order), (2, by), (3, pod)] {
        out.put_u8(field << 3 | 2);
        varint(&mut out, u32::try_from(text.len()).unwrap_or_default());
        out.put_slice(text.as_bytes());
    }
    out.put_u8(4 << 3);
    varint(&mut out, cents);
    out.freeze()
}

fn varint(out: &mut BytesMut, mut value: u32) {
    while value >= 0x80 {
        out.put_u8(u8::try_from(value & 0x7f).unwrap_or_default() | 0x80);
        value >>= 7;
    }
    out.put_u8(u8::try_from(value).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_written_as_protobuf() {
        assert_eq!(
            &placed("A", "b", "c", 300)[..],
            b"\x0a\x01A\x12\x01b\x1a\x01c\x20\xac\x02"
        );
        assert_eq!(&framed(b"xy")[..], b"\0\0\0\0\x02xy");
    }
}
