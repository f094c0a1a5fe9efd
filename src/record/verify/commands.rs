//! The commands of the system's own that say the same as verifying here.

use crate::record::sshsig;
use crate::record::verify::Aspect;
use crate::record::verify::State;
use crate::record::verify::Verified;

/// Writes a word so that a shell takes it as it is.
#[must_use]
pub fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-@:+=,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Says the same in commands of the system's own: what to run, in the folder of the record.
#[must_use]
pub fn commands(verified: &Verified, folder: &str, signers: Option<&str>) -> Vec<String> {
    let json = quote(&format!("{folder}/record.json"));
    let mut commands = vec![format!("sha256sum {json}   # {}", verified.sha256)];
    if verified.answers.iter().any(|a| a.aspect == Aspect::Signature && a.state == State::None) {
        return commands;
    }
    let sig = quote(&format!("{folder}/record.json.sig"));
    let namespace = sshsig::RECORD;
    commands.push(match (signers, &verified.principal, &verified.document) {
        (Some(signers), Some(principal), Some(document)) => {
            // Any name will do that the pattern matches; the pattern itself may not.
            let who = principal.split(',').find(|name| !name.starts_with('!'));
            let who = who.unwrap_or_default().replace(['*', '?'], "x");
            let at = document.sealed.to_utc().format("%Y%m%d%H%M%SZ");
            format!(
                "ssh-keygen -Y verify -f {} -I {} -n {namespace} -s {sig} -Overify-time={at} < {json}",
                quote(signers),
                quote(&who)
            )
        }
        _ => format!("ssh-keygen -Y check-novalidate -n {namespace} -s {sig} < {json}"),
    });
    commands
}
