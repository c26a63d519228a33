//! What a namespace lets in, and what may be sent away: Pod Security, LimitRanges, disruption budgets.

#![allow(clippy::unwrap_used, reason = "all of this is a test, its helpers too")]

mod api;

use api::{sandbox, status};
use k8s_openapi::api::core::v1::{LimitRange, Namespace, Pod};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{EvictParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, Resource as _};
use serde_json::{Value, json};

fn pod(name: &str, container: &Value) -> Pod {
    serde_json::from_value(json!({
        "metadata": { "name": name, "labels": { "app": "api" } },
        "spec": { "nodeName": "sandbox", "containers": [container] },
    }))
    .unwrap()
}

#[tokio::test]
async fn a_namespace_enforces_the_level_its_label_names() {
    let sandbox = sandbox().await;
    let client = sandbox.client().unwrap();
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let pods: Api<Pod> = Api::default_namespaced(client);
    let careless = pod("a", &json!({ "name": "c", "image": "i:1" }));
    for (level, is_let_in) in [("restricted", false), ("baseline", true), ("privileged", true)] {
        let label = json!({ "metadata": { "labels": { "pod-security.kubernetes.io/enforce": level } } });
        namespaces
            .patch("default", &PatchParams::default(), &Patch::Merge(label))
            .await
            .unwrap();
        let dry = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        let made = pods.create(&dry, &careless).await;
        if is_let_in {
            made.unwrap();
            continue;
        }
        let refused = status(made);
        assert_eq!((refused.code, refused.reason.as_str()), (403, "Forbidden"));
        let words = "pods \"a\" is forbidden: violates PodSecurity \"restricted:latest\": allowPrivilegeEscalation != false \
                     (container \"c\" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities";
        assert!(refused.message.starts_with(words), "{}", refused.message);
    }
}

#[tokio::test]
async fn a_limit_range_gives_and_bounds() {
    let sandbox = sandbox().await;
    let client = sandbox.client().unwrap();
    let ranges: Api<LimitRange> = Api::default_namespaced(client.clone());
    let range = json!({ "metadata": { "name": "r" }, "spec": { "limits": [{
        "type": "Container", "max": { "memory": "1Gi" }, "default": { "cpu": "500m" }, "min": { "cpu": "10m" },
    }] } });
    ranges
        .create(&PostParams::default(), &serde_json::from_value(range).unwrap())
        .await
        .unwrap();
    let pods: Api<Pod> = Api::default_namespaced(client);
    let given = pods
        .create(
            &PostParams::default(),
            &pod("a", &json!({ "name": "c", "image": "i:1" })),
        )
        .await
        .unwrap();
    let resources = json!(given.spec.unwrap().containers[0].resources);
    assert_eq!(
        resources,
        json!({ "limits": { "cpu": "500m", "memory": "1Gi" }, "requests": { "cpu": "500m", "memory": "1Gi" } })
    );
    let greedy = json!({ "name": "c", "image": "i:1", "resources": { "limits": { "memory": "2Gi" } } });
    let refused = status(pods.create(&PostParams::default(), &pod("b", &greedy)).await);
    assert_eq!(
        refused.message,
        "pods \"b\" is forbidden: maximum memory usage per Container is 1Gi, but limit is 2Gi"
    );
}

#[tokio::test]
async fn an_eviction_asks_the_budget() {
    let sandbox = sandbox().await;
    let client = sandbox.client().unwrap();
    let budgets: Api<PodDisruptionBudget> = Api::default_namespaced(client);
    let budget = json!({ "metadata": { "name": "b" }, "spec": {
        "minAvailable": 1, "selector": { "matchLabels": { "app": "api" } } } });
    budgets
        .create(&PostParams::default(), &serde_json::from_value(budget).unwrap())
        .await
        .unwrap();
    // kube's own client would ask again for minutes.
    let kubeconfig = Kubeconfig::from_yaml(&sandbox.kubeconfig_yaml()).unwrap();
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .unwrap();
    config.default_retry = false;
    let pods: Api<Pod> = Api::default_namespaced(Client::try_from(config).unwrap());
    let ready =
        json!({ "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] } });
    for name in ["one", "two"] {
        pods.create(
            &PostParams::default(),
            &pod(name, &json!({ "name": "c", "image": "i:1" })),
        )
        .await
        .unwrap();
        pods.patch_status(name, &PatchParams::default(), &Patch::Merge(&ready))
            .await
            .unwrap();
    }
    pods.evict("one", &EvictParams::default()).await.unwrap();
    let refused = status(pods.evict("two", &EvictParams::default()).await);
    assert_eq!(refused.code, 429);
    assert_eq!(
        refused.message,
        "Cannot evict pod as it would violate the pod's disruption budget."
    );
    assert!(pods.get("two").await.unwrap().meta().deletion_timestamp.is_none());
}
