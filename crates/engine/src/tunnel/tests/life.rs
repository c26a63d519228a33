//! Opening, losing and ending relays.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use intercept_protocol::relay::{MAGIC, Refusal, SILENCE_LIMIT, ToAgent, ToLaptop, Verdict};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::fake::{Echo, FakeAgent, Pods, Ponders, Rig, SOON, refuse, verdict};
use crate::tunnel::{PodStage, RelayError, RelayEvent, RelayState, TunnelError};

#[tokio::test(start_paused = true)]
async fn an_unknown_session_asks_again_soon() {
    let mut rig = Rig::new();
    let began = Instant::now();
    for _ in 0..3 {
        let io = rig.dialled().await;
        refuse(io, Refusal::UnknownSession).await;
    }
    rig.open().await;
    assert!(
        began.elapsed() <= Duration::from_millis(300),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn another_version_is_final_and_says_so() {
    let mut rig = Rig::new();
    let mut io = rig.dialled().await;
    io.write_all(&MAGIC).await.unwrap();
    io.write_u16(7).await.unwrap();
    let error = rig.pool.await_open(&rig.intercept, SOON).await.unwrap_err();
    assert!(matches!(error, TunnelError::Incompatible { .. }), "{error}");
    let again = timeout(Duration::from_secs(600), rig.dial_rx.recv()).await;
    assert!(again.is_err(), "must not connect again");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_talks_garbage_is_tried_again() {
    let mut rig = Rig::new();
    for garbage in [
        b"HTTP/1.1 400 Bad Request\r\n\r\n".as_slice(),
        b"",
        b"intercpt\0\x02\xff\xff\xff\xff",
    ] {
        let mut io = rig.dialled().await;
        io.write_all(garbage).await.unwrap();
    }
    rig.open().await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_never_greets_is_given_up() {
    let mut rig = Rig::new();
    let _silent = rig.dialled().await;
    rig.open().await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_falls_silent_is_connected_again() {
    let mut rig = Rig::new();
    let mut events = rig.pool.events();
    let agent = rig.open().await;
    agent.fall_silent();
    let began = Instant::now();
    let io = rig.dialled().await;
    assert!(began.elapsed() >= SILENCE_LIMIT && began.elapsed() < SILENCE_LIMIT + Duration::from_secs(2));
    FakeAgent::welcome(io).await;
    let lost = loop {
        if let RelayEvent::Lost { reason, .. } = events.recv().await.unwrap() {
            break reason;
        }
    };
    assert!(matches!(*lost, RelayError::Silent { .. }), "{lost}");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_answers_pings_keeps_its_relay() {
    let mut rig = Rig::new();
    let _agent = rig.open().await;
    tokio::select! {
        _ = rig.dial_rx.recv() => panic!("must not connect again"),
        () = tokio::time::sleep(SILENCE_LIMIT * 10) => {}
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_is_opened_again_within_a_tenth_of_a_second() {
    let mut rig = Rig::new();
    let agent = rig.open().await;
    let began = Instant::now();
    agent.mux.close();
    rig.open().await;
    assert!(
        began.elapsed() <= Duration::from_millis(100),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_control_message_that_is_not_understood_ends_the_relay() {
    let mut rig = Rig::new();
    let agent = rig.open().await;
    agent.say_raw(b"\0\0\0\x02{}".to_vec());
    rig.open().await;
}

#[tokio::test(start_paused = true)]
async fn a_draining_pod_is_served_but_not_connected_again() {
    let mut rig = Rig::new();
    rig.routes.insert(rig.intercept.clone(), Echo);
    let agent = rig.open().await;
    agent.say(&ToLaptop::Draining);
    rig.await_state(|state| matches!(state, Some(RelayState::Draining)))
        .await;
    let mut stream = agent.connection(&rig.intercept, b"x").await;
    assert_eq!(verdict(&mut stream).await, Verdict::Accepted as u8);
    agent.mux.close();
    assert!(
        timeout(SOON, rig.dial_rx.recv()).await.is_err(),
        "must not connect again"
    );
    rig.pods_tx.send_replace(Pods::new());
    rig.await_state(|state| state.is_none()).await;
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_is_gone_keeps_its_relay_until_that_ends() {
    let mut rig = Rig::new();
    rig.routes.insert(rig.intercept.clone(), Echo);
    let agent = rig.open().await;
    rig.pods_tx.send_replace(Pods::new());
    rig.await_state(|state| matches!(state, Some(RelayState::Draining)))
        .await;
    let mut stream = agent.connection(&rig.intercept, b"x").await;
    assert_eq!(verdict(&mut stream).await, Verdict::Accepted as u8);
    drop(stream);
    agent.mux.close();
    rig.await_state(|state| state.is_none()).await;
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_gets_further_is_tried_at_once() {
    let mut rig = Rig::new();
    rig.pods_tx
        .send_replace(Pods::from([("pod-b".into(), PodStage::Starting)]));
    // Long enough for the waits between tries to reach seconds.
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(60) {
        drop(rig.dialled().await);
    }
    rig.await_state(|state| matches!(state, Some(RelayState::Lost { .. })))
        .await;
    let began = Instant::now();
    rig.pods_tx
        .send_replace(Pods::from([("pod-b".into(), PodStage::Running)]));
    drop(rig.dialled().await);
    assert!(
        began.elapsed() < Duration::from_millis(100),
        "{:?}",
        began.elapsed()
    );
}

static SLEPT_SECONDS: AtomicU64 = AtomicU64::new(0);

fn wall_clock_that_can_jump() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_000_000 + SLEPT_SECONDS.load(Ordering::Relaxed))
}

#[tokio::test(start_paused = true)]
async fn after_the_laptops_sleep_a_dead_connection_is_replaced_at_once() {
    let mut rig = Rig::with_clock(wall_clock_that_can_jump);
    let agent = rig.open().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    agent.fall_silent();
    let began = Instant::now();
    SLEPT_SECONDS.store(3600, Ordering::Relaxed);
    rig.dialled().await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn stopping_is_bounded_when_the_agent_does_nothing() {
    let mut rig = Rig::new();
    let io = rig.dialled().await;
    let began = Instant::now();
    rig.pool.stop().await;
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    drop(io);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_ends_at_a_goodbye_is_no_trouble() {
    let mut rig = Rig::new();
    let agent = rig.open().await;
    agent.leaves_at_goodbye();
    rig.pool.stop().await;
    assert!(rig.pool.states().borrow().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_comes_behind_the_answer_to_a_goodbye_is_refused_and_not_cut_off() {
    let mut rig = Rig::new();
    rig.routes.insert(rig.intercept.clone(), Echo);
    let mut agent = rig.open().await;
    agent.leaves_goodbyes_to_the_test();
    let late = async {
        let heard = agent.heard_rx.recv().await;
        assert!(matches!(heard, Some(ToAgent::Goodbye)), "{heard:?}");
        agent.say(&ToLaptop::Goodbye { streams: 1 });
        // On the paused clock: until nobody has anything left to do.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let mut late = agent.connection(&rig.intercept, b"x").await;
        verdict(&mut late).await
    };
    let ((), late) = tokio::join!(rig.pool.stop(), late);
    assert_eq!(late, Verdict::Refused as u8);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_no_program_has_taken_is_refused_and_not_cut_off() {
    let mut rig = Rig::new();
    let has_it = Arc::<Notify>::default();
    rig.routes
        .insert(rig.intercept.clone(), Ponders(Arc::clone(&has_it)));
    let agent = rig.open().await;
    let mut waiting = agent.connection(&rig.intercept, b"x").await;
    timeout(SOON, has_it.notified()).await.expect("it must come");
    let ((), verdict) = tokio::join!(rig.pool.stop(), verdict(&mut waiting));
    assert_eq!(verdict, Verdict::Refused as u8);
}

#[tokio::test(start_paused = true)]
async fn stopping_sends_new_connections_back_and_ends_what_does_not_finish() {
    let mut rig = Rig::new();
    rig.routes.insert(rig.intercept.clone(), Echo);
    let agent = rig.open().await;
    let mut served = agent.connection(&rig.intercept, b"x").await;
    assert_eq!(verdict(&mut served).await, Verdict::Accepted as u8);
    let began = Instant::now();
    let late = async {
        tokio::task::yield_now().await;
        let mut late = agent.connection(&rig.intercept, b"x").await;
        verdict(&mut late).await
    };
    let ((), late) = tokio::join!(rig.pool.stop(), late);
    assert_eq!(late, Verdict::Refused as u8);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert!(
        served.read_to_end(&mut Vec::new()).await.is_ok(),
        "must have ended"
    );
    rig.pool.stop().await;
}
