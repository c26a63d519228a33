//! Sums and rows of the intercepts, bounded. Pure: what NGINX told goes in, reports come out.

use std::collections::VecDeque;

use intercept_protocol::ids::{InterceptId, SessionId};
use intercept_protocol::record::{Intercept, Record};
use intercept_protocol::traffic::{Asked, Counts, Fate, MAX_ROWS_BYTES, Miss, Report, Row, URI_SHOWN, cut};

use super::line::Request;

/// Rows of requests that an intercept got: more than a report holds, so that one that has to wait loses none.
const GOT: usize = 1024;
/// Examples of each reason why an intercept did not get one.
const EXAMPLES: usize = 16;
/// Requests that a laptop refused and NGINX is not done with yet.
const FALLEN: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Book {
    /// Requests that are known.
    requests: u64,
    /// What NGINX counts as well, and nobody wants to read about.
    unheard: u64,
    /// Few enough to look through; a map would be a good part of this program.
    pages: Vec<(InterceptId, Page)>,
    fallen: VecDeque<(InterceptId, String)>,
}

/// What is known for one intercept.
#[derive(Debug, Default)]
struct Page {
    matched: u64,
    fell_back: u64,
    missed: [u64; Miss::ALL.len()],
    got: Rows,
    examples: [Rows; Miss::ALL.len()],
}

/// The newest rows; the first has the number `before`.
#[derive(Debug, Default)]
struct Rows {
    before: u64,
    rows: VecDeque<Row>,
}

/// How far one laptop has been told of one intercept.
#[derive(Debug, Default)]
struct Told {
    got: u64,
    examples: [u64; Miss::ALL.len()],
}

/// How far one laptop has been told.
#[derive(Debug, Default)]
pub(super) struct Cursor {
    told: Vec<(InterceptId, Told)>,
    last: Report,
}

impl Rows {
    fn push(&mut self, row: Row, limit: usize) {
        if self.rows.len() == limit {
            self.rows.pop_front();
            self.before += 1;
        }
        self.rows.push_back(row);
    }

    fn after(&self, told: u64) -> impl Iterator<Item = &Row> {
        let skipped = told.saturating_sub(self.before);
        self.rows
            .iter()
            .skip(usize::try_from(skipped).unwrap_or(usize::MAX))
    }
}

impl Book {
    /// How many requests NGINX has told of, of any kind.
    pub(super) fn lines(&self) -> u64 {
        self.requests + self.unheard
    }

    /// Something passed that is none of the Service's requests.
    pub(super) fn passed_unheard(&mut self) {
        self.unheard += 1;
    }

    pub(super) fn fell_back(&mut self, intercept: &InterceptId, first: &[u8]) {
        self.page(intercept).fell_back += 1;
        if self.fallen.len() == FALLEN {
            self.fallen.pop_front();
        }
        let line = first.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        let (asked, _) = line.rsplit_once(' ').unwrap_or_default();
        self.fallen.push_back((intercept.clone(), asked.to_owned()));
    }

    /// Judges a request for every intercept of its port.
    pub(super) fn enter(&mut self, record: &Record, request: &Request) {
        self.requests += 1;
        self.pages
            .retain(|(id, _)| record.intercepts.iter().any(|one| one.id == *id));
        for intercept in record.intercepts.iter().filter(|one| one.port == request.port) {
            if request.matched.as_ref() == Some(&intercept.id) {
                self.got(intercept, request);
            } else {
                self.missed(intercept, request);
            }
        }
    }

    fn got(&mut self, intercept: &Intercept, request: &Request) {
        let asked = format!("{} {}", request.method, request.uri);
        let fallen = self
            .fallen
            .iter()
            .position(|(id, line)| *id == intercept.id && *line == asked);
        let was_refused = fallen.and_then(|place| self.fallen.remove(place)).is_some();
        let page = self.page(&intercept.id);
        page.matched += 1;
        page.fell_back += u64::from(request.fell_back);
        let fate = if request.fell_back || was_refused {
            Fate::FellBack
        } else {
            Fate::Matched
        };
        page.got.push(row(intercept, request, fate), GOT);
    }

