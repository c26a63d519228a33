//! One running desktop program with its window, through `tauri-driver`.
#![expect(clippy::unwrap_used, reason = "a broken rig is a failed test")]

use std::ffi::OsStr;
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::error::CmdError;
use fantoccini::key::Key;
use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};

/// A cold web view on a busy machine takes several seconds; more is a failure.
const LIMIT: Duration = Duration::from_secs(60);
const DRIVER: &str = "WebKitWebDriver";

/// Whether all that a real window needs is here; if not, says what is missing.
pub(crate) fn can_show_windows() -> bool {
    let has_display = std::env::var_os("DISPLAY").is_some();
    let missing = [
        (!has_display).then(|| "a display".to_owned()),
        find("tauri-driver").is_none().then(|| "tauri-driver".to_owned()),
        find(DRIVER).is_none().then(|| DRIVER.to_owned()),
        find("dbus-run-session")
            .is_none()
            .then(|| "dbus-run-session".to_owned()),
        (!program().exists()).then(|| format!("the built program {}", program().display())),
    ];
    let missing: Vec<String> = missing.into_iter().flatten().collect();
    if missing.is_empty() {
        return true;
    }
    say_not_run(&missing.join(", "));
    false
}

#[expect(
    clippy::print_stderr,
    reason = "a test that did not run must not look like one that passed"
)]
fn say_not_run(missing: &str) {
    let words = format!("NOT RUN: a test of the real window lacks {missing}; see scripts/test.sh");
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{words}");
    eprintln!("### {words} ###");
}

/// The open window. Close it with [`Window::close`]; a failed test ends its processes all the same.
pub(crate) struct Window {
    client: Client,
    driver: Driver,
    home: tempfile::TempDir,
}

impl Window {
    /// Starts the program with this `KUBECONFIG` and a home of its own.
    pub(crate) async fn open(kubeconfig: &OsStr) -> Self {
        Self::open_with(kubeconfig, &[]).await
    }

