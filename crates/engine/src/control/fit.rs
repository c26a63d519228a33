//! Traffic in a form that fits a frame: the newest of everything, as much as somebody reads on a terminal.

use crate::traffic::TrafficView;

/// Seconds, the newest.
const SECONDS: usize = 60;
/// Examples of each reason.
const EXAMPLES: usize = 5;
/// Callers, who called last first.
const CALLERS: usize = 20;
/// Letters of a target; a letter takes twelve bytes at most.
const TARGET: usize = 160;

/// Leaves out what is older than that.
pub(super) fn fitted(mut view: TrafficView) -> TrafficView {
    let older = view.seconds.len().saturating_sub(SECONDS);
    view.seconds.drain(..older);
    view.callers.truncate(CALLERS);
    for reason in &mut view.reasons {
        reason.examples.truncate(EXAMPLES);
        for example in &mut reason.examples {
            if let Some((end, _)) = example.uri.char_indices().nth(TARGET) {
                example.uri.truncate(end);
                example.uri.push('…');
            }
        }
    }
    view
}

#[cfg(test)]
mod tests {
    use intercept_protocol::relay::{MAX_FRAME, encode};
    use intercept_protocol::traffic::Miss;

    use super::*;
    use crate::traffic::{Caller, Example, Reason, Second};

    #[test]
    fn the_largest_view_there_is_fits_a_frame() {
        let example = Example {
            at: i64::MAX,
            address: "f".repeat(45),
            method: "PROPPATCH".into(),
            uri: "\u{1}".repeat(1024),
            found: "\u{1}".repeat(64),
            status: 999,
        };
        let caller = Caller {
            address: "f".repeat(45),
            pod: Some("p".repeat(253)),
            matched: u64::MAX,
            unmatched: u64::MAX,
            last: i64::MAX,
        };
        let second = Second {
            matched: u64::MAX,
            fell_back: u64::MAX,
            unmatched: u64::MAX,
            unseen: u64::MAX,
        };
        let reason = |why| Reason {
            why,
            count: u64::MAX,
            examples: vec![example.clone(); 20],
        };
        let view = TrafficView {
            seconds: vec![second; 300],
            reasons: Miss::ALL.into_iter().map(reason).collect(),
            callers: vec![caller; 200],
            ..TrafficView::default()
        };
        assert!(encode(&view).len() > MAX_FRAME);
        let fitted = fitted(view);
        let length = encode(&fitted).len();
        assert!(length < MAX_FRAME - 1024, "{length}");
    }
}
