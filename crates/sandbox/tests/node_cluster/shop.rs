//! The sample shop.

use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use intercept_sandbox::Cluster;
use intercept_sandbox::shop::{NAMESPACE, ShopOptions};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, LogParams};
use kube::{Api, ResourceExt as _};
use tokio::net::TcpStream;
use tokio_util::task::AbortOnDropHandle;

use crate::intercept::{Laptop, engage_on, leave};
use crate::rig::{ask, await_true, client, has_nginx, with};

async fn shop(customers_per_second: u32) -> Cluster {
    let options = ShopOptions {
        customers_per_second,
        marked_percent: 50,
    };
    let begun = Instant::now();
    let cluster = with(|cluster| cluster.shop = Some(options)).await;
    let started = begun.elapsed();
    let pods: Api<Pod> = Api::namespaced(client(&cluster), NAMESPACE);
    let wanted = if customers_per_second == 0 { 12 } else { 13 };
    await_true("the shop is open", async || {
        let pods = pods.list(&ListParams::default()).await.unwrap().items;
        let ready = pods.iter().filter(|pod| {
            let status = pod.status.as_ref();
            let mut conditions = status
                .iter()
                .flat_map(|status| status.conditions.iter().flatten());
            conditions.any(|one| one.type_ == "Ready" && one.status == "True")
        });
        ready.count() == wanted
    })
    .await;
    eprintln!(
        "started in {started:?}, every pod ready after {:?}",
        begun.elapsed()
    );
    cluster
}

#[tokio::test]
async fn the_storefront_asks_the_others() {
    let cluster = shop(0).await;
    let address = cluster.service_address(NAMESPACE, "storefront", 8080).unwrap();
    await_true("the whole page comes", async || {
        ask(address, "/", &[]).await.is_ok_and(|page| page.status == 200)
    })
    .await;
    let page = ask(address, "/", &[("x-customer", "ada")]).await.unwrap().body;
    assert_eq!(page["catalog"]["by"], "catalog");
    assert_eq!(page["cart"]["customer"], "ada");
    cluster.stop().await;
}

#[tokio::test]
async fn every_port_of_the_cart_answers() {
    let cluster = shop(0).await;
    for port in [8080_u16, 9090, 9100] {
        let address = cluster.service_address(NAMESPACE, "cart", port).unwrap();
        await_true("the port answers", async || {
            ask(address, "/", &[])
                .await
                .is_ok_and(|answer| answer.body["port"] == port)
        })
        .await;
    }
    cluster.stop().await;
}

#[tokio::test]
async fn an_order_is_placed_by_grpc() {
    let cluster = shop(0).await;
    let address = cluster.service_address(NAMESPACE, "checkout", 50051).unwrap();
    await_true("the Service answers", async || {
        TcpStream::connect(address).await.is_ok()
    })
    .await;
    let io = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
    let request = Request::post("http://checkout:50051/shop.Checkout/PlaceOrder")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Full::new(Bytes::from_static(b"\0\0\0\0\0")))
        .unwrap();
    let answer = sender.send_request(request).await.unwrap();
    let body = answer.into_body().collect().await.unwrap();
    assert_eq!(body.trailers().unwrap()["grpc-status"], "0");
    assert!(body.to_bytes().windows(8).any(|part| part == b"checkout"));
    cluster.stop().await;
}

#[tokio::test]
async fn customers_come_and_nobody_turns_them_away() {
    let cluster = shop(100).await;
    let pods: Api<Pod> = Api::namespaced(client(&cluster), NAMESPACE);
    let log = async |app: &str| {
        let labels = ListParams::default().labels(&format!("app={app}"));
        let pod = pods.list(&labels).await.unwrap().items.remove(0);
        pods.logs(&pod.name_any(), &LogParams::default())
            .await
            .unwrap_or_default()
    };
    // Each kind of visit leaves a line.
    for (app, line) in [
        ("prices", "/prices"),
        ("chat", "/chat"),
        ("checkout", "PlaceOrder"),
        ("cart", "POST /cart/items"),
    ] {
        await_true(line, async || log(app).await.contains(line)).await;
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_marked_customer_meets_the_laptop_behind_the_storefront() {
    let cluster = shop(0).await;
    if !has_nginx(&cluster) {
        return;
    }
    let laptop = Laptop::start().await;
    // Two replicas and a named port: two proxies.
    let engaged = engage_on(&cluster, (NAMESPACE, "catalog"), laptop.port).await;
    let address = cluster.service_address(NAMESPACE, "storefront", 8080).unwrap();
    let catalog = async |headers: &[(&str, &str)]| {
        let page = ask(address, "/", headers).await;
        page.map(|page| page.body["catalog"]["by"].as_str().unwrap_or_default().to_owned())
    };
    await_true("the laptop is the catalog", async || {
        catalog(&[("X-C6O-INTERCEPT", "yes")])
            .await
            .is_ok_and(|by| by == "laptop")
    })
    .await;
    assert_eq!(catalog(&[]).await.unwrap(), "catalog");
    leave(engaged).await;
    await_true("the catalog is itself again", async || {
        catalog(&[("X-C6O-INTERCEPT", "yes")])
            .await
            .is_ok_and(|by| by == "catalog")
    })
    .await;
    cluster.stop().await;
}
