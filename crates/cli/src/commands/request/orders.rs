//! What is kept, and what is forgotten.

use intercept_inspect::exchange::ExchangeId;
use intercept_inspect::store::Store;
use serde_json::json;

use crate::args::{Format, RequestOrder};
use crate::errors::Failure;
use crate::exit::Exit;
use crate::output::Output;
use crate::question::is_agreed;
use crate::recorded::no_such;

pub(super) fn carry_out(
    store: &mut Store,
    order: &RequestOrder,
    format: Format,
    output: &Output,
) -> Result<Exit, Failure> {
    if matches!(format, Format::Har | Format::Curl) {
        return Err(
            Failure::usage("the formats har and curl are for a request that is shown").hint(Some(
                "Choose text, json or yaml with --output or INTERCEPT_OUTPUT.",
            )),
        );
    }
    match order {
        RequestOrder::Pin(ids) => pin(store, &ids.ids, true, output),
        RequestOrder::Unpin(ids) => pin(store, &ids.ids, false, output),
        RequestOrder::Delete(ids) => {
            if let Some(missing) = first_missing(store, &ids.ids)? {
                return Err(no_such(missing));
            }
            let count = store.delete(&ids.ids)?;
            Ok(forgotten(count, output))
        }
        RequestOrder::Clear { pinned, yes } => clear(store, *pinned, *yes, output),
    }
}

fn pin(store: &mut Store, ids: &[ExchangeId], is_pinned: bool, output: &Output) -> Result<Exit, Failure> {
    // All or none: half of a list done is hard to tell from the whole.
    if let Some(missing) = first_missing(store, ids)? {
        return Err(no_such(missing));
    }
    for id in ids {
        store.pin(*id, is_pinned)?;
    }
    output.result(&json!({ "ids": ids, "pinned": is_pinned }), || {
        let what = if is_pinned { "Pinned" } else { "No longer pinned" };
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        format!("{what}: {}", ids.join(", "))
    });
    Ok(Exit::Done)
}

fn first_missing(store: &Store, ids: &[ExchangeId]) -> Result<Option<ExchangeId>, Failure> {
    for id in ids {
        if store.get(*id)?.is_none() {
            return Ok(Some(*id));
        }
    }
    Ok(None)
}

fn clear(store: &mut Store, also_pinned: bool, is_agreed_on: bool, output: &Output) -> Result<Exit, Failure> {
    let which = if also_pinned {
        "all"
    } else {
        "all but the pinned ones"
    };
    let question = format!("Forget {which} of {} recorded requests?", store.usage()?.count);
    if !is_agreed_on && !is_agreed(&question, "--yes", output)? {
        output.note("Nothing was forgotten");
        return Ok(Exit::Done);
    }
    let count = store.clear(also_pinned)?;
    Ok(forgotten(count, output))
}

fn forgotten(count: usize, output: &Output) -> Exit {
    output.result(&json!({ "deleted": count }), || format!("Forgotten: {count}"));
    Exit::Done
}
