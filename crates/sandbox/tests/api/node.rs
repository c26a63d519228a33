//! A node that only answers port-forwards and logs: an echo, a silence, an error.

use std::io;

use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, stream};
use intercept_sandbox::node_access::{ByteStream, DuplexStream, LogOptions, NodeAccess, NodeError};

/// Port 7 echoes, every other refuses.
pub(crate) struct EchoNode;

impl NodeAccess for EchoNode {
    fn port_forward<'a>(
        &'a self,
        _namespace: &'a str,
        pod: &'a str,
        port: u16,
    ) -> BoxFuture<'a, Result<Box<dyn DuplexStream>, NodeError>> {
        async move {
            if port != 7 {
                return Err(NodeError::NotListening {
                    pod: pod.to_owned(),
                    port,
                    source: io::ErrorKind::ConnectionRefused.into(),
                });
            }
            let (ours, theirs) = tokio::io::duplex(1 << 16);
            tokio::spawn(async move {
                let (mut reader, mut writer) = tokio::io::split(theirs);
                let _ = tokio::io::copy(&mut reader, &mut writer).await;
            });
            Ok(Box::new(ours) as Box<dyn DuplexStream>)
        }
        .boxed()
    }

    fn logs<'a>(
        &'a self,
        _namespace: &'a str,
        _pod: &'a str,
        container: &'a str,
        options: LogOptions,
    ) -> BoxFuture<'a, Result<ByteStream, NodeError>> {
        let lines: Vec<String> = (1..=3).map(|line| format!("{container} says {line}\n")).collect();
        let from = options.tail_lines.map_or(0, |tail| {
            lines
                .len()
                .saturating_sub(usize::try_from(tail).unwrap_or(usize::MAX))
        });
        let lines: Vec<io::Result<bytes::Bytes>> = lines[from..]
            .iter()
            .map(|line| Ok(line.clone().into_bytes().into()))
            .collect();
        async move { Ok(stream::iter(lines).boxed()) }.boxed()
    }
}
