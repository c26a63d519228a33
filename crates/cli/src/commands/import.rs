//! `interceptctl import`: requests of a HAR file, among the recorded ones.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, stdin};
use std::path::Path;

use intercept_inspect::exchange::{Exchange, ExchangeId};
use intercept_inspect::har::{HarError, Imported, Limits, import as read};
use intercept_inspect::store::{Store, StoreError};
use serde_json::json;

use crate::args::ImportArgs;
use crate::errors::Failure;
use crate::exit::Exit;
use crate::output::{Output, one_line, warning};
use crate::recorded::open;

/// Written in one go: few enough to hold, enough to be quick.
const AT_ONCE: usize = 256;
/// Reasons that are shown.
const SHOWN: usize = 10;

/// Reads the file to its end, and keeps what is sound in it.
pub(crate) fn import(args: &ImportArgs, output: &Output) -> Result<Exit, Failure> {
    let file = source(&args.file)?;
    let store = open(output)?;
    let mut kept = Kept {
        store,
        waiting: Vec::new(),
        numbers: HashMap::new(),
        first: None,
        last: None,
        failed: None,
    };
    let read = read(file, Limits::default(), |exchange| kept.take(exchange));
    kept.flush();
    if let Some(error) = kept.failed {
        return Err(error.into());
    }
    // What was read before an error stands; it is said in either case.
    let (first, last) = (kept.first, kept.last);
    let imported = read.map_err(|error| unreadable(&args.file, &error, first, last))?;
    told(&imported, first, last, output);
    Ok(Exit::Done)
}

fn source(path: &Path) -> Result<Box<dyn Read>, Failure> {
    if path == Path::new("-") {
        return Ok(Box::new(stdin().lock()));
    }
    let file = File::open(path).map_err(|error| {
        Failure::from_error(Exit::Usage, "file", &error)
            .during(format!("{} cannot be read", path.display()))
            .hint(Some(
                "Name a HAR file that is there, or `-` for the standard input.",
            ))
    })?;
    Ok(Box::new(file))
}

/// Puts what is read into the store.
struct Kept {
    store: Store,
    waiting: Vec<Exchange>,
    /// Numbers in the file, and here.
    numbers: HashMap<ExchangeId, ExchangeId>,
    first: Option<ExchangeId>,
    last: Option<ExchangeId>,
    failed: Option<StoreError>,
}

impl Kept {
    fn take(&mut self, exchange: Exchange) {
        if self.failed.is_some() {
            return;
        }
        self.waiting.push(exchange);
        if self.waiting.len() >= AT_ONCE {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let mut batch = std::mem::take(&mut self.waiting);
        if batch.is_empty() || self.failed.is_some() {
            return;
        }
        if let Err(error) = self.put(&mut batch) {
            self.failed = Some(error);
        }
    }

    fn put(&mut self, batch: &mut [Exchange]) -> Result<(), StoreError> {
        let numbers = self.store.numbers(batch.len() as u64)?;
        for (exchange, number) in batch.iter_mut().zip(numbers) {
            self.numbers.insert(exchange.id, ExchangeId(number));
            exchange.id = ExchangeId(number);
            let repeated = exchange.tags.replay_of.take();
            exchange.tags.replay_of = repeated.and_then(|number| self.numbers.get(&number).copied());
        }
        self.store.put(batch)?;
        self.first = self.first.or_else(|| batch.first().map(|one| one.id));
        self.last = batch.last().map(|one| one.id).or(self.last);
        Ok(())
    }
}

fn unreadable(path: &Path, error: &HarError, first: Option<ExchangeId>, last: Option<ExchangeId>) -> Failure {
    let mut failure = Failure::from_error(Exit::Usage, "har", error)
        .during(format!("{} cannot be imported", path.display()));
    if let (Some(first), Some(last)) = (first, last) {
        failure = failure.hint(Some(format!(
            "What stands before that is there, as requests {first} to {last}."
        )));
    }
    failure
}

fn told(imported: &Imported, first: Option<ExchangeId>, last: Option<ExchangeId>, output: &Output) {
    let left_out: Vec<_> = imported
        .left_out
        .iter()
        .map(|one| json!({ "index": one.index, "why": one.why }))
        .collect();
    let document = json!({
        "imported": imported.count,
        "first": first,
        "last": last,
        "leftOut": imported.left_out_count,
        "reasons": left_out,
    });
    output.result(&document, || match (first, last) {
        (Some(first), Some(last)) => format!("Imported {} requests: {first} to {last}", imported.count),
        _ => "Nothing to import".to_owned(),
    });
    for one in imported.left_out.iter().take(SHOWN) {
        output.note(&format!(
            "{} entry {}: {}",
            warning("Left out:"),
            one.index,
            one_line(&one.why)
        ));
    }
    if imported.left_out_count > SHOWN {
        output.note(&format!(
            "{} entries are left out in all",
            imported.left_out_count
        ));
    }
}
