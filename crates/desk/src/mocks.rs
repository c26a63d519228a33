//! Answers that stand in for the local program's.

use std::error::Error as _;

use intercept_engine::tap::{Mock, MockError, Mocks};
use intercept_inspect::exchange::Header;

use crate::error::CommandError;
use crate::wire::{MockView, MockWish};

/// Those that are switched on.
pub(crate) fn list(mocks: &Mocks) -> Vec<MockView> {
    let standing = mocks.list().into_iter().map(|one| MockView {
        number: one.number,
        filter: one.mock.filter,
        status: one.mock.status,
        answered: one.answered,
    });
    standing.collect()
}

/// Switches one on.
pub(crate) fn add(mocks: &Mocks, wish: MockWish) -> Result<Vec<MockView>, CommandError> {
    let headers = wish.headers.into_iter().map(|one| Header {
        name: one.name.into(),
        value: one.value.into(),
    });
    let mock = Mock {
        filter: wish.filter.clone(),
        status: wish.status,
        headers: headers.collect(),
        body: wish.body.into_bytes(),
        trailers: Vec::new(),
        delay_ms: wish.delay_ms.into(),
    };
    mocks.add(mock).map_err(|error| refused(&wish.filter, error))?;
    Ok(list(mocks))
}

fn refused(filter: &str, error: MockError) -> CommandError {
    let field = match &error {
        MockError::Filter(_) | MockError::NotInHead { .. } => "filter",
        MockError::Status { .. } => "status",
        _ => "headers",
    };
    if let MockError::Filter(error) = error {
        return CommandError::of_filter(filter, error);
    }
    let why = error.source().map(|why| format!(": {why}")).unwrap_or_default();
    let words = std::io::Error::other(format!("{error}{why}"));
    CommandError::wrong(field, &words, "Correct it; the program answers as before.")
}
