//! The ConfigMaps and Secrets that pods refer to, read as the kubelet reads them: when it needs them.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{Api, Client};

/// A map of names to bytes; nothing where the object is not there.
pub(crate) type Entries = Option<BTreeMap<String, Vec<u8>>>;

/// Reads objects of one namespace.
#[derive(Clone)]
pub(crate) struct Objects {
    pub(crate) client: Client,
    pub(crate) namespace: String,
}

impl Objects {
    /// Texts and bytes of a ConfigMap.
    pub(crate) async fn config_map(&self, name: &str) -> Result<Entries, kube::Error> {
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), &self.namespace);
        Ok(api.get_opt(name).await?.map(|map| {
            let texts = map
                .data
                .into_iter()
                .flatten()
                .map(|(key, text)| (key, text.into_bytes()));
            let bytes = map
                .binary_data
                .into_iter()
                .flatten()
                .map(|(key, bytes)| (key, bytes.0));
            texts.chain(bytes).collect()
        }))
    }

    /// Bytes of a Secret.
    pub(crate) async fn secret(&self, name: &str) -> Result<Entries, kube::Error> {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), &self.namespace);
        Ok(api.get_opt(name).await?.map(|secret| {
            let entries = secret.data.into_iter().flatten();
            entries.map(|(key, bytes)| (key, bytes.0)).collect()
        }))
    }
}
