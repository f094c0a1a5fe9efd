//! Secrets known by their shape: tokens of well-known makers, credentials in URLs, private keys.

use std::ops::Range;

/// Beginnings of well-known tokens, and how many characters follow at least.
const MAKERS: [(&str, usize); 31] = [
    ("sk-", 16),
    ("sk_live_", 10),
    ("sk_test_", 10),
    ("rk_live_", 10),
    ("pk_live_", 10),
    ("ghp_", 10),
    ("gho_", 10),
    ("ghu_", 10),
    ("ghs_", 10),
    ("ghr_", 10),
    ("github_pat_", 10),
    ("glpat-", 16),
    ("xoxb-", 10),
    ("xoxp-", 10),
    ("xoxa-", 10),
    ("xoxr-", 10),
    ("xoxs-", 10),
    ("xoxe-", 10),
    ("xapp-", 10),
    ("gsk_", 10),
    ("AIza", 20),
    ("ya29.", 10),
    ("npm_", 10),
    ("pypi-", 10),
    ("pplx-", 10),
    ("hf_", 16),
    ("tvly-", 10),
    ("SG.", 20),
    ("AKIA", 16),
    ("dop_v1_", 10),
    ("whsec_", 16),
];

/// Paths whose rest is a secret.
const WEBHOOKS: [&str; 4] = [
    "hooks.slack.com/services/",
    "hooks.slack.com/workflows/",
    "discord.com/api/webhooks/",
    "discordapp.com/api/webhooks/",
];

/// Names of URL parameters that hold a secret, beside those that say so.
const PARAMETERS: [&str; 11] =
    ["key", "code", "sig", "signature", "auth", "pass", "session", "jwt", "sid", "ticket", "nonce"];

/// Ends of names that speak of a secret without holding it.
const NOT: [&str; 15] = [
    "file", "path", "dir", "env", "envvar", "field", "comment", "mode", "source", "provider",
    "count", "limit", "budget", "name", "header",
];

/// Ends of names that hold a secret.
const ENDS: [&str; 16] = [
    "token",
    "credential",
    "credentials",
    "authorization",
    "cookie",
    "bearer",
    "passphrase",
    "passwd",
    "accesskey",
    "authkey",
    "aeskey",
    "signingkey",
    "servicerolekey",
    "anonkey",
    "serviceaccount",
    "accesskeyid",
];

/// Parts of names that hold a secret.
const WITHIN: [&str; 6] =
    ["password", "secret", "apikey", "encryptkey", "encryptionkey", "privatekey"];

/// How much of a word is looked at to tell its shape.
const LOOK: usize = 512;

/// Says whether a key, variable, flag or header is named like one that holds a secret.
#[must_use]
pub fn names_secret(name: &str) -> bool {
    if name.len() > 200 {
        return false;
    }
    let mut letters = [0; 200];
    let mut length = 0;
    for letter in name.bytes().filter(u8::is_ascii_alphanumeric) {
        letters[length] = letter.to_ascii_lowercase();
        length += 1;
    }
    let name = &letters[..length];
    let ends = |ends: &[&str]| {
        let last = name.last();
        ends.iter().any(|end| end.as_bytes().last() == last && name.ends_with(end.as_bytes()))
    };
    if ends(&NOT) {
        return false;
    }
    let holds = |part: &[u8]| name.windows(part.len()).any(|window| window == part);
    name == b"tokens"
        || name == b"jwt"
        || ends(&ENDS)
        || WITHIN.iter().any(|part| holds(part.as_bytes()))
}

/// The fewest characters that have the shape of a secret.
const LEAST: usize = 8;

/// The fewest characters of a well-known token.
const LEAST_MADE: usize = 13;

/// Finds the parts of a text that look like secrets, in order and apart from one another.
#[must_use]
pub fn shapes(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    if text.len() < LEAST {
        return found;
    }
    let signs = Signs::of(text);
    if signs.rule {
        private_keys(text, &mut found);
    }
    if signs.longest >= LEAST_MADE {
        words(text, &mut found);
    }
    if signs.gap {
        schemes(text, &mut found);
    }
    if signs.assigns {
        assignments(text, &mut found);
    }
    if signs.slash {
        urls(text, &mut found);
    }
    found.sort_by_key(|range| (range.start, range.end));
    let mut apart: Vec<Range<usize>> = Vec::new();
    for range in found {
        match apart.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => apart.push(range),
        }
    }
    apart
}

/// Which shapes a text can hold at all, by its bytes: most texts of a config hold none.
#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a sign of its own, and any may be there"
)]
struct Signs {
    /// Whether dashes draw a line.
    rule: bool,
    gap: bool,
    assigns: bool,
    slash: bool,
    /// The length of the longest word.
    longest: usize,
}

