//! What a program holds: its sessions, how they are recorded, and the orders others may give.

use std::error::Error as _;
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use futures::{StreamExt as _, stream};
use intercept_protocol::ids::InterceptId;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::fit::fitted;
use super::message::{Answer, Held, Refused, RefusedCode, Request};
use super::serve::{Answers, Holder};
use crate::session::{Phase, Prober, Session};
use crate::spec::InterceptSpec;
use crate::tap::{Level, Mock, Mocks, Recorder, Recording, Standing};
use crate::traffic::TrafficView;

/// The sessions of one program. Clones are the same.
#[derive(Clone, Default)]
pub struct Holdings {
    recorder: Option<Arc<Recorder>>,
    mocks: Mocks,
    sessions: Arc<Mutex<Vec<Arc<Entry>>>>,
}

/// A session that is held; it is no longer when this is dropped.
pub struct Hold {
    holdings: Holdings,
    entry: Arc<Entry>,
}

struct Entry {
    context: String,
    spec: InterceptSpec,
    since: u64,
    known: Mutex<Known>,
    phase: watch::Receiver<Phase>,
    recording: Option<Recording>,
    closer: CancellationToken,
    traffic: watch::Receiver<TrafficView>,
    prober: Option<Prober>,
}

/// What only the plan says.
#[derive(Default)]
struct Known {
    intercept: Option<InterceptId>,
    port: Option<String>,
}

impl Holdings {
    /// Of a program that records with `recorder` and opens its sessions with `mocks`.
    pub fn new(recorder: Option<Arc<Recorder>>, mocks: Mocks) -> Self {
        Self {
            recorder,
            mocks,
            sessions: Arc::default(),
        }
    }

    /// Lists a session that was opened for `spec` in `context`, for as long as the result lives.
    pub fn hold(&self, session: &Session, context: &str, spec: &InterceptSpec) -> Hold {
        self.enter(Entry {
            context: context.to_owned(),
            spec: spec.clone(),
            since: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_secs()),
            known: Mutex::default(),
            phase: session.phases(),
            recording: session.recording().cloned(),
            closer: session.closer(),
            traffic: session.traffic(),
            prober: Some(session.prober()),
        })
    }

    fn enter(&self, entry: Entry) -> Hold {
        let entry = Arc::new(entry);
        self.sessions().push(Arc::clone(&entry));
        Hold {
            holdings: self.clone(),
            entry,
        }
    }

    fn sessions(&self) -> MutexGuard<'_, Vec<Arc<Entry>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_paused(&self) -> bool {
        self.recorder
            .as_ref()
            .is_some_and(|recorder| recorder.is_paused())
    }

    fn all(&self) -> Vec<Held> {
        let is_paused = self.is_paused();
        self.sessions().iter().map(|one| one.held(is_paused)).collect()
    }

    /// The one with this id.
    fn find(&self, intercept: &InterceptId) -> Result<Arc<Entry>, Refused> {
        let sessions = self.sessions();
        let mut found = sessions
            .iter()
            .filter(|one| one.known().intercept.as_ref() == Some(intercept));
        found.next().cloned().ok_or_else(|| {
            let words = format!("this program does not hold intercept {intercept}");
            Refused::new(RefusedCode::NoSuchSession, words)
        })
    }

    fn record(&self, intercept: Option<&InterceptId>, level: Level) -> Result<Vec<Held>, Refused> {
        let chosen = match intercept {
            Some(id) => vec![self.find(id)?],
            None => self.sessions().clone(),
        };
        let is_paused = self.is_paused();
        let record = |one: &Arc<Entry>| match &one.recording {
            Some(recording) => {
                recording.record(level);
                Ok(one.held(is_paused))
            }
            None => Err(no_recorder()),
        };
        chosen.iter().map(record).collect()
    }

    fn pause(&self, is_paused: bool) -> Result<Vec<Held>, Refused> {
        self.recorder.as_ref().ok_or_else(no_recorder)?.pause(is_paused);
        Ok(self.all())
    }

    fn standing(&self) -> Answers {
        let told = self.mocks.list().into_iter().map(|mut one: Standing| {
            one.mock.body = Vec::new();
            Ok(Answer::Mock(Box::new(one)))
        });
        stream::iter(told.collect::<Vec<_>>()).boxed()
    }

    fn mock(&self, mock: Mock) -> Result<Answers, Refused> {
        let number = self.mocks.add(mock).map_err(|error| {
            let why = error.source().map(|why| format!(": {why}"));
            let words = format!("{error}{}", why.unwrap_or_default());
            Refused::new(RefusedCode::WrongMock, words)
        })?;
        let is_it =
            move |one: &Result<Answer, Refused>| matches!(one, Ok(Answer::Mock(one)) if one.number == number);
        Ok(self.standing().filter(move |one| ready(is_it(one))).boxed())
    }

    fn unmock(&self, number: u64) -> Result<Answers, Refused> {
        if self.mocks.remove(number) {
            return Ok(self.standing());
        }
        let words = format!("there is no mock {number}: it may have been switched off already");
        Err(Refused::new(RefusedCode::NoSuchMock, words))
    }

    fn why(&self, intercept: &InterceptId) -> Result<Answers, Refused> {
        let views = self.find(intercept)?.traffic.clone();
        let watched = stream::unfold((views, true), |(mut views, is_first)| async move {
            // The sender goes with the session.
            if !is_first && views.changed().await.is_err() {
                return None;
            }
            let view = views.borrow_and_update().clone();
            Some((Ok(Answer::Traffic(Box::new(fitted(view)))), (views, false)))
        });
        Ok(watched.boxed())
    }

    fn probe(&self, intercept: &InterceptId) -> Result<Answers, Refused> {
        let prober = self.find(intercept)?.prober.clone();
        let probed = stream::once(async move {
            let report = match prober {
                Some(prober) => prober.probe().await,
                None => None,
            };
            report
                .map(|report| Answer::Probe(Box::new(report)))
                .ok_or_else(|| {
                    Refused::new(
                        RefusedCode::Ending,
                        "the session ends, so nothing can be sent through it",
                    )
                })
        });
        Ok(probed.boxed())
    }

    fn stop(&self, intercept: &InterceptId) -> Result<Answers, Refused> {
        let entry = self.find(intercept)?;
        entry.closer.cancel();
        let is_paused = self.is_paused();
        let phases = entry.phase.clone();
        let watched = stream::unfold(
            (entry, phases, None),
            move |(entry, mut phases, told)| async move {
                // The sender goes with the session: then there is nothing to wait for either.
                let is_over =
                    told == Some(Phase::Closed) || told.is_some() && phases.changed().await.is_err();
                if is_over {
                    return None;
                }
                let phase = phases.borrow_and_update().clone();
                let held = Held {
                    phase: phase.clone(),
                    ..entry.held(is_paused)
                };
                Some((Ok(Answer::Session(Box::new(held))), (entry, phases, Some(phase))))
            },
        );
        Ok(watched.boxed())
    }
}

