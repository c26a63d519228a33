//! Starts a sandbox with the sample shop, writes its kubeconfig to the file named, and runs until interrupted:
//! `cargo run -p intercept-sandbox --example cluster -- /tmp/kubeconfig`.
#![allow(clippy::print_stdout, reason = "says where everything is")]

use std::path::PathBuf;

use intercept_sandbox::node::{NginxInUse, NodeOptions};
use intercept_sandbox::shop::ShopOptions;
use intercept_sandbox::{Cluster, ClusterOptions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args().nth(1).ok_or("name a file for the kubeconfig")?;
    let options = ClusterOptions {
        node: NodeOptions {
            nginx: std::env::var_os("INTERCEPT_NGINX").map(PathBuf::from),
            ..NodeOptions::default()
        },
        shop: Some(ShopOptions::default()),
        ..ClusterOptions::default()
    };
    let cluster = Cluster::start(options).await?;
    cluster.sandbox().write_kubeconfig(&PathBuf::from(&file))?;
    match cluster.node().nginx() {
        NginxInUse::Binary { path, version } => println!("NGINX {version} at {}", path.display()),
        NginxInUse::None { reason } => println!("a stand-in routes instead of NGINX: {reason}"),
    }
    println!("KUBECONFIG={file}");
    tokio::signal::ctrl_c().await?;
    cluster.stop().await;
    Ok(())
}
