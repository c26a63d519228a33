//! A user with few rights: a ServiceAccount with a Role in one namespace, as a kubeconfig. Works on any cluster.

use std::path::{Path, PathBuf};

use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::PostParams;
use kube::config::Kubeconfig;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::Namespace;

/// A user; dropping it removes its kubeconfig.
pub struct User {
    folder: TempDir,
}

impl User {
    /// Where its kubeconfig is.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }
}

/// Makes a user who may do just this in the namespace: (API group, resources, verbs), lists with commas.
pub async fn mk_user(namespace: &Namespace, name: &str, rights: &[(&str, &str, &str)]) -> User {
    namespace
        .create::<ServiceAccount>(json!({ "metadata": { "name": name } }))
        .await;
    let list = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
    let rules = rights.iter().map(|(group, resources, verbs)| {
        json!({ "apiGroups": [group], "resources": list(resources), "verbs": list(verbs) })
    });
    let rules: Vec<_> = rules.collect();
    namespace
        .create::<Role>(json!({ "metadata": { "name": name }, "rules": rules }))
        .await;
    let binding = json!({
        "metadata": { "name": name },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name },
        "subjects": [{ "kind": "ServiceAccount", "name": name, "namespace": namespace.name }],
    });
    namespace.create::<RoleBinding>(binding).await;
    let folder = TempDir::with_prefix("user-").expect("a temporary folder must be possible");
    let user = User { folder };
    let kubeconfig = kubeconfig(
        &namespace.cluster.kubeconfig,
        namespace,
        &token(namespace, name).await,
    );
    std::fs::write(user.kubeconfig(), kubeconfig.to_string()).expect("a temporary file must be writable");
    user
}

async fn token(namespace: &Namespace, account: &str) -> String {
    let request: TokenRequest =
        serde_json::from_value(json!({ "spec": { "audiences": [], "expirationSeconds": 3600 } }))
            .expect("must be a request");
    let accounts = namespace.api::<ServiceAccount>();
    let granted = accounts
        .create_token_request(account, &PostParams::default(), &request)
        .await;
    granted
        .expect("an account must get a token")
        .status
        .expect("a granted token must have a status")
        .token
}

/// The administrator's kubeconfig with another user in it; JSON is YAML too.
fn kubeconfig(of_administrator: &Path, namespace: &Namespace, token: &str) -> Value {
    let original =
        Kubeconfig::read_from(of_administrator).expect("the kubeconfig of the tests must be readable");
    let current = original
        .current_context
        .clone()
        .expect("it must have a current context");
    let context = original
        .contexts
        .iter()
        .find(|named| named.name == current)
        .and_then(|named| named.context.clone());
    let cluster = context.expect("the current context must be there").cluster;
    let clusters = serde_json::to_value(original.clusters).expect("clusters must be JSON");
    let context = json!({ "cluster": cluster, "user": "user", "namespace": namespace.name });
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": clusters,
        "users": [{ "name": "user", "user": { "token": token } }],
        "contexts": [{ "name": current, "context": context }],
        "current-context": current,
    })
}
