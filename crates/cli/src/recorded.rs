//! What this machine has recorded: the store, how bodies are read, and which secrets are covered.

use intercept_engine::inspector;
use intercept_engine::settings::recorded_requests;
pub(crate) use intercept_inspect::decode::Reading;
use intercept_inspect::exchange::{Exchange, ExchangeId};
use intercept_inspect::filter::{Filter, FilterError};
use intercept_inspect::redact::{Hidden, Redaction};
use intercept_inspect::store::{Limits, Store, StoreError};

use crate::errors::Failure;
use crate::exit::Exit;
use crate::output::Output;

/// Opens what was recorded; a file that could not be used is set aside, and that is said.
pub(crate) fn open(output: &Output) -> Result<Store, Failure> {
    let store = inspector::open(&recorded_requests(), Limits::default())?;
    if let Some(aside) = store.set_aside() {
        output.note(&format!(
            "What was recorded before could not be read ({}) and is now {}",
            aside.why,
            aside.kept.display()
        ));
    }
    Ok(store)
}

/// The one with this number.
pub(crate) fn get(store: &Store, id: ExchangeId) -> Result<Exchange, Failure> {
    store.get(id)?.ok_or_else(|| no_such(id))
}

pub(crate) fn no_such(id: ExchangeId) -> Failure {
    Failure::new(
        Exit::Refused,
        "noSuchRequest",
        format!("There is no request {id}"),
    )
    .hint(Some(
        "It may have been removed to make room. See `interceptctl requests`.",
    ))
}

/// Reads a filter; the failure points at what is wrong.
pub(crate) fn filter(text: &str) -> Result<Filter, Failure> {
    Filter::parse(text).map_err(|error| unreadable(text, &error))
}

fn unreadable(text: &str, error: &FilterError) -> Failure {
    let drawn = error.drawn(text).replace('\n', "\n  ");
    let hint = error.hint.clone();
    Failure::new(
        Exit::Usage,
        "filter",
        format!("The filter is not understood:\n  {drawn}"),
    )
    .hint(Some(hint.unwrap_or_else(|| {
        "See `interceptctl requests --help` for what can be asked.".to_owned()
    })))
}

/// What of an exchange may be shown.
pub(crate) struct Cover(Redaction);

/// An exchange that may be shown, and what of it may not.
pub(crate) struct Covered {
    pub(crate) exchange: Exchange,
    pub(crate) hidden: Vec<Hidden>,
}

impl Cover {
    /// Covers secrets, or only those of this program.
    pub(crate) fn new(reveal: bool) -> Result<Self, Failure> {
        if reveal {
            return Ok(Self(Redaction::revealed()));
        }
        let usual = Redaction::new(&[]).map_err(|error| {
            Failure::from_error(Exit::Unexpected, "unexpected", &error).during("Secrets cannot be covered")
        })?;
        Ok(Self(usual))
    }

    pub(crate) fn exchange(&self, exchange: &Exchange) -> Covered {
        let covered = self.0.apply(exchange, &Reading);
        Covered {
            exchange: covered.exchange,
            hidden: covered.hidden,
        }
    }

    /// What a request was asked for, as lists show it.
    pub(crate) fn target(&self, target: &str) -> String {
        self.0.target(target)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::from_error(Exit::Undone, "store", &error).hint(Some(error.hint()))
    }
}