    /// The same, with arguments.
    pub(crate) async fn open_with(kubeconfig: &OsStr, arguments: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let driver = Driver::start(kubeconfig, home.path()).await;
        let mut capabilities = Capabilities::new();
        capabilities.insert(
            "tauri:options".to_owned(),
            json!({ "application": program(), "args": arguments }),
        );
        capabilities.insert("browserName".to_owned(), json!("wry"));
        let mut builder = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new());
        let session = builder.capabilities(capabilities).connect(&driver.address);
        let client = tokio::time::timeout(LIMIT, session)
            .await
            .expect("the window must open in time")
            .unwrap();
        Self { client, driver, home }
    }

    /// Where the program's temporary files are. They outlive the window only where it leaves something.
    pub(crate) fn temporary(&self) -> PathBuf {
        temporary(self.home.path())
    }

    /// Closes the window as a user does, which ends the program; its home comes back for a look.
    pub(crate) async fn close_by_hand(self) -> tempfile::TempDir {
        // The driver may lose the program before it has an answer.
        let _ = self.client.close_window().await;
        self.driver.end();
        self.home
    }

    /// Ends session and program, and waits until their processes are gone.
    pub(crate) async fn close(self) {
        self.client.close().await.unwrap();
        self.driver.end();
    }

    pub(crate) async fn await_text(&self, words: &str) {
        self.await_element(&format!("//*[contains(text(), '{words}')]"))
            .await;
    }

    /// Picks a cluster at the first start, and connects to it.
    pub(crate) async fn choose_context(&self, name: &str) {
        self.click(&format!("//*[@role='option'][contains(., '{name}')]"))
            .await;
        self.press(&format!("Connect to {name}")).await;
    }

    /// Flips the switch with this name.
    pub(crate) async fn flip(&self, name: &str) {
        self.click(&format!("//label[.//input[@aria-label='{name}']]"))
            .await;
    }

    /// Chooses one of several by words of it.
    pub(crate) async fn choose(&self, words: &str) {
        self.click(&format!(
            "//label[.//input[@type='radio']][contains(., '{words}')]"
        ))
        .await;
    }

    /// Goes to one of the four screens.
    pub(crate) async fn go(&self, screen: &str) {
        self.click(&format!("//nav//button[@aria-label='{screen}']"))
            .await;
    }

    /// Clicks it once nothing covers it: what has just appeared may still be on its way to its place.
    pub(crate) async fn click(&self, xpath: &str) {
        let mut tick = tokio::time::interval(Duration::from_millis(50));
        let clicking = async {
            loop {
                tick.tick().await;
                match self.await_element(xpath).await.click().await {
                    Err(CmdError::Standard(error)) if error.error() == "element click intercepted" => {}
                    clicked => return clicked,
                }
            }
        };
        let clicked = tokio::time::timeout(LIMIT, clicking).await;
        clicked
            .unwrap_or_else(|_| panic!("something covers {xpath}"))
            .unwrap();
    }

    /// Presses the button or choice with these words.
    pub(crate) async fn press(&self, words: &str) {
        self.click(&format!("//button[normalize-space(.)='{words}'][not(@disabled)]"))
            .await;
    }

    /// Types into the field with this name, in place of what stands there.
    pub(crate) async fn fill(&self, field: &str, text: &str) {
        let field = self
            .await_element(&format!("//input[@aria-label='{field}']"))
            .await;
        field.send_keys(&keys(Key::Control, "a")).await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Types wherever the keyboard is.
    pub(crate) async fn type_keys(&self, text: &str) {
        let active = self.client.active_element().await.unwrap();
        active.send_keys(text).await.unwrap();
    }

    /// Waits until no element says this any more.
    pub(crate) async fn await_no_text(&self, words: &str) {
        let xpath = format!("//*[contains(text(), '{words}')]");
        let mut tick = tokio::time::interval(Duration::from_millis(50));
        let gone = async {
            while !self
                .client
                .find_all(Locator::XPath(&xpath))
                .await
                .unwrap()
                .is_empty()
            {
                tick.tick().await;
            }
        };
        let ended = tokio::time::timeout(LIMIT, gone).await;
        assert!(ended.is_ok(), "the window still says {words:?}");
    }

    /// The program has ended by itself; its home comes back for a look.
    pub(crate) fn ended_by_itself(self) -> tempfile::TempDir {
        self.driver.end();
        self.home
    }

    /// The cells of a Service's row, as the web view renders them. (WebDriver's own idea of a text leaves out what
    /// stands in a box that scrolls by itself.)
    pub(crate) async fn await_row(&self, name: &str) -> Vec<String> {
        let row = format!("//*[@role='row'][.//*[normalize-space(.)='{name}']]");
        let row = serde_json::to_value(self.await_element(&row).await).unwrap();
        let script = "const cells = arguments[0].querySelectorAll('[role=rowheader], [role=gridcell]');
            return [...cells].map((cell) => cell.innerText);";
        let cells = self.client.execute(script, vec![row]).await.unwrap();
        serde_json::from_value(cells).unwrap()
    }

    /// The text of the error in sight.
    pub(crate) async fn await_alert(&self) -> String {
        self.await_element("//*[@role='alert']")
            .await
            .text()
            .await
            .unwrap()
    }

    /// What the program says when the page calls one of its commands.
    pub(crate) async fn invoke(&self, command: &str) -> String {
        let script = "const [command, done] = arguments;
            window.__TAURI_INTERNALS__.invoke(command, {}).then(
                (answer) => done(`answered: ${JSON.stringify(answer)}`), (error) => done(`refused: ${error}`));";
        self.client
            .execute_async(script, vec![json!(command)])
            .await
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Whether a script that somebody got into the page would run.
    pub(crate) async fn inline_script_result(&self) -> String {
        let script = "const smuggled = document.createElement('script');
            smuggled.textContent = 'window.smuggled = true';
            document.body.append(smuggled);
            return window.smuggled ? 'ran' : 'did not run';";
        self.client
            .execute(script, vec![])
            .await
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Keeps what is in sight for people to look at.
    pub(crate) async fn screenshot(&self, name: &str) {
        let folder = target().join("screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        // Two frames later what the page holds is painted.
        let painted =
            "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()));";
        self.client.execute_async(painted, vec![]).await.unwrap();
        let picture = self.client.screenshot().await.unwrap();
        std::fs::write(folder.join(format!("{name}.png")), picture).unwrap();
    }

    pub(crate) async fn await_element(&self, xpath: &str) -> fantoccini::elements::Element {
        let found = self
            .client
            .wait()
            .at_most(LIMIT)
            .for_element(Locator::XPath(xpath))
            .await;
        match found {
            Ok(element) => element,
            Err(error) => {
                self.screenshot("failed").await;
                let read = "return document.body.innerText + '\\n' + document.body.outerHTML";
                let page = self.client.execute(read, vec![]).await.unwrap_or_default();
                let page = page.as_str().unwrap_or_default();
                panic!("the window does not show {xpath}: {error}\n{page}");
            }
        }
    }
}

/// These letters while that key is held, which the driver lets go at the end of what it is sent.
pub(crate) fn keys(held: Key, letters: &str) -> String {
    format!("{}{letters}", char::from(held))
}

/// `tauri-driver` and what it starts, in a process group of its own so that all of it can be ended by id.
struct Driver {
    process: Child,
    address: String,
}

impl Driver {
    async fn start(kubeconfig: &OsStr, home: &Path) -> Self {
        let (port, native_port) = (free_port().await, free_port().await);
        std::fs::create_dir_all(temporary(home)).unwrap();
        let mut private = std::fs::DirBuilder::new();
        private.mode(0o700).create(runtime(home)).unwrap();
        let log = std::fs::File::create(home.join("driver.log")).unwrap();
        // A bus of its own: a second window on the same one would hand over to the first and end.
        let process = Command::new(find("dbus-run-session").expect("checked before"))
            .arg("--")
            .arg(find("tauri-driver").expect("checked before"))
            .args([
                "--port",
                &port.to_string(),
                "--native-port",
                &native_port.to_string(),
            ])
            .arg("--native-driver")
            .arg(find(DRIVER).expect("checked before"))
            .env("KUBECONFIG", kubeconfig)
            .env("HOME", home)
            .env("XDG_DATA_HOME", home.join("data"))
            .env("XDG_CACHE_HOME", home.join("cache"))
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("XDG_RUNTIME_DIR", runtime(home))
            .env("TMPDIR", temporary(home))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .process_group(0)
            .spawn()
            .unwrap();
        let driver = Self {
            process,
            address: format!("http://127.0.0.1:{port}"),
        };
        for port in [port, native_port] {
            tokio::time::timeout(LIMIT, await_listener(port))
                .await
                .expect("the drivers must listen in time");
        }
        driver
    }

    fn end(mut self) {
        self.terminate();
    }

    fn terminate(&mut self) {
        let group = format!("-{}", self.process.id());
        // Nothing is left to end where it fails.
        let _ = Command::new("kill")
            .args(["-TERM", "--", &group])
            .stderr(Stdio::null())
            .status();
        let _ = self.process.wait();
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.terminate();
    }
}

/// Sockets and locks that are the user's alone.
fn runtime(home: &Path) -> PathBuf {
    home.join("r")
}

/// Short: sockets lie below it.
fn temporary(home: &Path) -> PathBuf {
    home.join("t")
}

async fn await_listener(port: u16) {
    let mut tick = tokio::time::interval(Duration::from_millis(50));
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        tick.tick().await;
    }
}

async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// The folder of this build: tests run from `<target>/<profile>/deps`.
fn target() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    this.ancestors()
        .nth(3)
        .expect("tests must run from the target folder")
        .to_owned()
}

fn program() -> PathBuf {
    let named = std::env::var_os("INTERCEPT_TEST_DESKTOP").map(PathBuf::from);
    named.unwrap_or_else(|| target().join("debug/intercept"))
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}
