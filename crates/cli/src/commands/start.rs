//! `interceptctl start`: one intercept in the foreground, from open to restored.
//!
//! Standard output gets the line that begins with `Ready` and the one that says how it ended; everything on
//! the way goes to the standard error. Programs get one event a line instead.

mod ended;
mod events;
mod exchanges;
mod inspect;
mod show;

use std::time::Duration;

use intercept_engine::session::{Session, SessionRequest};
use intercept_engine::settings::session_locks;
use tokio::time::{MissedTickBehavior, interval};

use self::exchanges::Shown;
use self::inspect::Inspect;
use self::show::Show;
use crate::args::{Global, InterceptArgs, Tunnel};
use crate::connection::{connect, settings};
use crate::errors::Failure;
use crate::exit::Exit;
use crate::output::Output;
use crate::request::{asked, header_of_environment};
use crate::running::PROGRAM;
use crate::signals::Signals;

/// How often the live line counts on.
const STATUS_EVERY: Duration = Duration::from_secs(1);

/// Opens an intercept and stays until it has ended.
pub(crate) async fn start(global: &Global, args: &InterceptArgs, output: &Output) -> Result<Exit, Failure> {
    let settings = settings(global)?;
    let asked = asked(args, &settings, header_of_environment().as_deref())?;
    // The only tunnel there is; another one has to be decided about here.
    let Tunnel::Relay = args.tunnel;
    let connection = connect(global, &settings, output).await?;
    let asked = asked.within(&connection.namespace);
    // From here on a signal must restore, so nothing may stand between this and the session.
    let mut signals = Signals::listen().map_err(|error| {
        Failure::from_error(Exit::Unexpected, "unexpected", &error).during("Signals cannot be heard")
    })?;
    let inspect = Inspect::open(output);
    if let Err(error) = output.go_on_unread() {
        tracing::warn!(%error, "whoever does not read the output may hold this up");
    }
    let mut shown = Shown::new(args.quiet, &inspect, output)?;
    let mut show = Show::new(output, &connection.cluster, &asked.spec);
    let request = SessionRequest {
        spec: asked.spec.clone(),
        settings: asked.proxy,
        program: PROGRAM.to_owned(),
        locks: session_locks(),
        record: inspect.record(args.record.into()),
        mocks: inspect.mocks(),
    };
    let mut session = Session::open(&connection.cluster, request);
    let hold = inspect.hold(&session, connection.cluster.context(), &asked.spec);
    let mut ticks = interval(STATUS_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            event = session.event() => match event {
                Some(event) => {
                    show.event(event).await;
                    if let Some(planned) = show.intercept() {
                        hold.planned(planned, show.port());
                    }
                }
                None => break,
            },
            signal = signals.next() => {
                session.close();
                show.asked_to_stop(signal);
            }
            () = shown.next() => {}
            _ = ticks.tick() => {
                shown.tick();
                show.status();
            }
        }
    }
    output.still();
    let outcome = session.ended().await;
    inspect.close().await;
    ended::ended(outcome, &show)
}
