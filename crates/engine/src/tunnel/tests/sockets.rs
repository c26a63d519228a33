//! Connections from NGINX to a local program on a real socket.

use std::io::ErrorKind;
use std::time::Duration;

use intercept_protocol::mux::Stream;
use intercept_protocol::relay::Verdict;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::fake::{FakeAgent, Rig, SOON, verdict};
use crate::tap::Tap;
use crate::target::Target;
use crate::tunnel::RelayEvent;

/// A rig whose intercept goes to a listener of the test.
struct Local {
    rig: Rig,
    agent: FakeAgent,
    listener: TcpListener,
}

impl Local {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = Target::localhost(listener.local_addr().unwrap().port());
        let mut rig = Rig::new();
        rig.routes
            .insert(rig.intercept.clone(), Tap::to(&target, None).unwrap());
        let agent = rig.open().await;
        Self { rig, agent, listener }
    }

    /// A connection from both ends: NGINX's and the local program's.
    async fn connection(&self, first: &[u8]) -> (Stream, TcpStream) {
        let stream = self.agent.connection(&self.rig.intercept, first).await;
        let (local, _) = timeout(SOON, self.listener.accept()).await.unwrap().unwrap();
        (stream, local)
    }
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: api\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A stream of requests whose first one was answered, and the local program's end of it.
async fn answered(local: &Local) -> (Stream, TcpStream) {
    let mut stream = local.agent.requests(&local.rig.intercept, GET).await;
    let (mut program, _) = soon(local.listener.accept()).await.unwrap();
    program_answers(&mut program).await;
    takes_answer(&mut stream).await;
    (stream, program)
}

async fn program_answers(program: &mut TcpStream) {
    soon(program.read_exact(&mut [0; GET.len()])).await.unwrap();
    program.write_all(ANSWER).await.unwrap();
}

async fn takes_answer(stream: &mut Stream) {
    assert_eq!(verdict(stream).await, Verdict::Accepted as u8);
    let mut answer = [0; ANSWER.len()];
    soon(stream.read_exact(&mut answer)).await.unwrap();
    assert_eq!(answer, ANSWER);
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at.wrapping_mul(31) >> 3) as u8).collect()
}

async fn soon<F: Future>(what: F) -> F::Output {
    timeout(SOON, what).await.expect("must not hang")
}

#[tokio::test]
async fn five_megabytes_arrive_unchanged_both_ways() {
    let local = Local::new().await;
    let (stream, program) = local.connection(b"").await;
    let sent = pattern(5 << 20);
    let (mut from_cluster, mut to_cluster) = tokio::io::split(stream);
    let (mut from_caller, mut to_caller) = program.into_split();
    let send = async {
        to_cluster.write_all(&sent).await.unwrap();
        to_cluster.shutdown().await.unwrap();
    };
    let echo = async {
        tokio::io::copy(&mut from_caller, &mut to_caller).await.unwrap();
        to_caller.shutdown().await.unwrap();
    };
    let receive = async {
        assert_eq!(from_cluster.read_u8().await.unwrap(), Verdict::Accepted as u8);
        let mut received = Vec::new();
        from_cluster.read_to_end(&mut received).await.unwrap();
        received
    };
    let ((), (), received) = soon(async { tokio::join!(send, echo, receive) }).await;
    assert!(received == sent, "{} of {} bytes", received.len(), sent.len());
}

#[tokio::test]
async fn many_connections_at_once_do_not_mix() {
    let local = Local::new().await;
    let served = async {
        for _ in 0..200 {
            let (mut program, _) = local.listener.accept().await.unwrap();
            tokio::spawn(async move {
                let (mut from, mut to) = program.split();
                tokio::io::copy(&mut from, &mut to).await.unwrap();
            });
        }
    };
    let asked = futures::future::join_all((0..200usize).map(|at| {
        let agent = &local.agent;
        let intercept = &local.rig.intercept;
        async move {
            let sent = pattern(at * 97);
            let mut stream = agent.connection(intercept, &sent).await;
            stream.shutdown().await.unwrap();
            let mut received = Vec::new();
            stream.read_to_end(&mut received).await.unwrap();
            assert!(received[1..] == sent, "connection {at}");
        }
    }));
    soon(async { tokio::join!(served, asked) }).await;
}

