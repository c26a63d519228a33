use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use futures::{StreamExt as _, stream};
use intercept_protocol::ids::InterceptId;
use intercept_protocol::matching::{Mark, Match};
use proptest::prelude::*;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::watch;
use tokio::time::timeout;

use super::serve::MAX_CLIENTS;
use super::*;
use crate::session::Phase;
use crate::tap::Level;

const ME: &str = "test 1";
const LIMIT: Duration = Duration::from_secs(10);

fn held(service: &str) -> Held {
    Held {
        intercept: Some(InterceptId::random()),
        context: "staging".into(),
        namespace: "shop".into(),
        service: service.into(),
        port: Some("80".into()),
        rule: Match::new(Mark::All),
        target: "localhost:3000".into(),
        accept_any_certificate: false,
        phase: Phase::Displaced { by: "kubectl".into() },
        since: 7,
        recording: Some(Level::Heads),
        is_paused: false,
    }
}

/// Answers as it was told, and counts who is being answered.
#[derive(Default)]
struct Scripted {
    sessions: Vec<Held>,
    /// Goes on for ever after what it has.
    is_endless: bool,
    refuses: Option<Refused>,
    answering: Arc<AtomicUsize>,
    changed: watch::Sender<()>,
}

struct Counted(Arc<AtomicUsize>, watch::Sender<()>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
        self.1.send_replace(());
    }
}

impl Holder for Scripted {
    fn answer(&self, _: Request) -> Answers {
        if let Some(refused) = &self.refuses {
            return stream::iter([Err(refused.clone())]).boxed();
        }
        self.answering.fetch_add(1, Ordering::SeqCst);
        self.changed.send_replace(());
        let counted = Counted(Arc::clone(&self.answering), self.changed.clone());
        let parts = stream::iter(
            self.sessions
                .clone()
                .into_iter()
                .map(|one| Ok(Answer::Session(Box::new(one)))),
        );
        let rest = if self.is_endless {
            stream::pending().boxed()
        } else {
            stream::empty().boxed()
        };
        parts
            .chain(rest)
            .map(move |part| {
                let _held = &counted;
                part
            })
            .boxed()
    }
}

fn folder() -> (TempDir, PathBuf) {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("control");
    (outer, folder)
}

async fn only(folder: &Path) -> Program {
    let (mut found, troubles) = programs(folder, ME).await.unwrap();
    assert!(troubles.is_empty(), "{troubles:?}");
    assert_eq!(found.len(), 1);
    found.remove(0)
}

#[tokio::test]
async fn every_running_program_is_found_and_says_what_it_holds() {
    let (_outer, folder) = folder();
    let (a, b) = (held("api"), held("cart"));
    let hold = |one: &Held| {
        Arc::new(Scripted {
            sessions: vec![one.clone()],
            ..Scripted::default()
        })
    };
    let _first = Server::open(&folder, "one", hold(&a)).unwrap();
    let second = Server::open(&folder, "two", hold(&b)).unwrap();
    let (found, troubles) = programs(&folder, ME).await.unwrap();
    assert!(troubles.is_empty(), "{troubles:?}");
    let mut sessions = Vec::new();
    for program in &found {
        assert_eq!(program.welcome().pid, std::process::id());
        sessions.extend(program.sessions(ME).await.unwrap());
    }
    sessions.sort_by(|a, b| a.service.cmp(&b.service));
    assert_eq!(sessions, [a, b]);
    second.close().await;
    assert_eq!(only(&folder).await.welcome().program, "one");
}

#[tokio::test]
async fn nobody_runs_where_there_is_no_folder() {
    let (_outer, folder) = folder();
    let (found, troubles) = programs(&folder, ME).await.unwrap();
    assert!(found.is_empty() && troubles.is_empty());
}

#[tokio::test]
async fn a_refusal_arrives_with_its_code_and_words() {
    let (_outer, folder) = folder();
    let refused = Refused::new(RefusedCode::NoRecorder, "no room");
    let holder = Scripted {
        refuses: Some(refused.clone()),
        ..Scripted::default()
    };
    let _server = Server::open(&folder, "one", Arc::new(holder)).unwrap();
    let asked = only(&folder)
        .await
        .held(ME, &Request::Pause { is_paused: true })
        .await;
    assert!(matches!(asked, Err(ControlError::Refused(said)) if said == refused));
}

