//! `portcullis facts`: what the live config means.

use std::mem;

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use crate::app::Live;
use crate::cli::Common;
use crate::cli::Failure;
use crate::cli::Format;
use crate::cli::Status;
use crate::cli::print;
use crate::cli::wizard;
use crate::openclaw::exposure;
use crate::openclaw::fact::Fact;
use crate::openclaw::facts::Facts;
use crate::openclaw::target::Target;
use crate::text::Shown;
use crate::verdict;

/// Prints what the live config means.
#[derive(Debug, Args)]
pub(super) struct Show {
    /// How it is printed
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Print the JSON Schema of the JSON document instead
    #[arg(long)]
    schema: bool,
}

/// What the live config means, secrets reduced to their class and source.
#[derive(Debug, Serialize, JsonSchema)]
struct Document<'a> {
    /// Always `portcullis/facts`.
    schema: &'static str,
    /// The version of the shape.
    version: u32,
    /// The gateway.
    target: &'a Target,
    /// SHA-256 over the merged config, every secret replaced by what it is worth, in hex.
    config_digest: &'a str,
    /// What is odd about the config, such as a key that stands twice.
    warnings: &'a [String],
    /// Everything that facts are about, in the order of the config.
    subjects: Vec<String>,
    /// The facts, subject by subject, in one order always.
    facts: &'a [Fact],
}

impl Show {
    pub(super) fn run(self, common: &Common) -> Result<Status, Failure> {
        if self.schema {
            print(&super::pretty(&schemars::schema_for!(Document<'static>))?)?;
            return Ok(Status::Fine);
        }
        let scene = wizard::scene(common)?;
        let Live::Read { config, facts, .. } = &scene.live else {
            return Err(unreadable(&scene.live));
        };
        match self.format {
            Format::Json => super::print_json(&Document {
                schema: "portcullis/facts",
                version: 1,
                target: &scene.target,
                config_digest: &config.digest,
                warnings: &config.warnings,
                subjects: facts.subjects.iter().map(ToString::to_string).collect(),
                facts: &facts.facts,
            })?,
            Format::Text => print(&text(facts))?,
        }
        // The program ends here: what a large config holds need not be given back piece by piece.
        mem::forget(scene);
        Ok(Status::Fine)
    }
}

fn text(facts: &Facts) -> String {
    let mut text = String::new();
    let mut say = |line: &str| {
        text.push_str(Shown::line(line).as_str());
        text.push('\n');
    };
    for (question, said) in exposure::QUESTIONS.iter().zip(exposure::sentences(facts, &[])) {
        say(&format!("{question:<8} {said}"));
    }
    let mut subject = None;
    for fact in &facts.facts {
        if subject != Some(&fact.subject) {
            say("");
            say(&fact.subject.to_string());
            subject = Some(&fact.subject);
        }
        let place = verdict::place(&fact.origin);
        say(&format!("  {:<44} {}   ({place})", fact.path, fact.said()));
    }
    text
}

/// Says why there are no facts.
pub(super) fn unreadable(live: &Live) -> Failure {
    let why = match live {
        Live::Unreadable { why, .. } => why.clone(),
        Live::Read { .. } => String::new(),
    };
    Failure::unreadable("the config cannot be read")
        .because(why)
        .hint("--config names another file; `openclaw config file` says where OpenClaw looks")
}
