//! The few requests the agent makes of the Kubernetes API: get, patch, delete and watch of objects it knows by name.
//!
//! Not kube-rs: it would be larger than everything else together. Each request has a connection of its own, so
//! that a restarted API server, a new CA or a rotated token is met by the next request without further care.

mod connection;
mod objects;

use std::path::PathBuf;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::timeout;

use crate::settings::{ApiServer, Settings};
use connection::{ConnectError, Connection};
pub use objects::{ConfigMap, Event, Metadata, Object, Path};

const LIMIT: Duration = Duration::from_secs(10);
/// etcd holds no object as large as this.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// Kinds of patch the API knows.
#[derive(Clone, Copy, Debug)]
pub enum Patch {
    /// Operations, each with its own conditions.
    Json,
    /// Fields to set; `null` removes one.
    Merge,
}

/// A request that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// Nobody to ask.
    #[error("the API server cannot be reached")]
    Connect(#[from] ConnectError),
    /// The connection broke.
    #[error("the request {request} broke off")]
    Broken {
        /// Method and path.
        request: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No answer in time.
    #[error("the request {request} had no answer within {} s", LIMIT.as_secs())]
    TimedOut {
        /// Method and path.
        request: String,
    },
    /// The API server said no.
    #[error("the request {request} was answered {status}: {message}")]
    Status {
        /// Method and path.
        request: String,
        /// The HTTP status.
        status: StatusCode,
        /// The API server's words.
        message: String,
    },
    /// An answer that is not what the API sends.
    #[error("the answer to {request} is not understood")]
    Garbage {
        /// Method and path.
        request: String,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
}

impl ApiError {
    /// The API server's status, when it answered.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            ApiError::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// The object changed since it was read.
    pub fn is_conflict(&self) -> bool {
        self.status() == Some(StatusCode::CONFLICT)
    }

    /// The object is not there.
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(StatusCode::NOT_FOUND)
    }

    /// The account lacks the right.
    pub fn is_forbidden(&self) -> bool {
        matches!(
            self.status(),
            Some(StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED)
        )
    }
}

/// Asks the API server with the pod's own account.
#[derive(Clone, Debug)]
pub struct Client {
    server: ApiServer,
    account_dir: PathBuf,
}

impl Client {
    /// A client, where the pod has an account and knows an API server.
    pub fn from_settings(settings: &Settings) -> Option<Self> {
        let server = settings.api?;
        let account_dir = settings.account_dir.clone();
        account_dir
            .join("token")
            .is_file()
            .then_some(Self { server, account_dir })
    }

    /// Reads one object.
    ///
    /// # Errors
    /// When it is not there, may not be read, or the API server cannot be asked.
    pub async fn get<T: DeserializeOwned>(&self, path: &Path) -> Result<T, ApiError> {
        self.call(Method::GET, path.to_string(), None, None).await
    }

    /// Changes one object.
    ///
    /// # Errors
    /// As [`Client::get`], and when the object changed meanwhile or a test in the patch fails.
    pub async fn patch(&self, path: &Path, kind: Patch, body: &Value) -> Result<(), ApiError> {
        let content = match kind {
            Patch::Json => "application/json-patch+json",
            Patch::Merge => "application/merge-patch+json",
        };
        let manager = intercept_protocol::names::FIELD_MANAGER;
        let target = format!("{path}?fieldManager={manager}");
        let _: Value = self
            .call(Method::PATCH, target, Some(content), Some(body))
            .await?;
        Ok(())
    }

    /// Deletes one object, with everything it owns in the background, if its uid is still this one.
    ///
    /// # Errors
    /// As [`Client::patch`].
    pub async fn delete(&self, path: &Path, uid: &str) -> Result<(), ApiError> {
        let options = serde_json::json!({
            "kind": "DeleteOptions", "apiVersion": "v1",
            "propagationPolicy": "Background", "preconditions": { "uid": uid },
        });
        let content = Some("application/json");
        let _: Value = self
            .call(Method::DELETE, path.to_string(), content, Some(&options))
            .await?;
        Ok(())
    }

    /// Watches one object from `version` on, for at most `seconds`.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn watch(&self, path: &Path, version: &str, seconds: u64) -> Result<Watch, ApiError> {
        let target = path.to_watch(version, seconds);
        let name = format!("GET {target}");
        let (response, connection) = self.send(Method::GET, &target, None, None).await?;
        Ok(Watch {
            name,
            body: response.into_body(),
            waiting: BytesMut::new(),
            _connection: connection,
        })
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        target: String,
        content: Option<&str>,
        body: Option<&Value>,
    ) -> Result<T, ApiError> {
        let request = format!("{method} {target}");
        let (response, _connection) = self.send(method, &target, content, body).await?;
        let bytes = collect(&request, response).await?;
        serde_json::from_slice(&bytes).map_err(|source| ApiError::Garbage { request, source })
    }

    /// Sends one request; a status other than success is an error.
    async fn send(
        &self,
        method: Method,
        target: &str,
        content: Option<&str>,
        body: Option<&Value>,
    ) -> Result<(Response<Incoming>, Connection), ApiError> {
        let name = format!("{method} {target}");
        let mut connection = Connection::open(&self.server, &self.account_dir).await?;
        let token = connection::token(&self.account_dir)?;
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .header(HOST, self.server.address.to_string())
            .header(ACCEPT, "application/json")
            .header(AUTHORIZATION, format!("Bearer {token}"));
        if let Some(content) = content {
            request = request.header(CONTENT_TYPE, content);
        }
        let bytes = body.map(ToString::to_string).unwrap_or_default();
        let request = request.body(Full::new(Bytes::from(bytes)));
        let request = request.map_err(|error| broken(&name, error))?;
        let response = timeout(LIMIT, connection.sender.send_request(request))
            .await
            .map_err(|_| ApiError::TimedOut {
                request: name.clone(),
            })?
            .map_err(|error| broken(&name, error))?;
        let status = response.status();
        if status.is_success() {
            return Ok((response, connection));
        }
        let body = collect(&name, response).await.unwrap_or_default();
        Err(ApiError::Status {
            request: name,
            status,
            message: objects::message(&body),
        })
    }
}

