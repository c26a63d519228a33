//! `interceptctl request`: one recorded request with all there is to it; and what is kept and forgotten.

mod body;
mod orders;
pub(crate) mod show;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use intercept_inspect::decode::{self, Options, decode};
use intercept_inspect::exchange::Exchange;
use intercept_inspect::raw;
use serde_json::{Value, json};

use super::requests::{curl_of, har};
use crate::args::{Format, Global, Half, RequestArgs};
use crate::errors::Failure;
use crate::exit::Exit;
use crate::output::{Output, good};
use crate::recorded::{Cover, Covered, get, open};

/// Shows one, or does something with several.
pub(crate) fn request(global: &Global, args: &RequestArgs, output: &Output) -> Result<Exit, Failure> {
    let mut store = open(output)?;
    let id = match (&args.order, args.id) {
        (Some(order), _) => return orders::carry_out(&mut store, order, global.output, output),
        (None, Some(id)) => id,
        (None, None) => return Err(Failure::usage("the number of a request is missing")),
    };
    let exchange = get(&store, id)?;
    let cover = Cover::new(args.reveal)?;
    if let Some(bytes) = bytes(args, &exchange, &cover)? {
        return give(&bytes, args.save.as_deref(), output);
    }
    match global.output {
        Format::Har => har(&store, &[id], &cover, output),
        Format::Curl => {
            output.bytes(curl_of(&exchange, &cover)?.as_bytes());
            Ok(Exit::Done)
        }
        _ => {
            let covered = cover.exchange(&exchange);
            output.result(&document(&covered), || show::text(&covered, output.width()));
            Ok(Exit::Done)
        }
    }
}

/// What was asked for as bytes, if so.
fn bytes(args: &RequestArgs, exchange: &Exchange, cover: &Cover) -> Result<Option<Vec<u8>>, Failure> {
    if !args.raw && args.body.is_none() {
        return Ok(None);
    }
    let shown = cover.exchange(exchange).exchange;
    let no_answer = || {
        Failure::new(
            Exit::Refused,
            "noAnswer",
            format!("Request {} was not answered", exchange.id),
        )
        .hint(Some("See how it ended: `interceptctl request ID`."))
    };
    let bytes = match args.body {
        Some(Half::Request) => shown.request.message.body.bytes,
        Some(Half::Response) => shown.response.ok_or_else(no_answer)?.message.body.bytes,
        None => {
            let mut bytes = raw::request(&shown);
            if let Some(answer) = raw::response(&shown) {
                if !bytes.ends_with(b"\n") {
                    bytes.extend_from_slice(b"\r\n");
                }
                bytes.extend_from_slice(b"\r\n");
                bytes.extend(answer);
            }
            bytes
        }
    };
    Ok(Some(bytes))
}

fn give(bytes: &[u8], file: Option<&Path>, output: &Output) -> Result<Exit, Failure> {
    let Some(path) = file else {
        output.bytes(bytes);
        return Ok(Exit::Done);
    };
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    // Requests of others are in it.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(path).and_then(|mut file| file.write_all(bytes));
    written.map_err(|error| {
        Failure::from_error(Exit::Usage, "file", &error)
            .during(format!("{} cannot be written", path.display()))
            .hint(Some(
                "Name a file that is not there yet, in a folder that is yours.",
            ))
    })?;
    output.note(&format!(
        "{} {} bytes to {}",
        good("Written:"),
        bytes.len(),
        path.display()
    ));
    Ok(Exit::Done)
}

/// Everything, bodies decoded.
pub(crate) fn document(covered: &Covered) -> Value {
    let exchange = &covered.exchange;
    let options = Options::default();
    let answered = exchange
        .response
        .as_ref()
        .map(|_| decode(exchange, decode::Half::Response, &options));
    json!({
        "exchange": exchange,
        "bodies": {
            "request": decode(exchange, decode::Half::Request, &options),
            "response": answered,
        },
        "hidden": covered.hidden,
    })
}
