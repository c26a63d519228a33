//! Whether a term holds for an exchange.

use std::borrow::Cow;
use std::cell::OnceCell;

use regex::bytes::{Regex, RegexBuilder};

use super::Readable;
use super::expr::{Bounds, Expr, Pattern, Term, Test};
use super::field::Field;
use super::needed::needed;
use crate::exchange::{Exchange, Header, Message, Moment, Outcome, Protocol};
use crate::text::Text;

/// Bytes that one compiled pattern may take.
const LARGEST_PATTERN: usize = 4 << 20;

/// A term made ready to be asked of many exchanges.
#[derive(Clone, Debug)]
pub(crate) struct Ready {
    /// Which of the filter's terms it is.
    pub(crate) index: usize,
    /// What it asks about.
    pub(crate) field: Field,
    /// What must hold.
    pub(crate) check: Check,
    /// What is in every exchange that it holds for, case aside: whoever keeps an index looks for it there.
    pub(crate) needed: Expr<String>,
}

/// What must hold.
#[derive(Clone, Debug)]
pub(crate) enum Check {
    Within(Bounds),
    Like(Regex),
    Header(String, Option<Regex>),
    Word(&'static str),
    Ago(u64),
}

impl Ready {
    pub(crate) fn new(index: usize, term: &Term) -> Result<Self, regex::Error> {
        let name = |name: &String| Expr::One(name.clone());
        let needed = match &term.test {
            Test::Like(pattern) => needed(pattern),
            Test::Header(header, None) => name(header),
            Test::Header(header, Some(value)) => Expr::all(vec![name(header), needed(value)]),
            _ => Expr::All(Vec::new()),
        };
        let check = match &term.test {
            Test::Within(bounds) => Check::Within(*bounds),
            Test::Like(pattern) => Check::Like(compiled(pattern)?),
            Test::Header(name, value) => {
                Check::Header(name.clone(), value.as_ref().map(compiled).transpose()?)
            }
            Test::Word(word) => Check::Word(word),
            Test::Ago(micros) => Check::Ago(*micros),
        };
        Ok(Self {
            index,
            field: term.field,
            check,
            needed,
        })
    }

    /// A number compared.
    pub(crate) fn has_number(&self, number: Option<u64>) -> bool {
        matches!((&self.check, number), (Check::Within(bounds), Some(number)) if bounds.hold(number))
    }

    /// A text compared.
    pub(crate) fn has_text(&self, text: &[u8]) -> bool {
        matches!(&self.check, Check::Like(regex) if regex.is_match(text))
    }

    /// A moment compared with `now`.
    pub(crate) fn has_moment(&self, began: Moment, now: Moment) -> bool {
        let Check::Ago(micros) = self.check else {
            return false;
        };
        let border = now.0.saturating_sub(i64::try_from(micros).unwrap_or(i64::MAX));
        (began.0 >= border) == (self.field == Field::Since)
    }

    /// Whether it cannot be answered without the bodies' bytes.
    pub(crate) fn needs_bodies(&self) -> bool {
        matches!(
            self.field,
            Field::Anything | Field::Body | Field::RequestBody | Field::ResponseBody
        ) || matches!(self.check, Check::Word("cut"))
    }

    fn has(&self, text: &Text) -> bool {
        self.has_text(text.shown().as_bytes())
    }
}

/// Everything but regular expressions becomes one too: that crate finds text without regard to case fast.
pub(super) fn compiled(pattern: &Pattern) -> Result<Regex, regex::Error> {
    let (expression, is_case_blind) = match pattern {
        Pattern::Contains(text) => (regex::escape(text), true),
        Pattern::Exact(text) => (format!(r"\A{}\z", regex::escape(text)), true),
        Pattern::Prefix(text) => (format!(r"\A{}", regex::escape(text)), true),
        Pattern::Glob(text) => {
            let parts: Vec<_> = text.split('*').map(regex::escape).collect();
            (format!(r"\A{}\z", parts.join("(?s-u:.)*")), true)
        }
        Pattern::Regex(text) => (text.clone(), false),
    };
    RegexBuilder::new(&expression)
        .case_insensitive(is_case_blind)
        .size_limit(LARGEST_PATTERN)
        .dfa_size_limit(LARGEST_PATTERN)
        .nest_limit(64)
        .build()
}

/// An exchange as terms see it; bodies are read once, and only if a term asks.
pub(crate) struct Subject<'a> {
    exchange: &'a Exchange,
    now: Moment,
    bodies: &'a dyn Readable,
    request: OnceCell<Cow<'a, str>>,
    response: OnceCell<Cow<'a, str>>,
}

