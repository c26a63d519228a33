//! Prices as server-sent events: one each half second, for as long as somebody listens.

use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::Response;
use hyper::body::Frame;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use serde_json::json;
use tokio::time::sleep;

use super::serve;
use crate::node::image::Context;

const EVERY: Duration = Duration::from_millis(500);
const GOODS: [(&str, u32); 3] = [("tea-green", 690), ("pot-clay", 3400), ("honey", 720)];

/// Runs until it is asked to end.
pub(super) async fn run(context: Context) -> i32 {
    serve::ports(&context, &[8080], |context, _, request| async move {
        context
            .log
            .line(format!("{} {} stream", request.method(), request.uri()));
        let pod = context.pod.clone();
        let events = stream::unfold(0_usize, move |number| {
            let pod = pod.clone();
            async move {
                if number > 0 {
                    sleep(EVERY).await;
                }
                let (id, cents) = GOODS[number % GOODS.len()];
                // Up and down by a few cents, the same each time it is tried.
                let cents = cents + u32::try_from(number * 7 % 40).unwrap_or_default();
                let price = json!({ "by": "prices", "pod": pod, "id": id, "cents": cents });
                let event = Bytes::from(format!("id: {number}\nevent: price\ndata: {price}\n\n"));
                Some((Ok(Frame::data(event)), number + 1))
            }
        });
        let mut answer = Response::new(StreamBody::new(events).boxed_unsync());
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        answer
    })
    .await
}
