//! Who may sign: OpenSSH's `allowed_signers`, and the keys that are revoked.

use chrono::NaiveDate;
use chrono::NaiveDateTime;

use crate::record::sshsig::Key;

/// Turns a local time into seconds since 1970; none where there was no such time.
///
/// A stamp without `Z` means the time of the machine, as OpenSSH reads it.
pub type Zone<'a> = &'a dyn Fn(NaiveDateTime) -> Option<i64>;

/// The lines of an `allowed_signers` file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signers {
    lines: Vec<Line>,
    /// Lines that say nothing because they cannot be read: their number and why.
    pub unread: Vec<(usize, &'static str)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    number: usize,
    principals: String,
    key: Key,
    options: Options,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Options {
    authority: bool,
    namespaces: Option<String>,
    after: Option<i64>,
    before: Option<i64>,
}

/// Whose key it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signer {
    /// It is on the list.
    Known {
        /// Who, as the list names them.
        principal: String,
        /// The line.
        line: usize,
    },
    /// It is on the list, but not for this.
    Barred {
        /// The line.
        line: usize,
        /// Why.
        why: &'static str,
    },
    /// It is not on the list.
    Unknown,
    /// It is a certificate, which only ssh-keygen can follow to its issuer.
    Certificate,
}

/// What is asked about a key.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The key.
    pub key: &'a Key,
    /// What it signed for.
    pub namespace: &'a str,
    /// When it signed, in seconds since 1970.
    pub at: i64,
    /// Who is said to have signed; without it, whoever the list names.
    pub principal: Option<&'a str>,
}

impl Signers {
    /// Reads the file. What cannot be read of it allows nobody.
    #[must_use]
    pub fn parse(text: &str, zone: Zone<'_>) -> Self {
        let mut signers = Self::default();
        for (index, line) in text.split('\n').enumerate() {
            match self::line(line, zone) {
                None => {}
                Some(Err(why)) => signers.unread.push((index + 1, why)),
                Some(Ok((principals, key, options))) => {
                    let number = index + 1;
                    signers.lines.push(Line { number, principals, key, options });
                }
            }
        }
        signers
    }

    /// Tells whose key it is and whether it may be used for this, then.
    #[must_use]
    pub fn who(&self, asked: Asked<'_>) -> Signer {
        if asked.key.is_certificate() {
            return Signer::Certificate;
        }
        let mut barred = None;
        for line in self.lines.iter().filter(|line| line.key == *asked.key) {
            let named = asked.principal.is_none_or(|who| matches_list(who, &line.principals));
            if !named || line.options.authority {
                continue;
            }
            match line.options.bar(asked) {
                None => {
                    let principal = asked.principal.unwrap_or(&line.principals).to_owned();
                    return Signer::Known { principal, line: line.number };
                }
                Some(why) => barred = barred.or(Some((line.number, why))),
            }
        }
        barred.map_or(Signer::Unknown, |(line, why)| Signer::Barred { line, why })
    }
}

