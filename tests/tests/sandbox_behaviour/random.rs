//! Random histories of one Service: whatever happens in whatever order, it always has somewhere to send requests, no
//! match is owned twice, and when nobody is left nothing is left.
//!
//! What happens is drawn from a fixed seed, so that a run is like the last one; more histories draw on.

use std::collections::BTreeMap;
use std::time::Duration;

use intercept_engine::session::Outcome;
use intercept_protocol::names;
use intercept_sandbox::faults::Fault;
use intercept_tests::await_true;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::ResourceExt as _;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::place::{Place, SERVICE};
use crate::program::{Developer, Program, judge};
use crate::reach::Reach;
use crate::world::{LIMIT, World};

const DEVELOPERS: u8 = 3;
/// Fewer headers than developers: they meet.
const HEADERS: u8 = 2;
const HISTORIES: u32 = 8;
/// A dead developer's intercept goes after this; the living show that they live three times as often.
const GRACE: Duration = Duration::from_secs(3);

/// What can happen.
#[derive(Clone, Debug)]
enum Event {
    Start {
        developer: u8,
        header: u8,
    },
    Leave {
        developer: u8,
    },
    /// The laptop loses power.
    Die {
        developer: u8,
    },
    CloseElsewhere,
    ProxyPodDeleted,
    OriginalScaled {
        replicas: u8,
    },
    OriginalRolled,
    ServerRestarts,
    WatchesDrop,
}

fn event() -> impl Strategy<Value = Event> {
    let developer = 0..DEVELOPERS;
    prop_oneof![
        6 => (developer.clone(), 0..HEADERS).prop_map(|(developer, header)| Event::Start { developer, header }),
        3 => developer.clone().prop_map(|developer| Event::Leave { developer }),
        1 => developer.prop_map(|developer| Event::Die { developer }),
        1 => Just(Event::CloseElsewhere),
        1 => Just(Event::ProxyPodDeleted),
        1 => (1..=2_u8).prop_map(|replicas| Event::OriginalScaled { replicas }),
        1 => Just(Event::OriginalRolled),
        1 => Just(Event::ServerRestarts),
        1 => Just(Event::WatchesDrop),
    ]
}