impl Signs {
    fn of(text: &str) -> Self {
        let mut signs = Self::default();
        let (mut length, mut dashes) = (0, 0);
        for b in text.bytes() {
            dashes = if b == b'-' { dashes + 1 } else { 0 };
            signs.rule |= dashes == 5;
            if !is_token(b) {
                signs.gap |= b == b' ';
                length = 0;
                continue;
            }
            length += 1;
            signs.longest = signs.longest.max(length);
            match b {
                b'%' => signs.gap = true,
                b'=' | b':' => signs.assigns = true,
                b'/' => signs.slash = true,
                _ => {}
            }
        }
        signs
    }
}

/// Finds private keys, from their first line to the last one there is.
fn private_keys(text: &str, found: &mut Vec<Range<usize>>) {
    let mut from = 0;
    while let Some(start) = text[from..].find("-----BEGIN ").map(|at| from + at) {
        let head = &text[start + 11..];
        let label = head.split("-----").next().unwrap_or_default();
        from = start + 11;
        if label.len() > 40 || !label.ends_with("KEY") || label.contains("PUBLIC") {
            continue;
        }
        let body = from + label.len();
        let end = text[body..].find("-----END ").map_or(text.len(), |at| {
            let end = body + at + 9;
            text[end..].find("-----").map_or(text.len(), |at| end + at + 5)
        });
        found.push(start..end);
        from = end;
    }
}

/// Finds tokens that are a word by themselves.
fn words(text: &str, found: &mut Vec<Range<usize>>) {
    let bytes = text.as_bytes();
    let mut start = 0;
    while start < bytes.len() {
        let end = start + run(&bytes[start..], is_token);
        if end == start {
            start += 1;
            continue;
        }
        // Words of the path of a URL are looked at one by one.
        let mut from = start;
        for part in text[start..end].split('/') {
            word(text, from..from + part.len(), found);
            from += part.len() + 1;
        }
        start = end;
    }
}

fn word(text: &str, at: Range<usize>, found: &mut Vec<Range<usize>>) {
    let word = &text[at.clone()];
    if word.len() < LEAST_MADE {
        return;
    }
    for from in 0..=word.len() - LEAST_MADE {
        let boundary = from == 0
            || !word.as_bytes()[from - 1].is_ascii_alphanumeric()
            || word[..from].ends_with("bot") && word.as_bytes()[from].is_ascii_digit();
        if boundary && is_made(start_of(&word[from..])) {
            let start = at.start + from;
            let after = run(&text.as_bytes()[start..], is_token);
            let slash = text[start..start + after].find('/').unwrap_or(after);
            let length = if is_bot_token(start_of(&word[from..])) { slash } else { after };
            found.push(start..start + length);
            return;
        }
    }
}

/// Returns as much of a word as is looked at, so that long words take no longer.
fn start_of(word: &str) -> &str {
    &word[..word.floor_char_boundary(LOOK)]
}

fn is_made(word: &str) -> bool {
    let tail = |tail: &str| run(tail.as_bytes(), is_word);
    let first = word.as_bytes().first();
    let mut makers = MAKERS.iter().filter(|(prefix, _)| prefix.as_bytes().first() == first);
    let made = makers.any(|(prefix, least)| {
        word.strip_prefix(prefix).is_some_and(|rest| {
            tail(rest) >= *least && (rest.bytes().any(|b| b.is_ascii_digit()) || *least < 16)
        })
    });
    made || is_jwt(word) || is_bot_token(word) || is_discord_token(word)
}

fn is_jwt(word: &str) -> bool {
    let mut parts = word.split('.');
    let long = |part: Option<&str>| part.is_some_and(|part| part.len() >= 10);
    word.starts_with("eyJ") && long(parts.next()) && long(parts.next())
}

fn is_bot_token(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit())
        && word.split_once(':').is_some_and(|(number, rest)| {
            number.len() >= 6
                && number.bytes().all(|b| b.is_ascii_digit())
                && run(rest.as_bytes(), is_word) >= 30
        })
}

fn is_discord_token(word: &str) -> bool {
    if !word.bytes().take(31).any(|b| b == b'.') {
        return false;
    }
    let mut parts = word.split('.');
    let [Some(id), Some(time), Some(rest)] = [parts.next(), parts.next(), parts.next()] else {
        return false;
    };
    let all = |part: &str| part.bytes().all(is_word);
    (23..=30).contains(&id.len())
        && (5..=7).contains(&time.len())
        && run(rest.as_bytes(), is_word) >= 27
        && all(id)
        && all(time)
}

