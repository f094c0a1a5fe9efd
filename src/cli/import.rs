//! `portcullis import`: what was collected on another host, kept in the draft of its gateway.
//!
//! It counts as a run here would: for a day from when it was taken, and only for the config whose
//! sums were taken with it.

mod tale;

use std::path::PathBuf;

use clap::Args;

use crate::change::Act;
use crate::cli::Common;
use crate::cli::Failure;
use crate::cli::Format;
use crate::cli::Status;
use crate::cli::import::tale::Became;
use crate::cli::import::tale::Tale;
use crate::cli::print;
use crate::cli::wizard;
use crate::cli::wizard::Scene;
use crate::openclaw::command::Gateway;
use crate::openclaw::errand;
use crate::openclaw::errand::Errand;
use crate::openclaw::errand::Kind;
use crate::openclaw::errand::System;
use crate::openclaw::errand::parcel;
use crate::openclaw::errand::parcel::Span;
use crate::openclaw::witness::Asked;
use crate::shell;
use crate::shell::brought::Piece;
use crate::shell::store::Draft;
use crate::verdict::brought;
use crate::verdict::brought::Journey;
use crate::verdict::brought::Taken;

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
struct Carried {
    errand: Errand,
    file: String,
    piece: Piece,
    text: String,
}

impl Carried {
    /// Says what becomes of it; nothing where it is no answer, such as the time.
    fn became(&self, journey: &Journey<'_>) -> Option<Became> {
        let arrival = brought::Arrival {
            kind: self.errand.kind,
            line: &self.errand.line,
            file: &self.file,
            sha256: &self.piece.sha256,
            written: Some(self.piece.written),
            text: &self.text,
        };
        Some(match journey.taken(&arrival)? {
            Taken::Kept(run) => Became::Kept(run),
            Taken::Absent => Became::Absent(self.errand.name()),
        })
    }
}

impl Import {
    pub(super) fn run(self, common: &Common) -> Result<Status, Failure> {
        let scene = wizard::scene(common)?;
        if scene.source.is_none() {
            return Err(Failure::unreadable("the sample gateway takes nothing from elsewhere"));
        }
        let Some(config) = scene.live.config() else {
            return Err(super::facts::unreadable(&scene.live));
        };
        let (runbook, runbook_sha256) = common.runbook_for(&scene.gateway)?;
        let (parcels, absent) = self.parcels(&scene)?;
        let text = |kind| {
            let of = parcels.iter().find(|parcel| parcel.errand.kind == kind);
            of.map(|parcel| parcel.text.as_str())
        };
        let untied = match text(Kind::Sums) {
            None => Some("no sums of the config were brought with it".to_owned()),
            Some(sums) => parcel::tied(sums, &config.sums).err(),
        };
        let journey = Journey {
            runbook: &runbook,
            host: &scene.target.host,
            digest: scene.live.digest(),
            asked: Asked { port: scene.gateway.port, ..Asked::about(scene.live.facts()) },
            span: text(Kind::Time).and_then(Span::parse),
            untied,
            now: shell::now(),
        };
        let mut became: Vec<Became> =
            parcels.iter().filter_map(|parcel| parcel.became(&journey)).collect();
        if !self.dry_run {
            let header = wizard::header(common, &scene, &runbook, runbook_sha256)?;
            let places = common.places()?;
            let opened = Draft::open(&places, &scene.target.id, header);
            let mut opened = opened.map_err(wizard::cannot_open)?;
            let answers = opened.change.answers();
            for it in &mut became {
                let Became::Kept(run) = it else { continue };
                let known = answers.runs.get(&run.check);
                if known.is_some_and(|known| journey.is_better(known, run)) {
                    let name = parcels.iter().map(|parcel| parcel.errand.name());
                    let mut name = name.filter(|name| journey.check(name) == run.check);
                    *it = Became::Older(name.next().unwrap_or_default());
                }
            }
            let entries: Vec<_> = (became.iter())
                .filter_map(|it| match it {
                    Became::Kept(run) => {
                        Some(opened.change.act(Act::Ran(run.clone()), journey.now))
                    }
                    Became::Absent(_) | Became::Older(_) => None,
                })
                .collect();
            opened.draft.save(&entries).map_err(wizard::cannot_open)?;
        }
        let tale = Tale { scene: &scene, journey: &journey, became: &became, absent: &absent };
        print(&match self.format {
            Format::Text => tale.text(self.dry_run),
            Format::Json => super::pretty(&tale.json())?,
        })?;
        let good = became.iter().all(|it| match it {
            Became::Kept(run) => run.is_measured() && journey.why_not(run).is_none(),
            Became::Absent(_) | Became::Older(_) => true,
        });
        Ok(if good { Status::Fine } else { Status::Incomplete })
    }

    /// Reads every file that was named or lies in the folder; names what is not there.
    fn parcels(&self, scene: &Scene) -> Result<(Vec<Carried>, Vec<&'static str>), Failure> {
        if let Some(folder) = self.from.as_ref().filter(|folder| !shell::store::is_there(folder)) {
            let folder = folder.display();
            return Err(Failure::unreadable(format!("there is no folder `{folder}`")));
        }
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
            let piece = shell::brought::read(&path).map_err(|error| {
                Failure::unreadable(format!("`{}` cannot be read", path.display())).because(error)
            })?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let text = parcel::decode(&piece.bytes);
            // Of sums and times nothing is kept, and they are read line by line.
            let text = match errand.kind {
                Kind::Time | Kind::Sums => text,
                Kind::OpenClaw(_) | Kind::Witness(_) => scene.live.mask().text(&text),
            };
            parcels.push(Carried { errand, file: name, piece, text });
        }
        let answers = |parcel: &Carried| !matches!(parcel.errand.kind, Kind::Time | Kind::Sums);
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
