//! A throw-away home with a gateway's config, and the program run in it.

use std::collections::BTreeMap;
use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use serde_json::Value;
use tempfile::TempDir;

use crate::terminal::harness::Launch;

/// The program under test.
pub(crate) const PORTCULLIS: &str = env!("CARGO_BIN_EXE_portcullis");

/// Where the system keeps `sh` and what scripts use.
const SYSTEM: &str = "/usr/bin:/bin";

/// A home directory of its own, gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Home {
    dir: TempDir,
    /// The folders before the system's own on the PATH.
    path: Vec<PathBuf>,
    environment: BTreeMap<String, String>,
}

/// How the program ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

impl Home {
    /// Makes a home without a config.
    pub(crate) fn empty() -> Self {
        let dir = tempfile::Builder::new().prefix("home-").tempdir().expect("a folder");
        let home = Self { dir, path: Vec::new(), environment: BTreeMap::new() };
        let state = home.file(".openclaw");
        fs::DirBuilder::new().mode(0o700).create(state).expect("a state directory");
        home
    }

    /// Makes a home with this config, private as OpenClaw keeps it.
    pub(crate) fn new(config: &str) -> Self {
        let home = Self::empty();
        home.write(".openclaw/openclaw.json", config);
        home
    }

    /// Puts a folder on the PATH.
    pub(crate) fn on_path(mut self, folder: &Path) -> Self {
        self.path.push(folder.to_owned());
        self
    }

    /// Puts a shell script called `openclaw` on the PATH.
    pub(crate) fn openclaw(self, script: &str) -> Self {
        let folder = self.file("bin");
        let program = self.write("bin/openclaw", &format!("#!/bin/sh\n{script}"));
        fs::set_permissions(program, Permissions::from_mode(0o700)).expect("an executable file");
        self.on_path(&folder)
    }

    /// Sets an environment variable.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Returns the home directory itself.
    pub(crate) fn root(&self) -> &Path {
        self.dir.path()
    }

    /// Returns where a file of this name is.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    /// Writes a private file, and the folders above it.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.file(name);
        let parent = path.parent().expect("a folder");
        fs::DirBuilder::new().recursive(true).mode(0o700).create(parent).expect("a folder");
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("a private file");
        path
    }

    /// Reads a file.
    #[track_caller]
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).expect("a text")
    }

    /// Returns the mode bits of a file.
    #[track_caller]
    pub(crate) fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.file(name)).expect("a file").permissions().mode() & 0o7777
    }

    /// Returns every file below a folder of the home, sorted, as paths from the home.
    pub(crate) fn files(&self, below: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![self.file(below)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let kind = entry.file_type().expect("a kind");
                if kind.is_dir() {
                    folders.push(entry.path());
                } else {
                    let path = entry.path();
                    let name = path.strip_prefix(self.root()).expect("a path of the home");
                    found.push(name.display().to_string());
                }
            }
        }
        found.sort();
        found
    }

    fn search_path(&self) -> String {
        let folders = self.path.iter().map(|folder| folder.display().to_string());
        folders.chain([SYSTEM.to_owned()]).collect::<Vec<_>>().join(":")
    }

    /// Makes a program ready to run here, with nothing of our own environment.
    pub(crate) fn program(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("HOME", self.root())
            .env("PATH", self.search_path())
            .env("LANG", "C.UTF-8")
            .env("TZ", "UTC")
            .envs(&self.environment)
            .current_dir(self.root())
            .stdin(Stdio::null());
        command
    }

    /// Makes the wizard ready to start here, in a terminal.
    pub(crate) fn wizard(&self) -> Launch {
        let launch = Launch::at_home(self.root()).environment("PATH", self.search_path());
        let given = self.environment.iter();
        given.fold(launch, |launch, (name, value)| launch.environment(name, value))
    }

    /// Runs the program with these words as its arguments.
    pub(crate) fn run(&self, arguments: &str) -> Ran {
        self.finish(self.program(PORTCULLIS).args(arguments.split_whitespace()))
    }

    /// Runs a command to its end.
    pub(crate) fn finish(&self, command: &mut Command) -> Ran {
        let begun = Instant::now();
        let output = command.output().expect("a process");
        let text = |bytes| {
            let text = String::from_utf8(bytes).expect("UTF-8");
            text.replace(&self.root().display().to_string(), "HOME")
        };
        Ran {
            status: output.status.code().expect("an exit status"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
            took: begun.elapsed(),
        }
    }
}

impl Ran {
    /// Reads stdout as the one JSON document that it must be.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).expect("one JSON document on stdout")
    }

    /// Checks the exit status, and shows everything when it is another.
    #[track_caller]
    pub(crate) fn ends(&self, status: i32) -> &Self {
        assert_eq!(self.status, status, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

/// Returns the outcome of each check of `check --format json`, by its id.
pub(crate) fn outcomes(document: &Value) -> BTreeMap<String, String> {
    by(document, "checks", "check", "outcome")
}

/// Returns the verdict of each item of `check --format json`, by its id.
pub(crate) fn verdicts(document: &Value) -> BTreeMap<String, String> {
    by(document, "items", "item", "verdict")
}

/// Returns why a check of `check --format json` was not measured.
#[track_caller]
pub(crate) fn why(document: &Value, check: &str) -> String {
    by(document, "checks", "check", "why").remove(check).expect("a check that says why")
}

fn by(document: &Value, list: &str, key: &str, value: &str) -> BTreeMap<String, String> {
    let list = document.get(list).and_then(Value::as_array).expect("a list");
    let text = |entry: &Value, name| entry.get(name).and_then(Value::as_str).map(str::to_owned);
    list.iter().filter_map(|entry| Some((text(entry, key)?, text(entry, value)?))).collect()
}
