//! What the agents do alone, once the laptop is gone for good: also where their own calls meet faults.

use std::time::Duration;

use crate::faults::{Case, Tally, each_of};
use crate::place::Place;
use crate::program::Developer;
use crate::steps::Step;
use crate::world::World;

/// Short, so that they are not waited for long.
pub(crate) const GRACE: Duration = Duration::from_secs(2);

/// More than elsewhere: most of the time they wait.
const AT_ONCE: usize = 40;

/// The agents' calls from the laptop's end to theirs.
async fn recorded(world: &World) -> Vec<Step> {
    let place = world.place().await;
    let agents = agents_of(&place);
    let laptop = Developer::new("recorded").grace(GRACE);
    let program = laptop.settle(&place, "recording").await;
    let before = world.steps_of(&agents).len();
    program.kill();
    place.await_clean("recording").await;
    Step::numbered(world.steps_of(&agents).into_iter().skip(before))
}

/// Who the agents are to the API server.
fn agents_of(place: &Place<'_>) -> String {
    format!("system:serviceaccount:{}:{}", place.namespace, place.proxy())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_who_meet_a_fault_while_they_clean_up_try_again() {
    let world = World::start().await;
    let steps = recorded(&world).await;
    assert!(steps.iter().any(Step::is_write), "{steps:?}");
    let tally = Tally::default();
    each_of(AT_ONCE, &Case::all("agents", &steps), async |_, case| {
        let place = world.place().await;
        let laptop = case.developer.clone().grace(GRACE);
        let program = laptop.settle(&place, &case.name).await;
        let fault = world.order(&case.step, &case.effect, &agents_of(&place));
        program.kill();
        place.await_clean(&case.name).await;
        tally.add_case(fault.has_struck());
    })
    .await;
    tally.check("agents");
    world.stop().await;
}