fn no_recorder() -> Refused {
    Refused::new(
        RefusedCode::NoRecorder,
        "this program cannot record: the store of requests could not be opened when it started",
    )
}

fn parts(sessions: Vec<Held>) -> Answers {
    let parts = sessions.into_iter().map(|one| Ok(Answer::Session(Box::new(one))));
    stream::iter(parts.collect::<Vec<_>>()).boxed()
}

impl Holder for Holdings {
    fn answer(&self, request: Request) -> Answers {
        let answers = match request {
            Request::Sessions => Ok(parts(self.all())),
            Request::Record { intercept, level } => self.record(intercept.as_ref(), level).map(parts),
            Request::Pause { is_paused } => self.pause(is_paused).map(parts),
            Request::Mocks => Ok(self.standing()),
            Request::AddMock { mock } => self.mock(*mock),
            Request::RemoveMock { number } => self.unmock(number),
            Request::Why { intercept } => self.why(&intercept),
            Request::Probe { intercept } => self.probe(&intercept),
            Request::Stop { intercept } => self.stop(&intercept),
        };
        answers.unwrap_or_else(|refused| stream::iter([Err(refused)]).boxed())
    }
}

impl Hold {
    /// The plan says which intercept it is, and somebody which port.
    pub fn planned(&self, intercept: &InterceptId, port: Option<String>) {
        let mut known = self.entry.known();
        known.intercept = Some(intercept.clone());
        known.port = port;
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.holdings
            .sessions()
            .retain(|one| !Arc::ptr_eq(one, &self.entry));
    }
}

impl Entry {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held(&self, is_paused: bool) -> Held {
        let known = self.known();
        let asked = self.spec.port.as_ref().map(ToString::to_string);
        Held {
            intercept: known.intercept.clone(),
            context: self.context.clone(),
            namespace: self.spec.namespace.clone(),
            service: self.spec.service.clone(),
            port: known.port.clone().or(asked),
            rule: self.spec.rule.clone(),
            target: self.spec.target.to_string(),
            accept_any_certificate: self.spec.target.accept_any_certificate,
            phase: self.phase.borrow().clone(),
            since: self.since,
            recording: self.recording.as_ref().map(Recording::level),
            is_paused,
        }
    }
}

#[cfg(test)]
mod tests {
    use intercept_protocol::matching::{Mark, Match};
    use intercept_protocol::record::Owner;

    use super::*;
    use crate::target::Target;

    fn entry(phase: watch::Receiver<Phase>) -> Entry {
        Entry {
            context: "staging".into(),
            spec: InterceptSpec {
                namespace: "shop".into(),
                service: "api".into(),
                port: None,
                rule: Match::new(Mark::All),
                target: Target::localhost(3000),
                ttl: None,
                protocol: None,
                owner: Owner {
                    user: "ann".into(),
                    host: "here".into(),
                },
            },
            since: 7,
            known: Mutex::default(),
            phase,
            recording: None,
            closer: CancellationToken::new(),
            traffic: watch::channel(TrafficView::default()).1,
            prober: None,
        }
    }