impl Options {
    /// Says why a key may not be used for this, then.
    fn bar(&self, asked: Asked<'_>) -> Option<&'static str> {
        let namespaces = self.namespaces.as_ref();
        if namespaces.is_some_and(|namespaces| !matches_list(asked.namespace, namespaces)) {
            Some("it may not sign in this namespace")
        } else if self.after.is_some_and(|after| asked.at < after) {
            Some("it was not valid yet")
        } else if self.before.is_some_and(|before| asked.at > before) {
            Some("it was valid no more")
        } else {
            None
        }
    }
}

type Read = (String, Key, Options);

/// Reads one line; none where it is empty or a comment.
fn line(line: &str, zone: Zone<'_>) -> Option<Result<Read, &'static str>> {
    let line = line.trim_start_matches([' ', '\t']);
    if line.trim_end_matches('\r').is_empty() || line.starts_with('#') {
        return None;
    }
    Some(entry(line, zone))
}

fn entry(line: &str, zone: Zone<'_>) -> Result<Read, &'static str> {
    let (principals, rest) = principals(line).ok_or("it names nobody, or no key")?;
    if let Some((key, _)) = Key::parse(rest) {
        return Ok((principals, key, Options::default()));
    }
    let (options, rest) = options(rest, zone)?;
    let (key, _) = Key::parse(rest).ok_or("its key cannot be read")?;
    Ok((principals, key, options))
}

/// Takes the names off the front: up to white space, or within double quotes.
fn principals(line: &str) -> Option<(String, &str)> {
    const SPACE: [char; 3] = [' ', '\t', '\r'];
    let end = line.find([' ', '\t', '\r', '"'])?;
    let (before, rest) = line.split_at_checked(end)?;
    let (names, rest) = match rest.strip_prefix('"') {
        None => (before.to_owned(), rest),
        Some(quoted) => {
            let (inside, rest) = quoted.split_once('"')?;
            (format!("{before}{inside}"), rest)
        }
    };
    Some((names, rest.trim_start_matches(SPACE)))
}

fn options<'a>(text: &'a str, zone: Zone<'_>) -> Result<(Options, &'a str), &'static str> {
    let mut options = Options::default();
    let mut rest = text;
    while !rest.is_empty() && !rest.starts_with([' ', '\t']) {
        if let Some(after) = flag(rest, "cert-authority") {
            options.authority = true;
            rest = after;
        } else if let Some(after) = flag(rest, "namespaces=") {
            let (value, after) = quoted(after)?;
            put(&mut options.namespaces, value)?;
            rest = after;
        } else if let Some(after) = flag(rest, "valid-after=") {
            let (value, after) = quoted(after)?;
            put(&mut options.after, stamp(&value, zone).ok_or("its valid-after is no time")?)?;
            rest = after;
        } else if let Some(after) = flag(rest, "valid-before=") {
            let (value, after) = quoted(after)?;
            put(&mut options.before, stamp(&value, zone).ok_or("its valid-before is no time")?)?;
            rest = after;
        }
        if rest.is_empty() || rest.starts_with([' ', '\t']) {
            break;
        }
        rest = rest.strip_prefix(',').ok_or("it has an option that is not known")?;
        if rest.is_empty() {
            return Err("its options end too soon");
        }
    }
    if let (Some(after), Some(before)) = (options.after, options.before)
        && before <= after
    {
        return Err("it ends before it begins");
    }
    Ok((options, rest))
}

fn put<T>(place: &mut Option<T>, value: T) -> Result<(), &'static str> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err("it says an option twice"),
    }
}

/// Takes a word off the front, in any case.
fn flag<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (front, rest) = text.split_at_checked(name.len())?;
    front.eq_ignore_ascii_case(name).then_some(rest)
}

/// Takes a value within double quotes; `\"` is a quote in it.
fn quoted(text: &str) -> Result<(String, &str), &'static str> {
    let inside = text.strip_prefix('"').ok_or("an option has no opening quote")?;
    let mut value = String::new();
    let mut letters = inside.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Ok((value, inside.get(at + 1..).unwrap_or_default())),
            '\\' if inside.get(at + 1..).is_some_and(|rest| rest.starts_with('"')) => {
                letters.next();
                value.push('"');
            }
            letter => value.push(letter),
        }
    }
    Err("an option has no closing quote")
}

/// Reads `YYYYMMDD`, `YYYYMMDDHHMM` or `YYYYMMDDHHMMSS`; with `Z` it is UTC, without it local.
fn stamp(text: &str, zone: Zone<'_>) -> Option<i64> {
    let end = |suffix: &str| {
        let (digits, end) = text.split_at_checked(text.len().checked_sub(suffix.len())?)?;
        (!digits.is_empty() && end.eq_ignore_ascii_case(suffix)).then_some(digits)
    };
    let utc = end("UTC").or_else(|| end("Z"));
    let digits = utc.unwrap_or(text);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = |from: usize, to: usize| digits.get(from..to)?.parse::<u32>().ok();
    let (hour, minute, second) = match digits.len() {
        8 => (0, 0, 0),
        12 => (number(8, 10)?, number(10, 12)?, 0),
        14 => (number(8, 10)?, number(10, 12)?, number(12, 14)?),
        _ => return None,
    };
    let year = digits.get(..4)?.parse().ok()?;
    let date = NaiveDate::from_ymd_opt(year, number(4, 6)?, number(6, 8)?)?;
    let time = date.and_hms_opt(hour, minute, second)?;
    let seconds = if utc.is_some() { Some(time.and_utc().timestamp()) } else { zone(time) };
    seconds.filter(|seconds| *seconds > 0)
}

