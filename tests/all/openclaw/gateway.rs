//! The real OpenClaw: found where it is installed, and its gateway run in a throw-away home.

use std::fs;
use std::fs::File;
use std::io::Read;
use std::io::Write;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use nix::sys::signal::Signal;
use nix::sys::signal::killpg;
use nix::unistd::Pid;

use crate::home::Home;

/// How long a gateway may take to be ready, on a busy machine.
const READY: Duration = Duration::from_secs(90);

/// How long it may take to go.
const GONE: Duration = Duration::from_secs(10);

/// One real OpenClaw at a time: each keeps a core busy, and two would meet their deadlines.
static TURN: Mutex<()> = Mutex::new(());

/// The installed OpenClaw, while it is our turn to run it.
pub(crate) struct Installed {
    bin: PathBuf,
    _turn: MutexGuard<'static, ()>,
}

impl Installed {
    /// Finds it, or says loudly that the test is skipped; where it is required, fails.
    #[track_caller]
    pub(crate) fn find() -> Option<Self> {
        let said = std::env::var_os("PORTCULLIS_OPENCLAW_BIN").map(PathBuf::from);
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openclaw/node_modules/.bin");
        let bin = said.unwrap_or(ours);
        if bin.join("openclaw").exists() {
            let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
            return Some(Self { bin, _turn: turn });
        }
        let test = thread::current().name().unwrap_or("a test").to_owned();
        let missing = format!("no `openclaw` in {}; run tests/openclaw/install", bin.display());
        let required = ["CI", "PORTCULLIS_REQUIRE_OPENCLAW"];
        assert!(required.iter().all(|name| std::env::var_os(name).is_none()), "{missing}");
        // Written past the capture of the test harness, so that it is seen where tests pass.
        let line = format!("\nSKIPPED {test}: {missing}\n");
        std::io::stderr().write_all(line.as_bytes()).expect("stderr");
        None
    }

    /// Returns the folder it is in.
    pub(crate) fn bin(&self) -> &Path {
        &self.bin
    }

    /// Puts it first on a home's PATH, and keeps it from fetching anything.
    pub(crate) fn in_home(&self, home: Home) -> Home {
        home.on_path(&self.bin)
            .with("npm_config_offline", "true")
            .with("npm_config_fetch_retries", "0")
    }

    /// Makes a home with this config, on whose PATH it comes first; `PORT` is a free one.
    pub(crate) fn home(&self, config: &str) -> (Home, u16) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        (self.in_home(Home::new(&config.replace("PORT", &port.to_string()))), port)
    }
}

/// A running gateway. It ends, and all it started, when this is dropped.
pub(crate) struct Gateway {
    child: Child,
    port: u16,
}

impl Gateway {
    /// Starts the gateway of a home and waits until it is ready.
    #[track_caller]
    pub(crate) fn start(home: &Home, port: u16) -> Self {
        Self::start_with(home, port, &[])
    }

    /// Starts it with these arguments beside the usual ones.
    #[track_caller]
    pub(crate) fn start_with(home: &Home, port: u16, arguments: &[&str]) -> Self {
        let mut gateway = Self::begin(home, port, arguments);
        gateway.wait(home, |gateway| gateway.get("/readyz") == Some(200));
        gateway
    }

    /// Starts one that speaks TLS, and waits until it listens; it may not be ready by then.
    #[track_caller]
    pub(crate) fn start_encrypted(home: &Home, port: u16) -> Self {
        let mut gateway = Self::begin(home, port, &[]);
        gateway.wait(home, |_| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
        gateway
    }

    #[track_caller]
    fn begin(home: &Home, port: u16, arguments: &[&str]) -> Self {
        let log = File::create(home.file("gateway.log")).expect("a log");
        let child = home
            .program("openclaw")
            .args(["gateway", "run"])
            .args(arguments)
            .env("OPENCLAW_SKIP_CHANNELS", "1")
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .process_group(0)
            .spawn()
            .expect("a gateway");
        Self { child, port }
    }

    #[track_caller]
    fn wait(&mut self, home: &Home, ready: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !ready(self) {
            let ended = self.child.try_wait().expect("a child");
            assert!(
                ended.is_none() && begun.elapsed() < READY,
                "the gateway is not ready ({ended:?}):\n{}",
                home.read("gateway.log")
            );
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Returns the status of a page; none while nobody answers.
    pub(crate) fn get(&self, page: &str) -> Option<u16> {
        self.ask(&format!("GET {page} HTTP/1.1\r\n"))
    }

    /// Asks for a tool without naming one: 401 for strangers, 400 for those who are let in.
    pub(crate) fn invoke(&self, token: Option<&str>) -> Option<u16> {
        let token = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
        self.ask(&format!(
            "POST /tools/invoke HTTP/1.1\r\n{}Content-Type: application/json\r\nContent-Length: 2\r\n",
            token.unwrap_or_default()
        ))
    }

    /// Posts nothing to a page of the gateway as it is reached at an address, with a bearer token;
    /// none while nobody answers there.
    pub(crate) fn post(&self, at: IpAddr, page: &str, token: &str) -> Option<u16> {
        self.ask_at(at, &format!(
            "POST {page} HTTP/1.1\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
        ))
    }

    fn ask(&self, head: &str) -> Option<u16> {
        self.ask_at(Ipv4Addr::LOCALHOST.into(), head)
    }

    fn ask_at(&self, at: IpAddr, head: &str) -> Option<u16> {
        let address = SocketAddr::from((at, self.port));
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        let body = if head.starts_with("POST") { "{}" } else { "" };
        let request = format!("{head}Host: 127.0.0.1\r\nConnection: close\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).ok()?;
        std::str::from_utf8(&answer).ok()?.strip_prefix("HTTP/1.1 ")?.parse().ok()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let group = Pid::from_raw(i32::try_from(self.child.id()).unwrap_or(i32::MAX));
        let _ = killpg(group, Signal::SIGTERM);
        let begun = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && begun.elapsed() < GONE {
            thread::sleep(Duration::from_millis(50));
        }
        let _ = killpg(group, Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

/// Returns the bytes and the mode of what must stay as it is.
pub(crate) fn untouched(home: &Home) -> (Vec<u8>, u32, u32) {
    let config = fs::read(home.file(".openclaw/openclaw.json")).expect("a config");
    (config, home.mode(".openclaw/openclaw.json"), home.mode(".openclaw"))
}
