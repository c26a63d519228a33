use super::*;

fn counts(intercept: &InterceptId, matched: u64, absent: u64) -> Counts {
    Counts {
        intercept: intercept.clone(),
        matched,
        fell_back: 0,
        missed: [absent, 0, 0, 0, 0],
    }
}

fn report(intercept: &InterceptId, matched: u64, absent: u64) -> Report {
    Report {
        requests: matched + absent,
        intercepts: vec![counts(intercept, matched, absent)],
        ..Report::default()
    }
}

fn row(intercept: &InterceptId, uri: &str, fate: Fate, ended: i64) -> Row {
    Row {
        intercept: intercept.clone(),
        fate,
        ended,
        took: 5_000,
        connection: 1,
        place: 1,
        address: "10.0.0.9".into(),
        method: "GET".into(),
        uri: uri.into(),
        protocol: "HTTP/1.1".into(),
        status: 200,
        sent: 10,
        received: 20,
    }
}

const fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn sums_of_all_pods_grow_by_what_each_says_and_survive_a_new_agent() {
    let id = InterceptId::random();
    let mut traffic = Traffic::new(id.clone());
    traffic.heard("one", &report(&id, 5, 10), None, at(0));
    traffic.heard("two", &report(&id, 1, 0), None, at(0));
    traffic.heard("one", &report(&id, 7, 10), None, at(1));
    // The agent of the first pod started again.
    traffic.heard("one", &report(&id, 2, 1), None, at(2));
    let sums = traffic.view(at(2)).sums;
    assert_eq!((sums.matched, sums.unmatched), (10, 11));
}

#[test]
fn somebody_elses_rule_is_not_counted() {
    let mut traffic = Traffic::new(InterceptId::random());
    traffic.heard("one", &report(&InterceptId::random(), 5, 10), None, at(0));
    assert_eq!(traffic.view(at(0)).sums, Sums::default());
}

#[test]
fn seconds_have_no_gaps_and_end_after_five_minutes() {
    let id = InterceptId::random();
    let mut traffic = Traffic::new(id.clone());
    traffic.heard("one", &report(&id, 1, 0), None, at(10));
    traffic.heard("one", &report(&id, 3, 0), None, at(13));
    let matched = |now| -> Vec<u64> {
        let seconds = traffic.view(now).seconds;
        seconds.iter().map(|second| second.matched).collect()
    };
    assert_eq!(matched(at(15)), [1, 0, 0, 2, 0, 0]);
    assert_eq!(matched(at(312)).len(), 300);
    assert_eq!(matched(at(312))[..2], [2, 0]);
    assert_eq!(matched(at(100_000)), [0; 300]);
}

#[test]
fn a_reason_shows_its_newest_examples_by_the_laptops_clock() {
    let id = InterceptId::random();
    let mut traffic = Traffic::new(id.clone());
    let missed = |uri: &str, ended| {
        let fate = Fate::Missed {
            why: Miss::OtherValue,
            found: "no".into(),
        };
        row(&id, uri, fate, ended)
    };
    let rows = (0..30).map(|n| missed(&format!("/{n}"), 1_000_000 + n)).collect();
    let mut report = report(&id, 0, 0);
    report.intercepts[0].missed[Miss::OtherValue as usize] = 30;
    report.rows = rows;
    // The pod's clock is a tenth of a second ahead.
    traffic.heard("one", &report, Some(100_000), at(0));
    let view = traffic.view(at(0));
    let [reason] = view.reasons.as_slice() else {
        panic!("{view:?}")
    };
    assert_eq!(
        (reason.why, reason.count, reason.examples.len()),
        (Miss::OtherValue, 30, EXAMPLES)
    );
    assert_eq!(
        (reason.examples[0].uri.as_str(), reason.examples[0].at),
        ("/29", 895_029)
    );
    assert_eq!(
        (view.callers[0].unmatched, view.callers[0].address.as_str()),
        (30, "10.0.0.9")
    );
}

#[test]
fn callers_are_bounded_and_named_once_their_pods_are_known() {
    let id = InterceptId::random();
    let mut traffic = Traffic::new(id.clone());
    let mut report = report(&id, 0, 0);
    for n in 0..CALLERS + 50 {
        let mut row = row(&id, "/", Fate::Matched, 1_000_000 + n as i64);
        row.address = format!("10.1.{}.{}", n / 250, n % 250);
        report.rows.push(row);
    }
    traffic.heard("one", &report, None, at(0));
    assert_eq!(traffic.nameless().count(), CALLERS);
    let newest = traffic.view(at(0)).callers[0].address.clone();
    traffic.name(&BTreeMap::from([(newest, "web-1".to_owned())]));
    assert_eq!(traffic.view(at(0)).callers[0].pod.as_deref(), Some("web-1"));
}

#[test]
fn a_recorded_request_finds_its_row_once() {
    let id = InterceptId::random();
    let mut traffic = Traffic::new(id.clone());
    let mut report = report(&id, 2, 0);
    report.rows = vec![
        row(&id, "/a", Fate::Matched, 10_000_000),
        row(&id, "/a", Fate::Matched, 12_000_000),
    ];
    traffic.heard("one", &report, None, at(0));
    let began = |found: Option<Arrival>| found.map(|one| one.began);
    let arrivals = traffic.arrivals();
    assert_eq!(began(arrivals.take("GET", "/a", 10_001_000)), Some(9_995_000));
    assert_eq!(began(arrivals.take("GET", "/a", 10_001_000)), None);
    assert_eq!(began(arrivals.take("POST", "/a", 13_000_000)), None);
    assert_eq!(began(arrivals.take("GET", "/a", 12_001_000)), Some(11_995_000));
}

#[test]
fn the_fastest_answer_knows_the_other_clock_best() {
    let mut offset = Offset::default();
    assert_eq!(offset.micros(), None);
    offset.heard(Duration::from_millis(100), 1_000_000, 2_000_000);
    offset.heard(Duration::from_millis(2), 2_000_000, 2_500_000);
    offset.heard(Duration::from_millis(50), 3_000_000, 9_000_000);
    assert_eq!(offset.micros(), Some(501_000));
}

#[test]
fn connections_from_before_the_switch_are_a_possibility_for_a_while() {
    let mut traffic = Traffic::new(InterceptId::random());
    assert_eq!(traffic.view(at(0)).kept_alive_words(), None);
    traffic.switched(at(5));
    traffic.switched(at(50));
    let words = traffic.view(at(65)).kept_alive_words().unwrap();
    assert!(words.contains("since 60 s"), "{words}");
    assert_eq!(traffic.view(at(605)).may_be_kept_alive, None);
}
