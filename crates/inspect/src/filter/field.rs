//! What a filter can ask about.

/// A field's name, what it takes, an example: for completion and for `--help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// The field.
    pub field: Field,
    /// Its name.
    pub name: &'static str,
    /// Other names of it.
    pub aliases: &'static [&'static str],
    /// What follows the colon.
    pub kind: Kind,
    /// What it is, in a few words.
    pub meaning: &'static str,
    /// As somebody would type it.
    pub example: &'static str,
}

/// What follows a field's colon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `42`, `>=500`, `400..499`.
    Number,
    /// `5xx` as well.
    Status,
    /// `>10kb`.
    Size,
    /// `>300ms`.
    Duration,
    /// `10m`: so long ago.
    Ago,
    /// A part of a text, or a pattern.
    Text,
    /// A whole text, or a pattern.
    Name,
    /// A header's name, and perhaps its value.
    Header,
    /// One of these words.
    Word(&'static [&'static str]),
}

/// What a term asks about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    missing_docs,
    reason = "each is explained in the table below, which people read too"
)]
pub enum Field {
    Anything,
    Status,
    Method,
    Path,
    Query,
    Host,
    Url,
    Header,
    RequestHeader,
    ResponseHeader,
    Body,
    RequestBody,
    ResponseBody,
    Size,
    RequestSize,
    ResponseSize,
    Took,
    Type,
    Protocol,
    Service,
    Namespace,
    Context,
    Intercept,
    Port,
    Source,
    Pod,
    Id,
    ReplayOf,
    Since,
    Before,
    Is,
    Has,
}

/// How it was spoken.
pub(super) const PROTOCOLS: &[&str] = &["http1", "http2", "grpc", "ws", "sse", "bytes"];
/// How it ended, and what sets it apart.
pub(super) const STATES: &[&str] = &[
    "answered", "mocked", "fellback", "cluster", "reset", "timedout", "failed", "inflight", "imported",
    "pinned", "replayed", "edited", "error",
];
/// What can be there or not.
pub(super) const PARTS: &[&str] = &[
    "body", "reqbody", "resbody", "trailers", "response", "query", "source", "pod", "cut",
];

const ANYTHING: About = about(
    Field::Anything,
    "",
    &[],
    Kind::Text,
    "any text, header or body",
    "sku",
);

/// Every field with a name, in the order in which people should see them.
#[rustfmt::skip]
const FIELDS: &[About] = &[
    about(Field::Status, "status", &[], Kind::Status, "the answer's status", "status:>=500"),
    about(Field::Method, "method", &[], Kind::Name, "the method", "method:POST"),
    about(Field::Path, "path", &[], Kind::Text, "the path, without the query", "path:/cart"),
    about(Field::Query, "query", &[], Kind::Text, "what follows the question mark", "query:page=2"),
    about(Field::Host, "host", &[], Kind::Text, "the Host header", "host:shop.example"),
    about(Field::Url, "url", &[], Kind::Text, "host, path and query", "url:shop/cart?id"),
    about(Field::Header, "header", &[], Kind::Header, "a header of either", "header:x-user=42"),
    about(Field::RequestHeader, "reqheader", &[], Kind::Header, "a header of the request", "reqheader:cookie"),
    about(Field::ResponseHeader, "resheader", &[], Kind::Header, "a header of the answer", "resheader:etag"),
    about(Field::Body, "body", &[], Kind::Text, "either body", "body:\"sku\""),
    about(Field::RequestBody, "reqbody", &[], Kind::Text, "the request's body", "reqbody:sku"),
    about(Field::ResponseBody, "resbody", &[], Kind::Text, "the answer's body", "resbody:~\"total.: 0\""),
    about(Field::Size, "size", &[], Kind::Size, "both bodies' bytes", "size:>10kb"),
    about(Field::RequestSize, "reqsize", &[], Kind::Size, "the request body's bytes", "reqsize:0"),
    about(Field::ResponseSize, "ressize", &[], Kind::Size, "the answer body's bytes", "ressize:1kb..1mb"),
    about(Field::Took, "took", &["slow", "duration"], Kind::Duration, "first to last byte", "slow:>300ms"),
    about(Field::Type, "type", &[], Kind::Text, "the answer's media type", "type:json"),
    about(Field::Protocol, "protocol", &["proto"], Kind::Word(PROTOCOLS), "how it was spoken", "protocol:grpc"),
    about(Field::Service, "svc", &["service"], Kind::Text, "the Service", "svc:checkout"),
    about(Field::Namespace, "ns", &["namespace"], Kind::Text, "the namespace", "ns:shop"),
    about(Field::Context, "context", &["ctx"], Kind::Text, "the cluster's context", "context:staging"),
    about(Field::Intercept, "intercept", &[], Kind::Text, "the intercept's id", "intercept:ab12"),
    about(Field::Port, "port", &[], Kind::Number, "the Service's port", "port:8080"),
    about(Field::Source, "source", &["from"], Kind::Text, "the caller's address or pod", "source:10.0.0.7"),
    about(Field::Pod, "pod", &[], Kind::Text, "the caller's pod", "pod:web-*"),
    about(Field::Id, "id", &[], Kind::Number, "the number in the list", "id:42"),
    about(Field::ReplayOf, "replayof", &[], Kind::Number, "replays of this one", "replayof:42"),
    about(Field::Since, "since", &[], Kind::Ago, "began at most so long ago", "since:10m"),
    about(Field::Before, "before", &[], Kind::Ago, "began longer ago", "before:1h"),
    about(Field::Is, "is", &[], Kind::Word(STATES), "how it ended, what sets it apart", "is:pinned"),
    about(Field::Has, "has", &[], Kind::Word(PARTS), "what is there", "has:trailers"),
];