#[test]
fn whatever_happens_a_service_can_be_reached_and_nothing_is_left() {
    let asked = std::env::var("INTERCEPT_HISTORIES").ok();
    let cases = asked.and_then(|count| count.parse().ok()).unwrap_or(HISTORIES);
    let config = Config {
        cases,
        max_shrink_iters: 30,
        failure_persistence: None,
        ..Config::default()
    };
    let seed = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, seed);
    let histories = prop::collection::vec(event(), 4..10);
    let outcome = runner.run(&histories, |events| {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime must be possible");
        runtime.block_on(async {
            let world = World::start().await;
            History::new(world.place().await).run(&events).await;
            world.stop().await;
        });
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

/// What is known to be so at a moment of a history.
struct History<'w> {
    place: Place<'w>,
    present: BTreeMap<u8, (Developer, Program)>,
    /// Whose intercepts may still stand in the record: they died, and the grace time has not passed for sure.
    dead: Vec<Developer>,
    rolled: u32,
    reach: Reach,
}

impl Event {
    /// Whether nobody may answer for a moment: a lone proxy pod that is deleted does not come back at once.
    fn may_interrupt(&self) -> bool {
        matches!(self, Self::ProxyPodDeleted)
    }
}

impl<'w> History<'w> {
    fn new(place: Place<'w>) -> Self {
        Self {
            reach: Reach::watch(&place),
            place,
            present: BTreeMap::new(),
            dead: Vec::new(),
            rolled: 0,
        }
    }

    async fn run(mut self, events: &[Event]) {
        for event in events {
            let case = format!("{event:?} in {events:?}");
            self.happen(event, &case).await;
            self.check(&case).await;
            let gaps = self.reach.take_gaps();
            assert!(gaps == 0 || event.may_interrupt(), "{gaps} gaps after {case}");
        }
        let case = format!("the end of {events:?}");
        for (_, (_, mut program)) in std::mem::take(&mut self.present) {
            let outcome = program.leave(&case).await;
            assert!(judge(&case, &outcome), "{case}: {outcome:?}");
        }
        // The dead are buried by the agents alone.
        self.place.await_clean(&case).await;
        assert_eq!(self.reach.take_gaps(), 0, "gaps after {case}");
    }

    async fn happen(&mut self, event: &Event, case: &str) {
        match event {
            Event::Start { developer, header } => self.start(*developer, *header, case).await,
            Event::Leave { developer } => {
                if let Some((_, mut program)) = self.present.remove(developer) {
                    let outcome = program.leave(case).await;
                    assert!(judge(case, &outcome), "{case}: {outcome:?}");
                }
            }
            Event::Die { developer } => {
                if let Some((developer, program)) = self.present.remove(developer) {
                    program.kill();
                    self.dead.push(developer);
                }
            }
            Event::CloseElsewhere => self.close_elsewhere(case).await,
            Event::ProxyPodDeleted => self.delete_proxy_pod(case).await,
            Event::OriginalScaled { replicas } => {
                self.change_original(json!({ "spec": { "replicas": replicas } }))
                    .await;
            }
            Event::OriginalRolled => {
                self.rolled += 1;
                let annotations = json!({ "rolled": self.rolled.to_string() });
                let template = json!({ "metadata": { "annotations": annotations } });
                self.change_original(json!({ "spec": { "template": template } }))
                    .await;
            }
            Event::ServerRestarts => {
                let sandbox = self.place.world.cluster().sandbox();
                sandbox.restart(Duration::from_millis(50)).await;
            }
            Event::WatchesDrop => {
                let faults = self.place.world.cluster().sandbox().faults();
                let dropping = faults.order(Fault::parse("watch * drop x6").expect("a fault must be one"));
                if !self.present.is_empty() {
                    let struck = timeout(LIMIT, dropping.first_strike()).await;
                    struck.unwrap_or_else(|_| panic!("{case}: there is no watch to drop"));
                }
                dropping.cancel();
            }
        }
    }

    async fn start(&mut self, number: u8, header: u8, case: &str) {
        if self.present.contains_key(&number) {
            return;
        }
        let developer = Developer::new(&format!("developer-{number}"))
            .marked(&format!("header-{header}"))
            .grace(GRACE);
        let mut program = developer.start(&self.place).await;
        let others = self.present.values().map(|(other, _)| other).chain(&self.dead);
        let is_taken = others.clone().any(|other| other.rule.same_as(&developer.rule));
        match program.settled(case).await {
            None => {
                let mut living = self.present.values();
                let is_theirs = living.any(|(other, _)| other.rule.same_as(&developer.rule));
                assert!(!is_theirs, "{case}: two have the same match");
                self.dead.retain(|dead| !dead.rule.same_as(&developer.rule));
                self.present.insert(number, (developer, program));
            }
            Some(Outcome::AlreadyHeld { .. }) => assert!(is_taken, "{case}"),
            Some(outcome) => {
                judge(case, &outcome);
                assert!(is_taken, "{case}: {outcome:?}");
            }
        }
    }

    async fn close_elsewhere(&mut self, case: &str) {
        self.place.close(case).await;
        self.dead.clear();
        for (_, (_, mut program)) in std::mem::take(&mut self.present) {
            let outcome = program.ended(case).await;
            assert!(judge(case, &outcome), "{case}: {outcome:?}");
        }
        self.place.await_clean(case).await;
    }

    async fn delete_proxy_pod(&self, case: &str) {
        let pods = self.place.api::<Pod>();
        let labels = ListParams::default().labels(names::PROXY_LABEL);
        let found = pods
            .list(&labels)
            .await
            .unwrap_or_else(|error| panic!("{case}: {error}"));
        if let Some(pod) = found.items.first() {
            // Gone already is as good.
            let _ = pods.delete(&pod.name_any(), &DeleteParams::default()).await;
            await_true(LIMIT, case, async || {
                pods.get_metadata_opt(&pod.name_any())
                    .await
                    .is_ok_and(|now| now.is_none())
            })
            .await;
            // The endpoints follow a moment later: only then is its gap over.
            self.reach.until_others_than(&pod.name_any(), case).await;
        }
    }

    async fn change_original(&self, change: Value) {
        let deployments = self.place.api::<Deployment>();
        let patched = deployments
            .patch(SERVICE, &PatchParams::default(), &Patch::Merge(change))
            .await;
        patched.expect("the original must be changeable");
    }

    async fn check(&mut self, case: &str) {
        await_true(LIMIT, &format!("somewhere to go after {case}"), async || {
            self.selects_somebody().await && self.place.ready_endpoints().await > 0
        })
        .await;
        let found = self.place.intercepts().await;
        for (index, one) in found.iter().enumerate() {
            let is_same = |other: &&intercept_protocol::record::Intercept| {
                other.port == one.port && other.rule.same_as(&one.rule)
            };
            assert!(
                !found[..index].iter().any(|other| is_same(&other)),
                "owned twice after {case}: {found:?}"
            );
        }
        for (developer, program) in self.present.values_mut() {
            let stands = found.iter().any(|one| one.owner == developer.owner());
            if !stands || program.is_over() {
                panic!(
                    "{} is out after {case}: {:?}",
                    developer.name,
                    program.ended(case).await
                );
            }
        }
    }

    /// The Service's selector is its own, or the proxy's.
    async fn selects_somebody(&self) -> bool {
        let Ok(service) = self.place.api::<Service>().get(SERVICE).await else {
            return false;
        };
        let selector = intercept_engine::snapshot::selector(&service);
        let own = BTreeMap::from([("app".to_owned(), SERVICE.to_owned())]);
        selector == own || intercept_engine::snapshot::is_proxy_selector(&selector, SERVICE)
    }
}
