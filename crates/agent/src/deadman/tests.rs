//! The decision alone, on times that nobody waits for.

use intercept_protocol::ids::Token;
use intercept_protocol::matching::{Mark, Match};
use intercept_protocol::record::{Intercept, Owner};

use super::*;

const GRACE: Duration = Duration::from_secs(60);

struct Case {
    start: Instant,
    record: Record,
    observed: Observed,
    vitals: Vitals,
    live: BTreeSet<SessionId>,
}

impl Case {
    fn new(count: usize) -> Self {
        let start = Instant::now();
        let intercepts = (0..count).map(|_| Intercept {
            id: InterceptId::random(),
            port: 80,
            rule: Match::new(Mark::All),
            owner: Owner {
                user: "u".into(),
                host: "h".into(),
            },
            session: SessionId::random(),
            token_hash: Token::random().hash(),
            target: String::new(),
            created: 0,
            expires: None,
        });
        Self {
            start,
            record: Record {
                format: 1,
                namespace: "n".into(),
                service: "s".into(),
                origin: [127, 0, 0, 1].into(),
                listeners: Vec::new(),
                relay_port: 1,
                health_port: 2,
                grace_seconds: 60,
                forwarded_headers: false,
                intercepts: intercepts.collect(),
            },
            observed: Observed {
                text: None,
                heartbeats: BTreeMap::new(),
                synced_at: Some(start),
            },
            vitals: Vitals::default(),
            live: BTreeSet::new(),
        }
    }

    fn at(&mut self, seconds: u64) -> Verdict {
        let now = self.start + Duration::from_secs(seconds);
        self.vitals.note(now, &self.record, &self.observed, &self.live);
        self.vitals.judge(now, 1_000 + seconds, &self.record)
    }

    fn beat(&mut self, place: usize, value: &str) {
        let session = self.record.intercepts[place].session.to_string();
        self.observed.heartbeats.insert(session, value.into());
    }

    fn all(&self) -> Verdict {
        Verdict::Remove(self.record.intercepts.iter().map(|one| one.id.clone()).collect())
    }
}

#[test]
fn a_session_never_seen_has_the_whole_grace_time() {
    let mut case = Case::new(1);
    assert_eq!(case.at(0), Verdict::AllIsWell);
    assert_eq!(case.at(59), Verdict::AllIsWell);
    assert_eq!(case.at(60), case.all());
}

#[test]
fn only_a_heartbeat_that_changes_counts() {
    let mut case = Case::new(1);
    case.beat(0, "1");
    case.at(0);
    case.at(50);
    case.beat(0, "2");
    assert_eq!(case.at(55), Verdict::AllIsWell);
    assert_eq!(case.at(114), Verdict::AllIsWell);
    assert_eq!(case.at(115), case.all());
}

#[test]
fn a_live_relay_keeps_a_session_without_heartbeats() {
    let mut case = Case::new(1);
    case.live.insert(case.record.intercepts[0].session.clone());
    case.at(0);
    assert_eq!(case.at(1_000), Verdict::AllIsWell);
    case.live.clear();
    assert_eq!(case.at(1_059), Verdict::AllIsWell);
    assert_eq!(case.at(1_060), case.all());
}

#[test]
fn an_outage_of_the_api_counts_for_nobody() {
    let mut case = Case::new(1);
    case.at(0);
    case.observed.synced_at = Some(case.start + Duration::from_secs(300));
    assert_eq!(case.at(300), Verdict::AllIsWell);
    assert_eq!(case.at(359), Verdict::AllIsWell);
    assert_eq!(case.at(360), case.all());
}

#[test]
fn a_lifetime_ends_whatever_the_laptop_does() {
    let mut case = Case::new(2);
    case.live
        .extend(case.record.intercepts.iter().map(|one| one.session.clone()));
    case.record.intercepts[1].expires = Some(1_010);
    assert_eq!(case.at(9), Verdict::AllIsWell);
    let over = [case.record.intercepts[1].id.clone()].into();
    assert_eq!(case.at(10), Verdict::Remove(over));
}

#[test]
fn an_empty_record_is_finished_after_the_grace_time() {
    let mut case = Case::new(1);
    let intercepts = std::mem::take(&mut case.record.intercepts);
    case.at(0);
    assert_eq!(case.at(59), Verdict::AllIsWell);
    case.record.intercepts = intercepts;
    case.live.insert(case.record.intercepts[0].session.clone());
    assert_eq!(case.at(61), Verdict::AllIsWell);
    case.record.intercepts.clear();
    assert_eq!(case.at(62), Verdict::AllIsWell);
    assert_eq!(case.at(62 + GRACE.as_secs()), Verdict::Finish);
}
