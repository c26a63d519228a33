//! A session bus, a tray on it, and the program whose icon is there.
#![expect(clippy::unwrap_used, reason = "a broken rig is a failed test")]
#![expect(clippy::needless_pass_by_value, reason = "the bus hands headers over")]

use std::collections::HashMap;
use std::fmt;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value as Json;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::time::{interval, timeout};
use zbus::message::Header;
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Structure, Value};
use zbus::{Connection, Proxy};

const WATCHER: &str = "org.kde.StatusNotifierWatcher";
const LIMIT: Duration = Duration::from_secs(60);

/// What a desktop's panel does for icons.
struct Watcher {
    // bus → test
    items_tx: mpsc::UnboundedSender<(String, String)>,
}

#[zbus::interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    fn register_status_notifier_item(&self, service: &str, #[zbus(header)] header: Header<'_>) {
        let sender = header.sender().map(ToString::to_string).unwrap_or_default();
        // A test that is over looks at no icons.
        let _ = self.items_tx.send((sender, service.to_owned()));
    }

    fn register_status_notifier_host(&self, _service: &str) {}

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }

    #[zbus(property)]
    fn registered_status_notifier_items(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The program with its icon in a tray. What is left of it ends with this.
pub(crate) struct Desktop {
    program: Child,
    address: String,
    _daemon: Child,
    bus: Connection,
    owner: String,
    menu: OwnedObjectPath,
    home: tempfile::TempDir,
}

/// A revision, and the root: its number, its properties, what it holds.
type Layout = (u32, (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>));

/// A menu as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Menu(Vec<Entry>);

/// One entry.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    id: i32,
    label: String,
    pub(crate) is_enabled: bool,
}

impl Menu {
    /// The first entry that says this.
    pub(crate) fn find(&self, label: &str) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.label == label)
    }
}

impl fmt::Display for Menu {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels: Vec<&str> = self.0.iter().map(|entry| entry.label.as_str()).collect();
        out.write_str(&labels.join(" | "))
    }
}

impl Desktop {
    /// Whether all that it needs is here; if not, says what is missing.
    #[expect(
        clippy::print_stderr,
        reason = "a test that did not run must not look like one that passed"
    )]
    pub(crate) fn is_possible() -> bool {
        let missing = [
            std::env::var_os("DISPLAY").is_none().then_some("a display"),
            find("dbus-daemon").is_none().then_some("dbus-daemon"),
            (!program().exists()).then_some("the built program"),
        ];
        let missing: Vec<&str> = missing.into_iter().flatten().collect();
        if missing.is_empty() {
            return true;
        }
        let words = format!(
            "NOT RUN: a test of the tray lacks {}; see scripts/test.sh",
            missing.join(", ")
        );
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{words}");
        eprintln!("### {words} ###");
        false
    }

    /// Starts the program with these preferences and clusters, and waits for its icon.
    pub(crate) async fn start(preferences: &Json, kubeconfig: &Path, arguments: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let settings = home.path().join("config/dev.intercept.desktop");
        std::fs::create_dir_all(&settings).unwrap();
        std::fs::write(settings.join("preferences.json"), preferences.to_string()).unwrap();
        std::fs::create_dir_all(temporary(home.path())).unwrap();
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(home.path().join("r"))
            .unwrap();
        let (daemon, address) = daemon().await;
        let (items_tx, mut items_rx) = mpsc::unbounded_channel();
        let bus = zbus::connection::Builder::address(address.as_str())
            .unwrap()
            .serve_at("/StatusNotifierWatcher", Watcher { items_tx })
            .unwrap()
            .name(WATCHER)
            .unwrap()
            .build()
            .await
            .unwrap();
        let log = std::fs::File::create(home.path().join("program.log")).unwrap();
        let mut command = command(home.path(), &address, kubeconfig);
        let program = command
            .args(arguments)
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let item = timeout(LIMIT, items_rx.recv()).await;
        let log = || std::fs::read_to_string(home.path().join("program.log")).unwrap_or_default();
        let (owner, path) = item
            .unwrap_or_else(|_| panic!("no icon came: {}", log()))
            .unwrap();
        let item = Proxy::new(&bus, owner.clone(), path, "org.kde.StatusNotifierItem")
            .await
            .unwrap();
        let menu: OwnedObjectPath = item.get_property("Menu").await.unwrap();
        Self {
            program,
            address,
            _daemon: daemon,
            bus,
            owner,
            menu,
            home,
        }
    }

    /// Where its temporary files are.
    pub(crate) fn temporary(&self) -> PathBuf {
        temporary(self.home.path())
    }

    /// The menu as it is now.
    pub(crate) async fn menu(&self) -> Menu {
        let menu = self.dbusmenu().await;
        let properties: Vec<&str> = Vec::new();
        let (_, layout): Layout = menu
            .call("GetLayout", &(0_i32, -1_i32, properties))
            .await
            .unwrap();
        let mut entries = Vec::new();
        layout.2.iter().for_each(|child| gather(child, &mut entries));
        Menu(entries)
    }

    /// The menu, once it says this; nothing where it does not in time.
    pub(crate) async fn menu_within(&self, limit: Duration, label: &str) -> Option<Menu> {
        let mut tick = interval(Duration::from_millis(50));
        let looking = async {
            loop {
                tick.tick().await;
                let menu = self.menu().await;
                if menu.find(label).is_some() {
                    return menu;
                }
            }
        };
        timeout(limit, looking).await.ok()
    }

    /// As above, and it must.
    pub(crate) async fn menu_with(&self, limit: Duration, label: &str) -> Menu {
        match self.menu_within(limit, label).await {
            Some(menu) => menu,
            None => panic!("the menu does not say {label:?}: {}", self.menu().await),
        }
    }

    /// Clicks an entry.
    pub(crate) async fn choose(&self, entry: &Entry) {
        let menu = self.dbusmenu().await;
        let nothing = Value::from(0_i32);
        let _: () = menu
            .call("Event", &(entry.id, "clicked", nothing, 0_u32))
            .await
            .unwrap();
    }

    /// Starts the program once more, as somebody who has forgotten that it runs: it must hand over and end.
    pub(crate) async fn start_again(&self, arguments: &[&str]) {
        let mut command = command(self.home.path(), &self.address, Path::new("/nonexistent"));
        let mut second = command
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let ended = timeout(LIMIT, second.wait()).await;
        let status = ended.expect("a second program must not stay").unwrap();
        assert!(status.success(), "the second program ended with {status}");
    }

    /// Tells the program to end, as the end of the user's session does.
    pub(crate) fn terminate(&self) {
        let process = self.program.id().expect("it must run");
        let process = Pid::from_raw(i32::try_from(process).unwrap()).unwrap();
        kill_process(process, Signal::TERM).unwrap();
    }

    /// Waits until the program has ended by itself.
    pub(crate) async fn await_end(&mut self, limit: Duration) {
        let ended = timeout(limit, self.program.wait()).await;
        let status = ended.expect("the program must end").unwrap();
        assert!(status.success(), "it ended with {status}");
    }

    async fn dbusmenu(&self) -> Proxy<'_> {
        Proxy::new(
            &self.bus,
            self.owner.clone(),
            self.menu.clone(),
            "com.canonical.dbusmenu",
        )
        .await
        .unwrap()
    }
}

