//! `portcullis rollback --rehearse` and `portcullis rehearse`: patches walked on a copy before the live
//! config sees them.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use crate::app::Live;
use crate::cli::Common;
use crate::cli::Failure;
use crate::cli::Format;
use crate::cli::Status;
use crate::cli::print;
use crate::cli::wizard;
use crate::cli::wizard::Scene;
use crate::json5::Document;
use crate::openclaw::command;
use crate::openclaw::command::Ended;
use crate::openclaw::command::Gateway;
use crate::openclaw::patch;
use crate::openclaw::rehearsal;
use crate::openclaw::rehearsal::Answer;
use crate::openclaw::rehearsal::Rehearsal;
use crate::openclaw::tailor::Part;
use crate::openclaw::tailor::Tailored;
use crate::shell::copy;
use crate::shell::copy::Copy;
use crate::shell::in_turn::InTurn;
use crate::shell::live::Source;
use crate::shell::store;

/// How long each command on the copy may take.
const DEADLINE: Duration = Duration::from_secs(90);

/// Rehearses any patch on a copy of the live config.
#[derive(Debug, Args)]
pub(super) struct Rehearse {
    /// The patch, as JSON5
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How it is printed
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

impl Rehearse {
    pub(super) fn run(self, common: &Common) -> Result<Status, Failure> {
        let text = store::read_text(&self.file)
            .map_err(|error| Failure::unreadable("the patch cannot be read").because(error))?;
        let unreadable = |why: String| {
            Failure::unreadable(format!("`{}` is no patch", self.file.display())).because(why)
        };
        let document = Document::parse(text.as_bytes());
        let patch = document.map_err(|error| unreadable(error.to_string()))?.value;
        if !patch.is_object() {
            return Err(unreadable("a patch is an object, with the keys it changes".to_owned()));
        }
        let scene = wizard::scene(common)?;
        let Live::Read { config, facts, .. } = &scene.live else {
            return Err(super::facts::unreadable(&scene.live));
        };
        // OpenClaw takes a part for each file that owns keys of it.
        let tailored = Tailored::of("", &patch, config, facts);
        let parts = tailored.parts.iter().filter(|part| part.by_writer);
        let patches: Vec<Value> = parts.map(Part::value).collect();
        let proof = walked(&patches, &scene)?.prediction();
        print(&match self.format {
            Format::Json => super::pretty(&proof)?,
            Format::Text => super::proof::text(&proof),
        })?;
        Ok(match (&proof.unmeasured, proof.findings.is_empty()) {
            (Some(_), _) => Status::Incomplete,
            (None, true) => Status::Fine,
            (None, false) => Status::NotMet,
        })
    }
}

/// Rehearses the rollback on a copy of the live config and prints what that proves.
///
/// # Errors
///
/// When there is no live config that can be copied.
pub(super) fn run(
    patches: &[Value],
    scene: &Scene,
    common: &Common,
    format: Format,
) -> Result<Status, Failure> {
    let (runbook, _) = common.runbook()?;
    let by_design: Vec<String> = runbook.by_design.iter().map(|b| b.check_id.clone()).collect();
    let proof = walked(patches, scene)?.proof(&by_design);
    print(&match format {
        Format::Json => super::pretty(&proof)?,
        Format::Text => super::proof::text(&proof),
    })?;
    Ok(super::status(&proof))
}

/// Walks patches on a copy of the live config, which is gone when this returns.
fn walked(patches: &[Value], scene: &Scene) -> Result<Rehearsal, Failure> {
    let (Some(config), Some(source)) = (scene.live.config(), &scene.source) else {
        return Err(match scene.source {
            None => Failure::unreadable("the sample gateway has nothing to rehearse on"),
            Some(_) => super::facts::unreadable(&scene.live),
        });
    };
    let copy = Copy::of(config).map_err(|error| {
        Failure::unreadable("there is no copy to rehearse on")
            .because(error)
            .hint("put what is included below the config's folder, or rehearse by hand")
    })?;
    let before = copy::fingerprint(config, &source.state_dir);
    let stage = Stage {
        gateway: copy.gateway(&scene.gateway, &source.environment()),
        in_turn: InTurn::new(scene.live.mask()),
        copy,
    };
    let mut rehearsal = Rehearsal::default();
    if let Err(why) = stage.walk(patches, &mut rehearsal) {
        match why {
            Answer::Refused(why) => rehearsal.refused = Some(why),
            Answer::Unmeasured(why) => rehearsal.stopped = Some(why),
            Answer::Good => {}
        }
    }
    // The copy holds the config's secrets: it is gone before we end, asked to or not.
    let Stage { copy, in_turn, .. } = stage;
    drop(copy);
    in_turn.obey();
    rehearsal.touched = copy::difference(&before, &copy::fingerprint(config, &source.state_dir));
    Ok(rehearsal)
}

/// The copy, and how commands are run on it.
struct Stage {
    copy: Copy,
    gateway: Gateway,
    in_turn: InTurn,
}

impl Stage {
    /// Walks the way back on the copy; stops at the first thing that does not work.
    fn walk(&self, patches: &[Value], rehearsal: &mut Rehearsal) -> Result<(), Answer> {
        self.good("config validate", rehearsal, &["config", "validate", "--json"], |ended| {
            match rehearsal::validated(ended) {
                Answer::Refused(why) => Answer::Unmeasured(format!(
                    "The installed OpenClaw rejects this config and writes nothing to it, so the \
                     rollback cannot be rehearsed with it: {why}. `portcullis rollback --merged` \
                     gives the file that takes the config's place"
                )),
                answer => answer,
            }
        })?;
        rehearsal.before = Some(self.audit("security audit, before", rehearsal)?);
        for (index, patch) in patches.iter().enumerate() {
            let number = index + 1;
            let stopped = |error: copy::CopyError| Answer::Unmeasured(error.to_string());
            let file = self.copy.patch(number, &patch::pretty(patch)).map_err(stopped)?;
            let file = file.display().to_string();
            let dry = ["config", "patch", "--file", &file, "--dry-run", "--json"];
            let step = format!("config patch --dry-run, patch {number}");
            self.good(&step, rehearsal, &dry, rehearsal::tried)?;
            let write = ["config", "patch", "--file", &file];
            let step = format!("config patch, patch {number}");
            self.good(&step, rehearsal, &write, rehearsal::applied)?;
        }
        let validate = ["config", "validate", "--json"];
        let step = "config validate, after";
        self.good(step, rehearsal, &validate, rehearsal::validated)?;
        rehearsal.after = Some(self.audit("security audit, after", rehearsal)?);
        rehearsal.left_open = self.left_open(patches).map_err(Answer::Unmeasured)?;
        Ok(())
    }

