//! Every fault at every call of engage, join and leave: success, or a clear error and a clean cluster.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::join_all;
use intercept_engine::residue;
use intercept_engine::session::Outcome;
use intercept_sandbox::faults::Effect;
use intercept_tests::await_true;

use crate::cuts::cuts;
use crate::place::Place;
use crate::program::{Developer, judge};
use crate::steps::{Step, chosen};
use crate::world::{LIMIT, World};

/// So many Services at once: enough to fill two cores while others wait for something.
const AT_ONCE: usize = 16;
/// So many join and leave beside one who stays, one after the other.
const BESIDE_ONE: usize = 4;
const RESTART: Duration = Duration::from_millis(20);

/// The calls on the way in and on the way out of the first and last developer of a Service.
pub(crate) async fn recorded(world: &World) -> (Vec<Step>, Vec<Step>) {
    let place = world.place().await;
    recorded_at(&place, "recorder").await
}

/// The same for one who joins, and leaves while another stays.
async fn recorded_beside_another(world: &World) -> (Vec<Step>, Vec<Step>) {
    let place = world.place().await;
    let mut first = Developer::new("recorded-first").start(&place).await;
    first.active("recording").await;
    let steps = recorded_at(&place, "recorded-second").await;
    assert!(judge("recording", &first.leave("recording").await));
    steps
}

async fn recorded_at(place: &Place<'_>, name: &str) -> (Vec<Step>, Vec<Step>) {
    let world = place.world;
    let mut program = Developer::new(name).settle(place, "recording").await;
    let way_in = world.steps_of(name);
    assert!(judge("recording", &program.leave("recording").await));
    let both = world.steps_of(name);
    let way_out = Step::numbered(both.into_iter().skip(way_in.len()));
    (way_in, way_out)
}

/// What came of the cases of one test.
#[derive(Default)]
pub(crate) struct Tally {
    cases: AtomicUsize,
    /// The fault met its call: another order of calls can let it pass.
    met: AtomicUsize,
    failed: AtomicUsize,
    closed: AtomicUsize,
}

impl Tally {
    /// One more case, whose fault met its call or did not.
    pub(crate) fn add_case(&self, has_met: bool) {
        Self::add(&self.cases, true);
        Self::add(&self.met, has_met);
    }

    fn add(count: &AtomicUsize, is: bool) {
        count.fetch_add(usize::from(is), Ordering::Relaxed);
    }

    /// Says it, and that the faults really happened.
    pub(crate) fn check(&self, what: &str) {
        let [cases, met, failed, closed] =
            [&self.cases, &self.met, &self.failed, &self.closed].map(|one| one.load(Ordering::Relaxed));
        eprintln!("{what}: {cases} faults, {met} met, {failed} ended in an error, {closed} needed a close");
        assert!(met * 5 >= cases * 4, "{met} of {cases} faults met a call");
    }
}

/// One fault at one call of one developer.
pub(crate) struct Case {
    pub(crate) step: Step,
    pub(crate) effect: Effect,
    pub(crate) developer: Developer,
    pub(crate) name: String,
}

