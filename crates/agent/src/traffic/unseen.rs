//! How many requests NGINX served without telling: its own count, less what it told.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::nginx::render::REQUESTS_PATH;

const LIMIT: Duration = Duration::from_secs(1);
const MAX_ANSWER: u64 = 4096;

/// What `stub_status` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Status {
    /// Requests since NGINX began.
    requests: u64,
    /// Those that it is not done with.
    under_way: u64,
}

/// Follows the difference from the moment in which somebody began to ask.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unseen {
    base: Option<u64>,
    most: u64,
}

impl Unseen {
    /// The difference now; it never shrinks, though what is under way was counted and not told yet.
    pub(super) fn note(&mut self, status: Status, lines: u64) -> u64 {
        let difference = status
            .requests
            .saturating_sub(status.under_way)
            .saturating_sub(lines);
        let base = *self.base.get_or_insert(difference);
        self.most = self.most.max(difference.saturating_sub(base));
        self.most
    }
}

/// Asks NGINX.
pub(super) async fn ask(health: SocketAddr) -> Option<Status> {
    let answer = async {
        let mut io = TcpStream::connect(health).await?;
        let request = format!("GET {REQUESTS_PATH} HTTP/1.0\r\n\r\n");
        io.write_all(request.as_bytes()).await?;
        let mut text = Vec::new();
        io.take(MAX_ANSWER).read_to_end(&mut text).await?;
        std::io::Result::Ok(text)
    };
    let text = timeout(LIMIT, answer).await.ok()?.ok()?;
    read(std::str::from_utf8(&text).ok()?)
}

/// ```text
/// server accepts handled requests
///  291 291 299
/// Reading: 0 Writing: 1 Waiting: 2
/// ```
fn read(text: &str) -> Option<Status> {
    let mut lines = text
        .lines()
        .skip_while(|line| !line.starts_with("server accepts"));
    let requests = lines.nth(1)?.split_whitespace().nth(2)?.parse().ok()?;
    let mut words = lines.next()?.split_whitespace();
    let under_way = words
        .find(|word| *word == "Writing:")
        .and_then(|_| words.next())?;
    Some(Status {
        requests,
        under_way: under_way.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_before_and_what_is_under_way_is_not_unseen() {
        let status = |requests, under_way| Status { requests, under_way };
        let mut unseen = Unseen::default();
        assert_eq!(unseen.note(status(1000, 1), 10), 0);
        assert_eq!(unseen.note(status(1010, 4), 17), 0);
        assert_eq!(unseen.note(status(1100, 1), 20), 90);
        assert_eq!(unseen.note(status(1100, 31), 20), 90);
    }

    #[test]
    fn stub_status_is_read_and_nothing_else() {
        let text = "HTTP/1.1 200 OK\r\n\r\nActive connections: 2 \nserver accepts handled requests\n 5 5 31 \nReading: 0 Writing: 1 Waiting: 1 \n";
        assert_eq!(
            read(text),
            Some(Status {
                requests: 31,
                under_way: 1
            })
        );
        assert_eq!(read("HTTP/1.1 204 No Content\r\n\r\n"), None);
    }
}
