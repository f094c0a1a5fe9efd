//! `portcullis baseline` and `portcullis rollback`: patches for OpenClaw's own writer, fitted to the
//! live config.

mod document;

use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use crate::app::Live;
use crate::app::page::Step;
use crate::cli::Common;
use crate::cli::Failure;
use crate::cli::Format;
use crate::cli::Status;
use crate::cli::merged;
use crate::cli::print;
use crate::cli::warn;
use crate::cli::wizard;
use crate::cli::wizard::Scene;
use crate::openclaw::config::Config;
use crate::openclaw::patch;
use crate::openclaw::patch::TOKEN_VARIABLE;
use crate::openclaw::tailor;
use crate::openclaw::tailor::Elsewhere;
use crate::openclaw::tailor::Tailored;
use crate::runbook::Runbook;
use crate::runbook::Template;
use crate::shell;
use crate::shell::store;
use crate::shell::term;
use crate::verdict;
use crate::verdict::Known;

/// How a shape is emitted.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The runbook's own text, not fitted to the live config
    #[arg(long)]
    template: bool,
    /// Write your own config file with it merged in, comments and all; it holds your secrets
    #[arg(long, requires = "output", conflicts_with_all = ["diff", "format", "template"])]
    merged: bool,
    /// Show what it changes in the live config, narrowing told from widening, secrets left out
    #[arg(long, conflicts_with_all = ["output", "format"])]
    diff: bool,
    /// How it is printed
    #[arg(long, value_enum, default_value = "text", conflicts_with = "template")]
    format: Format,
    /// Make a new 256-bit token and put it into this new file, readable only by you
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Write to this new file; further parts, one for each include, go beside it
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Prints the minimum safe baseline.
#[derive(Debug, Args)]
pub(super) struct Baseline {
    #[command(flatten)]
    options: Options,
}

/// Prints the rollback; on a terminal, with no options, one screen that closes what is open.
#[derive(Debug, Args)]
pub(super) struct Rollback {
    #[command(flatten)]
    options: Options,
    /// Walk it on a throw-away copy of the live config, with the real OpenClaw
    #[arg(long, conflicts_with_all = ["template", "diff", "output"])]
    rehearse: bool,
    /// Apply it to the live config through OpenClaw's own writer, after a verified backup
    #[arg(long, conflicts_with_all = ["template", "diff", "output", "rehearse"])]
    apply: bool,
    /// Put the backup back after so many seconds, unless somebody says that it is kept
    #[arg(long, value_name = "SECONDS", requires = "apply", value_parser = clap::value_parser!(u64).range(10..=86_400))]
    undo_in: Option<u64>,
}

/// Which of the two is emitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Baseline,
    Rollback,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Rollback => "rollback",
        }
    }

    fn template(self, runbook: &Runbook) -> &Template {
        match self {
            Self::Baseline => &runbook.baseline,
            Self::Rollback => &runbook.rollback.template,
        }
    }
}

impl Baseline {
    pub(super) fn run(self, common: &Common) -> Result<Status, Failure> {
        self.options.run(Kind::Baseline, common)
    }
}

impl Rollback {
    pub(super) fn run(self, common: &Common) -> Result<Status, Failure> {
        if !self.rehearse && !self.apply {
            if self.options.is_bare() && term::is_attended() {
                return wizard::run_at(common, Some(Step::Rollback));
            }
            return self.options.run(Kind::Rollback, common);
        }
        common.must_be_here("a rollback is rehearsed and applied")?;
        let (runbook, _) = common.runbook()?;
        let scene = wizard::scene(common)?;
        let Live::Read { config, facts, .. } = &scene.live else {
            return Err(super::facts::unreadable(&scene.live));
        };
        let tailored = tailor::rollback(&runbook.rollback.template, config, facts);
        if self.apply {
            let undo_in = self.undo_in.map(Duration::from_secs);
            return super::apply::run(&tailored, &scene, common, undo_in);
        }
        let parts = tailored.parts.iter().filter(|part| part.by_writer);
        let patches: Vec<Value> = parts.map(tailor::Part::value).collect();
        super::rehearse::run(&patches, &scene, common, self.options.format)
    }
}

