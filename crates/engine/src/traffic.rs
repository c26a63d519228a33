//! What passed the proxy, as one intercept's developer sees it: how much arrived, how much did not, and why.
//!
//! ```text
//! agents ── reports ──► Traffic (sums, seconds, reasons, callers) ──► TrafficView ──► whoever shows it
//! ```
//!
//! Pure: reports and moments go in, a view comes out. Deliberately absent: the relays that bring reports, and looking up
//! who has an address; [`session`](crate::session) does both.

mod arrivals;
mod clock;
mod seconds;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use intercept_protocol::ids::InterceptId;
use intercept_protocol::traffic::{Counts, Fate, Miss, Report, Row};
use serde::{Deserialize, Serialize};

pub use arrivals::{Arrival, Arrivals, Fallen};
pub use clock::Offset;
pub use seconds::Second;
use seconds::Seconds;

/// Requests that fell back, between two looks at them.
const FALLEN: usize = 1024;
/// Examples kept of each reason.
const EXAMPLES: usize = 20;
/// Callers kept; who was not seen for longest goes first.
const CALLERS: usize = 200;
/// Connections from before the switch may live on for so long that it is worth saying.
const KEPT_ALIVE_FOR: Duration = Duration::from_secs(600);

/// Everything known of one intercept's traffic.
#[derive(Debug)]
pub struct Traffic {
    intercept: InterceptId,
    pods: BTreeMap<String, Pod>,
    sums: Sums,
    seconds: Seconds,
    missed: [u64; Miss::ALL.len()],
    examples: BTreeMap<Miss, VecDeque<Example>>,
    callers: BTreeMap<String, Caller>,
    arrivals: Arrivals,
    fallen: Vec<Fallen>,
    switched_at: Option<Duration>,
}

/// What one proxy pod said last.
#[derive(Debug, Default)]
struct Pod {
    counts: Option<Counts>,
    requests: u64,
    unseen: u64,
    offset: Option<i64>,
}

/// Requests of one kind and another.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(rename = "TrafficSums"))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sums {
    /// Fitted the rule and went to the laptop, or fell back.
    pub matched: u64,
    /// Those of them that the original pods answered.
    pub fell_back: u64,
    /// Did not fit.
    pub unmatched: u64,
    /// Passed without being told one by one, under heavy load. They may be of any kind.
    pub unseen: u64,
    /// Rows of matched requests that were not told.
    pub dropped: u64,
}

/// One request that did not arrive.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(rename = "MissExample"))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Example {
    /// When it came, by the laptop's clock: microseconds since 1970.
    pub at: i64,
    /// The caller's address.
    pub address: String,
    /// The method.
    pub method: String,
    /// Path and query.
    pub uri: String,
    /// The beginning of what stood in the value's place.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub found: String,
    /// The status the original pods answered with; 0 where they did not.
    pub status: u16,
}

/// Who called.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Caller {
    /// The address.
    pub address: String,
    /// The pod that has it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    /// Requests of its that were told one by one, and fitted.
    pub matched: u64,
    /// And those that did not fit. Examples only: there may be many more.
    pub unmatched: u64,
    /// When the last of them came, by the laptop's clock.
    pub last: i64,
}

/// Requests that did not arrive for one reason.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(rename = "MissReason"))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    /// The reason.
    pub why: Miss,
    /// How many there were.
    pub count: u64,
    /// The last of them, newest first.
    pub examples: Vec<Example>,
}

/// What is to be shown.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrafficView {
    /// Since the intercept began.
    pub sums: Sums,
    /// The last five minutes by the second, the newest last; as many as there were.
    pub seconds: Vec<Second>,
    /// Why requests did not arrive, without the reasons that there were none of.
    pub reasons: Vec<Reason>,
    /// Who called, the last one first.
    pub callers: Vec<Caller>,
    /// Set while callers may still hold connections to the original pods from before the switch: for how many seconds it
    /// has stood. Nobody can see such connections from here, so this is a possibility and no finding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub may_be_kept_alive: Option<u64>,
}

impl TrafficView {
    /// What to say of connections from before the switch; nothing once they are unlikely.
    pub fn kept_alive_words(&self) -> Option<String> {
        let seconds = self.may_be_kept_alive?;
        Some(format!(
            "The Service leads to the proxy since {seconds} s. Callers that kept a connection from before still speak to the \
             original pods, and nothing here can see them. If a request you sent is missing, let its caller connect anew; \
             restarting the original workload (kubectl rollout restart) makes all of them do so."
        ))
    }
}

impl Traffic {
    /// Nothing known yet.
    pub fn new(intercept: InterceptId) -> Self {
        Self {
            intercept,
            pods: BTreeMap::new(),
            sums: Sums::default(),
            seconds: Seconds::default(),
            missed: [0; Miss::ALL.len()],
            examples: BTreeMap::new(),
            callers: BTreeMap::new(),
            arrivals: Arrivals::default(),
            fallen: Vec::new(),
            switched_at: None,
        }
    }

    /// The Service leads to the proxy since `now`; counted from the first time.
    pub fn switched(&mut self, now: Duration) {
        self.switched_at.get_or_insert(now);
    }

