//! The API server alone, with a pod that echoes on port 7, for trying kubectl against it:
//! `cargo run --example api_server -- KUBECONFIG [FAULT]…`

use std::path::PathBuf;

use intercept_sandbox::faults::Fault;
use intercept_sandbox::{Options, Sandbox};
use serde_json::json;

#[path = "../tests/api/node.rs"]
mod node;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path: PathBuf = arguments
        .next()
        .ok_or("where shall the kubeconfig be written?")?
        .into();
    let sandbox = Sandbox::start(Options::default()).await?;
    for words in arguments {
        sandbox.faults().order(Fault::parse(&words)?);
    }
    sandbox.set_node(std::sync::Arc::new(node::EchoNode));
    sandbox.insert_many([json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "echo", "namespace": "default" },
        "spec": { "nodeName": "sandbox", "containers": [{ "name": "main", "image": "echo:1" }] },
        "status": { "phase": "Running" },
    })])?;
    sandbox.write_kubeconfig(&path)?;
    tokio::signal::ctrl_c().await?;
    sandbox.stop().await;
    Ok(())
}