const fn about(
    field: Field,
    name: &'static str,
    aliases: &'static [&'static str],
    kind: Kind,
    meaning: &'static str,
    example: &'static str,
) -> About {
    About {
        field,
        name,
        aliases,
        kind,
        meaning,
        example,
    }
}

/// Every field with a name.
pub fn fields() -> &'static [About] {
    FIELDS
}

impl Field {
    /// What the table says of it.
    pub fn about(self) -> &'static About {
        FIELDS
            .iter()
            .find(|about| about.field == self)
            .unwrap_or(&ANYTHING)
    }

    /// The field that is called so, in whatever case.
    pub fn named(name: &str) -> Option<Self> {
        let is_called = |about: &&About| {
            std::iter::once(&about.name)
                .chain(about.aliases)
                .any(|known| known.eq_ignore_ascii_case(name))
        };
        FIELDS.iter().find(is_called).map(|about| about.field)
    }

    /// The name most like `name`, if one is.
    pub(super) fn near(name: &str) -> Option<&'static str> {
        let names = FIELDS
            .iter()
            .flat_map(|about| std::iter::once(about.name).chain(about.aliases.iter().copied()));
        nearest(name, names)
    }
}

/// Of `words`, the one that takes the fewest slips of the fingers to become `typed`.
pub(super) fn nearest(typed: &str, words: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let typed = typed.to_ascii_lowercase();
    if typed.len() > 24 {
        return None;
    }
    let near = words
        .map(|word| (distance(&typed, word), word))
        .min_by_key(|(far, _)| *far)?;
    let is_near = near.0 <= 2.min(near.1.len() / 2) || (typed.len() >= 3 && near.1.starts_with(&typed));
    is_near.then_some(near.1)
}

/// Letters added, left out, changed, or swapped with their neighbour.
fn distance(left: &str, right: &str) -> usize {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    let mut before = vec![0; right.len() + 1];
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (row, a) in left.iter().enumerate() {
        let mut next = vec![row + 1];
        for (column, b) in right.iter().enumerate() {
            let changed = last[column] + usize::from(a != b);
            let mut best = changed.min(last[column + 1] + 1).min(next[column] + 1);
            let is_swap = row > 0 && column > 0 && *a == right[column - 1] && left[row - 1] == *b;
            if is_swap {
                best = best.min(before[column - 1] + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut last, next);
    }
    last[right.len()]
}