#[tokio::test]
async fn an_answer_ends_when_its_client_leaves() {
    let (_outer, folder) = folder();
    let holder = Arc::new(Scripted {
        sessions: vec![held("api")],
        is_endless: true,
        ..Scripted::default()
    });
    let answering = Arc::clone(&holder.answering);
    let mut changed = holder.changed.subscribe();
    let _server = Server::open(&folder, "one", holder).unwrap();
    let mut asked = only(&folder).await.ask(ME, &Request::Sessions).await.unwrap();
    assert!(asked.next(LIMIT).await.unwrap().is_some());
    assert_eq!(answering.load(Ordering::SeqCst), 1);
    drop(asked);
    let none = changed.wait_for(|()| answering.load(Ordering::SeqCst) == 0);
    timeout(LIMIT, none).await.unwrap().unwrap();
}

#[tokio::test]
async fn more_clients_than_places_are_told_so_and_a_place_comes_free() {
    let (_outer, folder) = folder();
    let holder = Arc::new(Scripted {
        sessions: vec![held("api")],
        is_endless: true,
        ..Scripted::default()
    });
    let _server = Server::open(&folder, "one", holder).unwrap();
    let program = only(&folder).await;
    let asked = join_all((0..MAX_CLIENTS).map(|_| async {
        let mut asked = program.ask(ME, &Request::Sessions).await?;
        asked.next(LIMIT).await.map(|_| asked)
    }));
    let mut asked: Vec<_> = asked.await.into_iter().collect::<Result<_, _>>().unwrap();
    let refused = program.ask(ME, &Request::Sessions).await;
    let code = refused.err().map(|error| match error {
        ControlError::Refused(refused) => refused.code,
        other => panic!("{other}"),
    });
    assert_eq!(code, Some(RefusedCode::Busy));
    asked.pop();
    let again = async {
        while program.ask(ME, &Request::Sessions).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(LIMIT, again).await.unwrap();
}

#[tokio::test]
async fn a_part_that_fits_no_frame_is_an_error_with_words() {
    let (_outer, folder) = folder();
    let mut big = held("api");
    big.context = "x".repeat(70_000);
    let holder = Scripted {
        sessions: vec![big],
        ..Scripted::default()
    };
    let _server = Server::open(&folder, "one", Arc::new(holder)).unwrap();
    let asked = only(&folder).await.sessions(ME).await;
    assert!(
        matches!(&asked, Err(ControlError::Refused(refused)) if refused.code == RefusedCode::TooLong),
        "{asked:?}"
    );
}

#[cfg(unix)]
mod unix {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::process::CommandExt as _;

    use tokio::net::{UnixListener, UnixStream};

    use super::*;

    #[tokio::test]
    async fn what_dead_programs_left_is_cleared_away_and_the_living_stay() {
        let (_outer, folder) = folder();
        let _server = Server::open(&folder, "one", Arc::new(Scripted::default())).unwrap();
        let dead = folder.join("1-00000000.sock");
        drop(UnixListener::bind(&dead).unwrap());
        only(&folder).await;
        assert!(!dead.exists());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn the_folder_is_closed_to_others_and_a_closed_server_leaves_nothing() {
        let (_outer, folder) = folder();
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        let server = Server::open(&folder, "one", Arc::new(Scripted::default())).unwrap();
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(server.path().exists());
        server.close().await;
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_folder_behind_a_link_is_not_trusted() {
        let (outer, folder) = folder();
        std::os::unix::fs::symlink(outer.path(), &folder).unwrap();
        let opened = Server::open(&folder, "one", Arc::new(Scripted::default()));
        assert!(matches!(opened.err(), Some(ControlError::NotYours { .. })));
        assert!(matches!(
            programs(&folder, ME).await,
            Err(ControlError::NotYours { .. })
        ));
    }

    #[test]
    fn only_the_same_user_is_the_same() {
        assert!(socket::is_same(1000, 1000));
        assert!(!socket::is_same(0, 1000) && !socket::is_same(1000, 0));
    }

    /// In a process of another user: is it answered?
    #[tokio::test]
    #[ignore = "is run by the test below, as another user"]
    async fn as_a_stranger() {
        let path = std::env::var_os("INTERCEPT_TEST_SOCKET").unwrap();
        let mut stream = UnixStream::connect(path).await.unwrap();
        let _ = wire::write_preamble(&mut stream, &"hello").await;
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said).await;
        assert!(said.is_empty(), "{said:?}");
    }

    #[tokio::test]
    async fn another_user_is_not_answered_even_where_the_files_are_open() {
        const NOBODY: u32 = 65_534;
        if !rustix::process::geteuid().is_root() {
            // Only root can become somebody else; the test above knows the rule itself.
            return;
        }
        let (outer, folder) = folder();
        let server = Server::open(&folder, "one", Arc::new(Scripted::default())).unwrap();
        for open in [outer.path(), folder.as_path(), server.path()] {
            fs::set_permissions(open, Permissions::from_mode(0o777)).unwrap();
        }
        // Where this program lies nobody else may look.
        let program = outer.path().join("stranger");
        fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        let mut stranger = std::process::Command::new(program);
        stranger
            .args(["--exact", "--ignored", "control::tests::unix::as_a_stranger"])
            .env("INTERCEPT_TEST_SOCKET", server.path())
            .current_dir(outer.path())
            .uid(NOBODY);
        let ran = tokio::process::Command::from(stranger).output();
        let ran = timeout(LIMIT, ran).await.unwrap().unwrap();
        let said = String::from_utf8_lossy(&ran.stdout);
        assert!(ran.status.success() && said.contains("1 passed"), "{said}");
        // Whoever is the same user is answered still.
        fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
        only(&folder).await;
    }

    #[tokio::test]
    async fn another_version_is_told_to_both_ends() {
        let (_outer, folder) = folder();
        let server = Server::open(&folder, "one", Arc::new(Scripted::default())).unwrap();
        let mut newer = UnixStream::connect(server.path()).await.unwrap();
        newer.write_all(b"icptctrl\x00\x63").await.unwrap();
        let mut said = [0; 10];
        newer.read_exact(&mut said).await.unwrap();
        assert_eq!(&said, b"icptctrl\x00\x01");

        let path = folder.join("2-00000000.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let other = tokio::spawn(async move {
            let (mut client, _) = listener.accept().await.unwrap();
            client.write_all(b"icptctrl\x00\x63").await.unwrap();
            let mut rest = Vec::new();
            let _ = client.read_to_end(&mut rest).await;
        });
        let (found, troubles) = programs(&folder, ME).await.unwrap();
        assert_eq!(found.len(), 1);
        assert!(
            matches!(&troubles[..], [ControlError::Version { theirs: 99 }]),
            "{troubles:?}"
        );
        other.await.unwrap();
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn garbage_harms_neither_end(
            first in proptest::collection::vec(any::<u8>(), 0..64),
            then in proptest::collection::vec(any::<u8>(), 0..200),
            is_ours in any::<bool>(),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let (_outer, folder) = folder();
                let server = Server::open(&folder, "one", Arc::new(Scripted::default())).unwrap();
                let mut bytes = if is_ours { b"icptctrl\x00\x01\x00\x00\x00\x0f{\"program\":\"x\"}".to_vec() } else { first };
                bytes.extend(then);
                let mut client = UnixStream::connect(server.path()).await.unwrap();
                let _ = client.write_all(&bytes).await;
                let _ = client.shutdown().await;
                let mut said = Vec::new();
                let _ = timeout(LIMIT, client.read_to_end(&mut said)).await.expect("the server must hang up");
                only(&folder).await;
                server.close().await;

                let path = folder.join("2-00000000.sock");
                let listener = UnixListener::bind(&path).unwrap();
                let garbling = tokio::spawn(async move {
                    let (mut client, _) = listener.accept().await.unwrap();
                    let _ = client.write_all(&bytes).await;
                });
                let (found, troubles) = programs(&folder, ME).await.unwrap();
                assert_eq!(found.len() + troubles.len(), 1);
                garbling.await.unwrap();
            });
        }
    }
}
