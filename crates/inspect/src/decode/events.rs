//! Server-sent events, as the HTML standard reads them.

use serde::{Deserialize, Serialize};

use super::budget::Budget;
use super::content::{Content, Found, Piece};
use super::problem::Problem;

/// What a stream of events consists of.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EventKind {
    /// A client hears of this.
    Event,
    /// A comment: mostly there to keep the connection alive.
    Comment,
    /// Fields without data: they count, but no client hears of them.
    Quiet,
    /// The stream ends before the event does: no client hears of it.
    Unfinished,
}

/// One of them.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerEvent {
    /// What it is.
    pub kind: EventKind,
    /// Where it begins.
    pub offset: u64,
    /// When its end came, in microseconds after the exchange began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<u64>,
    /// Its `id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its `event`; clients take a missing one for `message`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// Milliseconds after which to connect again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<u64>,
    /// Its data, or the comment.
    pub data: String,
}

/// An event whose end was not read yet.
#[derive(Default)]
struct Open {
    offset: Option<usize>,
    id: Option<String>,
    event: Option<String>,
    retry: Option<u64>,
    data: Option<String>,
}

pub(super) fn read(piece: &Piece<'_>, budget: &mut Budget) -> Found {
    let mut events = Vec::new();
    let mut open = Open::default();
    let mark = if piece.bytes.starts_with(b"\xef\xbb\xbf") {
        3
    } else {
        0
    };
    for line in Lines::new(piece.bytes, mark) {
        let end = piece.arrived(line.end.saturating_sub(1));
        let complete = match line.text {
            b"" => open.close(EventKind::Event, end),
            [b':', comment @ ..] => Some(remark(comment, &line, end)),
            text => {
                open.field(text, line.start);
                None
            }
        };
        if let Some(problem) = complete.and_then(|event| push(event, &mut events, budget)) {
            return (Content::Events { events }, vec![problem]);
        }
    }
    let last = piece.arrived(piece.bytes.len().saturating_sub(1));
    let unfinished = open.close(EventKind::Unfinished, last);
    let problem = unfinished.and_then(|event| push(event, &mut events, budget));
    (Content::Events { events }, problem.into_iter().collect())
}

/// Adds an event as far as there is room.
fn push(mut event: ServerEvent, events: &mut Vec<ServerEvent>, budget: &mut Budget) -> Option<Problem> {
    if !budget.item() {
        return Some(Problem::too_many("events"));
    }
    for field in [&mut event.id, &mut event.event].into_iter().flatten() {
        *field = budget.shorten(field);
    }
    let (data, is_all) = budget.show(&event.data);
    event.data = data;
    events.push(event);
    (!is_all).then(Problem::too_long)
}

fn remark(comment: &[u8], line: &Line<'_>, at: Option<u64>) -> ServerEvent {
    ServerEvent {
        kind: EventKind::Comment,
        offset: line.start as u64,
        at,
        id: None,
        event: None,
        retry: None,
        data: text(comment.strip_prefix(b" ").unwrap_or(comment)),
    }
}

impl Open {
    fn field(&mut self, line: &[u8], start: usize) {
        self.offset.get_or_insert(start);
        let colon = memchr::memchr(b':', line);
        let (name, value) = colon.map_or((line, &b""[..]), |at| (&line[..at], &line[at + 1..]));
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(&String::from_utf8_lossy(value));
                }
                none => *none = Some(text(value)),
            },
            b"event" => self.event = Some(text(value)),
            b"id" if !value.contains(&0) => self.id = Some(text(value)),
            b"retry" if value.iter().all(u8::is_ascii_digit) => {
                self.retry = std::str::from_utf8(value)
                    .ok()
                    .and_then(|digits| digits.parse().ok());
            }
            // Clients ignore other fields.
            _ => {}
        }
    }

    fn close(&mut self, kind: EventKind, at: Option<u64>) -> Option<ServerEvent> {
        let closed = std::mem::take(self);
        let kind = match (kind, &closed.data) {
            (EventKind::Event, None) => EventKind::Quiet,
            _ => kind,
        };
        Some(ServerEvent {
            kind,
            offset: closed.offset? as u64,
            at,
            id: closed.id,
            event: closed.event,
            retry: closed.retry,
            data: closed.data.unwrap_or_default(),
        })
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

struct Line<'a> {
    text: &'a [u8],
    start: usize,
    /// After its line break.
    end: usize,
}

/// Lines that end in LF, CR or both.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Lines<'a> {
    fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        let start = self.at;
        let rest = self.bytes.get(start..).filter(|rest| !rest.is_empty())?;
        let length = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
        let ending = match &rest[length..] {
            [b'\r', b'\n', ..] => 2,
            [] => 0,
            _ => 1,
        };
        self.at = start + length + ending;
        Some(Line {
            text: &rest[..length],
            start,
            end: self.at,
        })
    }
}
