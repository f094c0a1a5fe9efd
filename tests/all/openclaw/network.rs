//! A network of this machine alone: a namespace with one cable to it, so that a proxy can come from
//! an address that is not the gateway's own. It needs root.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

/// A namespace and the cable that leads to it. Both are gone when this is dropped.
pub(super) struct Network {
    name: String,
    /// The address at this end, where the gateway listens.
    pub(super) here: String,
    /// The address at the other end, where the proxy is.
    pub(super) there: String,
}

impl Network {
    /// Lays the cable, or says loudly why it cannot be done.
    pub(super) fn lay() -> Option<Self> {
        sweep();
        let number = std::process::id();
        let name = format!("pc{number}");
        let block = format!("10.231.{}.", number / 64 % 256);
        let [here, there] = [1, 2].map(|end| format!("{block}{}", number % 64 * 4 + end));
        // From here on whatever was made is taken away again.
        let network = Self { name: name.clone(), here, there };
        let (a, b) = (format!("{name}a"), format!("{name}b"));
        let laid = ip(&format!("netns add {name}"))
            .and_then(|()| ip(&format!("link add {a} type veth peer name {b} netns {name}")))
            .and_then(|()| ip(&format!("addr add {}/30 dev {a}", network.here)))
            .and_then(|()| ip(&format!("link set {a} up")))
            .and_then(|()| ip(&format!("-n {name} addr add {}/30 dev {b}", network.there)))
            .and_then(|()| ip(&format!("-n {name} link set {b} up")))
            .and_then(|()| ip(&format!("-n {name} link set lo up")));
        match laid {
            Ok(()) => Some(network),
            Err(why) => {
                // Written past the capture of the test harness, so that it is seen where tests pass.
                let line = format!("\nSKIPPED a proxy on another host, which needs root: {why}\n");
                std::io::stderr().write_all(line.as_bytes()).expect("stderr");
                None
            }
        }
    }

    /// Makes a program ready to run at the other end.
    pub(super) fn program(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        command
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // The cable goes with the namespace that holds its other end.
        let _ = ip(&format!("netns del {}", self.name));
        let _ = ip(&format!("link del {}a", self.name));
    }
}

/// Takes away what a test left that was killed.
fn sweep() {
    for entry in fs::read_dir("/run/netns").into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let left = name.strip_prefix("pc").filter(|pid| pid.bytes().all(|b| b.is_ascii_digit()));
        if left.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = ip(&format!("netns del {name}"));
        }
    }
}

fn ip(arguments: &str) -> Result<(), String> {
    let output = Command::new("ip").args(arguments.split(' ')).stdin(Stdio::null()).output();
    let output = output.map_err(|why| format!("`ip` cannot be run: {why}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("`ip {arguments}`: {}", String::from_utf8_lossy(&output.stderr).trim()))
}
