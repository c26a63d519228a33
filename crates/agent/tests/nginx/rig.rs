//! An origin, a laptop, a record and an NGINX, each on ports of its own.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener as StdListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use intercept_agent::nginx::binary::Stream;
use intercept_agent::nginx::{Binary, Mode, Place, render};
use intercept_protocol::ids::{InterceptId, SessionId, Token};
use intercept_protocol::matching::Match;
use intercept_protocol::mux::{self, Incoming, Mux, Side};
use intercept_protocol::record::{Intercept, Listener, Owner, PortProtocol, Record};
use intercept_protocol::relay::{
    Answer, Hello, StreamOpen, ToAgent, ToLaptop, Verdict, read_frame, read_preamble, write_frame,
    write_preamble,
};
use tokio::io::{AsyncWriteExt as _, ReadHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::http::{self, Message};
use crate::http2;

/// The NGINX to test with.
pub(crate) fn nginx_binary() -> Option<PathBuf> {
    let named = std::env::var_os("INTERCEPT_NGINX").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = named.or_else(|| {
        std::env::split_paths(&path)
            .map(|folder| folder.join("nginx"))
            .find(|file| file.is_file())
    });
    if found.is_none() {
        not_run("no NGINX found");
    }
    found
}

fn not_run(why: &str) {
    let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(
        !is_ci,
        "{why}: set INTERCEPT_NGINX; under CI=true these tests must run"
    );
    eprintln!("NOT RUN: {why}, set INTERCEPT_NGINX to a usable binary");
}

/// A binary and what it can; nothing where it lacks what nearly every test needs.
pub(crate) async fn usable_nginx() -> Option<(PathBuf, Binary)> {
    let path = nginx_binary()?;
    let binary = Binary::detect(&path).await.unwrap();
    if binary.stream == Stream::Absent {
        not_run(&format!("{} has no stream module", path.display()));
        return None;
    }
    Some((path, binary))
}

/// A port that nobody listens on and that was not given out before.
pub(crate) fn free_port() -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    loop {
        let probe = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = probe.local_addr().unwrap().port();
        if GIVEN.lock().unwrap().insert(port) {
            return port;
        }
    }
}

/// Whoever asks until it is so, within ten seconds.
pub(crate) async fn await_condition<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let all = async {
        while !condition().await {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(10), all)
        .await
        .unwrap_or_else(|_| panic!("not within 10 s: {what}"));
}

/// One developer.
#[derive(Clone, Debug)]
pub(crate) struct Developer {
    pub(crate) session: SessionId,
    pub(crate) token: Token,
}

impl Developer {
    pub(crate) fn new() -> Self {
        Self {
            session: SessionId::random(),
            token: Token::random(),
        }
    }

    pub(crate) fn intercept(&self, port: u16, rule: Match) -> Intercept {
        Intercept {
            id: InterceptId::random(),
            port,
            rule,
            owner: Owner {
                user: "dev".into(),
                host: "laptop".into(),
            },
            session: self.session.clone(),
            token_hash: self.token.hash(),
            target: "127.0.0.1:3000".into(),
            created: 0,
            expires: None,
        }
    }
}

/// A record of one HTTP port to an origin on `origin_port`.
pub(crate) fn record(origin_port: u16) -> Record {
    let listener = Listener {
        port: free_port(),
        service_port: origin_port,
        protocol: PortProtocol::Http,
        direct: Vec::new(),
    };
    Record {
        format: 1,
        namespace: "shop".into(),
        service: "api".into(),
        origin: Ipv4Addr::LOCALHOST.into(),
        listeners: vec![listener],
        relay_port: free_port(),
        health_port: free_port(),
        grace_seconds: 60,
        forwarded_headers: false,
        intercepts: Vec::new(),
    }
}

/// Answers with the name `origin`; ends with the test.
pub(crate) async fn start_origin() -> u16 {
    start_program("origin", 0).await
}

/// Answers with its name; ends with the test. Port 0 is any free one.
pub(crate) async fn start_program(name: &'static str, port: u16) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (io, _) = listener.accept().await.unwrap();
            tokio::spawn(http::answer(io, name));
        }
    });
    port
}

pub(crate) fn place(run_dir: &Path) -> Place {
    Place {
        run_dir: run_dir.into(),
        workers: 1,
        open_files: 1024,
        has_ipv6: false,
        address: None,
        http_ports: BTreeSet::new(),
    }
}

/// A running NGINX; ends with this.
pub(crate) struct RunningNginx {
    child: Child,
}

impl RunningNginx {
    /// Starts it on the configuration in `run_dir`.
    pub(crate) fn start(path: &Path, run_dir: &Path) -> Self {
        let child = Command::new(path)
            .arg("-c")
            .arg(run_dir.join("nginx.conf"))
            // Gates belong to whoever runs the test; workers of root would be nobody.
            .args(["-g", "daemon off; user root;"])
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self { child }
    }

