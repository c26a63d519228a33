use intercept_inspect::edit::outgoing;
use intercept_inspect::exchange::Side;
use tokio::net::{TcpListener, TcpStream};

use super::*;

const SOON: Duration = Duration::from_secs(20);

async fn soon<F: Future>(what: F) -> F::Output {
    timeout(SOON, what).await.expect("must not hang")
}

fn recorded(request: &[u8]) -> Exchange {
    let room = Room::new(1 << 20);
    let mut seen = Seen::new(Arc::default(), Moment(5), 1 << 16, &room);
    seen.request.pass(request, 0);
    seen.end = End::Over;
    let mut exchange = exchanges(&seen).remove(0);
    exchange.id = ExchangeId(7);
    exchange
}

fn replay(request: &[u8]) -> Replay {
    let recorded = recorded(request);
    Replay {
        outgoing: outgoing(&recorded).unwrap(),
        of: recorded.id,
        is_edited: false,
        place: recorded.place,
        limit: SOON,
    }
}

async fn program() -> (TcpListener, Target) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = Target::localhost(listener.local_addr().unwrap().port());
    (listener, target)
}

/// Sends `replay`, and answers it with `answer` once `asked` bytes have come.
async fn told(replay: &Replay, answer: &[u8]) -> (Exchange, Vec<u8>) {
    let (listener, target) = program().await;
    let answering = async {
        let (mut io, _) = listener.accept().await.unwrap();
        let expected = replay.http1().len();
        let mut asked = vec![0; expected];
        io.read_exact(&mut asked).await.unwrap();
        io.write_all(answer).await.unwrap();
        (io, asked)
    };
    let (exchange, (_io, asked)) =
        soon(async { tokio::join!(replay.send(To::Laptop(&target)), answering) }).await;
    (exchange, asked)
}

#[tokio::test]
async fn a_request_is_sent_as_it_was_and_its_answer_is_linked_to_it() {
    let replay = replay(b"POST /a?b HTTP/1.1\r\nX-UPPER: 1\r\nHost: api\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nabc");
    let (exchange, asked) = told(&replay, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let asked = String::from_utf8(asked).unwrap();
    assert!(
        asked.starts_with("POST /a?b HTTP/1.1\r\nHost: api\r\nX-UPPER: 1\r\n"),
        "{asked}"
    );
    assert!(
        asked.ends_with("Connection: close\r\n\r\nabc") && !asked.contains("keep-alive"),
        "{asked}"
    );
    assert_eq!(exchange.tags.replay_of, Some(ExchangeId(7)));
    assert_eq!(exchange.outcome, Outcome::Answered);
    assert_eq!(exchange.response.unwrap().message.body.bytes, b"ok");
    assert!(exchange.times.connect.is_some());
}

#[tokio::test]
async fn trailers_are_sent_behind_chunks() {
    let replay =
        replay(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nSum: 2\r\n\r\n");
    let (exchange, asked) = told(&replay, b"HTTP/1.1 204 No Content\r\n\r\n").await;
    assert!(asked.ends_with(b"chunked\r\n\r\n2\r\nhi\r\n0\r\nSum: 2\r\n\r\n"));
    assert_eq!(exchange.request.message.trailers[0].value, "2".into());
    assert_eq!(exchange.response.unwrap().status, 204);
}

#[tokio::test]
async fn nobody_there_no_answer_and_a_cut_are_told_apart() {
    let mut replay = replay(b"GET / HTTP/1.1\r\nHost: api\r\n\r\n");
    let (listener, target) = program().await;
    let cutting = async {
        let (io, _): (TcpStream, _) = listener.accept().await.unwrap();
        let mut io = io;
        io.read_exact(&mut vec![0; replay.http1().len()]).await.unwrap();
    };
    let (cut, ()) = soon(async { tokio::join!(replay.send(To::Laptop(&target)), cutting) }).await;
    assert_eq!(cut.outcome, Outcome::Reset { by: Side::Program });
    replay.limit = Duration::from_millis(50);
    let late = soon(replay.send(To::Laptop(&target))).await;
    assert_eq!(late.outcome, Outcome::TimedOut);
    assert_eq!(late.request.target, "/".into());
    drop(listener);
    let nobody = soon(replay.send(To::Laptop(&target))).await;
    assert!(
        matches!(nobody.outcome, Outcome::Failed { .. }),
        "{:?}",
        nobody.outcome
    );
    assert_eq!(nobody.request.target, "/".into());
}

#[tokio::test]
async fn a_grpc_call_is_repeated_with_body_and_trailers() {
    let mut replay = replay(b"POST /shop.Cart/Add HTTP/1.1\r\nHost: api\r\nTE: trailers\r\nContent-Type: application/grpc\r\nContent-Length: 7\r\n\r\n\0\0\0\0\x02hi");
    replay.outgoing.protocol = Protocol::Http2;
    let (listener, target) = program().await;
    let answering = async {
        let (io, _) = listener.accept().await.unwrap();
        let mut connection = h2::server::handshake(io).await.unwrap();
        let (request, mut respond) = connection.accept().await.unwrap().unwrap();
        assert_eq!(request.uri().path(), "/shop.Cart/Add");
        assert_eq!(request.headers()["content-type"], "application/grpc");
        let serving = async move {
            let mut body = request.into_body();
            let data = body.data().await.unwrap().unwrap();
            let mut stream = respond.send_response(http::Response::new(()), false).unwrap();
            stream.send_data(data, false).unwrap();
            let trailers =
                http::HeaderMap::from_iter([("grpc-status".parse().unwrap(), "0".parse().unwrap())]);
            stream.send_trailers(trailers).unwrap();
        };
        tokio::join!(serving, async { while connection.accept().await.is_some() {} });
    };
    let answering = Box::pin(answering);
    let (exchange, ()) = soon(async { tokio::join!(replay.send(To::Laptop(&target)), answering) }).await;
    assert_eq!(
        (exchange.protocol, exchange.outcome),
        (Protocol::Http2, Outcome::Answered)
    );
    let response = exchange.response.unwrap();
    assert_eq!(response.message.body.bytes, b"\0\0\0\0\x02hi");
    assert_eq!(response.message.trailers[0].name, "grpc-status".into());
}
