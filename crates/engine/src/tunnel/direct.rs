//! Connections straight to the local program, one for each that comes.

use std::error::Error;
use std::sync::Arc;

use futures::future::BoxFuture;

use super::arrival::{Acceptor, Arrival};
use super::splice::splice;
use crate::target::{Connector, Target, TargetError};

/// Joins every connection to the target, byte for byte.
pub struct Direct(Arc<Connector>);

impl Direct {
    /// Prepares connections to `target`.
    ///
    /// # Errors
    /// When TLS cannot be set up on this machine.
    pub fn to(target: &Target) -> Result<Self, TargetError> {
        target.connector().map(|connector| Self(Arc::new(connector)))
    }
}

impl Acceptor for Direct {
    fn serve(&self, arrival: Arrival) -> BoxFuture<'static, ()> {
        let connector = Arc::clone(&self.0);
        Box::pin(async move {
            match connector.connect().await {
                Ok(local) => {
                    let intercept = arrival.intercept().clone();
                    if let Err(error) = splice(arrival.accept(), local).await {
                        tracing::debug!(%intercept, %error, "connection reset");
                    }
                }
                Err(error) => arrival.refuse(in_words(&error)).await,
            }
        })
    }
}

fn in_words(error: &TargetError) -> String {
    error
        .source()
        .map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}
