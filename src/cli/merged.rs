//! `--merged`: the operator's own files with a patch merged in, and the command that puts them in
//! place. The live files are only read.

use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;

use serde_json::Value;

use crate::cli::Failure;
use crate::cli::facts;
use crate::cli::print;
use crate::cli::warn;
use crate::cli::wizard::Scene;
use crate::openclaw::config;
use crate::openclaw::config::MergedFile;
use crate::openclaw::replace;
use crate::openclaw::replace::New;
use crate::openclaw::replace::Replaced;
use crate::shell::store;
use crate::text::count;

/// What names the copy of a live file, behind the name of the file that takes its place.
const BACKUP: &str = ".before";

/// Merges a patch into the live config's files and writes what changes: the first file to
/// `output`, an included one beside it as `OUTPUT.include-NAME`.
pub(super) fn write(scene: &Scene, patch: &Value, output: &Path) -> Result<(), Failure> {
    let failed = || Failure::unreadable("the merged file was not written");
    let Some(source) = &scene.source else {
        return Err(failed().because("the demo's config is no file"));
    };
    let Some(live) = scene.live.config() else { return Err(facts::unreadable(&scene.live)) };
    let moved = || {
        failed()
            .because("the live config changed while it was read")
            .hint("run the same command again")
    };
    let texts = source.texts().map_err(|_| moved())?;
    if texts.config.value != live.value {
        return Err(moved());
    }
    let merged =
        config::merged(&source.path, &texts.files, &texts.roots, patch).map_err(|error| {
            let hint = error.hint().map(str::to_owned);
            let failure = failed().because(error);
            match hint {
                Some(hint) => failure.hint(hint),
                None => failure.hint("without --merged, the patch itself is printed"),
            }
        })?;
    if merged.iter().all(|file| file.touched.is_empty()) {
        warn("nothing changes: the live config says all of this already; no file was written");
        return Ok(());
    }

    let places = places(&merged, output);
    for (_, place) in merged.iter().zip(&places) {
        let Some(place) = place else { continue };
        if source.is_config(place) {
            return Err(failed()
                .because(format!("OpenClaw would take `{}` for its config", place.display()))
                .hint("name a file elsewhere; the live config is never written"));
        }
        if let Some(taken) =
            [place.clone(), behind(place, BACKUP)].iter().find(|p| store::is_there(p))
        {
            return Err(failed()
                .because(format!("`{}` exists", taken.display()))
                .hint("name a file that does not exist yet; nothing is overwritten"));
        }
    }
    for (file, place) in merged.iter().zip(&places) {
        let Some(place) = place else { continue };
        store::write_new(place, &file.text).map_err(|error| failed().because(error))?;
        let touched = if file.touched.is_empty() {
            "unchanged".to_owned()
        } else {
            format!("{} touched, every other byte as it was", count(file.touched.len(), "place"))
        };
        warn(&format!("written to {}: {touched}", place.display()));
    }
    for warning in &live.warnings {
        warn(&format!("note: {warning}"));
    }
    warn(&format!(
        "note: it holds the secrets of your config; only you can read it\n\
         note: {}; `openclaw config patch` would strip them",
        match live.comments {
            1 => "its comment is kept".to_owned(),
            comments => format!("its {} are kept", count(comments, "comment")),
        }
    ));
    instruct(&merged, &places)
}

/// Says where each file is written; included ones in which nothing changes are not.
fn places(merged: &[MergedFile], output: &Path) -> Vec<Option<PathBuf>> {
    let folder = merged.first().and_then(|root| root.path.parent()).unwrap_or(Path::new(""));
    let mut places: Vec<Option<PathBuf>> = Vec::new();
    for (number, file) in merged.iter().enumerate() {
        if number == 0 {
            places.push(Some(output.to_owned()));
            continue;
        }
        if file.touched.is_empty() {
            places.push(None);
            continue;
        }
        let name = file.path.strip_prefix(folder).unwrap_or(&file.path);
        let name = name.to_string_lossy().trim_start_matches('/').replace('/', "-");
        let mut place = behind(output, &format!(".include-{name}"));
        if places.contains(&Some(place.clone())) {
            place = behind(output, &format!(".include-{number}-{name}"));
        }
        places.push(Some(place));
    }
    places
}

fn behind(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    name.into()
}

/// Prints the command that puts the files in place, and the one that undoes it.
fn instruct(merged: &[MergedFile], places: &[Option<PathBuf>]) -> Result<(), Failure> {
    let mut files = Vec::new();
    for (file, place) in merged.iter().zip(places) {
        let unreadable = |error| {
            Failure::unreadable("the files are written, but not how to put them in place")
                .because(error)
        };
        let live = store::real_path(&file.path).map_err(unreadable)?;
        if live != file.path {
            warn(&format!(
                "note: {} is reached by a link; the command replaces {} and keeps the link",
                file.path.display(),
                live.display()
            ));
        }
        let place = place.as_ref().filter(|_| !file.touched.is_empty());
        let new = match place {
            None => None,
            Some(place) => {
                let place = store::real_path(place).map_err(unreadable)?;
                Some(New {
                    backup: behind(&place, BACKUP),
                    sha256: replace::sha256(file.text.as_bytes()),
                    file: place,
                })
            }
        };
        files.push(Replaced { live, live_sha256: replace::sha256(&file.before), new });
    }
    let digests = if cfg!(target_os = "macos") { "shasum -a 256" } else { "sha256sum" };
    let Some(commands) = replace::commands(&files, digests) else {
        warn(
            "note: a path here has characters that no command can carry; put the files in place by hand",
        );
        return Ok(());
    };
    print(&format!(
        "# Puts it in place, unless a file has changed since; the old one is kept beside the new.\n\
         {}\n\
         # Then: openclaw config validate, and restart the gateway. To undo it:\n\
         {}",
        commands.replace, commands.undo
    ))
}
