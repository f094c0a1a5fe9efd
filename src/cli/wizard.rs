//! `portcullis`: the wizard.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::thread::available_parallelism;

use crate::app::App;
use crate::app::Live;
use crate::app::Start;
use crate::app::page::Step;
use crate::change;
use crate::change::Header;
use crate::cli::Common;
use crate::cli::Failure;
use crate::cli::Status;
use crate::cli::print;
use crate::cli::settings::Settings;
use crate::openclaw::command::Gateway;
use crate::openclaw::target::Target;
use crate::runbook::Runbook;
use crate::shell;
use crate::shell::demo;
use crate::shell::live::Source;
use crate::shell::others::others;
use crate::shell::places::Places;
use crate::shell::records;
use crate::shell::records::Believed;
use crate::shell::store;
use crate::shell::store::Draft;
use crate::shell::store::StoreError;
use crate::shell::term;
use crate::shell::term::Screen;
use crate::shell::wizard;
use crate::shell::wizard::World;
use crate::text::count;
use crate::view::theme::Colour;
use crate::view::theme::Glyphs;
use crate::view::theme::Theme;

/// What the wizard is about: a real gateway, or the sample.
pub(super) struct Scene {
    pub(super) target: Target,
    pub(super) gateway: Gateway,
    pub(super) live: Live,
    pub(super) source: Option<Source>,
}

/// Finds the gateway and reads its config.
pub(super) fn scene(common: &Common) -> Result<Scene, Failure> {
    if common.demo {
        let (target, gateway) = (demo::target(), demo::gateway());
        return Ok(Scene { target, gateway, live: demo::live(), source: None });
    }
    let source =
        Source::find(common.config.as_deref(), common.profile.as_deref()).map_err(|error| {
            Failure::unreadable("the OpenClaw config cannot be found").because(error)
        })?;
    let source = match &common.host {
        Some(host) => source.on(host.clone()),
        None => source,
    };
    let live = source.read();
    let (target, gateway) = (source.target(), source.gateway(&live));
    Ok(Scene { target, gateway, live, source: Some(source) })
}

/// Runs the wizard where it was left.
pub(super) fn run(common: &Common) -> Result<Status, Failure> {
    run_at(common, None)
}

/// Runs the wizard at a step.
pub(super) fn run_at(common: &Common, step: Option<Step>) -> Result<Status, Failure> {
    if !term::is_attended() {
        return Err(Failure::unreadable("the wizard needs a terminal")
            .hint("`portcullis check` gives the automatic verdicts without one"));
    }
    let scene = scene(common)?;
    let (runbook, runbook_sha256) = common.runbook_for(&scene.gateway)?;
    let places = places(common)?;
    let now = shell::now();
    let header = header(common, &scene, &runbook, runbook_sha256)?;
    let fresh = header.runbook_sha256.clone();
    let opened = Draft::open(&places, &scene.target.id, header).map_err(cannot_open)?;
    let changed = opened.change.header.runbook_sha256 != fresh;
    let notice = if changed {
        Some("The runbook changed since this draft was begun; its items are judged anew".to_owned())
    } else {
        opened.notice
    };
    let settings = Settings::read(common)?;
    let operator = settings.operator.clone().unwrap_or_else(shell::live::user);
    let previous = records::previous(&places, &scene.target.id);
    let config = scene.source.as_ref().map(|source| source.path.clone());
    let others = config.map(|path| others(&places, &scene.target, &path)).unwrap_or_default();
    let doubt = previous.as_ref().and_then(|previous| {
        let (change, doubt) = (&previous.change, previous.doubt.as_ref()?);
        Some(format!("Nothing that record {change} accepts counts: {doubt}"))
    });
    let notice = doubt.or(notice);
    let (policy, notice) = match Believed::read(&places.config, None, None) {
        Ok(believed) => (believed.policy, notice),
        Err(why) => (None, Some(format!("Nobody's signature can be judged: {why}"))),
    };
    let mut screen = Screen::take()
        .map_err(|error| Failure::unreadable("the terminal cannot be used").because(error))?;
    let start = Start {
        runbook,
        target: scene.target,
        gateway: scene.gateway,
        live: scene.live,
        change: opened.change,
        operator,
        cores: available_parallelism().map_or(2, std::num::NonZero::get),
        size: screen.size(),
        folder: if common.demo { places.data.display().to_string() } else { ".".to_owned() },
        notice,
        previous,
        step,
        policy,
        others,
    };
    let app = App::new(start, now);
    let world = World {
        source: scene.source,
        places: places.clone(),
        draft: opened.draft,
        signing_key: settings.signing_key.clone(),
    };
    let left = wizard::run(app, world, theme(common, &settings), &mut screen);
    drop(screen);
    let left =
        left.map_err(|error| Failure::unreadable("the terminal cannot be used").because(error))?;
    if left.unsaved > 0 {
        let answers = count(left.unsaved, "answer");
        return Err(Failure::unreadable(format!("{answers} could not be saved"))
            .hint("everything before them is in the draft; free the disk and start again"));
    }
    if let Some(sealed) = left.sealed {
        let signed = match &sealed.key {
            Some(key) => format!("Signed: {key}\n"),
            None => "UNSIGNED: no key vouches for this record.\n".to_owned(),
        };
        print(&format!("Record: {}\nsha256: {}\n{signed}", sealed.folder, sealed.sha256))?;
        return Ok(if left.blockers == 0 { Status::Fine } else { Status::NotMet });
    }
    let blockers = count(left.blockers, "blocker");
    let said = if common.demo && common.data_dir.is_none() {
        if store::discard_draft(&places) {
            "The demo was not sealed, so nothing of it is kept.\n".to_owned()
        } else {
            format!("The demo was not sealed; what it wrote is in {}\n", places.data.display())
        }
    } else {
        format!("Saved; {blockers} left. Start portcullis again to go on.\n")
    };
    print(&said)?;
    Ok(Status::Fine)
}

