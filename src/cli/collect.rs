//! `portcullis collect`: what to run where the gateway is.

mod over_ssh;

use std::path::PathBuf;

use clap::Args;
use clap::ValueEnum;
use serde_json::json;

use crate::cli::Common;
use crate::cli::Failure;
use crate::cli::Format;
use crate::cli::Status;
use crate::cli::print;
use crate::cli::wizard;
use crate::openclaw::command::Gateway;
use crate::openclaw::errand;
use crate::openclaw::errand::Errand;
use crate::openclaw::errand::System;
use crate::openclaw::errand::ssh::Destination;
use crate::text::Mask;
use crate::text::Shown;

/// How wide a comment is, in columns.
const COLUMNS: usize = 90;

/// Lists what to run where the gateway is.
#[derive(Debug, Args)]
pub(super) struct Collect {
    /// The system of that host
    #[arg(long, value_enum, default_value = "linux")]
    system: Kernel,
    /// The gateway's port there, where it is not the one of the config or OpenClaw's usual one
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Over ssh: shows the commands; with --run it runs them, asks nothing and forwards nothing
    #[arg(long, value_name = "ssh:USER@HOST[:PORT]")]
    target: Option<String>,
    /// Run the commands, and keep what they print
    #[arg(long, requires = "target", conflicts_with = "format")]
    run: bool,
    /// The new folder for what is printed; without it, one named after host and time
    #[arg(short, long, value_name = "DIR", requires = "run")]
    output: Option<PathBuf>,
    /// The config file for ssh to use, where it is not its own
    #[arg(long, value_name = "FILE", requires = "target")]
    ssh_config: Option<PathBuf>,
    /// How it is printed
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// The system of another host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kernel {
    /// Linux, and WSL
    Linux,
    /// macOS
    Macos,
}

impl Collect {
    pub(super) fn run(self, common: &Common) -> Result<Status, Failure> {
        let mut mask = Mask::default();
        let errands = self.errands(common, &mut mask)?;
        let to = match &self.target {
            None => None,
            Some(target) => Some(self.destination(target)?),
        };
        if let Some(to) = to.as_ref().filter(|_| self.run) {
            return over_ssh::run(to, &errands, &mask, self.output);
        }
        let over = |errand: &Errand| {
            let to = to.as_ref()?;
            Some(to.command(errand, over_ssh::environment()).short())
        };
        print(&match self.format {
            Format::Text => match &to {
                Some(to) => shown(&errands, to, over),
                None => text(&errands, common.host.as_deref()),
            },
            Format::Json => super::pretty(&json!({
                "schema": "portcullis/collect",
                "version": 1,
                "commands": errands.iter().map(|errand| json!({
                    "name": errand.name(),
                    "file": errand.file,
                    "command": errand.line,
                    "line": errand.kept(),
                    "ssh": over(errand),
                    "tells": errand.tells,
                    "writes": errand.writes,
                })).collect::<Vec<_>>(),
            }))?,
        })?;
        Ok(Status::Fine)
    }

    fn destination(&self, target: &str) -> Result<Destination, Failure> {
        let to = Destination::parse(target).ok_or_else(|| {
            Failure::unreadable(format!("`{target}` is no target")).hint(
                "a target is ssh:USER@HOST or ssh:USER@HOST:PORT, or a name of ssh's own config",
            )
        })?;
        let config = self.ssh_config.as_ref().map(|path| path.display().to_string());
        Ok(Destination { config, ..to })
    }

    /// Lists the commands for that host; a copy of its config tells of port and includes.
    fn errands(&self, common: &Common, mask: &mut Mask) -> Result<Vec<Errand>, Failure> {
        let (mut port, mut files) = (self.port, Vec::new());
        if common.config.is_some() {
            let scene = wizard::scene(common)?;
            let Some(config) = scene.live.config() else {
                return Err(super::facts::unreadable(&scene.live));
            };
            mask.clone_from(scene.live.mask());
            port = port.or(Some(scene.gateway.port));
            let folder = config.path.parent().map(PathBuf::from).unwrap_or_default();
            let below =
                config.files.iter().skip(1).filter_map(|file| file.strip_prefix(&folder).ok());
            files.extend(below.map(|file| file.display().to_string()));
        }
        let gateway = Gateway {
            program: "openclaw".to_owned(),
            profile: common.profile.clone(),
            port: port.unwrap_or_default(),
            ..Gateway::default()
        };
        let system = match self.system {
            Kernel::Linux => System::Linux,
            Kernel::Macos => System::Macos,
        };
        Ok(errand::errands(system, &gateway, &files))
    }
}

/// Writes what would be run over ssh, with what each command tells and writes above it.
fn shown(errands: &[Errand], to: &Destination, over: impl Fn(&Errand) -> Option<String>) -> String {
    let mut text = comment(&format!(
        "What runs on {}, one after the other; --run runs it. What is printed is masked and kept \
         in a new folder here. None of it changes the config.",
        to.host
    ));
    for errand in errands {
        let (name, tells, writes) = (errand.name(), errand.tells, errand.writes);
        text.push('\n');
        text.push_str(&comment(&format!("{name}: {tells}; {writes}.")));
        text.push_str(&over(errand).unwrap_or_default());
        text.push('\n');
    }
    text
}

/// Writes the commands as lines to be copied, with what each tells and writes above it.
fn text(errands: &[Errand], host: Option<&str>) -> String {
    let place = host.unwrap_or("that host");
    let mut text = comment(&format!(
        "What Portcullis asks of {place}. Copy it into a shell there, as the OS user that runs the \
         gateway; each line is one command that keeps its answer in a file. None of them changes \
         the config. Look the files over before you bring them here."
    ));
    text.push_str("umask 077; mkdir portcullis-results; cd portcullis-results\n");
    for errand in errands {
        text.push('\n');
        let (name, tells, writes) = (errand.name(), errand.tells, errand.writes);
        text.push_str(&comment(&format!("{name}: {tells}; {writes}.")));
        text.push_str(&errand.kept());
        text.push('\n');
    }
    text.push('\n');
    let name = host.unwrap_or("NAME");
    text.push_str(&comment(&format!(
        "Then bring the folder here, and a copy of the config with its includes, which holds \
         secrets: into a folder that only you can read. What was collected counts for that very \
         config, and for a day: portcullis import --host {name} --config COPY --from \
         portcullis-results"
    )));
    text
}

/// Writes a comment for a shell over as many lines as it needs.
fn comment(text: &str) -> String {
    let text = Shown::line(text);
    let mut lines = vec![String::from("#")];
    for word in text.as_str().split(' ') {
        let fits =
            |line: &str| line == "#" || line.chars().count() + 1 + word.chars().count() <= COLUMNS;
        if let Some(line) = lines.last_mut().filter(|line| fits(line)) {
            line.push(' ');
            line.push_str(word);
            continue;
        }
        lines.push(format!("# {word}"));
    }
    lines.join("\n") + "\n"
}
