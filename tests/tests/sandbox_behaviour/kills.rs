//! The real program killed at every step, without a chance to say a word.

use futures::StreamExt as _;
use intercept_tests::{Machine, Running, Signal};

use crate::faults::recorded;
use crate::place::{Place, SERVICE};
use crate::steps::Step;
use crate::world::{LIMIT, World};

/// So many programs at once.
const AT_ONCE: usize = 8;

struct Kill {
    step: Step,
    /// Cut on the way out; otherwise on the way in.
    is_leaving: bool,
}

/// A developer's machine, and the user its program is to the API server.
fn machine(place: &Place<'_>, user: &str) -> Machine {
    Machine::new(&place.world.kubeconfig(user)).variable("INTERCEPT_OWNER", user)
}

fn start(machine: &Machine, place: &Place<'_>) -> Running {
    let to = place.world.laptop.port().to_string();
    machine.spawn(&[
        "--namespace",
        &place.namespace,
        "start",
        SERVICE,
        "--to",
        &to,
        "--grace",
        "5s",
    ])
}

/// Starts the program and kills it while its call at this step hangs.
async fn killed(place: &Place<'_>, machine: &Machine, user: &str, kill: &Kill) {
    let case = format!("a program killed at {}", kill.step);
    let held = (!kill.is_leaving).then(|| place.world.hold(&kill.step, user));
    let mut program = start(machine, place);
    let held = match held {
        Some(held) => held,
        None => {
            program.await_line(LIMIT, "Ready").await;
            place.world.await_rest(user, &case).await;
            let held = place.world.hold(&kill.step, user);
            program.signal(Signal::INT);
            held
        }
    };
    held.strikes(&case).await;
    program.kill().await;
}

async fn kills(world: &World) -> Vec<Kill> {
    let (way_in, way_out) = recorded(world).await;
    let kill = |is_leaving| move |step| Kill { step, is_leaving };
    let writes = |steps: Vec<Step>| {
        steps
            .into_iter()
            .filter(|step| step.is_write() || step.is_tunnel())
    };
    writes(way_in)
        .map(kill(false))
        .chain(writes(way_out).map(kill(true)))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_killed_at_any_step_is_cleaned_up_after_by_a_close_or_by_its_next_start() {
    let world = World::start().await;
    let kills = kills(&world).await;
    let all = futures::stream::iter(kills.iter().enumerate()).map(async |(index, kill)| {
        let place = world.place().await;
        let user = format!("killed-{index}");
        let own = machine(&place, &user);
        killed(&place, &own, &user, kill).await;
        let case = format!("a program killed at {}", kill.step);
        if index % 2 == 0 {
            closed_from_elsewhere(&place, &case, index).await;
            place.await_clean(&case).await;
        } else {
            started_again(&place, &own).await;
            // A fuse that nothing hangs on yet is nobody's to find; it ends by its own deadline.
            place
                .await_clean_but(&case, |left| left.starts_with("Job "))
                .await;
        }
    });
    all.buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
    world.stop().await;
}

async fn closed_from_elsewhere(place: &Place<'_>, case: &str, index: usize) {
    let other = machine(place, &format!("closer-{index}"));
    let ended = other
        .run(&["--namespace", &place.namespace, "session", "close", "--all"])
        .await;
    assert_eq!(ended.code, Some(0), "after {case}: {ended}");
}

async fn started_again(place: &Place<'_>, own: &Machine) {
    let mut again = start(own, place);
    again.await_line(LIMIT, "Ready").await;
    let ended = again.interrupt(LIMIT).await;
    assert_eq!(ended.code, Some(0), "{ended}");
}