    /// Renders `record` and starts it.
    pub(crate) async fn with(path: &Path, binary: &Binary, record: &Record, run_dir: &Path) -> Self {
        let configuration = render(record, binary, &place(run_dir), Mode::Serving).unwrap();
        std::fs::write(run_dir.join("nginx.conf"), configuration.text).unwrap();
        std::fs::create_dir_all(run_dir.join("gate")).unwrap();
        let running = Self::start(path, run_dir);
        let port = record.health_port;
        await_condition("NGINX answers", || async move {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok()
        })
        .await;
        running
    }

    pub(crate) async fn has_ended(&mut self) -> bool {
        timeout(Duration::from_secs(10), self.child.wait()).await.is_ok()
    }
}

impl Drop for RunningNginx {
    fn drop(&mut self) {
        // Its workers end with their master, if that is told and not killed.
        if let Some(id) = self.child.id() {
            let _ = std::process::Command::new("kill")
                .arg("-TERM")
                .arg(id.to_string())
                .status();
            let limit = std::time::Instant::now() + Duration::from_secs(2);
            while std::time::Instant::now() < limit && matches!(self.child.try_wait(), Ok(None)) {
                std::thread::yield_now();
            }
        }
    }
}

/// Sends bytes and reads one answer.
pub(crate) async fn ask(port: u16, bytes: &[u8]) -> Option<Message> {
    let mut io = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    io.write_all(bytes).await.unwrap();
    timeout(Duration::from_secs(10), http::read(&mut io))
        .await
        .expect("an answer must come within 10 s")
}

/// Who answered a request with these header lines: `origin` or a laptop's name.
pub(crate) async fn who(port: u16, line: &str, headers: &str, body: &str) -> String {
    let request = format!(
        "{line} HTTP/1.1\r\nHost: api\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let answer = ask(port, request.as_bytes()).await.unwrap_or_default();
    answer.text().split('|').next().unwrap_or_default().to_owned()
}

/// What a laptop does with the connections it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// The local program answers.
    Answers,
    /// It answers one request on each connection, and has closed that when the next one comes.
    AnswersOnce,
    /// It answers one request, and is down when the next one comes.
    DiesAfterOne,
    /// It answers when it has the head, and takes the body later.
    AnswersEarly,
    /// It answers when it has the head, and takes nothing else.
    AnswersHeads,
    /// It takes the request and never answers.
    Ponders,
    /// It is down.
    Refuses,
    /// Nobody knows: no verdict ever comes.
    Hangs,
    /// It speaks HTTP/2 with prior knowledge.
    SpeaksHttp2,
}

/// A connected laptop; dropping it is its death.
pub(crate) struct Laptop {
    opened: Arc<AtomicUsize>,
    ended: Arc<AtomicUsize>,
    control: JoinHandle<()>,
    streams: JoinHandle<()>,
    mux: Mux,
    driver: JoinHandle<Result<(), std::io::Error>>,
    // test → control stream
    pub(crate) say_tx: tokio::sync::mpsc::Sender<ToAgent>,
    // control stream → test
    pub(crate) heard_rx: tokio::sync::mpsc::Receiver<ToLaptop>,
}

impl Laptop {
    /// Connects until the agent takes it.
    pub(crate) async fn connect(
        relay_port: u16,
        developer: &Developer,
        name: &str,
        program: Program,
    ) -> Self {
        let io = connected(relay_port, developer).await;
        let (mux, mut incoming, driver) = Mux::start(io, Side::Laptop);
        let control = mux.open().await.unwrap();
        let (reader, mut writer) = tokio::io::split(control);
        let (say_tx, mut say_rx) = tokio::sync::mpsc::channel(16);
        let (heard_tx, heard_rx) = tokio::sync::mpsc::channel(1024);
        let control = tokio::spawn(async move {
            let hearing = tokio::spawn(hear(reader, heard_tx));
            let mut sequence = 0;
            // A stream exists for the other end once something is written to it.
            write_frame(&mut writer, &ToAgent::Ping { sequence })
                .await
                .unwrap();
            loop {
                let message = tokio::select! {
                    Some(message) = say_rx.recv() => message,
                    () = sleep(Duration::from_millis(500)) => ToAgent::Ping { sequence },
                };
                sequence += 1;
                if write_frame(&mut writer, &message).await.is_err() {
                    break;
                }
            }
            hearing.abort();
        });
        let name: Arc<str> = name.into();
        let opened = Arc::new(AtomicUsize::new(0));
        let ended = Arc::new(AtomicUsize::new(0));
        let counts = (opened.clone(), ended.clone());
        let streams = tokio::spawn(async move { serve(&mut incoming, name, program, &counts).await });
        Self {
            opened,
            ended,
            control,
            streams,
            mux,
            driver,
            say_tx,
            heard_rx,
        }
    }

