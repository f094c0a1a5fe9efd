//! What a finding means, what puts it right, and what only looks like a fix.

use std::cmp::Reverse;

use schemars::JsonSchema;
use serde::Deserialize;

/// What is known of the findings of one check.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Meaning {
    /// The check id; `<word>` stands for any one word between dots.
    pub id: String,
    /// What it says of the gateway, in one sentence.
    pub means: String,
    /// What puts it right, with the keys and values it takes.
    #[serde(rename = "do")]
    pub remedy: String,
    /// What looks like a fix and makes it worse, or hides it.
    #[serde(default)]
    pub worse: Vec<String>,
    /// Where this is known from.
    pub source: String,
}

impl Meaning {
    /// Tells whether a finding is of this check.
    #[must_use]
    pub fn is_about(&self, check_id: &str) -> bool {
        stands_for(&self.id, check_id)
    }

    /// Tells how much it leaves open which finding is meant: the least says most of one.
    pub(super) fn looseness(&self) -> (usize, Reverse<usize>) {
        let any = self.id.split('.').filter(|word| word.starts_with('<')).count();
        (any, Reverse(self.id.len()))
    }
}

/// Tells whether a named check id stands for a found one; `<word>` stands for any one word.
///
/// Doctor's ids have two halves around a colon, a check and what it found wanting, which may be
/// the id of an audit's finding that it repeats. Either half stands for the whole.
pub(super) fn stands_for(named: &str, found: &str) -> bool {
    let halves = found.split_once(':');
    same(named, found) || halves.is_some_and(|(a, b)| same(named, a) || same(named, b))
}

fn same(named: &str, found: &str) -> bool {
    let (mut named, mut found) = (named.split('.'), found.split('.'));
    loop {
        match (named.next(), found.next()) {
            (None, None) => return true,
            (Some(a), Some(b)) if a == b || a.starts_with('<') => {}
            _ => return false,
        }
    }
}

/// Says what is wrong with a named check id, none where it can stand for one.
pub(super) fn fault(named: &str) -> Option<&'static str> {
    for word in named.split('.') {
        let any = word.strip_prefix('<');
        let name = any.map_or(word, |word| word.strip_suffix('>').unwrap_or_default());
        if word.is_empty() {
            return Some("has nothing before, between or after its dots");
        }
        if any.is_some() && !held(name, |b| b.is_ascii_alphabetic() || b == b'-') {
            return Some("has a `<` that no letters and `>` follow within the same dots");
        }
        if !held(name, |b| b.is_ascii_alphanumeric() || b"_-/:".contains(&b)) {
            return Some(
                "may hold only letters, digits, `_`, `-`, `/`, `:`, and dots between words",
            );
        }
    }
    None
}

fn held(word: &str, by: impl Fn(u8) -> bool) -> bool {
    !word.is_empty() && word.bytes().all(by)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_stands_for_one_word_and_never_for_none_or_two() {
        let named = "channels.<provider>.dm.open";
        assert!(stands_for(named, "channels.signal.dm.open"));
        assert!(!stands_for(named, "channels.dm.open"));
        assert!(!stands_for(named, "channels.signal.work.dm.open"));
        assert!(!stands_for(named, "channels.signal.dm.open_invalid"));
        assert!(!stands_for(named, "channels.signal.dm"));
    }

    #[test]
    fn a_finding_of_doctor_is_named_by_its_check_or_by_what_it_found_wanting() {
        let found = "core/doctor/security:gateway.bind_no_auth";
        for named in [found, "gateway.bind_no_auth", "core/doctor/security", "gateway.<any>"] {
            assert!(stands_for(named, found), "{named}");
        }
        assert!(!stands_for("core/doctor/security:gateway.bind", found));
        assert!(!stands_for(found, "gateway.bind_no_auth"));
        assert!(!stands_for("core/doctor", "core/doctor/security"));
    }

    #[test]
    fn what_cannot_stand_for_a_check_id_is_at_fault() {
        for named in ["a", "a.b_c", "core/doctor/x", "core/doctor/x:y-z", "a.<b>.c", "a.<b-cD>"] {
            assert_eq!(fault(named), None, "{named}");
        }
        for named in ["", "a.", ".a", "a..b", "a b", "a.<>", "a.<b", "a.b>", "a.x<b>", "<b...>.c"] {
            assert!(fault(named).is_some(), "{named}");
        }
    }
}
