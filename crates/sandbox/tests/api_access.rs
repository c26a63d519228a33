//! Who may do what, garbage collection and namespaces, with a real client.

#![allow(clippy::unwrap_used, reason = "all of this is a test, its helpers too")]

mod api;

use api::{config_map, sandbox, service, status, until};
use intercept_sandbox::{Sandbox, User};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, ResourceQuota, Service, ServiceAccount};
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;

async fn bind(sandbox: &Sandbox, rules: serde_json::Value, subject: serde_json::Value) {
    let client = sandbox.client().unwrap();
    let role: Role = serde_json::from_value(json!({ "metadata": { "name": "r" }, "rules": rules })).unwrap();
    Api::default_namespaced(client.clone())
        .create(&PostParams::default(), &role)
        .await
        .unwrap();
    let binding: RoleBinding = serde_json::from_value(json!({
        "metadata": { "name": "b" }, "subjects": [subject],
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r" },
    }))
    .unwrap();
    Api::default_namespaced(client)
        .create(&PostParams::default(), &binding)
        .await
        .unwrap();
}

async fn may(client: &Client, verb: &str, resource: &str, name: Option<&str>) -> bool {
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                namespace: Some("default".to_owned()),
                verb: Some(verb.to_owned()),
                resource: Some(resource.to_owned()),
                name: name.map(str::to_owned),
                ..Default::default()
            }),
            ..Default::default()
        },
        ..Default::default()
    };
    let api: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    api.create(&PostParams::default(), &review)
        .await
        .unwrap()
        .status
        .unwrap()
        .allowed
}

