//! `interceptctl contexts`.

use intercept_engine::kubeconfig::{ContextSummary, Kubeconfigs};
use serde_json::json;

use crate::args::Global;
use crate::errors::Failure;
use crate::exit::Exit;
use crate::output::{Output, Table, good};

/// Lists them; nothing is connected to.
pub(crate) fn contexts(global: &Global, output: &Output) -> Result<Exit, Failure> {
    let kubeconfigs = Kubeconfigs::load(global.kubeconfig.as_deref())?;
    let contexts = kubeconfigs.contexts();
    output.result(
        &json!({ "contexts": contexts, "files": kubeconfigs.files() }),
        || table(&contexts),
    );
    Ok(Exit::Done)
}

fn table(contexts: &[ContextSummary]) -> String {
    let mut table = Table::new(&["CURRENT", "NAME", "CLUSTER", "USER", "NAMESPACE"]);
    for one in contexts {
        table.row(vec![
            if one.is_current { good("*") } else { String::new() },
            one.name.clone(),
            one.cluster.clone(),
            one.user.clone(),
            one.namespace.clone().unwrap_or_default(),
        ]);
    }
    table.to_string()
}
