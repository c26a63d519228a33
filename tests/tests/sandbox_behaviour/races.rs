//! Two and five developers at one Service at the same moment.

use std::collections::BTreeSet;

use futures::future::join_all;
use intercept_engine::apply::ApplyError;
use intercept_engine::plan::Refusal;
use intercept_engine::session::{Outcome, SessionError};
use intercept_protocol::record::Owner;

use crate::place::Place;
use crate::program::{Developer, Program, judge};
use crate::world::World;

/// Each race is run so often at the same Service, one right after the other.
const ROUNDS: usize = 4;

async fn start_all(place: &Place<'_>, developers: &[Developer]) -> Vec<Program> {
    join_all(developers.iter().map(|one| one.start(place))).await
}

async fn all_active(programs: &mut [Program], case: &str) {
    join_all(programs.iter_mut().map(|one| one.active(case))).await;
}

async fn leave_all(programs: &mut [Program], case: &str) {
    for outcome in join_all(programs.iter_mut().map(|one| one.leave(case))).await {
        assert!(judge(case, &outcome), "{case}: {outcome:?}");
    }
}

async fn owners(place: &Place<'_>) -> BTreeSet<String> {
    let found = place.intercepts().await;
    found.iter().map(|one| one.owner.user.clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn developers_with_different_headers_all_get_in_at_once_and_all_get_out() {
    let world = World::start().await;
    join_all([2, 5].map(|count| at_once(&world, count))).await;
    world.stop().await;
}

async fn at_once(world: &World, count: usize) {
    let place = world.place().await;
    let names = (0..count).map(|number| format!("racer-{count}-{number}"));
    let developers: Vec<Developer> = names.map(|name| Developer::new(&name)).collect();
    for round in 0..ROUNDS {
        let case = format!("{count} developers at once, round {round}");
        let mut programs = start_all(&place, &developers).await;
        all_active(&mut programs, &case).await;
        let names = developers.iter().map(|one| one.name.clone()).collect();
        assert_eq!(owners(&place).await, names, "{case}");
        leave_all(&mut programs, &case).await;
        if round % 2 == 1 {
            place.await_clean(&case).await;
        }
    }
    place.await_clean("all rounds").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_developers_with_the_same_header_one_gets_in_and_the_others_are_told_who() {
    let world = World::start().await;
    join_all([2, 5].map(|count| for_one_header(&world, count))).await;
    world.stop().await;
}

async fn for_one_header(world: &World, count: usize) {
    let place = world.place().await;
    let names = (0..count).map(|number| format!("rival-{count}-{number}"));
    let developers: Vec<Developer> = names.map(|name| Developer::new(&name).marked("mine")).collect();
    for round in 0..ROUNDS {
        let case = format!("{count} developers for one header, round {round}");
        let mut programs = start_all(&place, &developers).await;
        let settled = join_all(programs.iter_mut().map(|one| one.settled(&case))).await;
        let winners: Vec<usize> = (0..count).filter(|index| settled[*index].is_none()).collect();
        assert_eq!(winners.len(), 1, "{case}: {settled:?}");
        let winner = developers[winners[0]].owner();
        for outcome in settled.into_iter().flatten() {
            assert_eq!(taken_by(&outcome), Some(&winner), "{case}: {outcome:?}");
        }
        let outcome = programs[winners[0]].leave(&case).await;
        assert!(judge(&case, &outcome), "{case}: {outcome:?}");
    }
    place.await_clean("all rounds").await;
}

/// Who has the match, as a refused developer was told.
fn taken_by(outcome: &Outcome) -> Option<&Owner> {
    let Outcome::Failed {
        error,
        reverted: Ok(()),
    } = outcome
    else {
        return None;
    };
    let refusal = match error {
        SessionError::Refused(refusals) => refusals.first()?,
        SessionError::Apply(ApplyError::Refused(refusal)) => refusal,
        _ => return None,
    };
    match refusal {
        Refusal::MatchTaken { owner, .. } => Some(owner),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn developers_who_come_while_others_go_get_in() {
    let world = World::start().await;
    let place = world.place().await;
    let shifts = ["early", "late"].map(|shift| {
        let names = (0..2).map(|number| format!("{shift}-{number}"));
        names.map(|name| Developer::new(&name)).collect::<Vec<_>>()
    });
    let mut present = start_all(&place, &shifts[0]).await;
    all_active(&mut present, "the first shift").await;
    for round in 1..=ROUNDS * 2 {
        let case = format!("change of shifts {round}");
        let leaving = leave_all(&mut present, &case);
        let coming = async {
            let mut coming = start_all(&place, &shifts[round % 2]).await;
            all_active(&mut coming, &case).await;
            coming
        };
        let ((), came) = tokio::join!(leaving, coming);
        present = came;
        let names = shifts[round % 2].iter().map(|one| one.name.clone()).collect();
        assert_eq!(owners(&place).await, names, "{case}");
    }
    leave_all(&mut present, "the last shift").await;
    place.await_clean("the last shift").await;
    world.stop().await;
}
