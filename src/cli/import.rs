//! `portcullis import`: what was collected on another host, kept in the draft of its gateway.
//!
//! It counts as a run here would: for a day from when it was taken, and only for the config whose
//! sums were taken with it.

mod journey;

use std::path::Path;
use std::path::PathBuf;

use clap::Args;

use crate::change::Act;
use crate::cli::Common;
use crate::cli::Failure;
use crate::cli::Format;
use crate::cli::Status;
use crate::cli::import::journey::Journey;
use crate::cli::import::journey::Taken;
use crate::cli::print;
use crate::cli::wizard;
use crate::cli::wizard::Scene;
use crate::openclaw::command::Gateway;
use crate::openclaw::config::FileRead;
use crate::openclaw::errand;
use crate::openclaw::errand::Errand;
use crate::openclaw::errand::Kind;
use crate::openclaw::errand::System;
use crate::openclaw::errand::parcel;
use crate::openclaw::errand::parcel::Span;
use crate::openclaw::witness::Asked;
use crate::shell;
use crate::shell::brought;
use crate::shell::brought::Piece;
use crate::shell::live::Texts;
use crate::shell::store::Draft;

/// Takes what was collected on another host.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// The folder that the commands of `collect` left, its files under their names
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// What `date -u` said before the commands and after them, a line each
    #[arg(long, value_name = "FILE")]
    time: Option<PathBuf>,
    /// What `sha256sum` said of the config's files before the commands and after them
    #[arg(long, value_name = "FILE")]
    sums: Option<PathBuf>,
    /// `openclaw doctor --lint --json`, its exit status below it as `[exit status N]`
    #[arg(long, value_name = "FILE")]
    doctor: Option<PathBuf>,
    /// `openclaw security audit --json`
    #[arg(long, value_name = "FILE")]
    audit: Option<PathBuf>,
    /// `openclaw security audit --deep --json`
    #[arg(long, value_name = "FILE")]
    audit_deep: Option<PathBuf>,
    /// `openclaw health --json`
    #[arg(long, value_name = "FILE")]
    health: Option<PathBuf>,
    /// `openclaw gateway probe --json`
    #[arg(long, value_name = "FILE")]
    probe: Option<PathBuf>,
    /// `ss -ltnp`, or `lsof -nP -iTCP -sTCP:LISTEN`
    #[arg(long, value_name = "FILE")]
    ss: Option<PathBuf>,
    /// `tailscale status --json`
    #[arg(long, value_name = "FILE")]
    tailscale: Option<PathBuf>,
    /// `tailscale serve status --json`
    #[arg(long, value_name = "FILE")]
    tailscale_serve: Option<PathBuf>,
    /// `tailscale funnel status --json`
    #[arg(long, value_name = "FILE")]
    tailscale_funnel: Option<PathBuf>,
    /// `nginx -T`
    #[arg(long, value_name = "FILE")]
    nginx: Option<PathBuf>,
    /// `docker ps --format '{{.Names}}\t{{.Ports}}'`
    #[arg(long, value_name = "FILE")]
    docker: Option<PathBuf>,
    /// Read it and say what it comes to, and keep nothing
    #[arg(long)]
    dry_run: bool,
    /// How it is printed
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// A file that was brought.
struct Parcel {
    errand: Errand,
    file: String,
    piece: Piece,
    text: String,
}

impl Import {
    pub(super) fn run(self, common: &Common) -> Result<Status, Failure> {
        let scene = wizard::scene(common)?;
        let Some(source) = &scene.source else {
            return Err(Failure::unreadable("the sample gateway takes nothing from elsewhere"));
        };
        // The very bytes whose digest the answers are bound to.
        let texts = source.texts().map_err(|_| super::facts::unreadable(&scene.live))?;
        if texts.config.digest != scene.live.digest() {
            return Err(
                Failure::unreadable("the config changed while it was read").hint("import again")
            );
        }
        let (runbook, runbook_sha256) = common.runbook_for(&scene.gateway)?;
        let (parcels, absent) = self.parcels(&scene)?;
        let text = |kind| {
            let of = parcels.iter().find(|parcel| parcel.errand.kind == kind);
            of.map(|parcel| parcel.text.as_str())
        };
        let untied = match text(Kind::Sums) {
            None => Some("no sums of the config were brought with it".to_owned()),
            Some(sums) => parcel::tied(sums, &here(&texts)).err(),
        };
        let journey = Journey {
            scene: &scene,
            runbook: &runbook,
            host: &scene.target.host,
            asked: Asked { port: scene.gateway.port, ..Asked::about(scene.live.facts()) },
            span: text(Kind::Time).and_then(Span::parse),
            untied,
            now: shell::now(),
        };
        let mut taken: Vec<Taken> =
            parcels.iter().filter_map(|parcel| journey.taken(parcel)).collect();
        if !self.dry_run {
            let header = wizard::header(common, &scene, &runbook, runbook_sha256)?;
            let places = common.places()?;
            let opened = Draft::open(&places, &scene.target.id, header);
            let mut opened = opened.map_err(wizard::cannot_open)?;
            let answers = opened.change.answers();
            for it in &mut taken {
                let Taken::Kept(run) = it else { continue };
                let known = answers.runs.get(&run.check);
                let better = known.is_some_and(|known| {
                    let digest = scene.live.digest();
                    let counts = known.counts(digest, journey.now);
                    known.at > run.at || (counts && !run.counts(digest, journey.now))
                });
                if better {
                    let name = parcels.iter().map(|parcel| parcel.errand.name());
                    let mut name = name.filter(|name| journey.check(name) == run.check);
                    *it = Taken::Older(name.next().unwrap_or_default());
                }
            }
            let entries: Vec<_> = (taken.iter())
                .filter_map(|it| match it {
                    Taken::Kept(run) => Some(opened.change.act(Act::Ran(run.clone()), journey.now)),
                    Taken::Absent(_) | Taken::Older(_) => None,
                })
                .collect();
            opened.draft.save(&entries).map_err(wizard::cannot_open)?;
        }
        print(&match self.format {
            Format::Text => journey.text(&taken, &absent, self.dry_run),
            Format::Json => super::pretty(&journey.json(&taken, &absent))?,
        })?;
        let good = taken.iter().all(|it| match it {
            Taken::Kept(run) => run.is_measured() && journey.why_not(run).is_none(),
            Taken::Absent(_) | Taken::Older(_) => true,
        });
        Ok(if good { Status::Fine } else { Status::Incomplete })
    }

