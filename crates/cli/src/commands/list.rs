//! `interceptctl list`.

use intercept_engine::discover::{self, InterceptState, InterceptSummary};
use serde_json::json;

use super::services::place;
use crate::args::{Global, Scope};
use crate::connection::{connect, settings};
use crate::errors::Failure;
use crate::exit::Exit;
use crate::output::{Output, Table, good, warning};
use crate::words::{now, span};

/// Lists everybody's intercepts.
pub(crate) async fn list(global: &Global, scope: &Scope, output: &Output) -> Result<Exit, Failure> {
    let connection = connect(global, &settings(global)?, output).await?;
    let namespace = (!scope.all_namespaces).then_some(connection.namespace.as_str());
    let found = discover::intercepts(&connection.cluster, namespace).await?;
    if found.is_empty() {
        output.note(&format!("No intercepts in {}.", place(namespace)));
    }
    if !found.is_empty() || !output.is_text() {
        output.result(&json!({ "intercepts": found }), || table(&found, now()));
    }
    if found.iter().any(|one| one.state == InterceptState::Residue) {
        output.note("`residue` has no living session behind it: interceptctl session close");
    }
    Ok(Exit::Done)
}

fn table(intercepts: &[InterceptSummary], now: u64) -> String {
    let mut table = Table::new(&[
        "SERVICE", "MATCH", "TARGET", "OWNER", "AGE", "ENDS IN", "STATE", "ID",
    ]);
    for one in intercepts {
        let ends = one.expires.map(|end| span(end.saturating_sub(now)));
        table.row(vec![
            format!("{}/{}:{}", one.namespace, one.service, one.port),
            one.rule.clone(),
            one.target.clone(),
            one.owner.to_string(),
            span(now.saturating_sub(one.created)),
            ends.unwrap_or_default(),
            state(one.state),
            one.id.to_string(),
        ]);
    }
    table.to_string()
}

/// The same words as in JSON.
fn state(state: InterceptState) -> String {
    match state {
        InterceptState::Active => good("active"),
        InterceptState::Unfinished => "unfinished".to_owned(),
        InterceptState::Residue => warning("residue"),
        InterceptState::Unknown => warning("unknown"),
    }
}