    async fn asked(holdings: &Holdings, request: Request) -> Vec<Result<Held, RefusedCode>> {
        let answers = holdings.answer(request).map(|part| match part {
            Ok(Answer::Session(held)) => Ok(*held),
            Ok(other) => panic!("a session must be told: {other:?}"),
            Err(refused) => Err(refused.code),
        });
        answers.collect().await
    }

    #[tokio::test]
    async fn a_session_is_listed_while_it_is_held_and_stopped_by_its_id() {
        let holdings = Holdings::default();
        let (phase_tx, phase) = watch::channel(Phase::Planning);
        let hold = holdings.enter(entry(phase));
        let id = InterceptId::random();
        let stop = || Request::Stop {
            intercept: id.clone(),
        };
        assert_eq!(asked(&holdings, stop()).await, [Err(RefusedCode::NoSuchSession)]);
        hold.planned(&id, Some("80".into()));
        let listed = asked(&holdings, Request::Sessions).await;
        let one = listed[0].as_ref().unwrap();
        assert_eq!(
            (one.intercept.as_ref(), one.port.as_deref()),
            (Some(&id), Some("80"))
        );

        let mut phases = holdings.answer(stop());
        assert!(phases.next().await.is_some());
        assert!(hold.entry.closer.is_cancelled());
        phase_tx.send_replace(Phase::Closed);
        let Some(Ok(Answer::Session(last))) = phases.next().await else {
            panic!("the end must be told");
        };
        assert_eq!(last.phase, Phase::Closed);
        assert!(phases.next().await.is_none());
        drop(hold);
        assert!(asked(&holdings, Request::Sessions).await.is_empty());
    }

    #[tokio::test]
    async fn a_program_without_a_recorder_says_so() {
        let holdings = Holdings::default();
        let (_phase_tx, phase) = watch::channel(Phase::Active);
        let _hold = holdings.enter(entry(phase));
        let record = Request::Record {
            intercept: None,
            level: Level::Heads,
        };
        assert_eq!(asked(&holdings, record).await, [Err(RefusedCode::NoRecorder)]);
        let pause = Request::Pause { is_paused: true };
        assert_eq!(asked(&holdings, pause).await, [Err(RefusedCode::NoRecorder)]);
    }

    #[tokio::test]
    async fn mocks_are_switched_on_listed_and_off() {
        let holdings = Holdings::default();
        let numbers = |request| async {
            let answers = holdings.answer(request).map(|part| match part {
                Ok(Answer::Mock(one)) => Ok((one.number, one.mock.body.len())),
                Ok(other) => panic!("a mock must be told: {other:?}"),
                Err(refused) => Err(refused.code),
            });
            answers.collect::<Vec<_>>().await
        };
        let add = |filter: &str| Request::AddMock {
            mock: Box::new(Mock {
                filter: filter.to_owned(),
                status: 200,
                headers: Vec::new(),
                body: vec![b'x'; 100_000],
                trailers: Vec::new(),
                delay_ms: 0,
            }),
        };
        assert_eq!(numbers(add("path:/cart")).await, [Ok((1, 0))]);
        assert_eq!(numbers(add("path:(")).await, [Err(RefusedCode::WrongMock)]);
        assert_eq!(numbers(add("path:/")).await, [Ok((2, 0))]);
        assert_eq!(numbers(Request::Mocks).await, [Ok((1, 0)), Ok((2, 0))]);
        assert_eq!(numbers(Request::RemoveMock { number: 1 }).await, [Ok((2, 0))]);
        let again = Request::RemoveMock { number: 1 };
        assert_eq!(numbers(again).await, [Err(RefusedCode::NoSuchMock)]);
    }

    #[tokio::test]
    async fn traffic_is_told_at_once_and_again_when_it_changes() {
        let holdings = Holdings::default();
        let (_phase_tx, phase) = watch::channel(Phase::Active);
        let (view_tx, traffic) = watch::channel(TrafficView::default());
        let hold = holdings.enter(Entry {
            traffic,
            ..entry(phase)
        });
        let intercept = InterceptId::random();
        hold.planned(&intercept, None);
        let mut views = holdings.answer(Request::Why {
            intercept: intercept.clone(),
        });
        let mut next = async || match views.next().await {
            Some(Ok(Answer::Traffic(view))) => Some(view.sums.matched),
            _ => None,
        };
        assert_eq!(next().await, Some(0));
        view_tx.send_modify(|view| view.sums.matched = 7);
        assert_eq!(next().await, Some(7));
        drop(view_tx);
        assert_eq!(next().await, None);
        let probed = asked(&holdings, Request::Probe { intercept }).await;
        assert_eq!(probed, [Err(RefusedCode::Ending)]);
    }
}
