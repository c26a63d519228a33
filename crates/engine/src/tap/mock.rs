//! Answers that stand in for the local program's, until they are switched off.
//!
//! Whether one does is decided by a request's head, before anything is delivered. While there are mocks each stream of
//! requests serves one only, so that the next one is decided anew; what passes is not changed by that.
//!
//! Deliberately absent: changing an answer of the program. A mock replaces it, and the program is not asked.

mod answer;
mod head;

pub(super) use answer::answer;
pub(super) use head::read_head;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use intercept_inspect::exchange::{Exchange, Header, Moment};
use intercept_inspect::filter::{AsSent, Field, Filter, FilterError};
use serde::{Deserialize, Serialize};

/// Nobody oversees more of them, and each is asked for every request.
const MAX_MOCKS: usize = 200;
/// What an answer that was typed or edited may weigh.
const MAX_BODY: usize = 16 * 1024 * 1024;
/// Longer than this a caller hardly waits.
const MAX_DELAY: Duration = Duration::from_secs(600);

/// An answer for the requests that a filter lets pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mock {
    /// Which requests, in the filter language; fields of a request's head only.
    pub filter: String,
    /// The status.
    pub status: u16,
    /// Headers as they are to be sent; the ones that frame a message are added.
    #[serde(default)]
    pub headers: Vec<Header>,
    /// The body.
    #[serde(default)]
    pub body: Vec<u8>,
    /// Trailers; where the protocol has them.
    #[serde(default)]
    pub trailers: Vec<Header>,
    /// Milliseconds that pass before the answer.
    #[serde(default)]
    pub delay_ms: u64,
}

/// A mock that is switched on.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// Its number, for switching it off.
    pub number: u64,
    /// What it does.
    pub mock: Mock,
    /// How many requests it has answered.
    pub answered: u64,
}

/// A mock that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MockError {
    /// Its filter cannot be read.
    #[error("the filter of the mock is not understood")]
    Filter(#[from] FilterError),
    /// What the filter asks for is not known before the answer.
    #[error(
        "a mock decides by the request's head, and `{field}` is not known then: use method, path, query, host, url or reqheader"
    )]
    NotInHead {
        /// The field.
        field: &'static str,
    },
    /// Not an answer's status.
    #[error("{status} is not a status of an answer: use one from 200 to 599")]
    Status {
        /// What was given.
        status: u16,
    },
    /// A header that would break the message.
    #[error("`{name}` cannot be sent as a header: names are letters, digits and dashes, values one line")]
    Header {
        /// Its name.
        name: String,
    },
    /// Too long or too slow.
    #[error("a mock may have a body of 16 MiB and wait ten minutes at most")]
    Excessive,
    /// Too many.
    #[error("there are {MAX_MOCKS} mocks already: switch some off first")]
    TooMany,
}

/// The mocks of one program; clones are the same.
#[derive(Clone, Default)]
pub struct Mocks(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// Spares everybody the lock while there are none, which is nearly always.
    any: AtomicBool,
    next: AtomicU64,
    ready: RwLock<Vec<Arc<Ready>>>,
}

/// A mock that was understood.
pub(super) struct Ready {
    number: u64,
    filter: Filter,
    answered: AtomicU64,
    pub(super) mock: Mock,
}

impl std::fmt::Debug for Mocks {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} mocks", self.list().len())
    }
}

impl Mocks {
    /// Switches one on; the newest one that fits a request answers it. Its number is given back.
    ///
    /// # Errors
    /// When it cannot be; nothing has changed then.
    pub fn add(&self, mock: Mock) -> Result<u64, MockError> {
        let filter = Filter::parse(&mock.filter)?;
        check(&mock, &filter)?;
        let mut ready = self.0.ready.write().unwrap_or_else(PoisonError::into_inner);
        if ready.len() >= MAX_MOCKS {
            return Err(MockError::TooMany);
        }
        let number = self.0.next.fetch_add(1, Ordering::Relaxed) + 1;
        ready.push(Arc::new(Ready {
            number,
            filter,
            answered: AtomicU64::new(0),
            mock,
        }));
        self.0.any.store(true, Ordering::Release);
        Ok(number)
    }

    /// Switches one off; whether it was on.
    pub fn remove(&self, number: u64) -> bool {
        let mut ready = self.0.ready.write().unwrap_or_else(PoisonError::into_inner);
        let before = ready.len();
        ready.retain(|one| one.number != number);
        self.0.any.store(!ready.is_empty(), Ordering::Release);
        ready.len() < before
    }

    /// Those that are on, in the order in which they were switched on.
    pub fn list(&self) -> Vec<Standing> {
        let ready = self.0.ready.read().unwrap_or_else(PoisonError::into_inner);
        let standing = ready.iter().map(|one| Standing {
            number: one.number,
            mock: one.mock.clone(),
            answered: one.answered.load(Ordering::Relaxed),
        });
        standing.collect()
    }

    /// Whether there are any.
    pub fn any(&self) -> bool {
        self.0.any.load(Ordering::Acquire)
    }

    /// The one that answers a request with this head.
    pub(super) fn find(&self, head: &Exchange, now: Moment) -> Option<Arc<Ready>> {
        let ready = self.0.ready.read().unwrap_or_else(PoisonError::into_inner);
        let found = ready
            .iter()
            .rev()
            .find(|one| one.filter.matches(head, now, &AsSent))?;
        found.answered.fetch_add(1, Ordering::Relaxed);
        Some(Arc::clone(found))
    }
}

fn check(mock: &Mock, filter: &Filter) -> Result<(), MockError> {
    if let Some(term) = filter
        .expr()
        .terms()
        .into_iter()
        .find(|term| !is_in_head(term.field))
    {
        return Err(MockError::NotInHead {
            field: match term.field.about().name {
                "" => "text anywhere",
                name => name,
            },
        });
    }
    if !(200..=599).contains(&mock.status) {
        return Err(MockError::Status { status: mock.status });
    }
    let lines = mock.headers.iter().chain(&mock.trailers);
    for header in lines {
        let is_sound = http::HeaderName::from_bytes(header.name.as_bytes()).is_ok()
            && http::HeaderValue::from_bytes(header.value.as_bytes()).is_ok();
        if !is_sound {
            return Err(MockError::Header {
                name: header.name.to_string(),
            });
        }
    }
    if mock.body.len() > MAX_BODY || u128::from(mock.delay_ms) > MAX_DELAY.as_millis() {
        return Err(MockError::Excessive);
    }
    Ok(())
}

fn is_in_head(field: Field) -> bool {
    matches!(
        field,
        Field::Method
            | Field::Path
            | Field::Query
            | Field::Host
            | Field::Url
            | Field::RequestHeader
            | Field::Service
            | Field::Namespace
            | Field::Context
            | Field::Intercept
            | Field::Port
    )
}
