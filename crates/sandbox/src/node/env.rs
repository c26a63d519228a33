//! A container's environment: values, references to the pod, to ConfigMaps and to Secrets, and `$(NAME)` in texts.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, EnvVarSource, Pod};

use super::objects::{Entries, Objects};

/// A container that cannot be made; the kubelet says `CreateContainerConfigError`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EnvError {
    /// An object that is not there.
    #[error("{kind} \"{name}\" not found")]
    NoObject { kind: &'static str, name: String },
    /// A key that the object lacks.
    #[error("couldn't find key {key} in {kind} {namespace}/{name}")]
    NoKey {
        key: String,
        kind: &'static str,
        namespace: String,
        name: String,
    },
    /// A field that pods do not have.
    #[error("unsupported fieldPath: {0}")]
    NoField(String),
    /// The API server did not answer.
    #[error("failed to read a referenced object: {0}")]
    Api(#[from] kube::Error),
}

/// Every variable of `container`.
pub(crate) async fn resolve(
    container: &Container,
    pod: &Pod,
    ip: &str,
    objects: &Objects,
) -> Result<BTreeMap<String, String>, EnvError> {
    let mut all = BTreeMap::new();
    for source in container.env_from.iter().flatten() {
        let prefix = source.prefix.clone().unwrap_or_default();
        let entries = if let Some(one) = &source.config_map_ref {
            let found = objects.config_map(&one.name).await?;
            present("configmap", &one.name, found, one.optional)?
        } else if let Some(one) = &source.secret_ref {
            let found = objects.secret(&one.name).await?;
            present("secret", &one.name, found, one.optional)?
        } else {
            None
        };
        for (key, value) in entries.unwrap_or_default() {
            all.insert(
                format!("{prefix}{key}"),
                String::from_utf8_lossy(&value).into_owned(),
            );
        }
    }
    for variable in container.env.iter().flatten() {
        let value = match (&variable.value, &variable.value_from) {
            (Some(text), _) => Some(expand(text, &all)),
            (None, Some(source)) => from(source, pod, ip, objects).await?,
            (None, None) => Some(String::new()),
        };
        if let Some(value) = value {
            all.insert(variable.name.clone(), value);
        }
    }
    Ok(all)
}

fn present(
    kind: &'static str,
    name: &str,
    entries: Entries,
    optional: Option<bool>,
) -> Result<Entries, EnvError> {
    if entries.is_none() && optional != Some(true) {
        let name = name.to_owned();
        return Err(EnvError::NoObject { kind, name });
    }
    Ok(entries)
}

async fn from(
    source: &EnvVarSource,
    pod: &Pod,
    ip: &str,
    objects: &Objects,
) -> Result<Option<String>, EnvError> {
    if let Some(field) = &source.field_ref {
        let value = field_of(pod, ip, &field.field_path);
        return value
            .map(Some)
            .ok_or_else(|| EnvError::NoField(field.field_path.clone()));
    }
    if let Some(one) = &source.config_map_key_ref {
        let entries = objects.config_map(&one.name).await?;
        return keyed(
            "ConfigMap",
            "configmap",
            &one.name,
            &one.key,
            one.optional,
            entries,
            objects,
        );
    }
    if let Some(one) = &source.secret_key_ref {
        let entries = objects.secret(&one.name).await?;
        return keyed(
            "Secret",
            "secret",
            &one.name,
            &one.key,
            one.optional,
            entries,
            objects,
        );
    }
    // Resource fields: the sandbox gives no container less than all there is.
    Ok(source.resource_field_ref.as_ref().map(|_| "0".to_owned()))
}

fn keyed(
    kind: &'static str,
    lower: &'static str,
    name: &str,
    key: &str,
    optional: Option<bool>,
    entries: Entries,
    objects: &Objects,
) -> Result<Option<String>, EnvError> {
    let Some(entries) = present(lower, name, entries, optional)? else {
        return Ok(None);
    };
    match entries.get(key) {
        Some(value) => Ok(Some(String::from_utf8_lossy(value).into_owned())),
        None if optional == Some(true) => Ok(None),
        None => Err(EnvError::NoKey {
            key: key.to_owned(),
            kind,
            namespace: objects.namespace.clone(),
            name: name.to_owned(),
        }),
    }
}

/// A field of the pod, as `fieldRef` names it.
pub(crate) fn field_of(pod: &Pod, ip: &str, path: &str) -> Option<String> {
    let meta = &pod.metadata;
    let spec = pod.spec.clone().unwrap_or_default();
    let quoted = |path: &str, field: &str| {
        let inner = path.strip_prefix(field)?.strip_prefix("['")?.strip_suffix("']")?;
        Some(inner.to_owned())
    };
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    match path {
        "metadata.name" => Some(text(&meta.name)),
        "metadata.namespace" => Some(text(&meta.namespace)),
        "metadata.uid" => Some(text(&meta.uid)),
        "spec.nodeName" => Some(text(&spec.node_name)),
        "spec.serviceAccountName" => Some(spec.service_account_name.unwrap_or_else(|| "default".to_owned())),
        "status.podIP" | "status.podIPs" => Some(ip.to_owned()),
        "status.hostIP" | "status.hostIPs" => Some(text(
            &pod.status.as_ref().and_then(|status| status.host_ip.clone()),
        )),
        _ => {
            let (map, key) = if let Some(key) = quoted(path, "metadata.labels") {
                (meta.labels.as_ref(), key)
            } else {
                (meta.annotations.as_ref(), quoted(path, "metadata.annotations")?)
            };
            Some(map.and_then(|map| map.get(&key)).cloned().unwrap_or_default())
        }
    }
}

/// `$(NAME)` replaced where NAME is known, `$$` for a dollar; everything else as it stands.
pub(crate) fn expand(text: &str, known: &BTreeMap<String, String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some(more) = after.strip_prefix('$') {
            out.push('$');
            rest = more;
            continue;
        }
        let name = after.strip_prefix('(').and_then(|inner| inner.split_once(')'));
        match name.and_then(|(name, more)| Some((known.get(name)?, more))) {
            Some((value, more)) => {
                out.push_str(value);
                rest = more;
            }
            None => {
                out.push('$');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_shells_own_substitutions_stay() {
        let known = BTreeMap::from([("HOST".to_owned(), "api".to_owned())]);
        assert_eq!(
            expand("http://$(HOST):$(PORT)/ $(uname -m) $$x $i", &known),
            "http://api:$(PORT)/ $(uname -m) $x $i"
        );
    }

    #[test]
    fn fields_of_a_pod_are_found_by_their_paths() {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": { "name": "p", "uid": "u", "labels": { "app": "api" } },
            "spec": { "nodeName": "sandbox", "containers": [] },
        }))
        .unwrap();
        let field = |path| field_of(&pod, "127.9.1.1", path);
        assert_eq!(field("metadata.uid").as_deref(), Some("u"));
        assert_eq!(field("metadata.labels['app']").as_deref(), Some("api"));
        assert_eq!(field("status.podIP").as_deref(), Some("127.9.1.1"));
        assert_eq!(field("spec.hostname"), None);
    }
}
