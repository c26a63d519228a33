//! Keeps `ui/src/bindings/wire.ts` equal to the types it is generated from.
//! `INTERCEPT_WRITE_BINDINGS=1 cargo test -p intercept bindings` writes it; without that the test only judges.

use std::path::Path;

use ts_rs::{Config, TS};

use crate::dto::{Context, Port, Service};
use crate::error::{CommandError, ErrorCode};

const HEADER: &str =
    "// Generated from the types of src-tauri; CONTRIBUTING.md says how to write it afresh. Do not edit.\n";

fn declaration<T: TS>() -> String {
    let config = Config::default().with_large_int("number");
    format!("\n{}export {}\n", T::docs().unwrap_or_default(), T::decl(&config))
}

fn generated() -> String {
    [
        HEADER.to_owned(),
        declaration::<Context>(),
        declaration::<Service>(),
        declaration::<Port>(),
        declaration::<CommandError>(),
        declaration::<ErrorCode>(),
    ]
    .concat()
}

#[test]
fn bindings_of_the_window_equal_the_types_they_come_from() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/src/bindings/wire.ts");
    if std::env::var_os("INTERCEPT_WRITE_BINDINGS").is_some() {
        std::fs::write(&path, generated()).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap().replace("\r\n", "\n");
    assert_eq!(
        committed,
        generated(),
        "{} is not what the types say",
        path.display()
    );
}