    /// Takes in a pod's report. `offset` is how far its clock is ahead of the laptop's, in microseconds.
    pub fn heard(&mut self, pod: &str, report: &Report, offset: Option<i64>, now: Duration) {
        let known = self.pods.entry(pod.to_owned()).or_default();
        known.offset = offset.or(known.offset);
        let offset = known.offset.unwrap_or_default();
        let before = known.counts.take();
        let after = report
            .intercepts
            .iter()
            .find(|one| one.intercept == self.intercept);
        // An agent that started again counts from nothing; so does a pod that is new.
        let is_new = report.requests < known.requests;
        let before = before.filter(|_| !is_new);
        let unseen = report.unseen.unwrap_or_default();
        let grown = grown(before.as_ref(), after);
        let unseen_grown = unseen.checked_sub(known.unseen).unwrap_or(unseen);
        (known.requests, known.unseen) = (report.requests, unseen);
        known.counts = after.cloned().or(before);
        for (sum, more) in self.missed.iter_mut().zip(grown.missed) {
            *sum += more;
        }
        let more = Sums {
            matched: grown.matched,
            fell_back: grown.fell_back,
            unmatched: grown.missed.iter().sum(),
            unseen: unseen_grown,
            dropped: report.dropped,
        };
        self.sums.add(more);
        self.seconds.add(now, more);
        let mut rows: Vec<&Row> = report.rows.iter().collect();
        rows.sort_by_key(|row| row.ended);
        for row in rows {
            if row.intercept == self.intercept {
                self.enter(row, offset);
            }
        }
    }

    fn enter(&mut self, row: &Row, offset: i64) {
        let began = row.ended.saturating_sub(offset).saturating_sub_unsigned(row.took);
        if self.callers.len() >= CALLERS && !self.callers.contains_key(&row.address) {
            let oldest = self.callers.values().min_by_key(|caller| caller.last);
            if let Some(address) = oldest.map(|caller| caller.address.clone()) {
                self.callers.remove(&address);
            }
        }
        let caller = self.callers.entry(row.address.clone()).or_default();
        caller.address.clone_from(&row.address);
        caller.last = caller.last.max(began);
        match &row.fate {
            Fate::Matched => {
                caller.matched += 1;
                self.arrivals.add(row, began);
            }
            Fate::FellBack => {
                caller.matched += 1;
                self.fallen.truncate(FALLEN - 1);
                self.fallen.push(Fallen::of(row, began));
            }
            Fate::Missed { why, found } => {
                caller.unmatched += 1;
                let examples = self.examples.entry(*why).or_default();
                if examples.len() == EXAMPLES {
                    examples.pop_back();
                }
                examples.push_front(Example {
                    at: began,
                    address: row.address.clone(),
                    method: row.method.clone(),
                    uri: row.uri.clone(),
                    found: found.clone(),
                    status: row.status,
                });
            }
        }
    }

    /// Addresses that nobody has named yet.
    pub fn nameless(&self) -> impl Iterator<Item = &str> {
        let nameless = self.callers.values().filter(|caller| caller.pod.is_none());
        nameless.map(|caller| caller.address.as_str())
    }

    /// Names callers: pods by address.
    pub fn name(&mut self, pods: &BTreeMap<String, String>) {
        for caller in self.callers.values_mut() {
            if let Some(pod) = pods.get(&caller.address) {
                caller.pod = Some(pod.clone());
            }
        }
    }

    /// The requests that arrived, to be joined with what was recorded of them.
    pub fn arrivals(&mut self) -> &mut Arrivals {
        &mut self.arrivals
    }

    /// The requests that fell back since this was asked last; of very many at once only some.
    pub fn fallen(&mut self) -> Vec<Fallen> {
        std::mem::take(&mut self.fallen)
    }

    /// The pod that has this address, where that is known.
    pub fn pod(&self, address: &str) -> Option<&str> {
        self.callers.get(address)?.pod.as_deref()
    }

    /// What is to be shown at `now`.
    pub fn view(&self, now: Duration) -> TrafficView {
        let reasons = Miss::ALL
            .into_iter()
            .zip(self.missed)
            .filter(|(_, count)| *count > 0);
        let mut callers: Vec<Caller> = self.callers.values().cloned().collect();
        callers.sort_by_key(|caller| std::cmp::Reverse(caller.last));
        let since = self.switched_at.map(|at| now.saturating_sub(at));
        TrafficView {
            sums: self.sums,
            seconds: self.seconds.view(now),
            reasons: reasons
                .map(|(why, count)| Reason {
                    why,
                    count,
                    examples: self.examples.get(&why).into_iter().flatten().cloned().collect(),
                })
                .collect(),
            callers,
            may_be_kept_alive: since
                .filter(|since| *since < KEPT_ALIVE_FOR)
                .map(|since| since.as_secs()),
        }
    }
}

struct Grown {
    matched: u64,
    fell_back: u64,
    missed: [u64; Miss::ALL.len()],
}

/// How much sums have grown. One that shrank has begun anew.
fn grown(before: Option<&Counts>, after: Option<&Counts>) -> Grown {
    let more = |before: u64, after: u64| after.checked_sub(before).unwrap_or(after);
    let Some(after) = after else {
        return Grown {
            matched: 0,
            fell_back: 0,
            missed: [0; Miss::ALL.len()],
        };
    };
    let old = before.map_or((0, 0, [0; Miss::ALL.len()]), |old| {
        (old.matched, old.fell_back, old.missed)
    });
    let mut missed = after.missed;
    for (sum, old) in missed.iter_mut().zip(old.2) {
        *sum = more(old, *sum);
    }
    Grown {
        matched: more(old.0, after.matched),
        fell_back: more(old.1, after.fell_back),
        missed,
    }
}

impl Sums {
    fn add(&mut self, more: Self) {
        self.matched += more.matched;
        self.fell_back += more.fell_back;
        self.unmatched += more.unmatched;
        self.unseen += more.unseen;
        self.dropped += more.dropped;
    }
}

#[cfg(test)]
mod tests;