    /// Reads every file that was named or lies in the folder; names what is not there.
    fn parcels(&self, scene: &Scene) -> Result<(Vec<Parcel>, Vec<&'static str>), Failure> {
        let (mut parcels, mut absent) = (Vec::new(), Vec::new());
        // As it is run there, where our copy of the config is not.
        let (profile, port) = (scene.gateway.profile.clone(), scene.gateway.port);
        let there = Gateway { profile, port, ..Gateway::default() };
        let errands = errand::errands(System::Linux, &there, &[]);
        for errand in errands.into_iter().filter(|errand| !errand.again) {
            let inside = self.from.as_ref().map(|folder| folder.join(errand.file));
            let lies = |path: &PathBuf| shell::store::is_there(path);
            let path = self.named(errand.kind).cloned().or_else(|| inside.filter(lies));
            let Some(path) = path else {
                absent.push(errand.name());
                continue;
            };
            let piece = brought::read(&path).map_err(|error| {
                Failure::unreadable(format!("`{}` cannot be read", path.display())).because(error)
            })?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let text = parcel::decode(&piece.bytes);
            // Of sums and times nothing is kept, and they are read line by line.
            let text = match errand.kind {
                Kind::Time | Kind::Sums => text,
                Kind::OpenClaw(_) | Kind::Witness(_) => scene.live.mask().text(&text),
            };
            parcels.push(Parcel { errand, file: name, piece, text });
        }
        let answers = |parcel: &Parcel| !matches!(parcel.errand.kind, Kind::Time | Kind::Sums);
        if !parcels.iter().any(answers) {
            return Err(Failure::unreadable("nothing was brought").hint(
                "--from names the folder that the commands of `portcullis collect` leave; \
                 --audit, --ss and so on name single files",
            ));
        }
        Ok((parcels, absent))
    }

    fn named(&self, kind: Kind) -> Option<&PathBuf> {
        use crate::openclaw::witness::Witness;

        match kind {
            Kind::Time => self.time.as_ref(),
            Kind::Sums => self.sums.as_ref(),
            Kind::OpenClaw("doctor-lint") => self.doctor.as_ref(),
            Kind::OpenClaw("audit") => self.audit.as_ref(),
            Kind::OpenClaw("audit-deep") => self.audit_deep.as_ref(),
            Kind::OpenClaw("health") => self.health.as_ref(),
            Kind::OpenClaw("probe") => self.probe.as_ref(),
            Kind::OpenClaw(_) => None,
            Kind::Witness(Witness::Sockets) => self.ss.as_ref(),
            Kind::Witness(Witness::Tailscale) => self.tailscale.as_ref(),
            Kind::Witness(Witness::Serve) => self.tailscale_serve.as_ref(),
            Kind::Witness(Witness::Funnel) => self.tailscale_funnel.as_ref(),
            Kind::Witness(Witness::Nginx) => self.nginx.as_ref(),
            Kind::Witness(Witness::Docker) => self.docker.as_ref(),
        }
    }
}

/// Returns the names and sums of the config's files here.
fn here(texts: &Texts) -> Vec<(String, String)> {
    let folder = texts.config.path.parent().unwrap_or(Path::new(""));
    let sum = |path: &PathBuf| {
        let sum = match texts.files.get(path) {
            Some(FileRead::Bytes(bytes)) => brought::sum(bytes),
            Some(FileRead::Unreadable(_)) | None => String::new(),
        };
        (path.strip_prefix(folder).unwrap_or(path).display().to_string(), sum)
    };
    texts.config.files.iter().map(sum).collect()
}
