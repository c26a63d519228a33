//! Real connections through a relay in memory to a local program on a real socket, recorded on a shelf in memory.

use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use intercept_inspect::exchange::{Body, Exchange, ExchangeId, Header, Outcome, Place, Protocol, Source};
use intercept_inspect::record::{Room, Seen, exchanges};
use intercept_inspect::store::Gap;
use intercept_protocol::mux::Stream;
use intercept_protocol::relay::Verdict;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::recorder::{Bounds, Recorder};
use super::*;
use crate::target::Target;
use crate::tunnel::tests::fake::{FakeAgent, Rig, SOON};

const GET: &[u8] = b"GET /cart HTTP/1.1\r\nHost: api\r\nX-Dev: ada\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const BOUNDS: Bounds = Bounds {
    body: 64 * 1024,
    room: 16 * 1024 * 1024,
    waiting: 100,
};

/// What a shelf in memory was given, in the order in which it was given.
enum Put {
    Exchange(Box<Exchange>),
    Gap(Gap),
}

struct InMemory {
    next: u64,
    put: Vec<Exchange>,
    put_tx: mpsc::Sender<Put>,
    /// Nothing can be put while somebody holds it.
    held: Arc<tokio::sync::Mutex<()>>,
    is_broken: bool,
}

impl Shelf for InMemory {
    fn numbers(&mut self, count: u64) -> Result<std::ops::Range<u64>, ShelfError> {
        let from = self.next;
        self.next += count;
        Ok(from..self.next)
    }

    fn put(&mut self, exchanges: &[Exchange]) -> Result<(), ShelfError> {
        let _held = self.held.blocking_lock();
        if self.is_broken {
            return Err(ShelfError("the disk is full".into()));
        }
        for exchange in exchanges {
            self.put.push(exchange.clone());
            let _ = self.put_tx.send(Put::Exchange(Box::new(exchange.clone())));
        }
        Ok(())
    }

    fn get(&mut self, id: ExchangeId) -> Result<Option<Exchange>, ShelfError> {
        Ok(self.put.iter().rev().find(|one| one.id == id).cloned())
    }

    fn gap(&mut self, gap: &Gap) -> Result<(), ShelfError> {
        let _ = self.put_tx.send(Put::Gap(gap.clone()));
        Ok(())
    }

    fn tidy(&mut self) -> bool {
        false
    }
}

struct Bench {
    rig: Rig,
    agent: FakeAgent,
    listener: TcpListener,
    recorder: Recorder,
    recording: Recording,
    mocks: Mocks,
    put_rx: mpsc::Receiver<Put>,
    held: Arc<tokio::sync::Mutex<()>>,
}

fn place() -> Place {
    Place {
        service: "api".into(),
        ..Place::default()
    }
}

impl Bench {
    async fn new(bounds: Bounds) -> Self {
        Self::with_shelf(bounds, false).await
    }

    async fn with_shelf(bounds: Bounds, is_broken: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = Target::localhost(listener.local_addr().unwrap().port());
        let (put_tx, put_rx) = mpsc::channel();
        let held = Arc::default();
        let shelf = InMemory {
            next: 1,
            put: Vec::new(),
            put_tx,
            held: Arc::clone(&held),
            is_broken,
        };
        let recorder = Recorder::within(shelf, bounds).unwrap();
        let recording = recorder.recording(Level::Bodies);
        recording.belongs_to(place());
        let mut rig = Rig::new();
        let mocks = Mocks::default();
        let tap = Tap::to(&target, Some(recording.clone())).unwrap();
        let tap = tap.with_mocks(mocks.clone());
        rig.routes.insert(rig.intercept.clone(), tap);
        let agent = rig.open().await;
        Self {
            rig,
            agent,
            listener,
            recorder,
            recording,
            mocks,
            put_rx,
            held,
        }
    }

    /// A stream of requests and the program's end of it; the first request has come to the program.
    async fn requests(&self, first: &[u8]) -> (Stream, TcpStream) {
        let stream = self.agent.requests(&self.rig.intercept, first).await;
        let (program, _) = soon(self.listener.accept()).await.unwrap();
        (stream, program)
    }

