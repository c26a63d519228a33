//! The test rig: what tests on a real Kubernetes share. No test of its own is here, and no opinion on the program.
//!
//! ```text
//! with_namespace(async |ns| …)    a namespace of the cluster that INTERCEPT_TEST_KUBECONFIG names (cluster, namespace)
//!   App::new("api").create(&ns)   original pods and their Service                                (fixtures)
//!   ServiceBefore::take(…)        what it must be again in the end                               (snapshot)
//!   Laptop::start(…)              the developer's own program                                    (laptop)
//!   Machine::new(…).spawn(…)      interceptctl, as a user runs it                                (cli)
//!   send(…), Load::new(…).start() requests, and load with every answer checked                   (http, load)
//! ```

pub mod cli;
pub mod cluster;
pub mod cut;
pub mod dump;
pub mod fixtures;
pub mod http;
pub mod laptop;
pub mod load;
pub mod namespace;
pub mod reach;
pub mod snapshot;
pub mod user;
pub mod wait;

pub use cli::{Ended, Machine, Running, Signal};
pub use cluster::Cluster;
pub use cut::Cut;
pub use fixtures::App;
pub use http::{Address, Answer, Ask, send};
pub use laptop::Laptop;
pub use load::{Connections, Load, LoadReport};
pub use namespace::{Namespace, with_namespace};
pub use snapshot::ServiceBefore;
pub use user::{User, mk_user};
pub use wait::{await_some, await_true};
