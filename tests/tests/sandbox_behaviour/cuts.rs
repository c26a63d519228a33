//! Every plan cut at every step: by an error, by a change of mind, and by an engine that is gone from one moment to the next.

use intercept_engine::session::Outcome;
use intercept_sandbox::faults::Effect;

use crate::agents::GRACE;
use crate::faults::{each, in_and_out, recorded};
use crate::place::Place;
use crate::program::{Developer, Program, judge};
use crate::steps::Step;
use crate::world::{Struck, World};

const REFUSED: Effect = Effect::Status {
    code: 403,
    retry_after: None,
};

/// Where a plan is cut: what changes something, what it waits for, and the first call of all.
pub(crate) fn cuts(steps: &[Step]) -> Vec<Step> {
    let is_cut = |(index, step): &(usize, &Step)| *index == 0 || step.is_write() || step.is_tunnel();
    let found = steps.iter().enumerate().filter(is_cut);
    found.map(|(_, step)| step.clone()).collect()
}

/// A program whose call at this step hangs, on its way in or out.
async fn at_step<'w>(
    place: &Place<'w>,
    developer: &Developer,
    step: &Step,
    is_leaving: bool,
) -> (Program, Struck) {
    let case = format!("{} at {step}", developer.name);
    let hold = || place.world.hold(step, &developer.name);
    let (program, held) = if is_leaving {
        let program = developer.settle(place, &case).await;
        let held = hold();
        program.close();
        (program, held)
    } else {
        let held = hold();
        (developer.start(place).await, held)
    };
    held.strikes(&case).await;
    (program, held)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_that_fails_at_any_step_is_undone_by_itself() {
    let world = World::start().await;
    let (way_in, _) = recorded(&world).await;
    each(&cuts(&way_in), async |index, step| {
        let place = world.place().await;
        let developer = Developer::new(&format!("failing-{index}"));
        let case = format!("an error at {step}");
        let fault = world.order(step, &REFUSED, &developer.name);
        let outcome = in_and_out(&place, &developer, &case).await;
        assert!(fault.has_struck(), "{case}");
        assert!(judge(&case, &outcome), "{case}: {outcome:?}");
        place.await_clean(&case).await;
    })
    .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leave_that_fails_at_any_step_is_finished_by_a_close() {
    let world = World::start().await;
    let (_, way_out) = recorded(&world).await;
    each(&cuts(&way_out), async |index, step| {
        let place = world.place().await;
        let developer = Developer::new(&format!("stuck-{index}"));
        let case = format!("a leave refused at {step}");
        let mut program = developer.settle(&place, &case).await;
        let fault = world.order(step, &REFUSED, &developer.name);
        let outcome = program.leave(&case).await;
        assert!(fault.has_struck(), "{case}");
        if !judge(&case, &outcome) {
            place.close(&case).await;
        }
        place.await_clean(&case).await;
    })
    .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undo_that_fails_as_well_is_finished_by_a_close() {
    let world = World::start().await;
    let (way_in, _) = recorded(&world).await;
    let removal = Step::first("delete", "deployments");
    each(&cuts(&way_in), async |index, step| {
        let place = world.place().await;
        let developer = Developer::new(&format!("twice-{index}"));
        let case = format!("an error at {step}, and at {removal}");
        let _first = world.order(step, &REFUSED, &developer.name);
        let second = world.order(&removal, &REFUSED, &developer.name);
        let outcome = in_and_out(&place, &developer, &case).await;
        // Nothing was to be removed yet; otherwise it is told that something is left.
        assert_eq!(
            judge(&case, &outcome),
            !second.has_struck(),
            "{case}: {outcome:?}"
        );
        place.close(&case).await;
        place.await_clean(&case).await;
    })
    .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_that_is_cancelled_at_any_step_is_undone_by_itself() {
    let world = World::start().await;
    let (way_in, _) = recorded(&world).await;
    each(&cuts(&way_in), async |index, step| {
        let place = world.place().await;
        let developer = Developer::new(&format!("cancelled-{index}"));
        let case = format!("a cancel at {step}");
        let (mut program, held) = at_step(&place, &developer, step, false).await;
        program.close();
        held.release();
        let outcome = program.ended(&case).await;
        assert!(
            matches!(
                outcome,
                Outcome::Failed { reverted: Ok(()), .. } | Outcome::Closed { left: Ok(_), .. }
            ),
            "{case}: {outcome:?}"
        );
        place.await_clean(&case).await;
    })
    .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_is_gone_at_any_step_is_cleaned_up_after_by_a_close_from_elsewhere() {
    let world = World::start().await;
    let (way_in, way_out) = recorded(&world).await;
    let cuts_in = cuts(&way_in).into_iter().map(|step| (step, false));
    let cuts_out = cuts(&way_out).into_iter().map(|step| (step, true));
    let all: Vec<(Step, bool)> = cuts_in.chain(cuts_out).collect();
    let steps: Vec<Step> = all.iter().map(|(step, _)| step.clone()).collect();
    each(&steps, async |index, step| {
        let place = world.place().await;
        let developer = Developer::new(&format!("gone-{index}"));
        let (program, held) = at_step(&place, &developer, step, all[index].1).await;
        program.kill();
        drop(held);
        let case = format!("an engine gone at {step}");
        place.close(&case).await;
        place.await_clean(&case).await;
    })
    .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_is_gone_once_the_agents_run_is_cleaned_up_after_by_them() {
    let world = World::start().await;
    let (way_in, way_out) = recorded(&world).await;
    let defused = way_in.iter().skip_while(|step| !step.is_tunnel());
    let defused: Vec<Step> = defused.filter(|step| step.is_write()).cloned().collect();
    // The first of them takes the fuse's hold away: before it there is the fuse.
    let cuts_in = defused.into_iter().skip(1).map(|step| (step, false));
    let cuts_out = cuts(&way_out).into_iter().map(|step| (step, true));
    let all: Vec<(Step, bool)> = cuts_in.chain(cuts_out).collect();
    let steps: Vec<Step> = all.iter().map(|(step, _)| step.clone()).collect();
    each(&steps, async |index, step| {
        let place = world.place().await;
        let developer = Developer::new(&format!("left-{index}")).grace(GRACE);
        let (program, held) = at_step(&place, &developer, step, all[index].1).await;
        program.kill();
        drop(held);
        // A fuse whose hold was taken away ends by its own deadline.
        let case = format!("an engine gone at {step}");
        place
            .await_clean_but(&case, |left| left.starts_with("Job "))
            .await;
    })
    .await;
    world.stop().await;
}
