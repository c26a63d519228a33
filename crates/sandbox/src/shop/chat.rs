//! A WebSocket that answers each line, and says who answered.

use std::sync::Arc;

use futures::{SinkExt as _, StreamExt as _};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::serve::{self, Body};
use crate::node::image::Context;

/// Runs until it is asked to end.
pub(super) async fn run(context: Context) -> i32 {
    serve::ports(&context, &[8080], |context, _, request| async move {
        answer(&context, request)
    })
    .await
}

fn answer(context: &Arc<Context>, mut request: Request<Incoming>) -> Response<Body> {
    context
        .log
        .line(format!("{} {}", request.method(), request.uri()));
    let key = request.headers().get(SEC_WEBSOCKET_KEY).cloned();
    let Some(accept) = key.and_then(|key| HeaderValue::from_str(&derive_accept_key(key.as_bytes())).ok())
    else {
        let page = json!({ "by": "chat", "pod": context.pod, "hint": "this is a WebSocket" });
        return serve::json(StatusCode::UPGRADE_REQUIRED, &page);
    };
    let upgrade = hyper::upgrade::on(&mut request);
    let talking = context.clone();
    tokio::spawn(async move {
        let stop = talking.stop.clone();
        let talk = async {
            if let Ok(upgraded) = upgrade.await {
                let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None);
                talk(&talking, socket.await).await;
            }
        };
        tokio::select! { () = talk => {}, () = stop.cancelled() => {} }
    });
    let mut answer = Response::new(serve::full(""));
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    answer
}

async fn talk(context: &Context, mut socket: WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>) {
    let hello = json!({ "by": "chat", "pod": context.pod, "text": "How can we help?" });
    if socket.send(Message::text(hello.to_string())).await.is_err() {
        return;
    }
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        let reply = json!({ "by": "chat", "pod": context.pod, "text": format!("You said: {text}") });
        if socket.send(Message::text(reply.to_string())).await.is_err() {
            return;
        }
    }
}
