//! Just enough HTTP/1 for both ends of a test, on raw bytes so that nothing is hidden.

use intercept_protocol::relay::Verdict;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// A request or an answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Message {
    pub(crate) fn first_line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Reads one message; nothing when the connection ended before it was whole.
pub(crate) async fn read(io: &mut (impl AsyncRead + Unpin)) -> Option<Message> {
    read_after(Vec::new(), io).await
}

/// Reads one message whose first bytes are there already.
async fn read_after(mut head: Vec<u8>, io: &mut (impl AsyncRead + Unpin)) -> Option<Message> {
    while !head.ends_with(b"\r\n\r\n") {
        head.push(io.read_u8().await.ok()?);
    }
    let mut message = Message {
        head: String::from_utf8_lossy(&head).into_owned(),
        body: Vec::new(),
    };
    let is_bare = message.first_line().contains(" 204 ") || message.first_line().contains(" 101 ");
    if let Some(length) = message.header("content-length") {
        message.body = vec![0; length.parse().ok()?];
        io.read_exact(&mut message.body).await.ok()?;
    } else if message.header("transfer-encoding").is_some() {
        message.body = chunks(io).await?;
    } else if message.head.starts_with("HTTP/") && !is_bare {
        io.read_to_end(&mut message.body).await.ok()?;
    }
    Some(message)
}

async fn chunks(io: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        while !line.ends_with("\r\n") {
            line.push(char::from(io.read_u8().await.ok()?));
        }
        let length = usize::from_str_radix(line.trim(), 16).ok()?;
        let start = body.len();
        body.resize(start + length + 2, 0);
        io.read_exact(&mut body[start..]).await.ok()?;
        body.truncate(start + length);
        if length == 0 {
            return Some(body);
        }
    }
}

/// Answers requests like [`answer`], at most `count` of them, with a verdict on each; refuses the next one.
pub(crate) async fn answer_each(mut io: impl AsyncRead + AsyncWrite + Unpin, name: &str, count: usize) {
    for _ in 0..count {
        let Ok(first) = io.read_u8().await else { break };
        io.write_all(&[Verdict::Accepted as u8]).await.unwrap();
        let Some(request) = read_after(vec![first], &mut io).await else {
            break;
        };
        if answer_one(&mut io, name, &request).await.is_none() {
            return;
        }
    }
    if io.read_u8().await.is_ok() {
        io.write_all(&[Verdict::Refused as u8]).await.unwrap();
    }
    let _ = io.shutdown().await;
}

/// Answers requests when it has read their heads, with a verdict on each; takes their bodies afterwards, or not.
pub(crate) async fn answer_early(mut io: impl AsyncRead + AsyncWrite + Unpin, name: &str, takes_rest: bool) {
    while let Ok(first) = io.read_u8().await {
        io.write_all(&[Verdict::Accepted as u8]).await.unwrap();
        let mut head = vec![first];
        while !head.ends_with(b"\r\n\r\n") {
            head.push(io.read_u8().await.unwrap());
        }
        let request = Message {
            head: String::from_utf8_lossy(&head).into_owned(),
            body: Vec::new(),
        };
        answer_one(&mut io, name, &request).await.unwrap();
        if !takes_rest {
            return std::future::pending().await;
        }
        let length = request.header("content-length").unwrap().parse().unwrap();
        if io.read_exact(&mut vec![0; length]).await.is_err() {
            return;
        }
    }
}

/// Answers every request of a connection with `name`, the request line and the length of its body; an upgrade
/// turns it into an echo.
pub(crate) async fn answer(mut io: impl AsyncRead + AsyncWrite + Unpin, name: &str) {
    while let Some(request) = read(&mut io).await {
        if answer_one(&mut io, name, &request).await.is_none() {
            return;
        }
    }
    let _ = io.shutdown().await;
}

/// Nothing when the connection serves no other request.
async fn answer_one(
    io: &mut (impl AsyncRead + AsyncWrite + Unpin),
    name: &str,
    request: &Message,
) -> Option<()> {
    if request.header("upgrade").is_some() {
        let switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";
        io.write_all(switch.as_bytes()).await.unwrap();
        let mut bytes = [0; 1024];
        while let Ok(length @ 1..) = io.read(&mut bytes).await {
            let said = format!("{name} heard {}", String::from_utf8_lossy(&bytes[..length]));
            io.write_all(said.as_bytes()).await.unwrap();
        }
        return None;
    }
    let mut body = format!("{name}|{}|{}", request.first_line(), request.body.len());
    if request.first_line().contains("/large") {
        body.push_str(&"x".repeat(request.body.len()));
    }
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    io.write_all(answer.as_bytes()).await.ok()
}
