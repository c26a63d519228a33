//! The gates: one Unix socket for each intercept whose laptop is connected.
//!
//! An open gate is a socket NGINX can connect to. A shut one is a path that is not there: NGINX is refused
//! before it has sent anything and uses the origin, also for POST. Nothing is lost in between, because a gate opens by
//! rename, and shuts by unlinking first, serving whoever already waits, and only then closing the socket.

mod listener;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use intercept_protocol::ids::InterceptId;
use intercept_protocol::record::{PortProtocol, Record};
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;

use crate::agent::Agent;
use crate::nginx::render::gate_file;
use crate::relay::Live;
use crate::splice::Route;
use crate::{info, warning};

/// One open gate.
#[derive(Debug)]
struct Gate {
    route: Arc<Route>,
    shut: CancellationToken,
}

type Open = BTreeMap<InterceptId, Gate>;

/// Opens and shuts gates as records and laptops come and go.
pub async fn keep(agent: Arc<Agent>, stopped: CancellationToken) {
    let mut record_rx = agent.record.subscribe();
    let mut live_rx = agent.relays.subscribe();
    let mut open = Open::new();
    loop {
        let record = record_rx.borrow_and_update().clone();
        let wanted = record.map_or_else(BTreeMap::new, |record| {
            wanted(&record, &live_rx.borrow_and_update())
        });
        settle(&agent, &mut open, wanted);
        tokio::select! {
            Ok(()) = record_rx.changed() => {}
            Ok(()) = live_rx.changed() => {}
            () = stopped.cancelled() => break,
            else => break,
        }
    }
    settle(&agent, &mut open, BTreeMap::new());
}

/// The gates that should be open: those of intercepts whose session has a live relay.
fn wanted(record: &Record, live: &Live) -> BTreeMap<InterceptId, Route> {
    let with_laptop = record
        .intercepts
        .iter()
        .filter(|one| live.contains_key(&one.session));
    with_laptop
        .filter_map(|one| {
            let listener = record.listener(one.port)?;
            let route = Route {
                intercept: one.id.clone(),
                session: one.session.clone(),
                origins: record.origins(listener),
                client_speaks_first: listener.protocol == PortProtocol::Http,
            };
            Some((one.id.clone(), route))
        })
        .collect()
}

/// Makes the open gates the wanted ones; shuts first, since that is what nobody may wait for.
fn settle(agent: &Arc<Agent>, open: &mut Open, wanted: BTreeMap<InterceptId, Route>) {
    open.retain(|id, gate| {
        let stays = wanted.contains_key(id);
        if !stays {
            shut(&gate_file(&agent.settings.run_dir, id), gate);
        }
        stays
    });
    for (id, route) in wanted {
        if open.get(&id).is_some_and(|gate| *gate.route == route) {
            continue;
        }
        match start(agent, route) {
            // One that took another's place has renamed over it already.
            Ok(gate) => {
                if let Some(before) = open.insert(id, gate) {
                    before.shut.cancel();
                }
            }
            Err(error) => warning!("the gate of intercept {id} cannot be opened: {error}"),
        }
    }
    let ids: Vec<_> = open.keys().cloned().collect();
    agent.status.send_if_modified(|status| {
        let is_new = status.open != ids;
        if is_new {
            info!("{} gate(s) open", ids.len());
        }
        status.open = ids;
        is_new
    });
}

fn start(agent: &Arc<Agent>, route: Route) -> std::io::Result<Gate> {
    let path = gate_file(&agent.settings.run_dir, &route.intercept);
    let listener = open_at(&path)?;
    let gate = Gate {
        route: Arc::new(route),
        shut: CancellationToken::new(),
    };
    let serving = listener::serve(agent.clone(), gate.route.clone(), listener, gate.shut.clone());
    agent.connections.spawn(serving);
    Ok(gate)
}

/// A socket that nobody can meet half made: bound under another name, then renamed.
fn open_at(path: &Path) -> std::io::Result<UnixListener> {
    let new: PathBuf = path.with_extension("new");
    if let Err(error) = std::fs::remove_file(&new)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let listener = UnixListener::bind(&new)?;
    std::fs::rename(&new, path)?;
    Ok(listener)
}

/// From here on NGINX is refused; the listener serves whoever waits and ends by itself.
fn shut(path: &Path, gate: &Gate) {
    if let Err(error) = std::fs::remove_file(path) {
        warning!("the gate {} could not be removed: {error}", path.display());
    }
    gate.shut.cancel();
}
