//! A steady stream of customers, some of them marked: `RATE` requests a second, `MARKED_PERCENT` of a hundred.

use std::time::Duration;

use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::{http1, http2};
use hyper::{Method, Request};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_util::task::AbortOnDropHandle;

use super::{MARK, checkout};
use crate::node::image::Context;

/// Whoever waits longer goes elsewhere.
const PATIENCE: Duration = Duration::from_secs(5);
/// More at once would be a load test.
const MOST_AT_ONCE: usize = 64;
const LOOK_AGAIN: Duration = Duration::from_millis(50);
const LINES_OF_PRICES: usize = 4;
const NAMES: [&str; 5] = ["ada", "grace", "edsger", "barbara", "alan"];

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs until it is asked to end.
pub(super) async fn run(context: Context) -> i32 {
    let rate: u64 = context.number("RATE").unwrap_or(8);
    let marked: u64 = context.number("MARKED_PERCENT").unwrap_or(25);
    if rate == 0 {
        context.stop.cancelled().await;
        return 0;
    }
    tokio::select! {
        () = context.stop.cancelled() => return 0,
        () = opened(&context) => {}
    }
    let mut every = interval(Duration::from_secs(1) / u32::try_from(rate).unwrap_or(u32::MAX));
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut visits = JoinSet::new();
    for number in 0_u64.. {
        tokio::select! {
            () = context.stop.cancelled() => break,
            _ = every.tick() => {}
        }
        while visits.try_join_next().is_some() {}
        if visits.len() < MOST_AT_ONCE {
            // Spread evenly, so that a short look shows both kinds.
            let is_marked = number * marked % 100 + marked >= 100;
            visits.spawn(visit(context.clone(), number, is_marked));
        }
    }
    visits.shutdown().await;
    0
}

/// Customers come when the doors are open, not while the shop is being set up.
async fn opened(context: &Context) {
    for host in ["storefront", "catalog", "cart", "prices", "chat", "stock"] {
        while context.connect(host, 8080).await.is_err() {
            sleep(LOOK_AGAIN).await;
        }
    }
    while context.connect("checkout", 50051).await.is_err() {
        sleep(LOOK_AGAIN).await;
    }
}

async fn visit(context: Context, number: u64, is_marked: bool) {
    let customer = NAMES[usize::try_from(number).unwrap_or_default() % NAMES.len()];
    let visitor = Visitor {
        context: &context,
        customer,
        is_marked,
    };
    let (what, made) = match number % 10 {
        0 | 5 => (
            "storefront",
            timeout(PATIENCE, visitor.ask(Method::GET, "storefront", "/")).await,
        ),
        1 | 6 => (
            "catalog",
            timeout(PATIENCE, visitor.ask(Method::GET, "catalog", "/products/honey")).await,
        ),
        2 | 7 => (
            "cart",
            timeout(PATIENCE, visitor.ask(Method::POST, "cart", "/cart/items")).await,
        ),
        3 => ("checkout", timeout(PATIENCE, visitor.order()).await),
        4 => ("prices", timeout(PATIENCE, visitor.watch_prices()).await),
        8 => ("chat", timeout(PATIENCE, visitor.chat()).await),
        _ => (
            "stock",
            timeout(PATIENCE, visitor.ask(Method::GET, "stock", "/stock/honey")).await,
        ),
    };
    match made {
        Ok(Ok(())) => {}
        Ok(Err(error)) => context.log.line(format!("{customer} at {what}: {error}")),
        Err(_) => context
            .log
            .line(format!("{customer} at {what}: no answer within {PATIENCE:?}")),
    }
}

struct Visitor<'a> {
    context: &'a Context,
    customer: &'static str,
    is_marked: bool,
}

impl Visitor<'_> {
    fn request(&self, method: Method, uri: &str, host: &str) -> http::request::Builder {
        let request = Request::builder().method(method).uri(uri);
        let request = request
            .header("host", host)
            .header("user-agent", "customer/1.0")
            .header("x-customer", self.customer);
        if self.is_marked {
            request.header(MARK.0, MARK.1)
        } else {
            request
        }
    }

    async fn ask(&self, method: Method, host: &str, path: &str) -> Result<(), Failure> {
        let body = if method == Method::POST {
            r#"{"id":"tea-green","count":1}"#
        } else {
            ""
        };
        let io = self.context.connect(host, 8080).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(io)).await?;
        let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
        let request = self
            .request(method, path, host)
            .header("content-type", "application/json");
        let answer = sender
            .send_request(request.body(Full::new(Bytes::from(body)))?)
            .await?;
        let status = answer.status();
        answer.into_body().collect().await?;
        if status.is_server_error() {
            Err(format!("answered {status}").into())
        } else {
            Ok(())
        }
    }

    async fn order(&self) -> Result<(), Failure> {
        let io = self.context.connect("checkout", 50051).await?;
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(io)).await?;
        let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
        let uri = format!("http://checkout:50051{}", checkout::METHOD);
        let request = self
            .request(Method::POST, &uri, "checkout:50051")
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        let order = checkout::framed(b"\x0a\x03ada");
        let answer = sender.send_request(request.body(Full::new(order))?).await?;
        answer.into_body().collect().await?;
        Ok(())
    }

    async fn watch_prices(&self) -> Result<(), Failure> {
        let io = self.context.connect("prices", 8080).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(io)).await?;
        let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
        let request = self
            .request(Method::GET, "/prices", "prices")
            .body(Full::<Bytes>::default())?;
        let mut body = sender.send_request(request).await?.into_body();
        for _ in 0..LINES_OF_PRICES {
            if body.frame().await.transpose()?.is_none() {
                break;
            }
        }
        Ok(())
    }

    async fn chat(&self) -> Result<(), Failure> {
        let io = self.context.connect("chat", 8080).await?;
        let mut request = "ws://chat:8080/chat".into_client_request()?;
        let headers = request.headers_mut();
        headers.insert("x-customer", self.customer.parse()?);
        if self.is_marked {
            headers.insert(MARK.0, MARK.1.parse()?);
        }
        let (mut socket, _) = client_async(request, io).await?;
        for text in ["Hello", "Is the green tea fresh?"] {
            socket.send(Message::text(text)).await?;
            socket.next().await.transpose()?;
        }
        socket.close(None).await?;
        Ok(())
    }
}
