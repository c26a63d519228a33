//! A mock's answer on the wire.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use intercept_inspect::exchange::Header;
use intercept_inspect::record::End;
use intercept_protocol::exchange::Exchange as Followed;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::{Mock, Ready};
use crate::tap::{Observed, Watch, Way};
use crate::tunnel::Accepted;

/// Headers that say where a message ends, or belong to one connection: they are ours to say.
const OURS: [&str; 6] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
];
const READ_AT_ONCE: usize = 16 * 1024;

/// Answers one request in the program's place.
pub(in crate::tap) async fn answer(
    mut caller: Accepted,
    ready: &Ready,
    is_http2: bool,
    watch: &mut Watch,
) -> io::Result<()> {
    watch.is_mocked();
    let mock = &ready.mock;
    if is_http2 {
        let io = Observed::caller(caller, |way, bytes| watch.passed(way, bytes));
        let answered = http2(io, mock).await;
        watch.ended(End::Over);
        return answered;
    }
    let exchange = whole_request(&mut caller, watch).await?;
    sleep(Duration::from_millis(mock.delay_ms)).await;
    let serves_requests = caller.serves_requests();
    let bytes = http1(mock, exchange.is_head, serves_requests);
    watch.passed(Way::Answer, &bytes);
    caller.write_all(&bytes).await?;
    watch.ended(End::Over);
    if serves_requests {
        return caller.refuse_next().await;
    }
    caller.shutdown().await?;
    // Closing before the caller does could cut the answer off.
    while caller.read(&mut [0; 1024]).await? > 0 {}
    Ok(())
}

struct Asked {
    is_head: bool,
}

/// Reads a request to its end; where that is not clear, to the end of its head.
async fn whole_request(caller: &mut Accepted, watch: &mut Watch) -> io::Result<Asked> {
    let (mut followed, mut first) = (Followed::default(), Vec::new());
    let mut buffer = vec![0; READ_AT_ONCE];
    loop {
        let read = caller.read(&mut buffer).await?;
        if read == 0 {
            break;
        }
        watch.passed(Way::Request, &buffer[..read]);
        if first.len() < "HEAD ".len() {
            first.extend_from_slice(&buffer[..read]);
        }
        followed.follow_request(&buffer[..read]);
        if followed.has_whole_request() || followed.is_opaque() {
            break;
        }
    }
    Ok(Asked {
        is_head: first.starts_with(b"HEAD "),
    })
}

fn http1(mock: &Mock, is_head: bool, keeps: bool) -> Vec<u8> {
    let status = StatusCode::from_u16(mock.status).unwrap_or(StatusCode::OK);
    let reason = status.canonical_reason().unwrap_or_default();
    let mut bytes = format!("HTTP/1.1 {} {reason}\r\n", mock.status).into_bytes();
    for header in theirs(&mock.headers) {
        line(&mut bytes, header);
    }
    let has_body = !matches!(mock.status, 204 | 304);
    if has_body {
        bytes.extend_from_slice(format!("Content-Length: {}\r\n", mock.body.len()).as_bytes());
    }
    if !keeps {
        bytes.extend_from_slice(b"Connection: close\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    if has_body && !is_head {
        bytes.extend_from_slice(&mock.body);
    }
    bytes
}

fn line(bytes: &mut Vec<u8>, header: &Header) {
    bytes.extend_from_slice(header.name.as_bytes());
    bytes.extend_from_slice(b": ");
    bytes.extend_from_slice(header.value.as_bytes());
    bytes.extend_from_slice(b"\r\n");
}

fn theirs(headers: &[Header]) -> impl Iterator<Item = &Header> {
    headers
        .iter()
        .filter(|header| !OURS.iter().any(|ours| header.name.eq_ignore_ascii_case(ours)))
}

/// Answers the first request; any other one on the same connection is for somebody else.
async fn http2(io: impl AsyncRead + AsyncWrite + Unpin, mock: &Mock) -> io::Result<()> {
    let mut connection = h2::server::handshake(io).await.map_err(io::Error::other)?;
    let mut answers = JoinSet::new();
    let served = loop {
        let (request, mut respond) = match connection.accept().await {
            Some(Ok(asked)) => asked,
            Some(Err(error)) => break Err(io::Error::other(error)),
            None => break Ok(()),
        };
        // Also one that is over is still in there.
        if !answers.is_empty() {
            respond.send_reset(h2::Reason::REFUSED_STREAM);
            continue;
        }
        let mock = mock.clone();
        answers.spawn(async move {
            if let Err(error) = respond_http2(request, respond, &mock).await {
                tracing::debug!(%error, "a mock's answer was cut off");
            }
        });
        connection.graceful_shutdown();
    };
    // Whoever still waits has nobody left to answer.
    answers.shutdown().await;
    served
}

async fn respond_http2(
    request: http::Request<h2::RecvStream>,
    mut respond: h2::server::SendResponse<Bytes>,
    mock: &Mock,
) -> Result<(), h2::Error> {
    let mut body = request.into_body();
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
    }
    sleep(Duration::from_millis(mock.delay_ms)).await;
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(mock.status).unwrap_or(StatusCode::OK);
    *response.headers_mut() = map(&mock.headers);
    let has_trailers = !mock.trailers.is_empty();
    let is_bare = mock.body.is_empty() && !has_trailers;
    let mut stream = respond.send_response(response, is_bare)?;
    if !mock.body.is_empty() {
        stream.send_data(Bytes::copy_from_slice(&mock.body), !has_trailers)?;
    }
    if has_trailers {
        stream.send_trailers(map(&mock.trailers))?;
    }
    Ok(())
}

/// What was checked when the mock was switched on.
fn map(headers: &[Header]) -> HeaderMap {
    let known = theirs(headers).filter_map(|header| {
        let name = HeaderName::from_bytes(header.name.as_bytes()).ok()?;
        let value = HeaderValue::from_bytes(header.value.as_bytes()).ok()?;
        Some((name, value))
    });
    let mut map = HeaderMap::new();
    for (name, value) in known {
        map.append(name, value);
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tasks that live on this runtime beside the test's own.
    fn others() -> usize {
        tokio::runtime::Handle::current().metrics().num_alive_tasks()
    }

    #[tokio::test]
    async fn an_answer_that_waits_ends_with_its_connection() {
        let mock = Mock {
            filter: String::new(),
            status: 200,
            headers: Vec::new(),
            body: Vec::new(),
            trailers: Vec::new(),
            delay_ms: 600_000,
        };
        let (near, far) = tokio::io::duplex(READ_AT_ONCE);
        let calling = async {
            let (mut caller, mut connection) = h2::client::handshake(near).await.unwrap();
            let (answer, _) = caller
                .send_request(http::Request::get("http://api/").body(()).unwrap(), true)
                .unwrap();
            tokio::select! {
                ended = &mut connection => panic!("{ended:?}"),
                answered = answer => panic!("{answered:?}"),
                () = async { while others() == 0 { tokio::task::yield_now().await } } => {}
            }
        };
        let both = async { tokio::join!(http2(far, &mock), calling) };
        let (served, ()) = tokio::time::timeout(Duration::from_secs(20), both)
            .await
            .expect("must not hang");
        assert_eq!(others(), 0, "{served:?}");
    }
}
