//! The sample shop: programs that make interesting traffic, each a task of this process in a pod of its own.
//!
//! ```text
//! customers ─► storefront ─► catalog, cart        checkout: gRPC over HTTP/2      prices: server-sent events
//!     └──────► catalog, cart, checkout, prices, chat                              chat: WebSocket
//! ```
//!
//! Every answer says which program and pod gave it. Headers that begin with `x-` and `baggage` travel on with a
//! request, as tracing libraries let them, so a marked customer is marked behind the storefront too.

mod answer;
mod chat;
mod checkout;
mod customers;
mod echo;
mod manifests;
mod pages;
mod prices;
mod scale;
mod serve;

use k8s_openapi::api::core::v1::Namespace;
use kube::api::{DynamicObject, PostParams};
use kube::core::GroupVersionKind;
use kube::discovery::ApiResource;
use kube::{Api, Client};
use serde_json::json;

use crate::node::image::{Image, Images};
pub use scale::scale;

/// The namespace it stands in.
pub const NAMESPACE: &str = "shop";
/// The header that marked customers send.
pub const MARK: (&str, &str) = ("X-C6O-INTERCEPT", "yes");

/// How the shop is set up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShopOptions {
    /// Requests that customers make each second, all together; none for no customers.
    pub customers_per_second: u32,
    /// Of a hundred customers, so many send the mark.
    pub marked_percent: u32,
}

impl Default for ShopOptions {
    fn default() -> Self {
        Self {
            customers_per_second: 8,
            marked_percent: 25,
        }
    }
}

/// Adds the shop's images, and the echo that tests run.
pub fn images(images: &mut Images) {
    images.insert("sandbox/echo", Image::service(echo::run));
    // The original application of this project's tests: the same answers.
    images.insert("intercept.test/sample", Image::service(echo::run));
    images.insert("sandbox/shop/storefront", Image::service(pages::storefront));
    images.insert("sandbox/shop/catalog", Image::service(pages::catalog));
    images.insert("sandbox/shop/cart", Image::service(pages::cart));
    images.insert("sandbox/shop/checkout", Image::service(checkout::run));
    images.insert("sandbox/shop/prices", Image::service(prices::run));
    images.insert("sandbox/shop/chat", Image::service(chat::run));
    images.insert("sandbox/shop/customers", Image::service(customers::run));
}

/// Makes the shop's objects; its pods follow by themselves.
///
/// # Errors
/// When the API server does not take one.
pub async fn open(client: &Client, options: ShopOptions) -> Result<(), kube::Error> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let namespace = serde_json::from_value(json!({ "metadata": { "name": NAMESPACE } }));
    let namespace: Namespace = namespace.map_err(kube::Error::SerdeError)?;
    created(
        namespaces
            .create(&PostParams::default(), &namespace)
            .await
            .map(drop),
    )?;
    let made = manifests::all(options)
        .into_iter()
        .map(|object| create(client, object));
    futures::future::try_join_all(made).await.map(drop)
}

async fn create(client: &Client, object: serde_json::Value) -> Result<(), kube::Error> {
    let object: DynamicObject = serde_json::from_value(object).map_err(kube::Error::SerdeError)?;
    let types = object.types.clone().unwrap_or_default();
    let (group, version) = types
        .api_version
        .split_once('/')
        .unwrap_or(("", &types.api_version));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &types.kind));
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), NAMESPACE, &resource);
    created(api.create(&PostParams::default(), &object).await.map(drop))
}

fn created(done: Result<(), kube::Error>) -> Result<(), kube::Error> {
    match done {
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        done => done,
    }
}
