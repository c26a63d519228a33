//! Original pods that are replaced while a proxy starts.

use intercept_protocol::record::Record;
use intercept_sandbox::faults::Fault;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::ResourceExt as _;
use kube::api::{DeleteParams, ListParams};

use crate::intercept::{Laptop, engage, leave, proxied};
use crate::rig::{api, await_true, who};

async fn originals(cluster: &intercept_sandbox::Cluster) -> Vec<(String, String)> {
    let of_app = ListParams::default().labels("app=api");
    let pods = api::<Pod>(cluster).list(&of_app).await.unwrap();
    let ready = pods.items.into_iter().filter(|pod| {
        let status = pod.status.as_ref();
        let mut conditions = status
            .into_iter()
            .flat_map(|status| status.conditions.iter().flatten());
        conditions.any(|one| one.type_ == "Ready" && one.status == "True")
    });
    ready
        .map(|pod| {
            (
                pod.name_any(),
                pod.status.and_then(|status| status.pod_ip).unwrap(),
            )
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pods_that_are_replaced_before_the_switch_are_asked_no_more() {
    let Some((cluster, _)) = proxied().await else {
        return;
    };
    let laptop = Laptop::start().await;
    let before = originals(&cluster).await;
    // The last call before the switch.
    let fault: Fault = "patch deployments hang nth 2".parse().unwrap();
    let defusing = cluster.sandbox().faults().order(fault);
    let replace = async {
        await_true("the fuse is about to be removed", async || defusing.struck() == 1).await;
        api::<Pod>(&cluster)
            .delete(&before[0].0, &DeleteParams::default())
            .await
            .unwrap();
        await_true("another pod is ready", async || {
            let now = originals(&cluster).await;
            now.len() == 1 && now[0].0 != before[0].0
        })
        .await;
        defusing.release();
    };
    let (engaged, ()) = tokio::join!(engage(&cluster, laptop.port), replace);
    for _ in 0..20 {
        assert_eq!(who(&cluster, "api", &[]).await, "original");
    }
    let maps = api::<ConfigMap>(&cluster)
        .list(&ListParams::default())
        .await
        .unwrap();
    let record = maps.items.iter().find_map(|map| {
        let texts = map.data.iter().flat_map(|data| data.values());
        texts.filter_map(|text| Record::parse(text).ok()).next()
    });
    let direct: Vec<String> = record
        .expect("a record must stand")
        .direct()
        .iter()
        .map(|address| address.ip().to_string())
        .collect();
    let now: Vec<String> = originals(&cluster).await.into_iter().map(|(_, ip)| ip).collect();
    assert_ne!(now, [before[0].1.clone()]);
    assert_eq!(direct, now);
    leave(engaged).await;
    cluster.stop().await;
}