impl<'a> Subject<'a> {
    pub(crate) fn new(exchange: &'a Exchange, now: Moment, bodies: &'a dyn Readable) -> Self {
        Self {
            exchange,
            now,
            bodies,
            request: OnceCell::new(),
            response: OnceCell::new(),
        }
    }

    /// Whether `term` holds.
    pub(crate) fn holds(&self, term: &Ready) -> bool {
        let exchange = self.exchange;
        let place = &exchange.place;
        match term.field {
            Field::Anything => self.has_anywhere(term),
            Field::Status => term.has_number(self.status().map(u64::from)),
            Field::Method => term.has(&exchange.request.method),
            Field::Path => term.has_text(path_and_query(&exchange.request.target.shown()).0.as_bytes()),
            Field::Query => path_and_query(&exchange.request.target.shown())
                .1
                .is_some_and(|query| term.has_text(query.as_bytes())),
            Field::Host => term.has(&exchange.request.host),
            Field::Url => term.has_text(url(exchange).as_bytes()),
            Field::Header | Field::RequestHeader | Field::ResponseHeader => self.has_header(term),
            Field::Body => self.in_request_body(term) || self.in_response_body(term),
            Field::RequestBody => self.in_request_body(term),
            Field::ResponseBody => self.in_response_body(term),
            Field::Size => term.has_number(Some(self.sizes().0.saturating_add(self.sizes().1))),
            Field::RequestSize => term.has_number(Some(self.sizes().0)),
            Field::ResponseSize => term.has_number(Some(self.sizes().1)),
            Field::Took => term.has_number(exchange.times.last_byte),
            Field::Type => self
                .media_type()
                .is_some_and(|name| term.has_text(name.as_bytes())),
            Field::Service => term.has_text(place.service.as_bytes()),
            Field::Namespace => term.has_text(place.namespace.as_bytes()),
            Field::Context => term.has_text(place.context.as_bytes()),
            Field::Intercept => term.has_text(place.intercept.as_bytes()),
            Field::Port => term.has_number(Some(u64::from(place.port))),
            Field::Source => self.has_source(term),
            Field::Pod => self.pod().is_some_and(|pod| term.has_text(pod.as_bytes())),
            Field::Id => term.has_number(Some(exchange.id.0)),
            Field::ReplayOf => term.has_number(exchange.tags.replay_of.map(|id| id.0)),
            Field::Since | Field::Before => term.has_moment(exchange.began, self.now),
            Field::Protocol | Field::Is | Field::Has => self.is(term),
        }
    }

    fn status(&self) -> Option<u16> {
        self.exchange.response.as_ref().map(|response| response.status)
    }

    fn sizes(&self) -> (u64, u64) {
        let response = self.exchange.response.as_ref();
        let size = response.map_or(0, |response| response.message.body.size);
        (self.exchange.request.message.body.size, size)
    }

    fn media_type(&self) -> Option<String> {
        self.exchange.response.as_ref()?.message.media_type()
    }

    fn pod(&self) -> Option<&str> {
        self.exchange.source.as_ref()?.pod.as_deref()
    }

    fn has_source(&self, term: &Ready) -> bool {
        let address = self
            .exchange
            .source
            .as_ref()
            .map(|source| source.address.as_str());
        address
            .into_iter()
            .chain(self.pod())
            .any(|text| term.has_text(text.as_bytes()))
    }