/// Tells whether a name matches a list of patterns such as `*@example.org,!bob@*`.
///
/// A pattern with `!` that matches refuses, whatever the others say.
pub(super) fn matches_list(name: &str, list: &str) -> bool {
    let mut matched = false;
    for pattern in list.split(',') {
        let (refuses, pattern) = match pattern.strip_prefix('!') {
            Some(pattern) => (true, pattern),
            None => (false, pattern),
        };
        if pattern.len() >= LONGEST_PATTERN {
            return false;
        }
        if matches(name.as_bytes(), pattern.as_bytes()) {
            if refuses {
                return false;
            }
            matched = true;
        }
    }
    matched
}

/// A longer pattern makes OpenSSH refuse the whole list.
const LONGEST_PATTERN: usize = 1_023;

/// Matches `*` and `?`, without going back further than the last `*`.
fn matches(name: &[u8], pattern: &[u8]) -> bool {
    let (mut at, mut on) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while at < name.len() {
        match pattern.get(on) {
            Some(b'*') => {
                star = Some((on, at));
                on += 1;
            }
            Some(letter) if *letter == b'?' || name.get(at) == Some(letter) => {
                on += 1;
                at += 1;
            }
            _ => match star {
                Some((from, tried)) => {
                    star = Some((from, tried + 1));
                    (on, at) = (from + 1, tried + 1);
                }
                None => return false,
            },
        }
    }
    pattern.get(on..).is_some_and(|rest| rest.iter().all(|letter| *letter == b'*'))
}

/// The keys that count no more, whenever they signed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revoked(Vec<Key>);

/// Why a list of revoked keys cannot be used. Nothing passes until it can.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RevokedError {
    /// It is in OpenSSH's binary form.
    #[error("it is a binary KRL; `ssh-keygen -Q -f` reads those")]
    Krl,
    /// A line is no key.
    #[error("its line {0} is no public key")]
    Line(usize),
}

impl Revoked {
    /// Reads a list of public keys, one a line.
    ///
    /// # Errors
    ///
    /// When it is something else; it must not be taken for empty.
    pub fn parse(bytes: &[u8]) -> Result<Self, RevokedError> {
        if bytes.starts_with(b"SSHKRL\n\0") {
            return Err(RevokedError::Krl);
        }
        let text = String::from_utf8_lossy(bytes);
        let mut keys = Vec::new();
        for (index, line) in text.split('\n').enumerate() {
            let line = line.trim_start_matches([' ', '\t']);
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (key, _) = Key::parse(line).ok_or(RevokedError::Line(index + 1))?;
            keys.push(key);
        }
        Ok(Self(keys))
    }

    /// Tells whether a key is on it.
    #[must_use]
    pub fn holds(&self, key: &Key) -> bool {
        self.0.contains(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_openssh() {
        for (name, list, expected) in [
            ("ann@example.org", "ann@example.org", true),
            ("ann@example.org", "*@example.org", true),
            ("ann@example.org", "bob@example.org,ann@*", true),
            ("ann@example.org", "*,!ann@*", false),
            ("ann@example.org", "!ann@*,*", false),
            ("ann", "a?n", true),
            ("ann", "a?", false),
            ("ann", "", false),
            ("aXbXc", "*X*X*", true),
            ("Ann", "ann", false),
        ] {
            assert_eq!(matches_list(name, list), expected, "{name} in {list}");
        }
    }

    #[test]
    fn a_stamp_is_local_without_z() {
        let utc = |time: NaiveDateTime| Some(time.and_utc().timestamp());
        let berlin = |time: NaiveDateTime| Some(time.and_utc().timestamp() - 3600);
        assert_eq!(stamp("20260101", &utc), Some(1_767_225_600));
        assert_eq!(stamp("20260101", &berlin), Some(1_767_222_000));
        assert_eq!(stamp("20260101Z", &berlin), Some(1_767_225_600));
        assert_eq!(stamp("202601010101z", &berlin), Some(1_767_229_260));
        assert_eq!(stamp("20260101010101UTC", &berlin), Some(1_767_229_261));
        for wrong in ["", "Z", "2026", "20261301", "2026-01-01", "19700101Z", "+2026010"] {
            assert_eq!(stamp(wrong, &utc), None, "{wrong}");
        }
    }
}
