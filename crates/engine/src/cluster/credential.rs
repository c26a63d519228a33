//! Keeps the credential of an `exec` plugin and puts its token on every request.
//!
//! The plugin runs again when the token ends, and once when the cluster refuses it; however many
//! requests wait, it runs once. Certificates from a plugin are fixed when the connection is made: they
//! sit below HTTP.

use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response, StatusCode};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::client::Body;
use tokio::sync::Mutex;
use tower::{BoxError, Service, ServiceExt as _};

use super::plugin::{Issued, Plugin, PluginError};

/// A token that ends sooner is not sent any more: it has a way to go, and clocks differ.
const MARGIN: SignedDuration = SignedDuration::from_secs(10);

/// A plugin's newest credential.
pub(super) struct Credential {
    plugin: Plugin,
    held: Mutex<Held>,
}

struct Held {
    token: Option<HeaderValue>,
    expires: Option<Timestamp>,
    /// Counts the plugin's runs, so that of many refused requests only the first renews.
    run: u64,
}

/// The token for one request and the run it came from.
struct Bearer {
    token: Option<HeaderValue>,
    run: u64,
}

impl Credential {
    /// Takes over what the first run of the plugin gave.
    pub(super) fn new(plugin: Plugin, first: &Issued) -> Result<Self, PluginError> {
        let held = Mutex::new(Held {
            token: header(&plugin, first)?,
            expires: first.expires,
            run: 0,
        });
        Ok(Self { plugin, held })
    }

    async fn current(&self) -> Result<Bearer, PluginError> {
        let mut held = self.held.lock().await;
        let ended = held.expires.is_some_and(|end| {
            Timestamp::now()
                .saturating_add(MARGIN)
                .is_ok_and(|soon| soon >= end)
        });
        if held.token.is_some() && ended {
            self.renew(&mut held).await?;
        }
        Ok(held.bearer())
    }

    /// A newer token than the one of `run`, which the cluster refused.
    async fn newer_than(&self, run: u64) -> Result<Bearer, PluginError> {
        let mut held = self.held.lock().await;
        if held.token.is_some() && held.run == run {
            self.renew(&mut held).await?;
        }
        Ok(held.bearer())
    }

    async fn renew(&self, held: &mut Held) -> Result<(), PluginError> {
        let issued = self.plugin.run().await?;
        held.token = header(&self.plugin, &issued)?;
        held.expires = issued.expires;
        held.run += 1;
        Ok(())
    }
}

impl Held {
    fn bearer(&self) -> Bearer {
        Bearer {
            token: self.token.clone(),
            run: self.run,
        }
    }
}

fn header(plugin: &Plugin, issued: &Issued) -> Result<Option<HeaderValue>, PluginError> {
    let Some(token) = &issued.token else {
        return Ok(None);
    };
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| PluginError::Empty {
        command: plugin.command().to_owned(),
    })?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// Sends requests with the credential of a plugin, where there is one.
#[derive(Clone)]
pub(super) struct WithCredential<S> {
    pub(super) inner: S,
    pub(super) credential: Option<Arc<Credential>>,
}

impl<S, B> Service<Request<Body>> for WithCredential<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = Response<B>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<B>, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The clone that was polled ready is the one to call.
        let fresh = self.inner.clone();
        let mut ready = std::mem::replace(&mut self.inner, fresh);
        let Some(credential) = self.credential.clone() else {
            return Box::pin(ready.call(request));
        };
        Box::pin(send(ready, credential, request))
    }
}

async fn send<S, B>(
    mut ready: S,
    credential: Arc<Credential>,
    mut request: Request<Body>,
) -> Result<Response<B>, BoxError>
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError> + Send,
{
    let again = copy(&request);
    let bearer = credential.current().await?;
    authorize(&mut request, bearer.token);
    let response = ready.call(request).await?;
    let Some(mut again) = again.filter(|_| response.status() == StatusCode::UNAUTHORIZED) else {
        return Ok(response);
    };
    let renewed = credential.newer_than(bearer.run).await?;
    if renewed.run == bearer.run {
        return Ok(response);
    }
    drop(response);
    authorize(&mut again, renewed.token);
    ready.ready().await?.call(again).await
}