    /// The answer to a message that `pick` recognises.
    pub(crate) async fn hears<T>(&mut self, mut pick: impl FnMut(ToLaptop) -> Option<T>) -> T {
        let all = async {
            loop {
                let Some(message) = self.heard_rx.recv().await else {
                    panic!("the agent must stay connected: {:?}", (&mut self.driver).await)
                };
                if let Some(found) = pick(message) {
                    return found;
                }
            }
        };
        timeout(Duration::from_secs(15), all)
            .await
            .expect("the agent must say it within 15 s")
    }

    /// How many streams it was given by now.
    pub(crate) fn streams(&self) -> usize {
        self.opened.load(Ordering::Relaxed)
    }

    /// How many of them have ended.
    pub(crate) fn ended(&self) -> usize {
        self.ended.load(Ordering::Relaxed)
    }

    /// Stays connected and says nothing more.
    pub(crate) fn falls_silent(&self) {
        self.control.abort();
    }

    /// Waits until NGINX routes `id` and its gate is open.
    pub(crate) async fn is_ready(&mut self, id: &InterceptId) {
        self.hears(|message| match message {
            ToLaptop::Status(status) => {
                (status.routed.contains(id) && status.open.contains(id)).then_some(())
            }
            _ => None,
        })
        .await;
    }
}

impl Drop for Laptop {
    fn drop(&mut self) {
        self.control.abort();
        self.streams.abort();
        self.driver.abort();
        self.mux.close();
    }
}

async fn connected(relay_port: u16, developer: &Developer) -> TcpStream {
    let all = async {
        loop {
            if let Ok(mut io) = TcpStream::connect((Ipv4Addr::LOCALHOST, relay_port)).await {
                io.set_nodelay(true).unwrap();
                let hello = Hello {
                    program: "test".into(),
                    session: developer.session.clone(),
                    token: developer.token.clone(),
                };
                write_preamble(&mut io, &hello).await.unwrap();
                if let Ok(Answer::Welcome { .. }) = read_preamble(&mut io).await {
                    return io;
                }
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(15), all)
        .await
        .expect("the agent must take the laptop within 15 s")
}

async fn hear(mut reader: ReadHalf<mux::Stream>, heard_tx: tokio::sync::mpsc::Sender<ToLaptop>) {
    while let Ok(message) = read_frame(&mut reader).await {
        // A test that does not listen has heard enough.
        let _ = heard_tx.try_send(message);
    }
}

async fn serve(
    incoming: &mut Incoming,
    name: Arc<str>,
    program: Program,
    (opened, ended): &(Arc<AtomicUsize>, Arc<AtomicUsize>),
) {
    let mut streams = tokio::task::JoinSet::new();
    while let Some(stream) = incoming.accept().await {
        let is_first = opened.fetch_add(1, Ordering::Relaxed) == 0;
        let (name, ended) = (name.clone(), ended.clone());
        streams.spawn(async move {
            serve_one(stream, name, program, is_first).await;
            ended.fetch_add(1, Ordering::Relaxed);
        });
    }
}

async fn serve_one(mut stream: mux::Stream, name: Arc<str>, program: Program, is_first: bool) {
    let opening: StreamOpen = read_frame(&mut stream).await.unwrap();
    if let StreamOpen::Probe { .. } = opening {
        stream.write_all(&[Verdict::Accepted as u8]).await.unwrap();
        return http::answer(stream, "tap").await;
    }
    let serves_requests = matches!(opening, StreamOpen::Requests { .. });
    match program {
        Program::Answers if serves_requests => http::answer_each(stream, &name, usize::MAX).await,
        Program::AnswersEarly => http::answer_early(stream, &name, true).await,
        Program::AnswersHeads => http::answer_early(stream, &name, false).await,
        Program::AnswersOnce => http::answer_each(stream, &name, 1).await,
        Program::DiesAfterOne if is_first => http::answer_each(stream, &name, 1).await,
        Program::Answers => {
            stream.write_all(&[Verdict::Accepted as u8]).await.unwrap();
            http::answer(stream, &name).await;
        }
        Program::SpeaksHttp2 => {
            stream.write_all(&[Verdict::Accepted as u8]).await.unwrap();
            http2::answer(stream, &name).await;
        }
        Program::Refuses | Program::DiesAfterOne => {
            stream.write_all(&[Verdict::Refused as u8]).await.unwrap();
        }
        Program::Ponders => {
            stream.write_all(&[Verdict::Accepted as u8]).await.unwrap();
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        }
        Program::Hangs => std::future::pending().await,
    }
}