/// Finds what follows `Bearer` and `Basic`.
fn schemes(text: &str, found: &mut Vec<Range<usize>>) {
    let starts: Vec<usize> = begins(text.as_bytes(), b'b').collect();
    for scheme in ["bearer ", "basic ", "bearer%20", "basic%20"] {
        let mut covered = 0;
        for &at in &starts {
            let head = text.as_bytes().get(at..at + scheme.len());
            if at < covered || !head.is_some_and(|h| h.eq_ignore_ascii_case(scheme.as_bytes())) {
                continue;
            }
            let start = at + scheme.len();
            let length = run(&text.as_bytes()[start..], is_token);
            if length >= 8 && is_opaque(&text[start..start + length]) {
                covered = start + length;
                found.push(start..covered);
            }
        }
    }
}

/// Returns where a letter stands, small or capital.
fn begins(bytes: &[u8], letter: u8) -> impl Iterator<Item = usize> {
    let found = bytes.iter().enumerate().filter(move |(_, b)| b.to_ascii_lowercase() == letter);
    found.map(|(at, _)| at)
}

/// Finds what is given to a secret's name: `token=…`, `"apiKey": "…"`, `password: …`.
fn assignments(text: &str, found: &mut Vec<Range<usize>>) {
    let mut covered = 0;
    for (at, sign) in text.match_indices(['=', ':']) {
        if at >= covered
            && is_named_secret(&text[..at], sign)
            && let Some(value) = assigned(text, at + 1, sign)
        {
            covered = value.end;
            found.push(value);
        }
    }
}

/// Says whether what stands before a sign is the name of a secret.
fn is_named_secret(before: &str, sign: &str) -> bool {
    let before = before.trim_end_matches(['"', '\'', '\\', ' ']);
    let length = before.bytes().rev().take_while(|&b| is_word(b)).count();
    let (before, name) = before.split_at(before.len() - length);
    let parameter = sign == "=" && before.ends_with(['?', '&', '#']);
    names_secret(name) || parameter && PARAMETERS.contains(&name)
}

/// Returns the value behind a sign, where there is one that can be a secret.
fn assigned(text: &str, from: usize, sign: &str) -> Option<Range<usize>> {
    let rest = text[from..].trim_start_matches([' ', '\\']);
    let start = text.len() - rest.len();
    let (start, end) = match rest.chars().next()? {
        quote @ ('"' | '\'') => {
            let length = rest[1..].find([quote, '\n']).unwrap_or(rest.len() - 1);
            (start + 1, start + 1 + length)
        }
        '$' | '<' | '‹' => return None,
        _ if sign == "=" => (start, start + run(rest.as_bytes(), |b| !is_end(b))),
        _ => {
            let look = run(start_of(rest).as_bytes(), |b| !is_end(b));
            if look < 8 || !is_opaque(&rest[..look]) {
                return None;
            }
            (start, start + run(rest.as_bytes(), |b| !is_end(b)))
        }
    };
    let value = text[start..end].trim_end_matches('\\');
    (is_value(value) && value.len() >= 4).then(|| start..start + value.len())
}

/// Finds user names with passwords in URLs, and webhooks whose path is the secret.
fn urls(text: &str, found: &mut Vec<Range<usize>>) {
    for (at, sign) in text.match_indices("://") {
        let start = at + sign.len();
        let length =
            run(&text.as_bytes()[start..], |b| !matches!(b, b'/' | b'?' | b'#') && !is_end(b));
        let authority = &text[start..start + length];
        if let Some((user, _)) = authority.rsplit_once('@') {
            let from = user.find(':').map_or(start, |colon| start + colon + 1);
            let secret = &text[from..start + user.len()];
            if is_value(secret) {
                found.push(from..start + user.len());
            }
        }
    }
    for webhook in WEBHOOKS {
        for (at, _) in text.match_indices(webhook) {
            let start = at + webhook.len();
            let length = run(&text.as_bytes()[start..], |b| !is_end(b));
            if length >= 10 {
                found.push(start..start + length);
            }
        }
    }
}

/// Says whether a value is one: not empty, not a reference, not already masked.
fn is_value(value: &str) -> bool {
    !(value.is_empty()
        || value.starts_with('$')
        || value.starts_with('‹')
        || value.starts_with('<')
        || value.bytes().all(|b| b == b'*')
        || value.len() < 64 && value.contains("REDACTED"))
}

/// Says whether a word looks drawn by lot rather than written.
fn is_opaque(word: &str) -> bool {
    word.bytes().any(|b| b.is_ascii_digit() || b == b'=')
        || word.bytes().skip(1).any(|b| b.is_ascii_uppercase())
            && word.bytes().any(|b| b.is_ascii_lowercase())
}

fn run(bytes: &[u8], is: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|&&b| is(b)).count()
}

fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')
}

fn is_token(b: u8) -> bool {
    is_word(b) || matches!(b, b'.' | b'~' | b'+' | b'/' | b':' | b'=' | b'%')
}

fn is_end(b: u8) -> bool {
    b.is_ascii_whitespace()
        || matches!(b, b'"' | b'\'' | b'&' | b'#' | b',' | b';' | b')' | b'}' | b'<' | b'>' | b'`')
}
