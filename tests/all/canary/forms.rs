//! The forms in which a secret can stand in a text, and looking for all of them.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// How many bytes of a long secret in a row give it away.
const TELLING: usize = 12;

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Every form of every secret.
#[derive(Clone, Debug)]
pub(crate) struct Forms {
    /// What each form is, by the form.
    forms: BTreeMap<Vec<u8>, String>,
    /// The first bytes of the forms, to look quickly.
    heads: BTreeSet<[u8; 4]>,
}

impl Forms {
    /// Collects the forms of secrets; of a long one, every part that is long enough to tell.
    pub(crate) fn of(secrets: &BTreeMap<String, String>) -> Self {
        let mut forms = BTreeMap::new();
        for (place, secret) in secrets {
            let mut add = |form: &[u8], name: &str| {
                if form.len() < 4 {
                    return;
                }
                for part in form.windows(form.len().min(TELLING)) {
                    forms
                        .entry(part.to_vec())
                        .or_insert_with(|| format!("{name} of {place}, {secret}"));
                }
            };
            for (name, form) in plain(secret) {
                add(form.as_bytes(), name);
            }
            for table in [STANDARD, URL_SAFE] {
                for shift in 0..3 {
                    // Two characters at the end depend on what follows.
                    let form = base64(&[&vec![0; shift], secret.as_bytes()].concat(), table);
                    let form = &form[[0, 2, 3][shift]..];
                    add(&form.as_bytes()[..form.len().saturating_sub(2)], "base64");
                }
            }
        }
        let heads = forms.keys().filter_map(|form| form.first_chunk().copied()).collect();
        Self { forms, heads }
    }

    /// Returns the first form that stands in a text.
    pub(crate) fn found_in(&self, text: &[u8]) -> Option<String> {
        for (at, window) in text.windows(4).enumerate() {
            if !window.first_chunk().is_some_and(|head: &[u8; 4]| self.heads.contains(head)) {
                continue;
            }
            let rest = &text[at..];
            for length in 4..=TELLING.min(rest.len()) {
                if let Some(name) = self.forms.get(&rest[..length]) {
                    return Some(name.clone());
                }
            }
        }
        None
    }

    /// Checks that no form stands in a text.
    #[track_caller]
    pub(crate) fn assert_absent_from(&self, what: &str, text: &[u8]) {
        if let Some(found) = self.found_in(text) {
            let text = String::from_utf8_lossy(text);
            let line = text.lines().find(|line| self.found_in(line.as_bytes()).is_some());
            let line: String = line.unwrap_or_default().chars().take(400).collect();
            panic!("{what} holds {found}\nin the line: {line}");
        }
    }
}

/// Returns a secret as others would print it, each form with its name.
pub(crate) fn written(secret: &str) -> Vec<(&'static str, String)> {
    let mut written = plain(secret);
    for (name, before) in [("base64-0", ""), ("base64-1", "u"), ("base64-2", "u:")] {
        written.push((name, base64(format!("{before}{secret}").as_bytes(), STANDARD)));
        written.push((name, base64(format!("{before}{secret}").as_bytes(), URL_SAFE)));
    }
    written
}

fn plain(secret: &str) -> Vec<(&'static str, String)> {
    let json = serde_json::Value::from(secret).to_string();
    let hex = |digits: &[u8; 16]| -> String {
        let pair = |b: u8| [b >> 4, b & 15].map(|digit| char::from(digits[usize::from(digit)]));
        secret.bytes().flat_map(pair).collect()
    };
    let percent = |upper: bool| -> String {
        let written = |b: u8| match (b.is_ascii_alphanumeric() || b"-_.~".contains(&b), upper) {
            (true, _) => char::from(b).to_string(),
            (false, true) => format!("%{b:02X}"),
            (false, false) => format!("%{b:02x}"),
        };
        secret.bytes().map(written).collect()
    };
    // As those write it who keep to ASCII and escape slashes; no secret here needs two units.
    let ascii = |c: char| match c {
        '/' => "\\/".to_owned(),
        c if c.is_ascii() => c.to_string(),
        c => format!("\\u{:04x}", u32::from(c)),
    };
    vec![
        ("json-ascii", json[1..json.len() - 1].chars().map(ascii).collect()),
        ("plain", secret.to_owned()),
        ("json", json[1..json.len() - 1].to_owned()),
        ("percent", percent(true)),
        ("percent-lower", percent(false)),
        ("hex", hex(b"0123456789abcdef")),
        ("hex-upper", hex(b"0123456789ABCDEF")),
    ]
}

fn base64(bytes: &[u8], table: &[u8; 64]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let at = |index: usize| u32::from(chunk.get(index).copied().unwrap_or_default());
        let group = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..=chunk.len() {
            let index = (group >> (18 - 6 * place)) & 63;
            text.push(char::from(table[index as usize]));
        }
        text.extend(std::iter::repeat_n('=', 3 - chunk.len()));
    }
    text
}
