//! Text on its way out: untrusted text made safe to show, secrets masked, numbers put into words.
//!
//! Masking comes first and showing second: a secret is looked for in the text as it came.

mod mask;
mod shapes;
mod shown;

pub use crate::text::mask::Lines;
pub use crate::text::mask::MARK;
pub use crate::text::mask::Mask;
pub use crate::text::shapes::names_secret;
pub use crate::text::shapes::shapes;
pub use crate::text::shown::Shown;

/// Counts things in words: `1 warning`, `2 warnings`.
#[must_use]
pub fn count(n: usize, thing: &str) -> String {
    if n == 1 {
        return format!("1 {thing}");
    }
    let stem = thing.strip_suffix('y').filter(|stem| {
        let before = stem.chars().next_back();
        before.is_some_and(|c| !matches!(c, 'a' | 'e' | 'i' | 'o' | 'u'))
    });
    match stem {
        Some(stem) => format!("{n} {stem}ies"),
        None if thing.ends_with(['s', 'x']) || thing.ends_with("ch") => format!("{n} {thing}es"),
        None => format!("{n} {thing}s"),
    }
}

/// Returns what part of the whole is done, in percent: 0 only for nothing, 100 only for all.
#[must_use]
pub fn percent(part: usize, whole: usize) -> usize {
    if part >= whole {
        return 100;
    }
    if part == 0 {
        return 0;
    }
    (part.saturating_mul(100) / whole).clamp(1, 99)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_their_plural() {
        assert_eq!(count(0, "warning"), "0 warnings");
        assert_eq!(count(1, "warning"), "1 warning");
        assert_eq!(count(2, "reply"), "2 replies");
        assert_eq!(count(2, "key"), "2 keys");
        assert_eq!(count(3, "bypass"), "3 bypasses");
        assert_eq!(count(3, "match"), "3 matches");
    }

    #[test]
    fn only_all_is_a_hundred_percent() {
        assert_eq!(percent(0, 3), 0);
        assert_eq!(percent(1, 1000), 1);
        assert_eq!(percent(999, 1000), 99);
        assert_eq!(percent(3, 3), 100);
        assert_eq!(percent(0, 0), 100);
    }
}