    /// Reads the copy back and says what is open in it.
    fn left_open(&self, patches: &[Value]) -> Result<Vec<String>, String> {
        let source = Source::find(Some(self.copy.config()), None).map_err(|e| e.to_string())?;
        let live = source.read();
        let Some(config) = live.config() else {
            return Err("the copy cannot be read back".to_owned());
        };
        for patch in patches {
            let mut again = config.value.clone();
            patch::merge(&mut again, patch);
            if again != config.value {
                return Err("OpenClaw wrote something else than the patch says".to_owned());
            }
        }
        Ok(patch::open_in(&config.value, config))
    }

    fn audit(
        &self,
        step: &str,
        rehearsal: &mut Rehearsal,
    ) -> Result<crate::openclaw::finding::Report, Answer> {
        let ended = self.end(&["security", "audit", "--json"]);
        note(step, &ended, rehearsal);
        rehearsal::audited(&ended).map_err(Answer::Unmeasured)
    }

    fn good(
        &self,
        step: &str,
        rehearsal: &mut Rehearsal,
        arguments: &[&str],
        read: impl Fn(&Ended) -> Answer,
    ) -> Result<(), Answer> {
        let ended = self.end(arguments);
        note(step, &ended, rehearsal);
        match read(&ended) {
            Answer::Good => Ok(()),
            Answer::Refused(why) => Err(Answer::Refused(format!("{step}: {why}"))),
            Answer::Unmeasured(why) => Err(Answer::Unmeasured(format!("{step}: {why}"))),
        }
    }

    fn end(&self, arguments: &[&str]) -> Ended {
        self.in_turn.run(&command::openclaw("rehearsal", arguments, DEADLINE, &self.gateway))
    }
}

fn note(step: &str, ended: &Ended, rehearsal: &mut Rehearsal) {
    rehearsal.steps.push(format!("openclaw {step}: {:.1} s", ended.took.as_secs_f32()));
}