/// Entries in the order in which they are read, those of submenus after their heads.
fn gather(child: &OwnedValue, entries: &mut Vec<Entry>) {
    let structure: &Structure<'_> = child.downcast_ref().unwrap();
    let [id, properties, children] = structure.fields() else {
        panic!("an entry has three parts: {structure:?}");
    };
    let Value::Dict(properties) = properties else {
        panic!("an entry has properties: {structure:?}");
    };
    let label: Option<String> = properties.get(&"label").unwrap();
    let is_enabled: Option<bool> = properties.get(&"enabled").unwrap();
    entries.push(Entry {
        id: id.downcast_ref().unwrap(),
        // Underscores mark keys, and are doubled where they are meant.
        label: label.unwrap_or_default().replace("__", "_"),
        is_enabled: is_enabled.unwrap_or(true),
    });
    if let Value::Array(children) = children {
        for child in children.iter() {
            let child = child.try_to_owned().unwrap();
            // Each is a variant that holds the entry.
            match &*child {
                Value::Value(inner) => gather(&inner.try_to_owned().unwrap(), entries),
                _ => gather(&child, entries),
            }
        }
    }
}

/// The program in this home, on this bus.
fn command(home: &Path, bus: &str, kubeconfig: &Path) -> Command {
    let mut command = Command::new(program());
    command
        .env("DBUS_SESSION_BUS_ADDRESS", bus)
        .env("HOME", home)
        .env("KUBECONFIG", kubeconfig)
        .env("XDG_DATA_HOME", home.join("data"))
        .env("XDG_CACHE_HOME", home.join("cache"))
        .env("XDG_CONFIG_HOME", home.join("config"))
        .env("XDG_RUNTIME_DIR", home.join("r"))
        .env("TMPDIR", temporary(home))
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// A bus of its own, and its address.
async fn daemon() -> (Child, String) {
    let mut daemon = Command::new(find("dbus-daemon").unwrap())
        .args(["--session", "--nofork", "--print-address=1"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(daemon.stdout.take().unwrap()).lines();
    let address = timeout(LIMIT, lines.next_line()).await.unwrap().unwrap();
    (daemon, address.expect("the bus must say where it is"))
}

/// Short: sockets lie below it.
fn temporary(home: &Path) -> PathBuf {
    home.join("t")
}

fn program() -> PathBuf {
    let named = std::env::var_os("INTERCEPT_TEST_DESKTOP").map(PathBuf::from);
    let this = std::env::current_exe().unwrap();
    let target = this
        .ancestors()
        .nth(3)
        .expect("tests must run from the target folder");
    named.unwrap_or_else(|| target.join("debug/intercept"))
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}
