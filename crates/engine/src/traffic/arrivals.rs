//! Requests that NGINX sent to the laptop, to be found again by whoever recorded them there.
//!
//! NGINX and the laptop do not share a name for a request, and none may be added to it. But method and target are the
//! same bytes, and the proxy had it before the laptop: the one that began last before the record did is it. Requests alike
//! and at the same time may be taken for each other; they differ in nothing but their caller then.

use std::collections::VecDeque;

use intercept_protocol::traffic::{Row, URI_SHOWN, cut};

/// More than a recorder lags behind.
const KEPT: usize = 2048;
/// Clocks are compared over a network, and NGINX's has milliseconds.
const SLACK: i64 = 250_000;

/// A request as the proxy had it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// When the proxy received it, by the laptop's clock: microseconds since 1970.
    pub began: i64,
    /// The caller's address.
    pub address: String,
    method: String,
    uri: String,
}

/// A request that fitted, and which an original pod answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fallen {
    /// When the proxy received it, by the laptop's clock: microseconds since 1970.
    pub began: i64,
    /// Microseconds.
    pub took: u64,
    /// The caller's address.
    pub address: String,
    /// The method.
    pub method: String,
    /// Path and query, cut.
    pub uri: String,
    /// As NGINX names it.
    pub protocol: String,
    /// The answer's status; 0 where there was none.
    pub status: u16,
}

impl Fallen {
    pub(super) fn of(row: &Row, began: i64) -> Self {
        Self {
            began,
            took: row.took,
            address: row.address.clone(),
            method: row.method.clone(),
            uri: row.uri.clone(),
            protocol: row.protocol.clone(),
            status: row.status,
        }
    }
}

/// The newest ones.
#[derive(Debug, Default)]
pub struct Arrivals {
    kept: VecDeque<Arrival>,
}

impl Arrivals {
    pub(super) fn add(&mut self, row: &Row, began: i64) {
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(Arrival {
            began,
            address: row.address.clone(),
            method: row.method.clone(),
            uri: row.uri.clone(),
        });
    }

    /// The request that a record of this method and target is of, which began here at `began`. Each is given out once.
    pub fn take(&mut self, method: &str, uri: &str, began: i64) -> Option<Arrival> {
        let uri = cut(uri, URI_SHOWN);
        let is_it = |one: &Arrival| {
            one.method == method && one.uri == uri && one.began <= began.saturating_add(SLACK)
        };
        let found = self.kept.iter().enumerate().filter(|(_, one)| is_it(one));
        let (place, _) = found.max_by_key(|(_, one)| one.began)?;
        self.kept.remove(place)
    }
}