    fn missed(&mut self, intercept: &Intercept, request: &Request) {
        let (why, found) = why(intercept, request);
        let page = self.page(&intercept.id);
        let kind = why as usize;
        page.missed[kind] += 1;
        page.examples[kind].push(row(intercept, request, Fate::Missed { why, found }), EXAMPLES);
    }

    fn page(&mut self, id: &InterceptId) -> &mut Page {
        of(&mut self.pages, id)
    }

    /// What `session` has not been told yet; nothing where that is nothing.
    pub(super) fn report(
        &self,
        (record, session): (&Record, &SessionId),
        cursor: &mut Cursor,
        unseen: Option<u64>,
        at: i64,
    ) -> Option<Report> {
        let mut report = Report {
            at,
            requests: self.requests,
            unseen,
            ..Report::default()
        };
        let mut room = MAX_ROWS_BYTES;
        let own = record.intercepts.iter().filter(|one| one.session == *session);
        let pages = own.filter_map(|one| self.pages.iter().find(|(id, _)| *id == one.id));
        for (id, page) in pages {
            report.intercepts.push(Counts {
                intercept: id.clone(),
                matched: page.matched,
                fell_back: page.fell_back,
                missed: page.missed,
            });
            let told = of(&mut cursor.told, id);
            page.tell(told, &mut report, &mut room);
        }
        let is_news = !report.rows.is_empty()
            || report.dropped > 0
            || report.intercepts != cursor.last.intercepts
            || (report.requests, report.unseen) != (cursor.last.requests, cursor.last.unseen);
        if !is_news {
            return None;
        }
        cursor.last = Report {
            rows: Vec::new(),
            ..report.clone()
        };
        Some(report)
    }
}

impl Page {
    /// Examples first: there are few of them. Of what the intercept got, what does not fit waits for the next report.
    fn tell(&self, told: &mut Told, report: &mut Report, room: &mut usize) {
        for (rows, told) in self.examples.iter().zip(&mut told.examples) {
            for row in rows.after(*told) {
                let Some(left) = room.checked_sub(row.weight()) else {
                    break;
                };
                *room = left;
                report.rows.push(row.clone());
            }
            *told = rows.before + rows.rows.len() as u64;
        }
        report.dropped += self.got.before.saturating_sub(told.got);
        told.got = told.got.max(self.got.before);
        let first = told.got;
        for row in self.got.after(first) {
            let Some(left) = room.checked_sub(row.weight()) else {
                break;
            };
            *room = left;
            report.rows.push(row.clone());
            told.got += 1;
        }
    }
}

/// What is kept for an intercept, from now on if it was not.
fn of<'a, T: Default>(all: &'a mut Vec<(InterceptId, T)>, id: &InterceptId) -> &'a mut T {
    let found = all.iter().position(|(one, _)| one == id);
    let place = found.unwrap_or_else(|| {
        all.push((id.clone(), T::default()));
        all.len() - 1
    });
    &mut all[place].1
}

/// Why an intercept did not get a request, and what stood in place of its value.
pub(crate) fn why(intercept: &Intercept, request: &Request) -> (Miss, String) {
    let header = |name: &str| request.header(name);
    let asked = Asked {
        method: &request.method,
        uri: &request.uri,
        header: &header,
    };
    match intercept.rule.judge(&asked) {
        Ok(()) => (Miss::Taken, String::new()),
        Err(Miss::OtherValue) => (Miss::OtherValue, intercept.rule.found_instead(&asked)),
        Err(miss) => (miss, String::new()),
    }
}

fn row(intercept: &Intercept, request: &Request, fate: Fate) -> Row {
    const SHORT: usize = 64;
    Row {
        intercept: intercept.id.clone(),
        fate,
        ended: request.ended,
        took: request.took,
        connection: request.connection,
        place: request.place,
        address: cut(&request.address, SHORT),
        method: cut(&request.method, SHORT),
        uri: cut(&request.uri, URI_SHOWN),
        protocol: cut(&request.protocol, SHORT),
        status: request.status,
        sent: request.sent,
        received: request.received,
    }
}
