//! The head of a request that has not been taken yet.

use std::sync::Arc;
use std::time::Duration;

use intercept_inspect::exchange::{Exchange, Moment, Place};
use intercept_inspect::record::{Room, Seen, exchanges};
use tokio::time::timeout;

use crate::tunnel::Arrival;

/// Longer heads are not for mocks.
const LIMIT: usize = 64 * 1024;
/// A head that comes more slowly is not for mocks either, and must not wait for them.
const WAIT: Duration = Duration::from_secs(2);

/// The request's head; nothing where it is not HTTP, is too long, or does not come. What was read of it stays with the
/// arrival.
pub(in crate::tap) async fn read_head(arrival: &mut Arrival, place: &Place) -> Option<Exchange> {
    let reading = async {
        loop {
            let read = arrival.read_ahead(LIMIT).await;
            if let Some(head) = head(arrival.ahead(), place) {
                return Some(head);
            }
            if !read.is_ok_and(|read| read > 0) || arrival.ahead().len() >= LIMIT {
                return None;
            }
        }
    };
    timeout(WAIT, reading).await.ok().flatten()
}

/// Nothing while it is not whole.
fn head(bytes: &[u8], place: &Place) -> Option<Exchange> {
    let mut seen = Seen::new(
        Arc::new(place.clone()),
        Moment::default(),
        0,
        &Room::new(4 * LIMIT),
    );
    seen.request.pass(bytes, 0);
    let is_whole = seen.request.is_http2() || bytes.windows(4).any(|end| end == b"\r\n\r\n");
    let mut found = is_whole.then(|| exchanges(&seen))?;
    let first = (!found.is_empty()).then(|| found.swap_remove(0))?;
    (!first.request.method.is_empty()).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_known_with_its_last_byte() {
        let head_bytes = b"POST /cart HTTP/1.1\r\nHost: api\r\nContent-Length: 3\r\n\r\n";
        for cut in 0..head_bytes.len() {
            assert!(head(&head_bytes[..cut], &Place::default()).is_none(), "{cut}");
        }
        let found = head(head_bytes, &Place::default()).unwrap();
        assert_eq!(found.request.target, "/cart".into());
        assert!(head(b"\x16\x03\x01\r\n\r\n\r\n", &Place::default()).is_none());
    }
}
