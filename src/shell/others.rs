//! Other OS users who look after the same gateway: what they seal is a chain of its own.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;

use nix::unistd::Uid;
use nix::unistd::User;

use crate::openclaw::target::Target;
use crate::record::document::Document;
use crate::shell::chain;
use crate::shell::places::Places;
use crate::shell::records;

/// Says who else keeps, or may keep, records of a gateway that are not in its chain here.
#[must_use]
pub fn others(places: &Places, target: &Target, config: &Path) -> Vec<String> {
    let real = config.canonicalize().unwrap_or_else(|_| config.to_owned());
    let mut users = Vec::new();
    for other in records::targets(places).into_iter().filter(|id| *id != target.id) {
        let Some(newest) = chain::folders(&places.records(&other)).pop() else { continue };
        let Ok(bytes) = chain::read(&newest.join("record.json")) else { continue };
        let Ok(Document { target: theirs, .. }) = Document::parse(&bytes) else { continue };
        if theirs.host == target.host
            && theirs.user != target.user
            && path_of(&theirs.user, &theirs.config) == real
        {
            users.push((theirs.user, format!("in {other} here")));
        }
    }
    let owner = fs::metadata(&real).ok().map(|it| it.uid());
    if let Some(owner) = owner.filter(|owner| *owner != nix::unistd::geteuid().as_raw()) {
        let user = User::from_uid(Uid::from_raw(owner)).ok().flatten();
        let name = user.map_or_else(|| owner.to_string(), |user| user.name);
        if !users.iter().any(|(known, _)| *known == name) {
            let place = "in their own data folder, which is not seen from here".to_owned();
            users.push((name, place));
        }
    }
    let line = |(user, place): (String, String)| {
        format!(
            "OS user {user} looks after this gateway too; what they seal is a chain of its own, {place}"
        )
    };
    users.into_iter().map(line).collect()
}

/// Returns the path of a config as an OS user means it.
fn path_of(user: &str, config: &str) -> PathBuf {
    let home = User::from_name(user).ok().flatten().map(|user| user.dir);
    match (config.strip_prefix("~/"), home) {
        (Some(below), Some(home)) => home.join(below),
        _ => PathBuf::from(config),
    }
}
