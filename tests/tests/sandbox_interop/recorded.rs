//! What was recorded, found as a user finds it.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use intercept_engine::inspector;
use intercept_inspect::decode::{Content, Decoded, GrpcMessage, GrpcStatus, Half, Options, decode};
use intercept_inspect::exchange::{Exchange, Header, Moment, Outcome};
use intercept_inspect::filter::Filter;
use intercept_inspect::store::{Limits, Page, Store};

/// The store, once nothing more is written.
pub(crate) struct Recorded {
    store: Store,
}

impl Recorded {
    pub(crate) fn open(directory: &Path) -> Self {
        let store = inspector::open(directory, Limits::default()).expect("the store must open");
        let gaps = store.gaps(Moment(0), Moment(i64::MAX), 10).unwrap();
        assert!(gaps.is_empty(), "not everything was recorded: {gaps:?}");
        Self { store }
    }

    /// All that a filter lets pass, the oldest first.
    pub(crate) fn find(&self, filter: &str) -> Vec<Exchange> {
        let parsed = Filter::parse(filter).unwrap_or_else(|error| panic!("{filter}: {error}"));
        let page = Page {
            before: None,
            limit: 10_000,
        };
        let found = self
            .store
            .find(&parsed, page, Moment(i64::MAX), &AtomicBool::new(false))
            .unwrap();
        assert!(found.is_complete(), "{filter} finds more than is looked at");
        let whole = found
            .summaries
            .iter()
            .rev()
            .map(|one| self.store.get(one.id).unwrap());
        whole.map(|one| one.expect("what is found is there")).collect()
    }

    /// As many as there should be.
    pub(crate) fn some(&self, filter: &str, count: usize) -> Vec<Exchange> {
        let found = self.find(filter);
        let all = || self.find("").iter().map(shown).collect::<Vec<_>>();
        assert_eq!(found.len(), count, "{filter} in {:#?}", all());
        found
    }

    /// None at all.
    pub(crate) fn none(&self, filter: &str) {
        let found: Vec<_> = self.find(filter).iter().map(shown).collect();
        assert!(found.is_empty(), "{filter} finds {found:#?}");
    }

    /// The only one.
    pub(crate) fn one(&self, filter: &str) -> Exchange {
        self.some(filter, 1).remove(0)
    }
}

/// A line for people.
fn shown(one: &Exchange) -> String {
    let (request, status) = (
        &one.request,
        one.response.as_ref().map(|response| response.status),
    );
    let (method, target) = (request.method.shown(), request.target.shown());
    format!(
        "{method} {target} {status:?} {:?} {:?} {:?}",
        one.protocol, one.outcome, one.times
    )
}

/// What one half says.
pub(crate) fn read(exchange: &Exchange, half: Half) -> Decoded {
    decode(exchange, half, &Options::default())
}

/// One half of a gRPC call.
pub(crate) fn call(exchange: &Exchange, half: Half) -> (Vec<GrpcMessage>, Option<GrpcStatus>) {
    match read(exchange, half).content {
        Content::Grpc { messages, status } => (messages, status),
        other => panic!("no gRPC call: {other:?}"),
    }
}

/// The body that was answered, as it passed.
pub(crate) fn answered(exchange: &Exchange) -> &[u8] {
    let response = exchange.response.as_ref().expect("an answer");
    &response.message.body.bytes
}

/// The values of a header, in their order.
pub(crate) fn values(headers: &[Header], name: &str) -> Vec<String> {
    let found = headers
        .iter()
        .filter(|header| header.name.eq_ignore_ascii_case(name));
    found.map(|header| header.value.shown().into_owned()).collect()
}

/// It was answered by the local program, and all of both bodies was kept.
pub(crate) fn assert_answered(exchange: &Exchange) {
    let target = exchange.request.target.shown();
    assert_eq!(exchange.outcome, Outcome::Answered, "{target}");
    assert!(exchange.request.message.body.is_whole(), "{target}");
    let response = exchange.response.as_ref().expect("an answer");
    assert!(response.message.body.is_whole(), "{target}");
    assert!(
        exchange.times.first_byte <= exchange.times.last_byte,
        "{target}: {:?}",
        exchange.times
    );
}
