//! One request in HTTP/2 with prior knowledge, as gRPC clients speak it.

use std::future::poll_fn;
use std::io;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use intercept_inspect::edit::Outgoing;
use intercept_inspect::exchange::Header;
use tokio::io::{AsyncRead, AsyncWrite};

/// Belong to the request line or to one connection.
const NOT_SENT: [&str; 2] = ["host", "content-length"];

/// Sends it and reads the answer to its end; the bytes are seen by the connection.
pub(super) async fn ask<S>(io: S, outgoing: &Outgoing) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let request = request(outgoing)?;
    let (mut sender, mut connection) = h2::client::handshake(io).await.map_err(io::Error::other)?;
    let asking = async move {
        let is_bare = outgoing.body.is_empty() && outgoing.trailers.is_empty();
        let (answer, mut stream) = sender.send_request(request, is_bare).map_err(io::Error::other)?;
        drop(sender);
        if !is_bare {
            send(&mut stream, outgoing).await.map_err(io::Error::other)?;
        }
        let mut body = answer.await.map_err(io::Error::other)?.into_body();
        while let Some(data) = body.data().await {
            let data = data.map_err(io::Error::other)?;
            let released = body.flow_control().release_capacity(data.len());
            released.map_err(io::Error::other)?;
        }
        body.trailers().await.map_err(io::Error::other)?;
        Ok(())
    };
    tokio::pin!(asking);
    tokio::select! {
        asked = &mut asking => asked,
        // The connection ends with its last stream; what was asked decides.
        ended = &mut connection => match ended {
            Ok(()) => asking.await,
            Err(error) => Err(io::Error::other(error)),
        },
    }
}

async fn send(stream: &mut h2::SendStream<Bytes>, outgoing: &Outgoing) -> Result<(), h2::Error> {
    let has_trailers = !outgoing.trailers.is_empty();
    let mut left = Bytes::copy_from_slice(&outgoing.body);
    while !left.is_empty() {
        stream.reserve_capacity(left.len());
        let Some(room) = poll_fn(|cx| stream.poll_capacity(cx)).await else {
            return Ok(());
        };
        let now = left.split_to(room?.min(left.len()));
        stream.send_data(now, left.is_empty() && !has_trailers)?;
    }
    if has_trailers {
        stream.send_trailers(map(&outgoing.trailers).unwrap_or_default())?;
    }
    Ok(())
}

fn request(outgoing: &Outgoing) -> io::Result<Request<()>> {
    let sound = || -> Result<Request<()>, http::Error> {
        let mut request = Request::new(());
        *request.method_mut() = Method::from_bytes(outgoing.method.as_bytes())?;
        *request.uri_mut() = Uri::builder()
            .scheme("http")
            .authority(outgoing.host.as_bytes())
            .path_and_query(outgoing.target.as_bytes())
            .build()?;
        *request.headers_mut() = map(&outgoing.headers)?;
        Ok(request)
    };
    sound().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}

fn map(headers: &[Header]) -> Result<HeaderMap, http::Error> {
    let mut map = HeaderMap::new();
    for header in headers {
        if NOT_SENT.iter().any(|name| header.name.eq_ignore_ascii_case(name)) {
            continue;
        }
        let name = HeaderName::from_bytes(header.name.as_bytes())?;
        map.append(name, HeaderValue::from_bytes(header.value.as_bytes())?);
    }
    Ok(map)
}
