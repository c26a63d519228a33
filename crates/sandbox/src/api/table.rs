//! Tables: what kubectl prints, with the columns its users expect.

mod columns;
mod words;

use std::sync::Arc;

use serde_json::{Value, json};

use super::list::{RowObject, metadata};
use crate::resources::Kind;
use crate::store::Object;

/// One column: its heading, whether only `-o wide` shows it, and what stands in it.
pub(super) struct Column {
    name: &'static str,
    is_wide: bool,
    cell: fn(&Value) -> Value,
}

/// A table of some objects.
pub(super) fn of(kind: Kind, objects: &[Arc<Object>], with: RowObject, meta: &Value) -> Value {
    let columns = columns::of(kind);
    let definitions: Vec<Value> = columns
        .iter()
        .map(|column| {
            json!({
                "name": column.name, "type": "string", "format": if column.name == "Name" { "name" } else { "" },
                "description": "", "priority": i32::from(column.is_wide),
            })
        })
        .collect();
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let cells: Vec<Value> = columns
                .iter()
                .map(|column| (column.cell)(&object.value))
                .collect();
            match with {
                RowObject::Nothing => json!({ "cells": cells, "object": null }),
                RowObject::Metadata => json!({ "cells": cells, "object": metadata(object) }),
                RowObject::Whole => json!({ "cells": cells, "object": object.value }),
            }
        })
        .collect();
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": meta, "columnDefinitions": definitions,
        "rows": rows,
    })
}
