//! Storefront, catalog and cart: JSON over HTTP, one asking the other.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::serve::{self, Body};
use crate::node::image::Context;

const ASK_LIMIT: Duration = Duration::from_secs(5);

/// What there is to buy.
const GOODS: [(&str, &str, u32); 6] = [
    ("tea-green", "Green tea, 100 g", 690),
    ("tea-black", "Black tea, 100 g", 590),
    ("pot-clay", "Clay teapot", 3400),
    ("cup-glass", "Glass cup", 850),
    ("kettle-steel", "Steel kettle", 4900),
    ("honey", "Honey, 250 g", 720),
];

/// The page that customers open: asks the others.
pub(super) async fn storefront(context: Context) -> i32 {
    serve::ports(&context, &[8080], |context, _, request| async move {
        let headers = request.headers().clone();
        let customer = customer(&request);
        let own_cart = format!("/cart/{customer}");
        let (catalog, cart) = tokio::join!(
            ask(&context, &headers, Method::GET, "catalog", 8080, "/products"),
            ask(&context, &headers, Method::GET, "cart", 8080, &own_cart),
        );
        let status = match (&catalog, &cart) {
            (Ok(_), Ok(_)) => StatusCode::OK,
            _ => StatusCode::BAD_GATEWAY,
        };
        let part = |part: Result<Value, String>| part.unwrap_or_else(|error| json!({ "error": error }));
        let page = json!({ "by": "storefront", "pod": context.pod, "customer": customer,
            "catalog": part(catalog), "cart": part(cart) });
        answered(&context, &request, status, &page)
    })
    .await
}

/// Products, all or one.
pub(super) async fn catalog(context: Context) -> i32 {
    serve::ports(&context, &[8081], |context, _, request| async move {
        let good =
            |(id, title, cents): &(&str, &str, u32)| json!({ "id": id, "title": title, "cents": cents });
        let (status, mut found) = match request.uri().path().trim_end_matches('/').rsplit('/').next() {
            None | Some("" | "products") => (
                StatusCode::OK,
                json!({ "products": GOODS.iter().map(good).collect::<Vec<_>>() }),
            ),
            Some(wanted) => match GOODS.iter().find(|(id, ..)| *id == wanted) {
                Some(one) => (StatusCode::OK, json!({ "product": good(one) })),
                None => (
                    StatusCode::NOT_FOUND,
                    json!({ "error": format!("no product {wanted:?}") }),
                ),
            },
        };
        (found["by"], found["pod"]) = (json!("catalog"), json!(context.pod));
        answered(&context, &request, status, &found)
    })
    .await
}

/// Carts by customer on one port; an administrator's view on another, numbers on a third.
pub(super) async fn cart(context: Context) -> i32 {
    serve::ports(&context, &[8080, 9090, 9100], |context, port, request| async move {
        let customer = customer(&request);
        let page = match port {
            9090 => json!({ "carts": 17, "oldest_minutes": 34 }),
            9100 => json!({ "carts_open": 17, "items_added_total": 4211 }),
            _ if request.method() == Method::POST => json!({ "added": "tea-green", "customer": customer }),
            _ => json!({ "customer": customer, "items": [{ "id": "tea-green", "count": 2 }], "cents": 1380 }),
        };
        let mut page = page;
        (page["by"], page["pod"], page["port"]) = (json!("cart"), json!(context.pod), json!(port));
        answered(&context, &request, StatusCode::OK, &page)
    })
    .await
}

fn answered(
    context: &Context,
    request: &Request<Incoming>,
    status: StatusCode,
    page: &Value,
) -> Response<Body> {
    context.log.line(format!(
        "{} {} {}",
        request.method(),
        request.uri(),
        status.as_u16()
    ));
    serve::json(status, page)
}

fn customer(request: &Request<Incoming>) -> String {
    let named = request
        .headers()
        .get("x-customer")
        .and_then(|name| name.to_str().ok());
    named.unwrap_or("guest").to_owned()
}

/// Whether a header travels on with what a request causes.
fn travels(name: &str) -> bool {
    name.starts_with("x-") || name == "baggage" || name == "traceparent"
}

async fn ask(
    context: &Arc<Context>,
    headers: &HeaderMap,
    method: Method,
    host: &str,
    port: u16,
    path: &str,
) -> Result<Value, String> {
    let asked = async {
        let io = context
            .connect(host, port)
            .await
            .map_err(|error| error.to_string())?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(io))
            .await
            .map_err(|error| error.to_string())?;
        let connection = tokio_util::task::AbortOnDropHandle::new(tokio::spawn(connection));
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", format!("{host}:{port}"));
        for (name, value) in headers.iter().filter(|(name, _)| travels(name.as_str())) {
            request = request.header(name, value);
        }
        let request = request
            .body(Full::<Bytes>::default())
            .map_err(|error| error.to_string())?;
        let answer = sender
            .send_request(request)
            .await
            .map_err(|error| error.to_string())?;
        let body = answer
            .into_body()
            .collect()
            .await
            .map_err(|error| error.to_string())?;
        drop(connection);
        let bytes = body.to_bytes();
        Ok(serde_json::from_slice(&bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes))))
    };
    timeout(ASK_LIMIT, asked)
        .await
        .unwrap_or_else(|_| Err(format!("{host} did not answer within {ASK_LIMIT:?}")))
}
