//! A real nginx, unprivileged, with proxies in front of a gateway that do what theirs do.

use std::fs;
use std::io::Write;
use std::net::Ipv4Addr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use nix::sys::signal::Signal;
use nix::sys::signal::killpg;
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::openclaw::network::Network;

/// How long nginx may take to listen, on a busy machine.
const READY: Duration = Duration::from_mins(1);

/// How long it may take to go.
const GONE: Duration = Duration::from_secs(10);

/// The OS user it runs as where the tests run as root: nobody.
const NOBODY: u32 = 65_534;

/// The user of every login, and the one whom the gateway lets in.
pub(super) const USER: &str = "mira@example.com";

/// What a client that is logged in sends: the user and password below, in base64.
pub(super) const SESSION: &str = "bWlyYUBleGFtcGxlLmNvbTpsYW50ZXJuLXF1YXJyeS05LXRpZGU=";

const USERS: &str = "mira@example.com:{PLAIN}lantern-quarry-9-tide\n";

/// A login before everything else.
const LOGIN: &str = "auth_basic proxy; auth_basic_user_file users;";

/// What a proxy must say of every request, the password it was given left out.
const IDENTITY: &str = "proxy_set_header X-Forwarded-User $remote_user; \
    proxy_set_header X-Forwarded-For CLIENT; proxy_set_header X-Forwarded-Proto http; \
    proxy_set_header Authorization '';";

/// What a WebSocket needs.
const UPGRADE: &str =
    "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;";

/// A kind of proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It asks for a login and writes the identity over what a client sends.
    Right,
    /// It asks for a login and says nothing of who that is.
    Missing,
    /// Its rules stand around the locations; the one for a WebSocket has a rule of its own, and so
    /// inherits none.
    Inherited,
    /// It asks for no login, and everyone is its one user.
    Open,
    /// It asks for no login and has no rules.
    Bare,
}

impl Kind {
    pub(super) const ALL: [Self; 5] =
        [Self::Right, Self::Missing, Self::Inherited, Self::Open, Self::Bare];

    /// Returns what stands in its server's block.
    fn rules(self) -> String {
        let pass = "proxy_pass http://GATEWAY; proxy_http_version 1.1;";
        let everything = |rules: &str| format!("location / {{ {pass} {UPGRADE} {rules} }}");
        match self {
            Self::Right => format!("{LOGIN} {}", everything(IDENTITY)),
            Self::Missing => {
                format!("{LOGIN} {}", everything("proxy_set_header Authorization '';"))
            }
            Self::Inherited => format!(
                "{LOGIN} {IDENTITY} location / {{ {pass} }} location = / {{ {pass} {UPGRADE} }}"
            ),
            Self::Open => everything(&IDENTITY.replace("$remote_user", USER)),
            Self::Bare => everything(""),
        }
    }
}

/// A running nginx with a proxy of each kind. It ends when this is dropped.
pub(super) struct Nginx {
    child: Child,
    address: String,
    ports: Vec<u16>,
    folder: TempDir,
}

impl Nginx {
    /// Starts it before the gateway at this address: at the other end of a cable, or on this host.
    ///
    /// None, said loudly, where there is no nginx and none is required.
    #[track_caller]
    pub(super) fn start(gateway: &str, network: Option<&Network>) -> Option<Self> {
        // Over loopback every client is 127.0.0.1, which the gateway takes for no client at all.
        let client = network.map_or("203.0.113.7", |_| "$remote_addr");
        let server = |kind: &Kind| {
            let rules = kind.rules().replace("CLIENT", client).replace("GATEWAY", gateway);
            format!("listen LISTEN; {rules}")
        };
        Self::serve(&Kind::ALL.iter().map(server).collect::<Vec<_>>(), &[], network)
    }