#[tokio::test]
async fn half_closes_pass_in_both_directions() {
    let local = Local::new().await;
    let (mut stream, mut program) = local.connection(b"request").await;
    stream.shutdown().await.unwrap();
    let mut request = String::new();
    soon(program.read_to_string(&mut request)).await.unwrap();
    assert_eq!(request, "request");
    program.write_all(b"answer").await.unwrap();
    drop(program);
    let mut answer = Vec::new();
    soon(stream.read_to_end(&mut answer)).await.unwrap();
    assert_eq!(
        answer,
        [&[Verdict::Accepted as u8], b"answer".as_slice()].concat()
    );
}

#[tokio::test]
async fn the_verdict_comes_before_a_slow_answer() {
    let local = Local::new().await;
    let (mut stream, _program) = local.connection(b"request").await;
    assert_eq!(verdict(&mut stream).await, Verdict::Accepted as u8);
}

#[tokio::test]
async fn a_caller_that_has_sent_everything_gets_the_verdict_before_a_slow_answer() {
    let local = Local::new().await;
    let mut stream = local.agent.connection(&local.rig.intercept, b"request").await;
    stream.shutdown().await.unwrap();
    let _program = soon(local.listener.accept()).await.unwrap();
    assert_eq!(verdict(&mut stream).await, Verdict::Accepted as u8);
}

#[tokio::test]
async fn a_reset_by_the_local_program_reaches_the_cluster() {
    let local = Local::new().await;
    let (mut stream, program) = local.connection(b"request").await;
    verdict(&mut stream).await;
    program.set_zero_linger().unwrap();
    drop(program);
    soon(stream.read_to_end(&mut Vec::new())).await.ok();
    assert!(stream.get_ref().is_closed(), "must be reset, not half-closed");
}