    fn messages(&self) -> impl Iterator<Item = &'a Message> {
        let response = self.exchange.response.as_ref().map(|response| &response.message);
        std::iter::once(&self.exchange.request.message).chain(response)
    }

    fn has_anywhere(&self, term: &Ready) -> bool {
        let request = &self.exchange.request;
        let in_lines =
            |message: &Message| lines(message).any(|line| term.has(&line.name) || term.has(&line.value));
        term.has(&request.target)
            || term.has(&request.host)
            || self.messages().any(in_lines)
            || self.in_request_body(term)
            || self.in_response_body(term)
    }

    fn in_request_body(&self, term: &Ready) -> bool {
        let message = &self.exchange.request.message;
        let text = self.request.get_or_init(|| self.bodies.text(message));
        !message.body.bytes.is_empty() && term.has_text(text.as_bytes())
    }

    fn in_response_body(&self, term: &Ready) -> bool {
        let Some(response) = &self.exchange.response else {
            return false;
        };
        let text = self.response.get_or_init(|| self.bodies.text(&response.message));
        !response.message.body.bytes.is_empty() && term.has_text(text.as_bytes())
    }

    fn has_header(&self, term: &Ready) -> bool {
        let Check::Header(name, value) = &term.check else {
            return false;
        };
        let is_it = |line: &Header| {
            let is_like = |regex: &Regex| regex.is_match(line.value.shown().as_bytes());
            line.name.eq_ignore_ascii_case(name) && value.as_ref().is_none_or(is_like)
        };
        let skipped = usize::from(term.field == Field::ResponseHeader);
        let taken = if term.field == Field::RequestHeader { 1 } else { 2 };
        let mut messages = self.messages().take(taken).skip(skipped);
        messages.any(|message| lines(message).any(is_it))
    }

    fn is(&self, term: &Ready) -> bool {
        let Check::Word(word) = term.check else {
            return false;
        };
        match term.field {
            Field::Protocol => self.is_spoken(word),
            Field::Is => self.is_state(word),
            _ => self.has_part(word),
        }
    }

    fn is_spoken(&self, word: &str) -> bool {
        let protocol = self.exchange.protocol;
        let request = &self.exchange.request.message;
        let media_type = |message: &Message| message.media_type().unwrap_or_default();
        match word {
            "http1" => matches!(protocol, Protocol::Http10 | Protocol::Http11),
            "http2" => protocol == Protocol::Http2,
            "grpc" => media_type(request).starts_with("application/grpc"),
            "ws" => {
                let upgrade = request.header("upgrade");
                upgrade.is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
            }
            "sse" => self.media_type().as_deref() == Some("text/event-stream"),
            _ => protocol == Protocol::Bytes,
        }
    }

    fn is_state(&self, word: &str) -> bool {
        let tags = &self.exchange.tags;
        match word {
            "pinned" => tags.pinned,
            "replayed" => tags.replay_of.is_some(),
            "edited" => tags.edited,
            "error" => self.is_error(),
            outcome => outcome_word(&self.exchange.outcome) == outcome,
        }
    }

    fn is_error(&self) -> bool {
        let is_cut = matches!(
            self.exchange.outcome,
            Outcome::Reset { .. } | Outcome::TimedOut | Outcome::Failed { .. }
        );
        let refuses = |line: &Header| {
            line.name.eq_ignore_ascii_case("grpc-status") && !line.value.eq_ignore_ascii_case("0")
        };
        let answer = self.exchange.response.as_ref();
        is_cut
            || self.status().is_some_and(|status| status >= 500)
            || answer.is_some_and(|response| lines(&response.message).any(refuses))
    }

    fn has_part(&self, word: &str) -> bool {
        let (request, response) = self.sizes();
        match word {
            "body" => request > 0 || response > 0,
            "reqbody" => request > 0,
            "resbody" => response > 0,
            "trailers" => self.messages().any(|message| !message.trailers.is_empty()),
            "response" => self.exchange.response.is_some(),
            "query" => path_and_query(&self.exchange.request.target.shown()).1.is_some(),
            "source" => self.exchange.source.is_some(),
            "pod" => self.pod().is_some(),
            _ => self.messages().any(|message| !message.body.is_whole()),
        }
    }
}

/// As `is:` calls it.
pub(crate) fn outcome_word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::InFlight => "inflight",
        Outcome::Answered => "answered",
        Outcome::Mocked => "mocked",
        Outcome::FellBack { .. } => "fellback",
        Outcome::AnsweredByCluster => "cluster",
        Outcome::Reset { .. } => "reset",
        Outcome::TimedOut => "timedout",
        Outcome::Failed { .. } => "failed",
        Outcome::Imported => "imported",
    }
}

/// Headers and trailers.
pub(crate) fn lines(message: &Message) -> impl Iterator<Item = &Header> {
    message.headers.iter().chain(&message.trailers)
}

fn url(exchange: &Exchange) -> String {
    let target = exchange.request.target.shown();
    match target.starts_with('/') {
        true => format!("{}{target}", exchange.request.host.shown()),
        false => target.into_owned(),
    }
}

/// Of a target in whichever form it was sent.
fn path_and_query(target: &str) -> (&str, Option<&str>) {
    let path = match target.split_once("://") {
        Some((scheme, rest)) if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            &rest[rest.find(['/', '?']).unwrap_or(rest.len())..]
        }
        _ => target,
    };
    match path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path, None),
    }
}