    async fn asked(&self, request: &[u8], answer: &[u8]) -> (Stream, TcpStream) {
        let (mut stream, mut program) = self.requests(request).await;
        answered(&mut stream, &mut program, request.len(), answer).await;
        (stream, program)
    }

    /// The next thing that was put, when there is one.
    fn put(&self) -> Put {
        self.put_rx
            .recv_timeout(SOON)
            .expect("something must be recorded")
    }

    fn exchange(&self) -> Exchange {
        match self.put() {
            Put::Exchange(exchange) => *exchange,
            Put::Gap(gap) => panic!("{gap:?}"),
        }
    }

    /// The next one that has ended.
    fn ended(&self) -> Exchange {
        loop {
            let exchange = self.exchange();
            if exchange.outcome != Outcome::InFlight {
                return exchange;
            }
        }
    }
}

async fn answered(stream: &mut Stream, program: &mut TcpStream, request: usize, answer: &[u8]) {
    soon(program.read_exact(&mut vec![0; request])).await.unwrap();
    program.write_all(answer).await.unwrap();
    let mut taken = vec![0; 1 + answer.len()];
    soon(stream.read_exact(&mut taken)).await.unwrap();
    assert_eq!(&taken[1..], answer);
}

async fn soon<F: Future>(what: F) -> F::Output {
    timeout(SOON, what).await.expect("must not hang")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_request_of_a_kept_connection_is_an_exchange_of_its_own() {
    let bench = Bench::new(BOUNDS).await;
    let (mut stream, mut program) = bench.asked(GET, ANSWER).await;
    let post = b"POST /x HTTP/1.1\r\nHost: api\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    stream.write_all(post).await.unwrap();
    answered(&mut stream, &mut program, post.len(), ANSWER).await;
    let (first, second) = (bench.ended(), bench.ended());
    assert_eq!((first.id, second.id), (ExchangeId(1), ExchangeId(2)));
    assert_eq!(first.request.target, "/cart".into());
    assert_eq!(first.request.message.header("x-dev"), Some(&"ada".into()));
    assert_eq!(first.response.unwrap().message.body.bytes, b"ok");
    assert!(first.times.connect.is_some() && second.times.connect.is_none());
    assert!(first.times.first_byte >= first.times.sent && first.times.last_byte >= first.times.first_byte);
    assert_eq!(second.request.message.body.bytes, b"abc");
    assert_eq!(
        (first.outcome, second.outcome),
        (Outcome::Answered, Outcome::Answered)
    );
    assert_eq!(first.place, place());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_long_is_shown_before_it_ends_and_keeps_its_number() {
    let bench = Bench::new(BOUNDS).await;
    let mut news_rx = bench.recorder.news();
    let (mut stream, mut program) = bench.requests(GET).await;
    let under_way = bench.exchange();
    assert_eq!((under_way.outcome, under_way.response), (Outcome::InFlight, None));
    answered(&mut stream, &mut program, GET.len(), ANSWER).await;
    let ended = bench.ended();
    assert_eq!((ended.id, ended.outcome), (under_way.id, Outcome::Answered));
    assert!(
        ended.times.first_byte.is_some_and(|at| at >= 200_000),
        "{:?}",
        ended.times
    );
    let Recorded::Exchanges(told) = soon(news_rx.recv()).await.unwrap() else {
        panic!("no exchange was told");
    };
    assert_eq!((told[0].id, &told[0].outcome), (under_way.id, &Outcome::InFlight));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_cuts_a_request_off_is_named() {
    let bench = Bench::new(BOUNDS).await;
    let (stream, mut program) = bench.requests(GET).await;
    soon(program.read_exact(&mut [0; GET.len()])).await.unwrap();
    program.set_zero_linger().unwrap();
    drop(program);
    assert_eq!(bench.ended().outcome, Outcome::Reset { by: Side::Program });
    drop(stream);
    let (stream, mut program) = bench.requests(GET).await;
    soon(program.read_exact(&mut [0; GET.len()])).await.unwrap();
    drop(stream);
    assert_eq!(bench.ended().outcome, Outcome::Reset { by: Side::Caller });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_answer_is_one_though_the_caller_never_sent_the_rest_of_its_request() {
    const POST: &[u8] = b"POST /long HTTP/1.1\r\nContent-Length: 1000\r\n\r\nbegun";
    let bench = Bench::new(BOUNDS).await;
    let answer = b"HTTP/1.1 413 Too Long\r\nContent-Length: 2\r\n\r\nno";
    let (stream, _program) = bench.asked(POST, answer).await;
    drop(stream);
    let exchange = bench.ended();
    assert_eq!(exchange.outcome, Outcome::Answered);
    assert_eq!(exchange.request.message.body.bytes, b"begun");
    assert_eq!(exchange.response.unwrap().message.body.bytes, b"no");
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_not_http_pass_and_are_counted() {
    let bench = Bench::new(BOUNDS).await;
    let mut stream = bench
        .agent
        .connection(&bench.rig.intercept, b"\x00\x01hello")
        .await;
    let (mut program, _) = soon(bench.listener.accept()).await.unwrap();
    soon(program.read_exact(&mut [0; 7])).await.unwrap();
    program.write_all(b"\xffthere").await.unwrap();
    drop(program);
    stream.shutdown().await.unwrap();
    let mut taken = Vec::new();
    soon(stream.read_to_end(&mut taken)).await.unwrap();
    let found = bench.ended();
    assert_eq!(found.protocol, Protocol::Bytes);
    assert_eq!(found.request.message.body.bytes, b"\x00\x01hello");
    assert_eq!(found.response.unwrap().message.body.bytes, b"\xffthere");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_recorded_where_nothing_is_to_be_and_bodies_only_where_they_are() {
    let bench = Bench::new(BOUNDS).await;
    let post = b"POST /secret HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc";
    bench.recording.record(Level::Nothing);
    bench.asked(post, ANSWER).await;
    bench.recording.record(Level::Heads);
    bench.asked(post, ANSWER).await;
    let heads = bench.ended();
    assert_eq!(
        (
            heads.request.message.body.size,
            heads.request.message.body.bytes.len()
        ),
        (3, 0)
    );
    bench.recorder.pause(true);
    bench.asked(post, ANSWER).await;
    bench.recorder.pause(false);
    bench.recording.record(Level::Bodies);
    bench.asked(GET, ANSWER).await;
    assert_eq!(bench.ended().request.target, "/cart".into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorder_that_is_behind_leaves_a_gap_and_requests_pass() {
    let bench = Bench::new(Bounds { waiting: 3, ..BOUNDS }).await;
    let (mut stream, mut program) = bench.asked(GET, ANSWER).await;
    bench.ended();
    let held = Arc::clone(&bench.held);
    let holding = held.lock().await;
    for _ in 0..200 {
        stream.write_all(GET).await.unwrap();
        answered(&mut stream, &mut program, GET.len(), ANSWER).await;
    }
    drop(holding);
    let (mut recorded, mut missed) = (0, 0);
    while recorded + missed < 200 {
        match bench.put() {
            Put::Exchange(_) => recorded += 1,
            Put::Gap(gap) => missed += gap.exchanges,
        }
    }
    assert!(missed > 0 && recorded > 0, "{recorded} recorded, {missed} missed");
}

fn fell_back(body: &[u8]) -> Exchange {
    let mut seen = Seen::new(Arc::new(place()), now(), body.len(), &Room::new(1 << 20));
    seen.request.pass(GET, 0);
    seen.answer.pass(ANSWER, 1);
    seen.end = End::Over;
    let mut exchange = exchanges(&seen).remove(0);
    exchange.request.message.body = Body::whole(body.to_vec());
    exchange
}

/// What is on the shelf, and what is missing, of exchanges that came as a whole while nothing could be written.
async fn added_while_held(bench: &Bench, body: &[u8]) -> (u64, Gap) {
    const ADDED: u64 = 200;
    let holding = bench.held.lock().await;
    for _ in 0..ADDED {
        bench.recorder.add(fell_back(body));
    }
    drop(holding);
    let mut missed: Option<Gap> = None;
    let mut recorded = 0;
    while recorded + missed.as_ref().map_or(0, |gap| gap.exchanges) < ADDED {
        match bench.put() {
            Put::Exchange(_) => recorded += 1,
            Put::Gap(gap) => assert!(missed.replace(gap).is_none(), "one gap is enough"),
        }
    }
    (recorded, missed.expect("some must be missing"))
}

#[tokio::test(flavor = "multi_thread")]
async fn exchanges_that_came_as_a_whole_wait_in_bounded_number_and_the_rest_is_a_gap() {
    let bench = Bench::new(Bounds { waiting: 3, ..BOUNDS }).await;
    let (recorded, gap) = added_while_held(&bench, b"").await;
    // Those that the writer had taken when it was held up, and as many as may wait.
    assert!((3..=6).contains(&recorded), "{recorded} recorded");
    assert_eq!((gap.place, gap.bytes), (place(), gap.exchanges * 2));
    assert!(gap.from <= gap.to);
}

#[tokio::test(flavor = "multi_thread")]
async fn exchanges_that_came_as_a_whole_wait_with_bounded_bodies() {
    const BODY: usize = 1000;
    let bench = Bench::new(Bounds {
        waiting: 1000,
        room: 5 * BODY,
        ..BOUNDS
    })
    .await;
    let (recorded, gap) = added_while_held(&bench, &[b'x'; BODY]).await;
    assert!((4..=10).contains(&recorded), "{recorded} recorded");
    assert_eq!(gap.bytes, gap.exchanges * (BODY as u64 + 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shelf_that_cannot_be_written_is_told_and_requests_pass() {
    let bench = Bench::with_shelf(BOUNDS, true).await;
    let mut news_rx = bench.recorder.news();
    bench.asked(GET, ANSWER).await;
    let told = soon(news_rx.recv()).await.unwrap();
    assert!(
        matches!(told, Recorded::Gap(Gap { exchanges: 1, .. })),
        "{told:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorder_that_stops_has_written_what_it_was_given() {
    let bench = Bench::new(BOUNDS).await;
    bench.asked(GET, ANSWER).await;
    drop(bench.recorder);
    let put: Vec<_> = std::iter::from_fn(|| bench.put_rx.recv_timeout(Duration::from_secs(1)).ok()).collect();
    assert_eq!(put.len(), 1);
}

fn teapot(filter: &str) -> Mock {
    Mock {
        filter: filter.into(),
        status: 418,
        headers: vec![Header {
            name: "X-Mock".into(),
            value: "yes".into(),
        }],
        body: b"short".to_vec(),
        trailers: vec![Header {
            name: "grpc-status".into(),
            value: "7".into(),
        }],
        delay_ms: 0,
    }
}

const MOCKED: &[u8] = b"HTTP/1.1 418 I'm a teapot\r\nX-Mock: yes\r\nContent-Length: 5\r\n\r\nshort";

#[tokio::test(flavor = "multi_thread")]
async fn a_mock_answers_what_fits_until_it_is_switched_off() {
    let bench = Bench::new(BOUNDS).await;
    let number = bench.mocks.add(teapot("path:/cart reqheader:x-dev=ada")).unwrap();
    let mut stream = bench.agent.requests(&bench.rig.intercept, GET).await;
    let mut taken = Vec::new();
    soon(stream.read_to_end(&mut taken)).await.unwrap();
    // A verdict before the answer, and none for another request.
    assert_eq!(
        (taken[0], taken[taken.len() - 1]),
        (Verdict::Accepted as u8, Verdict::Refused as u8)
    );
    assert_eq!(&taken[1..taken.len() - 1], MOCKED);
    let mocked = bench.ended();
    assert_eq!(
        (mocked.outcome, mocked.response.unwrap().status),
        (Outcome::Mocked, 418)
    );
    let other = b"GET /other HTTP/1.1\r\nHost: api\r\n\r\n";
    bench.asked(other, ANSWER).await;
    assert_eq!(bench.mocks.list()[0].answered, 1);
    assert!(bench.mocks.remove(number) && !bench.mocks.remove(number));
    bench.asked(GET, ANSWER).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_connection_meets_a_mock_that_is_switched_on_later() {
    let bench = Bench::new(BOUNDS).await;
    let (mut stream, _program) = bench.asked(GET, ANSWER).await;
    bench.mocks.add(teapot("method:get")).unwrap();
    stream.write_all(GET).await.unwrap();
    let mut verdict = Vec::new();
    soon(stream.read_to_end(&mut verdict)).await.unwrap();
    assert_eq!(verdict, [Verdict::Refused as u8]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grpc_call_is_mocked_with_its_trailers() {
    let bench = Bench::new(BOUNDS).await;
    bench.mocks.add(teapot("path:=/shop.Cart/Add")).unwrap();
    let mut stream = bench.agent.connection(&bench.rig.intercept, b"").await;
    let calling = async {
        let (mut caller, connection) = h2::client::handshake(BehindVerdict::of(&mut stream))
            .await
            .unwrap();
        let request = http::Request::post("http://api/shop.Cart/Add").body(()).unwrap();
        let (answer, mut body) = caller.send_request(request, false).unwrap();
        body.send_data(bytes::Bytes::from_static(b"\0\0\0\0\0"), true)
            .unwrap();
        drop(caller);
        let answered = async {
            let answer = answer.await.unwrap();
            assert_eq!(
                (answer.status(), &answer.headers()["x-mock"]),
                (http::StatusCode::IM_A_TEAPOT, &"yes".parse().unwrap())
            );
            let mut body = answer.into_body();
            assert_eq!(body.data().await.unwrap().unwrap().as_ref(), b"short");
            assert_eq!(body.trailers().await.unwrap().unwrap()["grpc-status"], "7");
        };
        let (_, ()) = tokio::join!(connection, answered);
    };
    soon(calling).await;
    drop(stream);
    let mocked = bench.ended();
    assert_eq!(
        (mocked.protocol, mocked.outcome),
        (Protocol::Http2, Outcome::Mocked)
    );
    assert_eq!(mocked.response.unwrap().message.trailers[0].value, "7".into());
}

#[test]
fn a_mock_that_could_not_answer_is_refused() {
    let mocks = Mocks::default();
    let refused = |change: fn(&mut Mock)| {
        let mut mock = teapot("path:/");
        change(&mut mock);
        mocks.add(mock).unwrap_err()
    };
    assert!(matches!(
        refused(|mock| mock.filter = "status:200".into()),
        MockError::NotInHead { field: "status" }
    ));
    assert!(matches!(
        refused(|mock| mock.filter = "sku".into()),
        MockError::NotInHead {
            field: "text anywhere"
        }
    ));
    assert!(matches!(
        refused(|mock| mock.filter = "(".into()),
        MockError::Filter(_)
    ));
    assert!(matches!(
        refused(|mock| mock.status = 101),
        MockError::Status { status: 101 }
    ));
    assert!(matches!(
        refused(|mock| mock.headers[0].value = "a\r\nb".into()),
        MockError::Header { .. }
    ));
    assert!(matches!(
        refused(|mock| mock.body = vec![0; 17 << 20]),
        MockError::Excessive
    ));
    assert!(!mocks.any());
}

/// What follows the verdict; writes go at once.
struct BehindVerdict<'a> {
    stream: &'a mut Stream,
    is_given: bool,
}

impl<'a> BehindVerdict<'a> {
    fn of(stream: &'a mut Stream) -> Self {
        Self {
            stream,
            is_given: false,
        }
    }
}

impl AsyncRead for BehindVerdict<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.is_given {
            let mut verdict = [0];
            let mut space = ReadBuf::new(&mut verdict);
            ready!(Pin::new(&mut *self.stream).poll_read(cx, &mut space))?;
            assert_eq!(verdict, [Verdict::Accepted as u8]);
            self.is_given = true;
        }
        Pin::new(&mut *self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for BehindVerdict<'_> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream).poll_shutdown(cx)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_known_later_completes_what_was_written() {
    let bench = Bench::new(BOUNDS).await;
    bench.asked(GET, ANSWER).await;
    let first = bench.ended();
    let source = Source {
        address: "10.0.0.7".into(),
        pod: Some("web-1".into()),
    };
    bench.recording.learn(Learned {
        id: ExchangeId(first.id.0 + 100),
        source: source.clone(),
        proxy: 0,
    });
    bench.recording.learn(Learned {
        id: first.id,
        source: source.clone(),
        proxy: -1500,
    });
    let completed = bench.ended();
    assert_eq!((completed.id, &completed.source), (first.id, &Some(source)));
    assert_eq!(completed.times.proxy, Some(-1500));
    assert_eq!(completed.response, first.response);
}