#[tokio::test]
async fn a_user_may_do_what_its_role_says_and_nothing_else() {
    let sandbox = sandbox().await;
    let rules = json!([{ "apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["mine"], "verbs": ["get"] }]);
    bind(
        &sandbox,
        rules,
        json!({ "kind": "User", "name": "dora", "apiGroup": "rbac.authorization.k8s.io" }),
    )
    .await;
    let dora = sandbox.client_for(User::new("dora")).unwrap();
    let maps: Api<ConfigMap> = Api::default_namespaced(dora.clone());
    assert_eq!(status(maps.get("mine").await).code, 404);
    let failure = status(maps.get("yours").await);
    assert_eq!(failure.code, 403);
    assert_eq!(
        failure.message,
        "configmaps \"yours\" is forbidden: User \"dora\" cannot get resource \"configmaps\" in API group \"\" in the \
         namespace \"default\""
    );
    assert_eq!(status(maps.list(&ListParams::default()).await).code, 403);
    assert!(may(&dora, "get", "configmaps", Some("mine")).await);
    assert!(!may(&dora, "get", "configmaps", None).await);
    assert!(may(&sandbox.client().unwrap(), "delete", "nodes", None).await);
}

#[tokio::test]
async fn nobody_gets_in_with_a_wrong_token_and_little_without() {
    let sandbox = sandbox().await;
    let with = |token: Option<&str>| {
        let mut config = kube::Config::new(format!("http://{}", sandbox.address()).parse().unwrap());
        config.auth_info.token = token.map(|token| token.to_owned().into());
        Client::try_from(config).unwrap()
    };
    let maps = |client| Api::<ConfigMap>::default_namespaced(client);
    assert_eq!(status(maps(with(Some("wrong"))).get("a").await).code, 401);
    let failure = status(maps(with(None)).get("a").await);
    assert_eq!(failure.code, 403);
    assert!(failure.message.contains("User \"system:anonymous\" cannot get"));
    assert!(with(None).apiserver_version().await.is_ok());
}

#[tokio::test]
async fn the_kubeconfig_lets_a_client_in_over_tls() {
    let sandbox = sandbox().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kubeconfig");
    sandbox.write_kubeconfig(&path).unwrap();
    let kubeconfig = kube::config::Kubeconfig::read_from(&path).unwrap();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default())
        .await
        .unwrap();
    assert_eq!(config.cluster_url.scheme_str(), Some("https"));
    let client = Client::try_from(config).unwrap();
    Api::<ConfigMap>::default_namespaced(client)
        .create(&PostParams::default(), &config_map("a"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_pods_token_is_its_account_until_the_pod_goes() {
    let sandbox = sandbox().await;
    let rules = json!([{ "apiGroups": [""], "resources": ["services"], "verbs": ["get"] }]);
    bind(
        &sandbox,
        rules,
        json!({ "kind": "ServiceAccount", "name": "default", "namespace": "default" }),
    )
    .await;
    let client = sandbox.client().unwrap();
    let services: Api<Service> = Api::default_namespaced(client.clone());
    services
        .create(&PostParams::default(), &service("api"))
        .await
        .unwrap();
    let pods: Api<Pod> = Api::default_namespaced(client.clone());
    let pod: Pod = serde_json::from_value(json!({
        "metadata": { "name": "p" }, "spec": { "containers": [{ "name": "c", "image": "i" }] },
    }))
    .unwrap();
    pods.create(&PostParams::default(), &pod).await.unwrap();
    let request: TokenRequest = TokenRequest {
        spec: TokenRequestSpec {
            bound_object_ref: serde_json::from_value(
                json!({ "kind": "Pod", "apiVersion": "v1", "name": "p" }),
            )
            .unwrap(),
            ..Default::default()
        },
        ..Default::default()
    };
    let accounts: Api<ServiceAccount> = Api::default_namespaced(client.clone());
    let made = accounts
        .create_token_request("default", &PostParams::default(), &request)
        .await
        .unwrap();
    let mut config = kube::Config::new(format!("http://{}", sandbox.address()).parse().unwrap());
    config.auth_info.token = Some(made.status.unwrap().token.into());
    let account: Api<Service> = Api::default_namespaced(Client::try_from(config).unwrap());
    assert!(account.get("api").await.is_ok());
    assert_eq!(
        status(account.delete("api", &DeleteParams::default()).await).code,
        403
    );
    pods.delete("p", &DeleteParams::default()).await.unwrap();
    assert_eq!(status(account.get("api").await).code, 401);
}

#[tokio::test]
async fn a_role_gives_nothing_that_its_author_has_not() {
    let sandbox = sandbox().await;
    let rules = json!([{ "apiGroups": ["", "rbac.authorization.k8s.io"], "resources": ["roles", "services"], "verbs": ["create", "get"] }]);
    bind(
        &sandbox,
        rules,
        json!({ "kind": "User", "name": "dora", "apiGroup": "rbac.authorization.k8s.io" }),
    )
    .await;
    let roles: Api<Role> = Api::default_namespaced(sandbox.client_for(User::new("dora")).unwrap());
    let role = |verb: &str| -> Role {
        let rules = json!([{ "apiGroups": [""], "resources": ["services"], "verbs": [verb] }]);
        serde_json::from_value(json!({ "metadata": { "name": verb }, "rules": rules })).unwrap()
    };
    roles.create(&PostParams::default(), &role("get")).await.unwrap();
    let failure = status(roles.create(&PostParams::default(), &role("delete")).await);
    assert_eq!(failure.code, 403);
    assert!(
        failure
            .message
            .contains("is attempting to grant RBAC permissions not currently held")
    );
}

#[tokio::test]
async fn what_an_owner_owned_goes_with_it() {
    let sandbox = sandbox().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(sandbox.client().unwrap());
    let owner = maps
        .create(&PostParams::default(), &config_map("owner"))
        .await
        .unwrap();
    let other = maps
        .create(&PostParams::default(), &config_map("other"))
        .await
        .unwrap();
    let reference = |of: &ConfigMap| json!({ "apiVersion": "v1", "kind": "ConfigMap", "name": of.name_any(), "uid": of.uid() });
    let mut owned = config_map("owned");
    owned.metadata.owner_references = serde_json::from_value(json!([reference(&owner)])).unwrap();
    maps.create(&PostParams::default(), &owned).await.unwrap();
    // A second owner is added by a strategic merge, by uid.
    let adopt = Patch::Strategic(json!({ "metadata": { "ownerReferences": [reference(&other)] } }));
    let adopted = maps
        .patch("owned", &PatchParams::default(), &adopt)
        .await
        .unwrap();
    assert_eq!(adopted.owner_references().len(), 2);
    maps.delete("owner", &DeleteParams::background()).await.unwrap();
    until(|| async { maps.get("owned").await.unwrap().owner_references().len() == 1 }).await;
    maps.delete("other", &DeleteParams::background()).await.unwrap();
    until(|| async { maps.get_opt("owned").await.unwrap().is_none() }).await;
}

#[tokio::test]
async fn a_namespace_is_emptied_and_goes() {
    let sandbox = sandbox().await;
    let client = sandbox.client().unwrap();
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let shop: Namespace = serde_json::from_value(json!({ "metadata": { "name": "shop" } })).unwrap();
    namespaces.create(&PostParams::default(), &shop).await.unwrap();
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), "shop");
    assert!(accounts.get("default").await.is_ok());
    let maps: Api<ConfigMap> = Api::namespaced(client, "shop");
    maps.create(&PostParams::default(), &config_map("a"))
        .await
        .unwrap();
    let held = Patch::Merge(json!({ "metadata": { "finalizers": ["a.test/hold"] } }));
    maps.patch("a", &PatchParams::default(), &held).await.unwrap();
    namespaces.delete("shop", &DeleteParams::default()).await.unwrap();
    until(|| async { maps.get("a").await.unwrap().metadata.deletion_timestamp.is_some() }).await;
    let failure = status(maps.create(&PostParams::default(), &config_map("b")).await);
    assert_eq!(failure.code, 403);
    assert!(failure.message.contains("because it is being terminated"));
    let free = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
    maps.patch("a", &PatchParams::default(), &free).await.unwrap();
    until(|| async { namespaces.get_opt("shop").await.unwrap().is_none() }).await;
}

#[tokio::test]
async fn a_quota_counts() {
    let sandbox = sandbox().await;
    let client = sandbox.client().unwrap();
    let quota: ResourceQuota = serde_json::from_value(
        json!({ "metadata": { "name": "q" }, "spec": { "hard": { "services": "1" } } }),
    )
    .unwrap();
    Api::default_namespaced(client.clone())
        .create(&PostParams::default(), &quota)
        .await
        .unwrap();
    let services: Api<Service> = Api::default_namespaced(client);
    services
        .create(&PostParams::default(), &service("a"))
        .await
        .unwrap();
    let failure = status(services.create(&PostParams::default(), &service("b")).await);
    assert_eq!(
        failure.message,
        "services \"b\" is forbidden: exceeded quota: q, requested: services=1, used: services=1, limited: services=1"
    );
}

#[tokio::test]
async fn a_pod_on_a_node_has_its_grace_and_one_without_goes_at_once() {
    let sandbox = sandbox().await;
    api::running_pod(&sandbox, "p").await;
    let pods: Api<Pod> = Api::default_namespaced(sandbox.client().unwrap());
    pods.delete("p", &DeleteParams::default()).await.unwrap();
    let going = pods.get("p").await.unwrap();
    assert_eq!(going.metadata.deletion_grace_period_seconds, Some(30));
    pods.delete("p", &DeleteParams::default().grace_period(0))
        .await
        .unwrap();
    assert!(pods.get_opt("p").await.unwrap().is_none());
}
