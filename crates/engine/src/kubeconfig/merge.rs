//! Merges kubeconfig files by kubectl's rule: of each name the first file that has it wins whole, and so
//! does the first `current-context` that is set.

use std::collections::HashSet;
use std::path::Path;

use kube::config::Kubeconfig;

use super::KubeconfigError;

/// Adds to `merged` what `next`, read from `file`, has under names of its own.
pub(super) fn merge(merged: &mut Kubeconfig, next: Kubeconfig, file: &Path) -> Result<(), KubeconfigError> {
    let twice = |what| {
        move |name: String| KubeconfigError::Duplicate {
            file: file.to_owned(),
            what,
            name,
        }
    };
    append(&mut merged.clusters, next.clusters, |one| &one.name).map_err(twice("cluster"))?;
    append(&mut merged.auth_infos, next.auth_infos, |one| &one.name).map_err(twice("user"))?;
    append(&mut merged.contexts, next.contexts, |one| &one.name).map_err(twice("context"))?;
    if merged.current_context.is_none() {
        merged.current_context = next.current_context.filter(|name| !name.is_empty());
    }
    Ok(())
}

/// Fails with the name that `next` has twice.
fn append<T>(merged: &mut Vec<T>, next: Vec<T>, name: fn(&T) -> &String) -> Result<(), String> {
    let known: HashSet<String> = merged.iter().map(|one| name(one).clone()).collect();
    let mut seen = HashSet::new();
    for one in next {
        if !seen.insert(name(&one).clone()) {
            return Err(name(&one).clone());
        }
        if !known.contains(name(&one)) {
            merged.push(one);
        }
    }
    Ok(())
}