#[tokio::test]
async fn a_reset_by_the_cluster_reaches_the_local_program() {
    let local = Local::new().await;
    let (mut stream, mut program) = local.connection(b"request").await;
    verdict(&mut stream).await;
    let mut request = [0; 7];
    soon(program.read_exact(&mut request)).await.unwrap();
    drop(stream);
    let ended = soon(program.read(&mut [0; 1])).await;
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_lost_relay_resets_what_it_carried() {
    let local = Local::new().await;
    let (mut stream, mut program) = local.connection(b"request").await;
    verdict(&mut stream).await;
    soon(program.read_exact(&mut [0; 7])).await.unwrap();
    local.agent.mux.close();
    let ended = soon(program.read(&mut [0; 1])).await;
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_program_that_is_down_refuses_and_says_so_once() {
    let Local { rig, agent, listener } = Local::new().await;
    let mut events = rig.pool.events();
    drop(listener);
    for _ in 0..3 {
        let mut stream = agent.connection(&rig.intercept, b"POST / HTTP/1.1\r\n\r\n").await;
        assert_eq!(verdict(&mut stream).await, Verdict::Refused as u8);
    }
    let told = std::iter::from_fn(|| events.try_recv().ok());
    assert_eq!(
        told.filter(|event| matches!(event, RelayEvent::NotServed { .. }))
            .count(),
        1
    );
    let traffic = rig.routes.traffic(&rig.intercept).unwrap();
    assert_eq!((traffic.refused, traffic.connections), (3, 0));
}

#[tokio::test]
async fn an_intercept_nobody_routes_is_refused() {
    let local = Local::new().await;
    local.rig.routes.remove(&local.rig.intercept);
    let mut stream = local.agent.connection(&local.rig.intercept, b"x").await;
    assert_eq!(verdict(&mut stream).await, Verdict::Refused as u8);
}

#[tokio::test]
async fn a_program_that_does_not_read_holds_the_caller_back() {
    let local = Local::new().await;
    let (mut stream, _program) = local.connection(b"").await;
    let endless = async {
        loop {
            stream.write_all(&[0; 65536]).await.unwrap();
        }
    };
    assert!(timeout(Duration::from_secs(2), endless).await.is_err());
    // The others go on.
    let (mut other, mut program) = local.connection(b"x").await;
    program.write_all(b"y").await.unwrap();
    assert_eq!(verdict(&mut other).await, Verdict::Accepted as u8);
    assert_eq!(soon(other.read_u8()).await.unwrap(), b'y');
}

#[tokio::test]
async fn an_answer_that_does_not_wait_for_the_request_is_carried_to_its_end() {
    let local = Local::new().await;
    let (stream, mut program) = local.connection(b"POST").await;
    let (mut from_cluster, mut to_cluster) = tokio::io::split(stream);
    // Far more than every buffer on the way holds: the program never reads it.
    let upload = async { to_cluster.write_all(&vec![0; 16 << 20]).await };
    let answer = async {
        program.write_all(b"413").await.unwrap();
        program.shutdown().await.unwrap();
        let mut answer = Vec::new();
        from_cluster.read_to_end(&mut answer).await.unwrap();
        drop(program);
        answer
    };
    let (uploaded, answer) = soon(async { tokio::join!(upload, answer) }).await;
    assert_eq!(answer, b"\x01413");
    uploaded.unwrap();
}

#[tokio::test]
async fn requests_share_a_connection_and_each_has_a_verdict() {
    let local = Local::new().await;
    let (mut stream, mut program) = answered(&local).await;
    for _ in 0..3 {
        stream.write_all(GET).await.unwrap();
        program_answers(&mut program).await;
        takes_answer(&mut stream).await;
    }
    stream.shutdown().await.unwrap();
    assert_eq!(soon(program.read(&mut [0])).await.unwrap(), 0);
    assert_eq!(soon(stream.read(&mut [0])).await.unwrap(), 0);
    let traffic = local.rig.routes.traffic(&local.rig.intercept).unwrap();
    assert_eq!((traffic.connections, traffic.resets), (1, 0));
}

#[tokio::test]
async fn a_program_that_closes_between_requests_is_told_at_once() {
    let local = Local::new().await;
    let (mut stream, program) = answered(&local).await;
    drop(program);
    assert_eq!(verdict(&mut stream).await, Verdict::Refused as u8);
    assert_eq!(soon(stream.read(&mut [0])).await.unwrap(), 0);
}

#[tokio::test]
async fn a_request_that_crosses_the_end_of_its_program_is_refused() {
    for _ in 0..50 {
        let local = Local::new().await;
        let (mut stream, program) = answered(&local).await;
        drop((program, local.listener));
        stream.write_all(GET).await.unwrap();
        assert_eq!(verdict(&mut stream).await, Verdict::Refused as u8);
    }
}

#[tokio::test]
async fn what_a_program_says_beyond_its_answer_is_dropped_and_ends_the_stream() {
    let local = Local::new().await;
    let head = b"HEAD / HTTP/1.1\r\nHost: api\r\n\r\n";
    let mut stream = local.agent.requests(&local.rig.intercept, head).await;
    let (mut program, _) = soon(local.listener.accept()).await.unwrap();
    soon(program.read_exact(&mut vec![0; head.len()])).await.unwrap();
    program.write_all(ANSWER).await.unwrap();
    assert_eq!(verdict(&mut stream).await, Verdict::Accepted as u8);
    let mut rest = Vec::new();
    let more = async {
        program.write_all(b"more").await.unwrap();
        soon(stream.read_to_end(&mut rest)).await.unwrap();
    };
    more.await;
    let answer = &ANSWER[..ANSWER.len() - 2];
    assert_eq!(rest, [answer, &[Verdict::Refused as u8]].concat());
}

/// A stream whose request of `length` bytes was answered by a program that had read only the head.
async fn answered_early(local: &Local, length: usize) -> (Stream, TcpStream) {
    let head = format!("POST / HTTP/1.1\r\nHost: api\r\nContent-Length: {length}\r\n\r\n");
    let mut stream = local.agent.requests(&local.rig.intercept, head.as_bytes()).await;
    let (mut program, _) = soon(local.listener.accept()).await.unwrap();
    soon(program.read_exact(&mut vec![0; head.len()])).await.unwrap();
    program.write_all(ANSWER).await.unwrap();
    takes_answer(&mut stream).await;
    (stream, program)
}

#[tokio::test]
async fn the_next_request_may_come_together_with_what_an_early_answer_left_of_the_last_one() {
    let local = Local::new().await;
    let (mut stream, mut program) = answered_early(&local, 100).await;
    let last_and_next = [&[b'x'; 100], GET].concat();
    soon(stream.write_all(&last_and_next)).await.unwrap();
    soon(program.read_exact(&mut [0; 100])).await.unwrap();
    program_answers(&mut program).await;
    takes_answer(&mut stream).await;
}

#[tokio::test]
async fn a_program_that_closes_after_an_early_answer_is_told_with_the_end_of_the_request() {
    let local = Local::new().await;
    let (mut stream, program) = answered_early(&local, 100).await;
    drop(program);
    stream.write_all(&[b'x'; 100]).await.unwrap();
    assert_eq!(verdict(&mut stream).await, Verdict::Refused as u8);
    assert_eq!(soon(stream.read(&mut [0])).await.unwrap(), 0);
}

#[tokio::test]
async fn a_program_that_never_takes_the_rest_after_an_early_answer_gets_no_other_request() {
    let local = Local::new().await;
    let length = 16 << 20;
    let (stream, _program) = answered_early(&local, length).await;
    let (mut from_cluster, mut to_cluster) = tokio::io::split(stream);
    let upload = async { to_cluster.write_all(&vec![b'x'; length]).await };
    let (uploaded, word) = soon(async { tokio::join!(upload, from_cluster.read_u8()) }).await;
    uploaded.unwrap();
    assert_eq!(word.unwrap(), Verdict::Refused as u8);
}

#[tokio::test]
async fn the_verdict_on_a_long_request_does_not_wait_for_the_answer() {
    let local = Local::new().await;
    let (mut stream, mut program) = answered(&local).await;
    let head = b"POST / HTTP/1.1\r\nHost: api\r\nContent-Length: 1000000\r\n\r\n";
    stream.write_all(head).await.unwrap();
    let upload = async { stream.write_all(&[b'x'; 100_000]).await };
    let mut taken = vec![0; head.len() + 100_000];
    let (uploaded, read) = soon(async { tokio::join!(upload, program.read_exact(&mut taken)) }).await;
    uploaded.unwrap();
    read.unwrap();
    assert_eq!(verdict(&mut stream).await, Verdict::Accepted as u8);
}

#[tokio::test]
async fn any_number_of_requests_may_wait_for_their_answers() {
    let local = Local::new().await;
    let mut waiting = Vec::new();
    for _ in 0..600 {
        let mut stream = soon(local.agent.requests(&local.rig.intercept, GET)).await;
        let (program, _) = soon(local.listener.accept()).await.unwrap();
        assert_eq!(verdict(&mut stream).await, Verdict::Accepted as u8);
        waiting.push((stream, program));
    }
}

#[tokio::test]
async fn a_slow_program_gets_all_of_a_request_that_it_answered_early() {
    let local = Local::new().await;
    let length = 4 << 20;
    let (mut stream, mut program) = answered_early(&local, length).await;
    let upload = async { stream.write_all(&vec![b'x'; length]).await };
    // Each part comes before the limit, all of them long after it.
    let read = async {
        let mut part = vec![0; length / 16];
        for _ in 0..16 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            program.read_exact(&mut part).await.unwrap();
        }
    };
    let (uploaded, ()) = soon(async { tokio::join!(upload, read) }).await;
    uploaded.unwrap();
}

#[tokio::test]
async fn a_caller_who_leaves_before_the_answer_is_a_close_for_the_program() {
    let local = Local::new().await;
    let stream = local.agent.requests(&local.rig.intercept, GET).await;
    let (mut program, _) = soon(local.listener.accept()).await.unwrap();
    soon(program.read_exact(&mut [0; GET.len()])).await.unwrap();
    drop(stream);
    let mut request = GET.to_vec();
    soon(program.read_to_end(&mut request)).await.unwrap();
    assert_eq!(request, GET);
}

#[tokio::test]
async fn what_rests_when_the_session_ends_is_told_and_delays_nothing() {
    let local = Local::new().await;
    let (mut stream, mut program) = answered(&local).await;
    let began = std::time::Instant::now();
    local.rig.pool.stop().await;
    assert_eq!(verdict(&mut stream).await, Verdict::Refused as u8);
    assert_eq!(soon(program.read(&mut [0])).await.unwrap(), 0);
    let took = began.elapsed();
    assert!(took < Duration::from_millis(250), "{took:?}");
}