fn authorize(request: &mut Request<Body>, token: Option<HeaderValue>) {
    if let Some(token) = token {
        request.headers_mut().insert(AUTHORIZATION, token);
    }
}

/// The same request once more; none where the body is a stream.
fn copy(request: &Request<Body>) -> Option<Request<Body>> {
    let mut copy = Request::new(request.body().try_clone()?);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    *copy.extensions_mut() = request.extensions().clone();
    Some(copy)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;
    use crate::cluster::tests::mk_script;

    /// Each run gives `token-N`, where N counts the runs, ending at `expires`.
    async fn mk_credential(dir: &Path, expires: &str) -> Arc<Credential> {
        let count = dir.join("count");
        std::fs::write(&count, "").unwrap();
        let body = format!(
            r#"echo run >> '{0}'; n=$(wc -l < '{0}' | tr -d ' '); echo "{{\"status\": {{\"token\": \"token-$n\" {expires}}}}}""#,
            count.display()
        );
        let command = mk_script(dir, "counts", &body);
        let exec = serde_json::from_value(json!({"command": command, "interactiveMode": "Never"})).unwrap();
        let plugin = Plugin::new(&exec, None).unwrap();
        let first = plugin.run().await.unwrap();
        Arc::new(Credential::new(plugin, &first).unwrap())
    }

    async fn token(credential: &Credential) -> String {
        let bearer = credential.current().await.unwrap();
        bearer.token.unwrap().to_str().unwrap().to_owned()
    }

    #[tokio::test]
    async fn a_token_is_kept_until_it_ends() {
        let dir = tempfile::tempdir().unwrap();
        let lasting = mk_credential(
            dir.path(),
            r#", \"expirationTimestamp\": \"2999-01-01T00:00:00Z\""#,
        )
        .await;
        assert_eq!(token(&lasting).await, "Bearer token-1");
        assert_eq!(token(&lasting).await, "Bearer token-1");
        let ended = mk_credential(
            dir.path(),
            r#", \"expirationTimestamp\": \"2001-01-01T00:00:00Z\""#,
        )
        .await;
        assert_eq!(token(&ended).await, "Bearer token-2");
    }

    /// A server that accepts one token only.
    fn accepts(
        token: &'static str,
    ) -> impl Service<Request<Body>, Response = Response<()>, Error = BoxError, Future: Send> + Clone + Send
    {
        tower::service_fn(move |request: Request<Body>| async move {
            let mut response = Response::new(());
            if request
                .headers()
                .get(AUTHORIZATION)
                .is_none_or(|sent| sent != token)
            {
                *response.status_mut() = StatusCode::UNAUTHORIZED;
            }
            Ok(response)
        })
    }

    #[tokio::test]
    async fn a_refused_token_is_renewed_once_and_the_request_sent_again() {
        let dir = tempfile::tempdir().unwrap();
        let credential = mk_credential(dir.path(), "").await;
        let service = WithCredential {
            inner: accepts("Bearer token-2"),
            credential: Some(credential.clone()),
        };
        let answers =
            futures::future::join_all((0..8).map(|_| service.clone().oneshot(Request::new(Body::empty()))))
                .await;
        for answer in answers {
            assert_eq!(answer.unwrap().status(), StatusCode::OK);
        }
        assert_eq!(token(&credential).await, "Bearer token-2");
    }

    #[tokio::test]
    async fn a_token_that_is_refused_again_is_told_as_refused() {
        let dir = tempfile::tempdir().unwrap();
        let credential = mk_credential(dir.path(), "").await;
        let service = WithCredential {
            inner: accepts("Bearer other"),
            credential: Some(credential),
        };
        assert_eq!(
            service
                .oneshot(Request::new(Body::empty()))
                .await
                .unwrap()
                .status(),
            StatusCode::UNAUTHORIZED
        );
    }
}
