//! The original application of tests: every request is answered with what it was. `HTTP_PORTS`, `ECHO_PORTS`,
//! `DIAL_PORTS` and `ANSWER_BY` say what it does where, as they do for its twin in `tests/cluster/sample`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, StatusCode, Uri};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, copy, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::answer::Seen;
use super::serve::{self, Body};
use crate::network::loopback::Listening;
use crate::node::image::Context;

const DIAL_LIMIT: Duration = Duration::from_secs(5);
const LINE_EVERY: Duration = Duration::from_millis(100);

/// Runs until it is asked to end.
pub(super) async fn run(context: Context) -> i32 {
    let mut raw = JoinSet::new();
    for (name, dials) in [("ECHO_PORTS", false), ("DIAL_PORTS", true)] {
        for port in ports(&context, name, "") {
            match context.listen(port).await {
                Ok(listening) => drop(raw.spawn(connections(context.clone(), listening, dials))),
                Err(error) => return serve::refused(&context, port, &error),
            }
        }
    }
    let http = ports(&context, "HTTP_PORTS", "8080");
    serve::ports(&context, &http, answer).await
}

fn ports(context: &Context, name: &str, otherwise: &str) -> Vec<u16> {
    let text = context.env.get(name).map_or(otherwise, String::as_str);
    text.split([',', ' '])
        .filter_map(|port| port.parse().ok())
        .collect()
}

async fn answer(context: Arc<Context>, port: u16, request: Request<Incoming>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return status_only(StatusCode::BAD_REQUEST);
    };
    if head.uri.path() == "/slow" {
        sleep(Duration::from_millis(query(&head.uri, "ms").unwrap_or_default())).await;
    }
    if head.uri.path() == "/stream" {
        return lines(&context, query(&head.uri, "lines").unwrap_or(3));
    }
    let by = context.env.get("ANSWER_BY").map_or("original", String::as_str);
    let status = head
        .uri
        .path()
        .strip_prefix("/status/")
        .and_then(|code| code.parse().ok());
    let status = status
        .and_then(|code| StatusCode::from_u16(code).ok())
        .filter(|code| code.as_u16() >= 200);
    let seen = Seen {
        port,
        version: head.version,
        method: head.method,
        uri: head.uri,
        headers: head.headers,
        body: body.to_bytes(),
    };
    let mut answer = serve::json(status.unwrap_or(StatusCode::OK), &seen.account(&context, by));
    if let Ok(by) = HeaderValue::from_str(by) {
        answer.headers_mut().insert("x-answered-by", by);
    }
    answer
}

fn status_only(status: StatusCode) -> Response<Body> {
    let mut answer = Response::new(serve::full(""));
    *answer.status_mut() = status;
    answer
}

fn query(uri: &Uri, name: &str) -> Option<u64> {
    let mut pairs = form_urlencoded::parse(uri.query()?.as_bytes());
    pairs
        .find(|(key, _)| key == name)
        .and_then(|(_, value)| value.parse().ok())
}

fn lines(context: &Context, count: u64) -> Response<Body> {
    let pod = context.pod.clone();
    let lines = stream::unfold(0, move |line| {
        let pod = pod.clone();
        async move {
            if line == count {
                return None;
            }
            if line > 0 {
                sleep(LINE_EVERY).await;
            }
            let data = Bytes::from(format!("data: {pod} {line}\n\n"));
            Some((Ok(Frame::data(data)), line + 1))
        }
    });
    let mut answer = Response::new(StreamBody::new(lines).boxed_unsync());
    let is = HeaderValue::from_static("text/event-stream");
    answer.headers_mut().insert(CONTENT_TYPE, is);
    answer
}

async fn connections(context: Context, listening: Listening, dials: bool) {
    let mut open = JoinSet::new();
    loop {
        while open.try_join_next().is_some() {}
        let Ok(io) = listening.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        let context = context.clone();
        open.spawn(async move {
            let done = if dials {
                dial(&context, io).await
            } else {
                echo(&context, io).await
            };
            if let Err(error) = done {
                tracing::trace!(%error, "a raw connection ended early");
            }
        });
    }
}

async fn echo(context: &Context, mut io: TcpStream) -> std::io::Result<()> {
    io.write_all(format!("{}\n", context.pod).as_bytes()).await?;
    let (mut reader, mut writer) = io.split();
    copy(&mut reader, &mut writer).await?;
    writer.shutdown().await
}

/// Connects whoever names an address to it: so a test outside the cluster's network sends requests from inside.
async fn dial(context: &Context, io: TcpStream) -> std::io::Result<()> {
    let mut near = BufReader::new(io);
    let mut line = String::new();
    near.read_line(&mut line).await?;
    let Ok(address) = line.trim().parse::<SocketAddr>() else {
        return Ok(());
    };
    let host = address.ip().to_string();
    let mut far = timeout(DIAL_LIMIT, context.connect(&host, address.port())).await??;
    near.write_all(b"+").await?;
    copy_bidirectional(&mut near, &mut far).await.map(drop)
}