/// Makes the first line of a new draft.
pub(super) fn header(
    common: &Common,
    scene: &Scene,
    runbook: &Runbook,
    runbook_sha256: String,
) -> Result<Header, Failure> {
    Ok(Header {
        schema: change::SCHEMA.to_owned(),
        version: 1,
        change: new_name()?,
        runbook: runbook.id.clone(),
        revision: runbook.revision.clone(),
        runbook_sha256,
        target: scene.target.id.clone(),
        started: shell::now(),
        demo: common.demo,
    })
}

pub(super) fn cannot_open(error: StoreError) -> Failure {
    let hint = match &error {
        StoreError::Locked(_) => {
            "leave the other one first; its work is saved. `portcullis rollback --apply` and `-o FILE` \
             work beside it"
                .to_owned()
        }
        StoreError::Draft { path, .. } => {
            format!("nothing was changed; move `{}` aside to begin anew", path.display())
        }
        StoreError::ChainLocked(_) => "wait until it is done".to_owned(),
        StoreError::NotSigned(_) => "sign again".to_owned(),
        StoreError::File { .. } => "--data-dir names another place".to_owned(),
    };
    Failure::unreadable("the draft cannot be opened").because(error).hint(hint)
}

/// Returns our folders; the demo has throw-away ones, unless some are named.
fn places(common: &Common) -> Result<Places, Failure> {
    if common.demo && common.data_dir.is_none() {
        let private = Permissions::from_mode(0o700);
        let dir =
            tempfile::Builder::new().prefix("portcullis-demo-").permissions(private).tempdir();
        let dir = dir.map_err(|error| {
            Failure::unreadable("there is no place for the demo's draft").because(error)
        })?;
        let dir = dir.keep();
        return Ok(Places { config: dir.join("config"), data: dir });
    }
    common.places()
}

/// Names a change: four hex digits for people.
fn new_name() -> Result<String, Failure> {
    let mut bytes = [0u8; 2];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::unreadable("the system gives no random bytes").because(error))?;
    Ok(format!("{:02X}{:02X}", bytes[0], bytes[1]))
}

/// Decides how the screen looks, from flags and what the terminal says of itself.
fn theme(common: &Common, settings: &Settings) -> Theme {
    let dumb = shell::variable("TERM").is_some_and(|term| term == "dumb");
    let plain = shell::variable("NO_COLOR").is_some_and(|value| !value.is_empty());
    Theme {
        glyphs: if common.ascii || settings.ascii || dumb {
            Glyphs::Ascii
        } else {
            Glyphs::Unicode
        },
        colour: if plain || dumb { Colour::None } else { Colour::Ansi },
    }
}