fn broken(request: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ApiError {
    ApiError::Broken {
        request: request.to_owned(),
        source: source.into(),
    }
}

async fn collect(request: &str, response: Response<Incoming>) -> Result<Bytes, ApiError> {
    let whole = Limited::new(response.into_body(), MAX_BODY).collect();
    let whole = timeout(LIMIT, whole).await.map_err(|_| ApiError::TimedOut {
        request: request.to_owned(),
    })?;
    whole
        .map(http_body_util::Collected::to_bytes)
        .map_err(|source| ApiError::Broken {
            request: request.to_owned(),
            source,
        })
}

/// Events of one object as they happen.
#[derive(Debug)]
pub struct Watch {
    name: String,
    body: Incoming,
    waiting: BytesMut,
    _connection: Connection,
}

impl Watch {
    /// The next event; `None` when the API server ended the watch.
    ///
    /// # Errors
    /// When the connection breaks or an event is not understood.
    pub async fn next(&mut self) -> Result<Option<Event>, ApiError> {
        loop {
            if let Some(end) = self.waiting.iter().position(|byte| *byte == b'\n') {
                let line = self.waiting.split_to(end + 1);
                return serde_json::from_slice(&line)
                    .map(Some)
                    .map_err(|source| ApiError::Garbage {
                        request: self.name.clone(),
                        source,
                    });
            }
            if self.waiting.len() > MAX_BODY {
                return Err(broken(&self.name, "an event without end"));
            }
            let Some(frame) = self.body.frame().await else {
                return Ok(None);
            };
            let frame = frame.map_err(|error| broken(&self.name, error))?;
            if let Ok(data) = frame.into_data() {
                self.waiting.extend_from_slice(&data);
            }
        }
    }
}
