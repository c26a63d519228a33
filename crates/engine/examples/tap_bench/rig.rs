//! A local program, a pool of relays and the agent's end of one, all on loopback.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt as _};
use intercept_engine::tap::{Recording, Tap};
use intercept_engine::target::Target;
use intercept_engine::tunnel::{ConnectError, PodConnector, PodName, PodStage, RelayPool, Routes};
use intercept_protocol::ids::{InterceptId, SessionId, Token};
use intercept_protocol::mux::{Mux, Side};
use intercept_protocol::relay::{
    Answer, Hello, StreamOpen, ToAgent, ToLaptop, encode, read_frame, read_preamble, write_frame,
    write_preamble,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const REQUEST: &[u8] = b"GET /api/cart?page=2 HTTP/1.1\r\nHost: api.shop\r\nUser-Agent: bench\r\nAccept: */*\r\nX-C6O-INTERCEPT: yes\r\n\r\n";
pub(crate) const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 27\r\n\r\n{\"sku\":\"b-7\",\"count\":12345}";
/// Bytes of the long answer.
pub(crate) const BULK: usize = 1 << 30;

pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Asks again and again on one connection.
pub(crate) struct Caller {
    pub(crate) io: Box<dyn Io>,
    /// A verdict comes before each answer.
    has_verdicts: bool,
}

impl Caller {
    pub(crate) fn direct(io: TcpStream) -> Self {
        io.set_nodelay(true).unwrap();
        Self {
            io: Box::new(io),
            has_verdicts: false,
        }
    }

    pub(crate) async fn ask(&mut self) {
        self.io.write_all(REQUEST).await.unwrap();
        let mut answer = [0; ANSWER.len() + 1];
        let expected = ANSWER.len() + usize::from(self.has_verdicts);
        self.io.read_exact(&mut answer[..expected]).await.unwrap();
    }
}

pub(crate) struct Rig {
    pub(crate) program: SocketAddr,
    /// Not recorded.
    pub(crate) plain: InterceptId,
    pub(crate) recorded: InterceptId,
    mux: Mux,
    pool: RelayPool,
}

impl Rig {
    pub(crate) async fn new(recording: Recording) -> Self {
        let program = local_program().await;
        let agent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (plain, recorded) = (InterceptId::random(), InterceptId::random());
        let (routes, target) = (Routes::default(), Target::localhost(program.port()));
        routes.insert(plain.clone(), Tap::to(&target, None).unwrap());
        routes.insert(recorded.clone(), Tap::to(&target, Some(recording)).unwrap());
        let pool = RelayPool::start(
            Loopback(agent.local_addr().unwrap()),
            "tap_bench".into(),
            SessionId::random(),
            Token::random(),
            routes,
        );
        Self {
            program,
            plain,
            recorded,
            mux: welcome(agent).await,
            pool,
        }
    }

    pub(crate) async fn requests(&self, intercept: &InterceptId) -> Caller {
        let mut io = self.mux.open().await.unwrap();
        let open = StreamOpen::Requests {
            intercept: intercept.clone(),
        };
        io.write_all(&encode(&open)).await.unwrap();
        Caller {
            io: Box::new(io),
            has_verdicts: true,
        }
    }

    pub(crate) async fn stop(self) {
        self.pool.stop().await;
    }
}

struct Loopback(SocketAddr);

impl PodConnector for Loopback {
    type Stream = TcpStream;

    fn pods(&self) -> BoxStream<'static, BTreeMap<PodName, PodStage>> {
        let pods = BTreeMap::from([(PodName::from("pod"), PodStage::Running)]);
        stream::iter([pods]).chain(stream::pending()).boxed()
    }

    fn connect<'a>(&'a self, _pod: &'a PodName) -> BoxFuture<'a, Result<TcpStream, ConnectError>> {
        Box::pin(async {
            let io = TcpStream::connect(self.0).await?;
            io.set_nodelay(true)?;
            Ok(io)
        })
    }
}

/// Answers one request after the other; `/bulk` at length.
async fn local_program() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (io, _) = listener.accept().await.unwrap();
            tokio::spawn(answer_all(io));
        }
    });
    address
}

async fn answer_all(mut io: TcpStream) {
    io.set_nodelay(true).unwrap();
    let mut request = vec![0; 4096];
    while let Ok(read @ 1..) = io.read(&mut request).await {
        if !request[..read].starts_with(b"GET /bulk") {
            io.write_all(ANSWER).await.unwrap();
            continue;
        }
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {BULK}\r\n\r\n");
        io.write_all(head.as_bytes()).await.unwrap();
        let piece = vec![b'x'; 256 * 1024];
        for _ in 0..BULK / piece.len() {
            if io.write_all(&piece).await.is_err() {
                return;
            }
        }
    }
}

async fn welcome(listener: TcpListener) -> Mux {
    let (mut io, _) = listener.accept().await.unwrap();
    io.set_nodelay(true).unwrap();
    let _: Hello = read_preamble(&mut io).await.unwrap();
    let program = "agent".into();
    write_preamble(&mut io, &Answer::Welcome { program })
        .await
        .unwrap();
    let (mux, mut incoming, _driver) = Mux::start(io, Side::Agent);
    let mut control = incoming.accept().await.unwrap();
    tokio::spawn(async move {
        let _incoming = incoming;
        while let Ok(ToAgent::Ping { sequence }) = read_frame(&mut control).await {
            write_frame(&mut control, &ToLaptop::Pong { sequence, at: 0 })
                .await
                .unwrap();
        }
    });
    mux
}