    /// Starts it with a server for each of these blocks, each at its own `LISTEN`, beside which
    /// these files stand.
    #[track_caller]
    pub(super) fn serve(
        blocks: &[String],
        files: &[(&str, String)],
        network: Option<&Network>,
    ) -> Option<Self> {
        let program = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx"];
        let Some(program) = program.into_iter().find(|path| Path::new(path).exists()) else {
            let missing = "no nginx; apt-get install nginx-light";
            let required = ["CI", "PORTCULLIS_REQUIRE_NGINX"];
            assert!(required.iter().all(|name| std::env::var_os(name).is_none()), "{missing}");
            let line = format!("\nSKIPPED the tests behind a proxy: {missing}\n");
            std::io::stderr().write_all(line.as_bytes()).expect("stderr");
            return None;
        };
        let folder = tempfile::Builder::new().prefix("nginx-").tempdir().expect("a folder");
        let path = folder.path();
        let address = network.map_or("127.0.0.1", |network| network.there.as_str()).to_owned();
        let ports = ports(blocks.len());
        let servers: String = blocks
            .iter()
            .zip(&ports)
            .map(|(block, port)| block.replace("LISTEN", &format!("{address}:{port}")))
            .map(|block| format!("  server {{ {block} }}\n"))
            .collect();
        let spool = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let spool: String = spool.map(|name| format!("  {name}_temp_path {name};\n")).concat();
        let conf = format!(
            "daemon off;\npid nginx.pid;\nerror_log stderr;\nworker_processes 1;\n\
             events {{ worker_connections 64; }}\nhttp {{\n  access_log off;\n{spool}\
             \x20 map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}\n\
             {servers}}}\n"
        );
        let own = [("nginx.conf", conf), ("users", USERS.to_owned())];
        let root = nix::unistd::geteuid().is_root();
        for (file, text) in own.iter().chain(files) {
            fs::write(path.join(file), text).expect("a file");
        }
        if root {
            for file in own.iter().chain(files).map(|(file, _)| *file).chain([""]) {
                std::os::unix::fs::chown(path.join(file), Some(NOBODY), Some(NOBODY))
                    .expect("chown");
            }
        }
        let mut command = match (network, root) {
            (Some(network), _) => network.program("setpriv"),
            (None, true) => Command::new("setpriv"),
            (None, false) => Command::new(program),
        };
        if root {
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups", program]);
        }
        let log = fs::File::create(path.join("log")).expect("a log");
        let child = command
            .arg("-p")
            .arg(path)
            .args(["-c", "nginx.conf", "-e", "stderr"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .process_group(0)
            .spawn()
            .expect("nginx");
        let mut nginx = Self { child, address, ports, folder };
        nginx.wait();
        Some(nginx)
    }

    /// Returns where the proxy of a kind is reached.
    pub(super) fn url(&self, kind: Kind) -> String {
        let at = Kind::ALL.iter().position(|it| *it == kind).expect("a kind");
        format!("ws://{}:{}", self.address, self.ports[at])
    }

    /// Returns the port of a server by its place.
    pub(super) fn port(&self, place: usize) -> u16 {
        self.ports[place]
    }

    /// Reads a file beside its configuration.
    pub(super) fn read(&self, file: &str) -> String {
        fs::read_to_string(self.folder.path().join(file)).expect("a file")
    }

    /// Waits until it listens.
    #[track_caller]
    fn wait(&mut self) {
        let begun = Instant::now();
        while TcpStream::connect((self.address.as_str(), self.ports[0])).is_err() {
            let ended = self.child.try_wait().expect("a child");
            let log = || fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(
                ended.is_none() && begun.elapsed() < READY,
                "nginx does not listen ({ended:?}):\n{}",
                log()
            );
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let group = Pid::from_raw(i32::try_from(self.child.id()).unwrap_or(i32::MAX));
        // Told to end, it waits for its worker; killed, it would leave it to nobody.
        let _ = killpg(group, Signal::SIGTERM);
        let begun = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && begun.elapsed() < GONE {
            thread::sleep(Duration::from_millis(20));
        }
        let _ = killpg(group, Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

/// Finds free ports, all different.
fn ports(count: usize) -> Vec<u16> {
    let taken: Vec<_> =
        (0..count).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port")).collect();
    taken.iter().map(|listener| listener.local_addr().expect("its address").port()).collect()
}