impl Case {
    pub(crate) fn all(what: &str, steps: &[Step]) -> Vec<Self> {
        let met = |(index, step)| chosen(index, step).into_iter().map(move |effect| (step, effect));
        let cases = steps.iter().enumerate().flat_map(met).enumerate();
        cases
            .map(|(number, (step, effect))| Self {
                name: format!("{what}: {effect:?} at {step}"),
                step: step.clone(),
                effect,
                developer: Developer::new(&format!("{what}-{number}")),
            })
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engage_that_meets_a_fault_works_or_says_why_and_leaves_nothing() {
    let world = World::start().await;
    let (steps, _) = recorded(&world).await;
    let tally = Tally::default();
    each(&Case::all("engage", &steps), async |_, case| {
        let place = world.place().await;
        let fault = world.order(&case.step, &case.effect, &case.developer.name);
        let outcome = in_and_out(&place, &case.developer, &case.name).await;
        tally.add_case(fault.has_struck());
        drop(fault);
        finish(&place, case, &tally, &outcome).await;
    })
    .await;
    tally.check("engage");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_one_who_leaves_and_meets_a_fault_leaves_nothing_or_says_why() {
    let world = World::start().await;
    let (_, steps) = recorded(&world).await;
    let tally = Tally::default();
    each(&Case::all("leave", &steps), async |_, case| {
        let place = world.place().await;
        let mut program = case.developer.settle(&place, &case.name).await;
        let fault = world.order(&case.step, &case.effect, &case.developer.name);
        let outcome = program.leave(&case.name).await;
        tally.add_case(fault.has_struck());
        drop(fault);
        finish(&place, case, &tally, &outcome).await;
    })
    .await;
    tally.check("leave");
    world.stop().await;
}

/// Judges the end, and closes from elsewhere what the program could not undo.
async fn finish(place: &Place<'_>, case: &Case, tally: &Tally, outcome: &Outcome) {
    Tally::add(&tally.failed, matches!(outcome, Outcome::Failed { .. }));
    if !judge(&case.name, outcome) {
        eprintln!("{}: closed from elsewhere", case.name);
        Tally::add(&tally.closed, true);
        place.close(&case.name).await;
    }
    place.await_clean(&case.name).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_joins_and_meets_a_fault_disturbs_nobody() {
    let world = World::start().await;
    let (steps, _) = recorded_beside_another(&world).await;
    beside_another(&world, "join", &steps, async |place, case| {
        let fault = place.world.order(&case.step, &case.effect, &case.developer.name);
        let outcome = in_and_out(place, &case.developer, &case.name).await;
        (outcome, fault.has_struck())
    })
    .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_leaves_others_and_meets_a_fault_disturbs_nobody() {
    let world = World::start().await;
    let (_, steps) = recorded_beside_another(&world).await;
    beside_another(&world, "part", &steps, async |place, case| {
        let mut program = case.developer.settle(place, &case.name).await;
        let fault = place.world.order(&case.step, &case.effect, &case.developer.name);
        let outcome = program.leave(&case.name).await;
        (outcome, fault.has_struck())
    })
    .await;
    world.stop().await;
}

/// Runs cases at a Service that somebody else intercepts all the time.
async fn beside_another(
    world: &World,
    what: &str,
    steps: &[Step],
    run: impl AsyncFn(&Place<'_>, &Case) -> (Outcome, bool),
) {
    let tally = Tally::default();
    let cases = Case::all(what, steps);
    let shifts: Vec<&[Case]> = cases.chunks(BESIDE_ONE).collect();
    each(&shifts, async |index, cases| {
        let place = world.place().await;
        let first = Developer::new(&format!("{what}-first-{index}"));
        let mut staying = first.start(&place).await;
        staying.active(what).await;
        for case in *cases {
            let (outcome, has_struck) = run(&place, case).await;
            tally.add_case(has_struck);
            Tally::add(&tally.failed, matches!(outcome, Outcome::Failed { .. }));
            if !judge(&case.name, &outcome) {
                Tally::add(&tally.closed, true);
                take_out(&place, case).await;
            }
            let owners: Vec<_> = place
                .intercepts()
                .await
                .into_iter()
                .map(|one| one.owner)
                .collect();
            assert_eq!(owners, [first.owner()], "after {}", case.name);
            assert!(
                !staying.is_over(),
                "{}: {:?}",
                case.name,
                staying.ended(what).await
            );
        }
        assert!(judge(what, &staying.leave(what).await));
        place.await_clean(what).await;
    })
    .await;
    tally.check(what);
}

/// `session close` of one intercept, from another machine.
async fn take_out(place: &Place<'_>, case: &Case) {
    let client = &place.world.client;
    for standing in residue::find(client, Some(&place.namespace)).await.unwrap() {
        let own = standing
            .intercepts
            .iter()
            .filter(|one| one.owner == case.developer.owner());
        for one in own {
            residue::close(client, &standing, Some(&one.id))
                .await
                .unwrap_or_else(|error| panic!("after {}: {error:?}", case.name));
        }
    }
}

/// How a developer ended who started, and left if that worked.
pub(crate) async fn in_and_out(place: &Place<'_>, developer: &Developer, case: &str) -> Outcome {
    let mut program = developer.start(place).await;
    match program.settled(case).await {
        None => program.leave(case).await,
        Some(outcome) => outcome,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn engages_while_the_api_server_restarts_at_every_step_work_or_say_why_and_leave_nothing() {
    let world = World::start().await;
    let (way_in, _) = recorded(&world).await;
    let steps = cuts(&way_in);
    // All of them share the server: what a test itself does must be done before the first restart or after the last.
    let places = join_all(steps.iter().map(|_| world.place())).await;
    let all: Vec<(&Step, &Place<'_>)> = steps.iter().zip(&places).collect();
    each(&all, async |index, (step, place)| {
        let developer = Developer::new(&format!("restart-{index}"));
        let _fault = world.order(step, &Effect::Restart(RESTART), &developer.name);
        let case = format!("a restart at {step}");
        judge(&case, &in_and_out(place, &developer, &case).await);
    })
    .await;
    each(&places, async |_, place| {
        await_true(LIMIT, "the server is back", async || {
            place.ready_endpoints().await > 0
        })
        .await;
        place.close("restarts").await;
        place.await_clean("restarts").await;
    })
    .await;
    world.stop().await;
}

/// Does it for every one, some at a time.
pub(crate) async fn each<T>(all: &[T], run: impl AsyncFn(usize, &T)) {
    each_of(AT_ONCE, all, run).await;
}

/// Does it for every one, so many at a time.
pub(crate) async fn each_of<T>(at_once: usize, all: &[T], run: impl AsyncFn(usize, &T)) {
    let all = futures::stream::iter(all.iter().enumerate()).map(|(index, one)| run(index, one));
    all.buffer_unordered(at_once).collect::<Vec<()>>().await;
}
