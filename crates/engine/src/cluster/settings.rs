//! Turns one context of the kubeconfig into the settings of a client.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::Uri;
use kube::Config;
use kube::config::{AuthInfo, Cluster, ExecAuthCluster};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::ClusterError;
use super::connector::CONNECT_LIMIT;
use super::credential::Credential;
use super::plugin::{Issued, Plugin};
use crate::kubeconfig::Kubeconfigs;

/// What one context comes to, before anything is read or run for it.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) context: String,
    pub(super) server: String,
    /// Of this context first, then those that other contexts set for the same cluster.
    pub(super) known_namespaces: Vec<String>,
    url: Uri,
    cluster: Cluster,
    user: AuthInfo,
}

/// A credential plugin and what its first run gave.
pub(super) type FirstIssued = Option<(Plugin, Issued)>;

pub(super) fn resolve(kubeconfigs: &Kubeconfigs, context: Option<&str>) -> Result<Settings, ClusterError> {
    let known = || kubeconfigs.contexts().into_iter().map(|one| one.name).collect();
    let name = match context.or(kubeconfigs.current()) {
        Some(name) => name.to_owned(),
        None => return Err(ClusterError::NoCurrentContext { known: known() }),
    };
    let Some(found) = kubeconfigs.context(&name) else {
        return Err(ClusterError::NoSuchContext { name, known: known() });
    };
    let incomplete = |what, missing: &str| ClusterError::Incomplete {
        context: name.clone(),
        what,
        name: missing.to_owned(),
    };
    let cluster = kubeconfigs
        .cluster(&found.cluster)
        .ok_or_else(|| incomplete("cluster", &found.cluster))?;
    let user = match found.user.as_deref().filter(|user| !user.is_empty()) {
        // kubectl goes on without a user where none is named, and so does a local test cluster.
        None => AuthInfo::default(),
        Some(user) => kubeconfigs
            .user(user)
            .ok_or_else(|| incomplete("user", user))?
            .clone(),
    };
    let url = server_url(&found.cluster, cluster)?;
    Ok(Settings {
        known_namespaces: known_namespaces(kubeconfigs, &name, &found.cluster),
        server: url.to_string().trim_end_matches('/').to_owned(),
        cluster: cluster.clone(),
        context: name,
        url,
        user,
    })
}

fn known_namespaces(kubeconfigs: &Kubeconfigs, context: &str, cluster: &str) -> Vec<String> {
    let (own, others): (Vec<_>, Vec<_>) = kubeconfigs
        .contexts()
        .into_iter()
        .partition(|one| one.name == context);
    let own = own.into_iter().next().and_then(|one| one.namespace);
    let mut namespaces = vec![own.unwrap_or_else(|| "default".to_owned())];
    for namespace in others
        .into_iter()
        .filter(|one| one.cluster == cluster)
        .filter_map(|one| one.namespace)
    {
        if !namespaces.contains(&namespace) {
            namespaces.push(namespace);
        }
    }
    namespaces
}

fn server_url(name: &str, cluster: &Cluster) -> Result<Uri, ClusterError> {
    let server = cluster.server.clone().unwrap_or_default();
    let unusable = || ClusterError::ServerAddress {
        cluster: name.to_owned(),
        server: server.clone(),
    };
    // As kubectl: without a scheme it is TLS where the kubeconfig says something about TLS.
    let has_tls = cluster.certificate_authority.is_some()
        || cluster.certificate_authority_data.is_some()
        || cluster.insecure_skip_tls_verify == Some(true);
    let whole = match (server.contains("://"), has_tls) {
        (true, _) => server.clone(),
        (false, true) => format!("https://{server}"),
        (false, false) => format!("http://{server}"),
    };
    let url: Uri = whole.parse().map_err(|_| unusable())?;
    let is_http = matches!(url.scheme_str(), Some("http" | "https"));
    if is_http && url.host().is_some_and(|host| !host.is_empty()) {
        Ok(url)
    } else {
        Err(unusable())
    }
}

/// Runs the context's credential plugin, if it has one that counts: a token in the kubeconfig comes first.
pub(super) async fn credential(settings: &Settings) -> Result<FirstIssued, ClusterError> {
    let user = &settings.user;
    let Some(exec) = &user.exec else { return Ok(None) };
    if user.token.is_some() || user.token_file.is_some() || user.username.is_some() {
        return Ok(None);
    }
    let failed = |source| ClusterError::Plugin {
        context: settings.context.clone(),
        source,
    };
    let told = if exec.provide_cluster_info {
        Some(described(settings)?)
    } else {
        None
    };
    let plugin = Plugin::new(exec, told).map_err(failed)?;
    let issued = plugin.run().await.map_err(failed)?;
    Ok(Some((plugin, issued)))
}

/// The cluster as plugins are told of it; also the one place where kube reads the authority's file.
fn described(settings: &Settings) -> Result<ExecAuthCluster, ClusterError> {
    ExecAuthCluster::try_from(&settings.cluster)
        .map_err(|error| field(settings, "certificate-authority", error.to_string()))
}

fn field(settings: &Settings, field: &'static str, problem: String) -> ClusterError {
    ClusterError::CredentialField {
        context: settings.context.clone(),
        field,
        problem,
    }
}

/// The client's settings. `proxy_url` is the kubeconfig's alone; the environment's is the connector's affair.
pub(super) fn config(
    settings: &Settings,
    first: FirstIssued,
) -> Result<(Config, Option<Arc<Credential>>), ClusterError> {
    let mut config = Config::new(settings.url.clone());
    config.default_namespace = settings.known_namespaces[0].clone();
    config.root_cert = authorities(settings)?;
    config.accept_invalid_certs = settings.cluster.insecure_skip_tls_verify.unwrap_or(false);
    config.tls_server_name = settings
        .cluster
        .tls_server_name
        .clone()
        .filter(|name| !name.is_empty());
    config.proxy_url = kubeconfig_proxy(settings)?;
    config.connect_timeout = Some(CONNECT_LIMIT);
    config.auth_info = settings.user.clone();
    // kube would run the plugin itself, three times and in the way of everything else.
    config.auth_info.exec = None;
    let Some((plugin, issued)) = first else {
        return Ok((config, None));
    };
    if let Some((certificate, key)) = &issued.identity {
        config.auth_info.client_certificate_data = Some(BASE64.encode(certificate));
        config.auth_info.client_key_data = Some(BASE64.encode(key).into());
    }
    let credential = Credential::new(plugin, &issued).map_err(|source| ClusterError::Plugin {
        context: settings.context.clone(),
        source,
    })?;
    Ok((config, Some(Arc::new(credential))))
}

fn authorities(settings: &Settings) -> Result<Option<Vec<Vec<u8>>>, ClusterError> {
    let Some(pem) = described(settings)?.certificate_authority_data else {
        return Ok(None);
    };
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let found = found.map_err(|error| field(settings, "certificate-authority", error.to_string()))?;
    if found.is_empty() {
        return Err(field(
            settings,
            "certificate-authority",
            "it holds no PEM certificate".to_owned(),
        ));
    }
    Ok(Some(found.into_iter().map(|one| one.to_vec()).collect()))
}

fn kubeconfig_proxy(settings: &Settings) -> Result<Option<Uri>, ClusterError> {
    let named = settings
        .cluster
        .proxy_url
        .as_deref()
        .filter(|proxy| !proxy.is_empty());
    // The text may hold a password, so it is not repeated.
    let unusable = |_| ClusterError::Proxy {
        proxy: "`proxy-url` of the kubeconfig".to_owned(),
    };
    named.map(|proxy| proxy.parse().map_err(unusable)).transpose()
}
