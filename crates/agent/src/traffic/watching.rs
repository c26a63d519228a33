//! One laptop's reports: when it asked, and no more often than it can be told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use intercept_protocol::ids::SessionId;
use intercept_protocol::traffic::{REPORT_EVERY, Report};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::book::Cursor;
use super::clock;
use super::unseen::{Unseen, ask};
use crate::agent::Agent;

/// NGINX is asked for its count every so many reports.
const COUNT_EVERY: u32 = 4;

/// Reports for one connection of a laptop.
pub struct Watching {
    agent: Arc<Agent>,
    session: SessionId,
    // reader of the control stream → here
    wanted_rx: watch::Receiver<bool>,
    counted: Option<Counted>,
    cursor: Cursor,
    tick: tokio::time::Interval,
    ticks: u32,
    unseen: (Unseen, Option<u64>),
}

/// Counts among those who watch as long as it lives.
struct Counted(Arc<Agent>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.traffic.watching.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Watching {
    /// Reports of `session`'s intercepts while `wanted_rx` says so.
    pub fn new(agent: &Arc<Agent>, session: &SessionId, wanted_rx: watch::Receiver<bool>) -> Self {
        let mut tick = interval(REPORT_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            agent: agent.clone(),
            session: session.clone(),
            wanted_rx,
            counted: None,
            cursor: Cursor::default(),
            tick,
            ticks: 0,
            unseen: Default::default(),
        }
    }

    /// The next report. Never resolves while none is wanted. Safe to cancel.
    pub async fn next(&mut self) -> Report {
        loop {
            if self.wanted_rx.wait_for(|wanted| *wanted).await.is_err() {
                std::future::pending::<()>().await;
            }
            self.counted.get_or_insert_with(|| {
                self.agent.traffic.watching.fetch_add(1, Ordering::Relaxed);
                Counted(self.agent.clone())
            });
            tokio::select! {
                _ = self.tick.tick() => {}
                Ok(()) = self.wanted_rx.changed() => {
                    if !*self.wanted_rx.borrow() {
                        self.counted = None;
                        self.unseen = Default::default();
                    }
                    continue;
                }
            }
            let record = self.agent.record.borrow().clone();
            let Some(record) = record else { continue };
            if self.ticks.is_multiple_of(COUNT_EVERY) {
                let health = SocketAddr::new(self.agent.settings.own_address(), record.health_port);
                if let Some(status) = ask(health).await {
                    let lines = self.agent.traffic.book().lines();
                    self.unseen.1 = Some(self.unseen.0.note(status, lines));
                }
            }
            self.ticks = self.ticks.wrapping_add(1);
            let (of, at) = ((&*record, &self.session), clock());
            let report = self
                .agent
                .traffic
                .book()
                .report(of, &mut self.cursor, self.unseen.1, at);
            if let Some(report) = report {
                self.tick.reset_at(Instant::now() + REPORT_EVERY);
                return report;
            }
        }
    }
}