impl Options {
    /// Tells whether nothing was said of how it is emitted.
    fn is_bare(&self) -> bool {
        let Self { template, merged, diff, format, token_file, output } = self;
        !template
            && !merged
            && !diff
            && *format == Format::Text
            && token_file.is_none()
            && output.is_none()
    }

    fn run(&self, kind: Kind, common: &Common) -> Result<Status, Failure> {
        let (runbook, _) = common.runbook()?;
        let scene = wizard::scene(common)?;
        if let Some(path) = &self.token_file {
            write_token(path)?;
        }
        let needs_token = match &scene.live {
            Live::Read { config, facts, .. } if !self.template => {
                let template = kind.template(&runbook);
                let tailored = match kind {
                    Kind::Baseline => tailor::baseline(template, config, facts),
                    Kind::Rollback => tailor::rollback(template, config, facts),
                };
                self.fitted(kind, &runbook, &scene, &tailored)?;
                tailored.needs_token()
            }
            _ => {
                self.as_written(kind, &runbook, &scene)?;
                kind == Kind::Baseline
            }
        };
        if self.token_file.is_some() && !needs_token {
            warn(
                "note: nothing here refers to the new token: the config has a secret that is strong already",
            );
        }
        let there = shell::variable(TOKEN_VARIABLE).is_some_and(|token| !token.is_empty());
        if needs_token && !there && !common.demo {
            warn(&format!(
                "warning: {TOKEN_VARIABLE} is not set here, and the {} refers to it\n\
                 cause: OpenClaw writes such a reference all the same, and the gateway then starts with a random token\n\
                 hint: set it for the gateway's own service; --token-file FILE makes a new one",
                kind.word()
            ));
        }
        Ok(Status::Fine)
    }

    /// Emits what is fitted to the live config.
    fn fitted(
        &self,
        kind: Kind,
        runbook: &Runbook,
        scene: &Scene,
        tailored: &Tailored,
    ) -> Result<(), Failure> {
        let (Some(config), Some(facts)) = (scene.live.config(), scene.live.facts()) else {
            return Ok(());
        };
        if let (true, Some(output)) = (self.merged, &self.output) {
            merged::write(scene, &tailored.value(), output)?;
            said_beside(tailored);
            return Ok(());
        }
        if self.diff {
            return print(&difference(config, tailored.before(), &tailored.applied()));
        }
        let steps = match kind {
            Kind::Baseline => Vec::new(),
            Kind::Rollback => {
                let known = Known::of_config(Some(facts), shell::now());
                tailor::elsewhere(verdict::left_outside(runbook, &known), &scene.gateway)
            }
        };
        let text = match self.format {
            Format::Json => super::pretty(&document::of(kind.word(), tailored, config, &steps))?,
            Format::Text => tailored.whole(&steps, patch::COLUMNS),
        };
        match (&self.output, self.format) {
            (None, _) => print(&text)?,
            (Some(path), Format::Json) => write(path, &text)?,
            (Some(path), Format::Text) => write_parts(path, tailored, &steps)?,
        }
        if kind == Kind::Rollback {
            for open in tailored.leaves_open(config) {
                warn(&format!("warning: it leaves open: {open}"));
            }
        }
        said_beside(tailored);
        Ok(())
    }

    /// Emits the runbook's own text.
    fn as_written(&self, kind: Kind, runbook: &Runbook, scene: &Scene) -> Result<(), Failure> {
        let template = kind.template(runbook);
        let config = scene.live.config();
        if let Live::Unreadable { why, .. } = &scene.live {
            if self.diff || self.format == Format::Json {
                return Err(super::facts::unreadable(&scene.live));
            }
            warn(&format!(
                "warning: the live config could not be read, so nothing is fitted to it\ncause: {why}"
            ));
        }
        if let (true, Some(config)) = (self.diff, config) {
            let (before, _) = crate::openclaw::facts::in_todays_words(config);
            let mut after = before.clone();
            patch::merge(&mut after, &patch::value(template, Some(config)));
            print(&difference(config, &before, &after))?;
        } else {
            let text = patch::render(template, config, patch::COLUMNS);
            match &self.output {
                None => print(&text)?,
                Some(path) => write(path, &text)?,
            }
        }
        if kind == Kind::Rollback {
            for warning in config.map(|live| misfits(template, live)).unwrap_or_default() {
                warn(&warning);
            }
            for open in config.map(|live| patch::leaves_open(template, live)).unwrap_or_default() {
                warn(&format!("warning: it leaves open: {open}"));
            }
            warn(
                "note: this is the runbook's own text, not fitted to the live config; read the diff, and rehearse it on a copy",
            );
        }
        Ok(())
    }
}

/// Shows what a config becomes, and says in words what that narrows and what it widens.
fn difference(config: &Config, before: &Value, after: &Value) -> String {
    let text = patch::difference(before, after);
    let breadth = patch::breadth(before, after, config);
    let mut said = String::new();
    for (word, lines) in [
        ("It widens", &breadth.widens),
        ("It narrows", &breadth.narrows),
        ("It cannot be told whether this is wider or narrower", &breadth.untold),
    ] {
        if lines.is_empty() {
            continue;
        }
        said.push_str(&format!("\n{word}:\n"));
        for line in lines {
            said.push_str(&format!("  {}\n", crate::text::Shown::line(line).as_str()));
        }
    }
    text + &said
}

/// Says beside the patch what stands in its comments, too.
fn said_beside(tailored: &Tailored) {
    if !tailored.after_migration.is_empty() {
        warn(&format!(
            "warning: the config holds keys of an older dialect; where OpenClaw rejects it, this fits only after migration\n\
             cause: {}\n\
             hint: `openclaw doctor --fix` rewrites them, and may switch skills off; read what it says",
            tailored.after_migration.join("; ")
        ));
    }
    for part in tailored.parts.iter().filter(|part| !part.by_writer) {
        warn(&format!(
            "warning: OpenClaw's writer refuses {} for `{}`\n\
             hint: put what the part for that file says into it by hand",
            crate::text::count(part.changes.len(), "key"),
            part.file.display()
        ));
    }
}

/// Writes each part to a file of its own.
fn write_parts(path: &Path, tailored: &Tailored, steps: &[Elsewhere]) -> Result<(), Failure> {
    let name = path.display().to_string();
    for (at, text) in tailored.texts(steps, patch::COLUMNS).iter().enumerate() {
        write(Path::new(&Tailored::file_name(&name, at)), text)?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    store::write_new(path, text).map_err(|error| {
        Failure::unreadable("the file was not written")
            .because(error)
            .hint("name a file that does not exist yet; nothing is overwritten")
    })?;
    warn(&format!("written to {}", path.display()));
    Ok(())
}

/// Says where the runbook's text does not fit the live config.
fn misfits(template: &Template, live: &Config) -> Vec<String> {
    let mut found = Vec::new();
    if live.get(&["tools", "exec", "mode"]).is_some() {
        found.push(
            "warning: the live config has tools.exec.mode, and OpenClaw refuses a patch that sets security or ask beside it\n\
             hint: before you apply it, replace the exec block by  exec: { mode: \"deny\" }"
                .to_owned(),
        );
    }
    let channels = live.get(&["channels"]).and_then(Value::as_object);
    let named = template.keys.iter().filter_map(|key| key.path.strip_prefix("channels."));
    let absent: Vec<&str> = named
        .filter_map(|path| path.split('.').next())
        .filter(|channel| !channels.is_some_and(|channels| channels.contains_key(*channel)))
        .collect();
    if !absent.is_empty() {
        found.push(format!(
            "warning: it names channels that are not configured here: {}\n\
             hint: leave them out; an added channel makes OpenClaw look for its plugin",
            absent.join(", ")
        ));
    }
    found
}

/// Makes a token and puts it where only the operator can read it.
fn write_token(path: &Path) -> Result<(), Failure> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::unreadable("the system gives no random bytes").because(error))?;
    let mut line = format!("{TOKEN_VARIABLE}=");
    for byte in bytes {
        line.push_str(&format!("{byte:02x}"));
    }
    line.push('\n');
    store::write_new(path, &line).map_err(|error| {
        Failure::unreadable("the token was not written")
            .because(error)
            .hint("name a file that does not exist yet; nothing is overwritten")
    })
}
