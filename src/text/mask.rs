//! Secrets taken out of any text, in whatever form they stand there.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::HashSet;
use std::ops::Range;

use crate::text::shapes::shapes;

/// What stands in the place of a secret.
pub const MARK: &str = "‹secret›";

/// What stands there when a secret is part of the usual mark.
const OTHER_MARK: &str = "‹•••›";

/// Secrets at least this long are masked wherever they stand, shorter ones only as whole words.
const LONG: usize = 6;

/// Values shorter than this are no secret: masking every `1` would hide everything else.
const SHORT: usize = 3;

/// How many bytes of a line are kept.
const LINE: usize = 64 << 10;

/// The secrets that may not be shown, and the shapes of those nobody told us of.
#[derive(Clone, Default, PartialEq)]
pub struct Mask {
    /// Every form of every long secret.
    forms: HashSet<Box<[u8]>>,
    /// How long the forms are that begin alike, the longest first. There may be thousands of them,
    /// so that they are looked up and not compared one by one.
    lengths: HashMap<[u8; LONG], Vec<usize>>,
    /// The short secrets.
    words: BTreeSet<Box<str>>,
    /// Whether the usual mark would show a secret.
    other_mark: bool,
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter.write_str("Mask(…)")
    }
}

impl Mask {
    /// Builds a mask of these secrets.
    pub fn new<S: AsRef<str>>(secrets: impl IntoIterator<Item = S>) -> Self {
        let mut mask = Self::default();
        for secret in secrets {
            mask.add(secret.as_ref());
        }
        mask
    }

    /// Adds a secret.
    pub fn add(&mut self, secret: &str) {
        let trimmed = secret.trim();
        self.other_mark |= MARK.contains(trimmed) && !trimmed.is_empty();
        if trimmed.len() < SHORT {
            return;
        }
        if trimmed.len() < LONG {
            self.words.insert(trimmed.into());
            return;
        }
        let lines = trimmed.lines().map(str::trim).filter(|line| line.len() < trimmed.len());
        // A secret may hold another that is told without it: the password of a URL, a bearer
        // token, a cookie's value.
        let words = trimmed.split([' ', ';', ',', '&']);
        let values = words.filter_map(|word| Some(word.split_once('=')?.1));
        let within = shapes(trimmed).into_iter().map(|range| &trimmed[range]).chain(values);
        for part in lines.chain([trimmed]).chain(within).filter(|part| part.len() >= LONG) {
            for form in forms(part) {
                self.add_form(form);
            }
        }
    }

    fn add_form(&mut self, form: String) {
        let Some(head) = form.as_bytes().first_chunk::<LONG>() else {
            return;
        };
        let lengths = self.lengths.entry(*head).or_insert_with(|| Vec::with_capacity(1));
        if let Err(at) = lengths.binary_search_by(|length| form.len().cmp(length)) {
            lengths.insert(at, form.len());
        }
        self.forms.insert(form.into_bytes().into());
    }

    /// Masks a line, and cuts it when it is very long.
    ///
    /// A private key of several lines needs [`Mask::lines`].
    #[must_use]
    pub fn line(&self, line: &str) -> String {
        let mut masked = self.all(line).into_owned();
        if masked.len() > LINE {
            masked.truncate(masked.floor_char_boundary(LINE));
            masked.push('…');
        }
        masked
    }

    /// Masks a text of several lines.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        self.all(text).into_owned()
    }

    /// Masks lines as they come.
    #[must_use]
    pub fn lines(&self) -> Lines<'_> {
        Lines { mask: self, in_key: false }
    }

    fn all<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut ranges = shapes(text);
        self.find(text, &mut ranges);
        if ranges.is_empty() {
            return Cow::Borrowed(text);
        }
        ranges.sort_by_key(|range| (range.start, range.end));
        let mark = if self.other_mark { OTHER_MARK } else { MARK };
        let mut masked = String::with_capacity(text.len());
        let mut shown = 0;
        for range in ranges {
            if range.start >= shown && (range.start > shown || shown == 0 || masked.is_empty()) {
                masked.push_str(&text[shown..range.start]);
                masked.push_str(mark);
            }
            shown = shown.max(range.end);
        }
        masked.push_str(&text[shown..]);
        Cow::Owned(masked)
    }

    fn find(&self, text: &str, ranges: &mut Vec<Range<usize>>) {
        let windows = if self.forms.is_empty() { &[] } else { text.as_bytes() }.windows(LONG);
        for (at, window) in windows.enumerate() {
            let Some(lengths) = window.first_chunk().and_then(|head| self.lengths.get(head)) else {
                continue;
            };
            let rest = &text.as_bytes()[at..];
            let is_form = |length: &&usize| {
                rest.get(..**length).is_some_and(|form| self.forms.contains(form))
            };
            ranges.extend(lengths.iter().find(is_form).map(|length| at..at + length));
        }
        for word in &self.words {
            for (at, found) in text.match_indices(&**word) {
                let end = at + found.len();
                let before = text[..at].chars().next_back();
                let after = text[end..].chars().next();
                let inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
                if !inside(before) && !inside(after) {
                    ranges.push(at..end);
                }
            }
        }
    }
}

/// A mask over lines as they come, which remembers being inside a private key.
#[derive(Clone, Debug)]
pub struct Lines<'m> {
    mask: &'m Mask,
    in_key: bool,
}

impl Lines<'_> {
    /// Masks the next line.
    pub fn next(&mut self, line: &str) -> String {
        if self.in_key {
            let Some((_, after)) = line.split_once("-----END ") else {
                return MARK.to_owned();
            };
            self.in_key = false;
            let rest = after.split_once("-----").map_or("", |(_, rest)| rest);
            return format!("{MARK}{}", self.mask.line(rest));
        }
        self.in_key = line.rsplit_once("-----BEGIN ").is_some_and(|(_, rest)| {
            rest.contains("KEY-----") && !rest.contains("PUBLIC") && !rest.contains("-----END ")
        });
        self.mask.line(line)
    }
}

/// Returns the forms a secret may stand in. Most secrets are letters and digits alone, which many
/// of the forms leave as they are.
fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned()];
    let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\' | b'/');
    if !secret.bytes().all(plain) {
        let json = quoted(secret);
        for form in [ascii(&json), json] {
            for form in [form.replace('/', "\\/"), form] {
                forms.extend([quoted(&form), form]);
            }
        }
    }
    for digits in [b"0123456789ABCDEF", b"0123456789abcdef"] {
        if !secret.bytes().all(is_unreserved) {
            forms.push(percent(secret, digits));
        }
        forms.push(hex(secret, digits));
    }
    for shift in 0..3 {
        let form = base64(secret.as_bytes(), shift);
        if form.contains(['+', '/']) {
            forms.push(form.replace('+', "-").replace('/', "_"));
        }
        forms.push(form);
    }
    forms
}

/// Returns a text as it stands between the quotes of a JSON string.
fn quoted(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    json[1..json.len() - 1].to_owned()
}

/// Returns a JSON text as those write it who keep to ASCII.
fn ascii(json: &str) -> String {
    let mut text = String::new();
    for c in json.chars() {
        match c {
            c if c.is_ascii() => text.push(c),
            c => (c.encode_utf16(&mut [0; 2]).iter())
                .for_each(|unit| text.push_str(&format!("\\u{unit:04x}"))),
        }
    }
    text
}

fn percent(secret: &str, digits: &[u8; 16]) -> String {
    let mut text = String::new();
    for byte in secret.bytes() {
        if is_unreserved(byte) {
            text.push(char::from(byte));
        } else {
            text.push('%');
            text.extend(pair(byte, digits));
        }
    }
    text
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~')
}

fn hex(secret: &str, digits: &[u8; 16]) -> String {
    let mut text = String::with_capacity(secret.len() * 2);
    text.extend(secret.bytes().flat_map(|byte| pair(byte, digits)));
    text
}

fn pair(byte: u8, digits: &[u8; 16]) -> [char; 2] {
    [byte >> 4, byte & 15].map(|digit| char::from(digits[usize::from(digit)]))
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Encodes a secret that stands `shift` bytes behind a group's beginning, without the characters
/// that also depend on its neighbours.
fn base64(secret: &[u8], shift: usize) -> String {
    let bits = secret.len() * 8;
    let first = [0, 4, 2][shift % 3];
    let mut text = String::with_capacity(bits / 6 + 1);
    let mut at = first;
    while at + 6 <= bits {
        let pair = u16::from(secret[at / 8]) << 8
            | u16::from(secret.get(at / 8 + 1).copied().unwrap_or_default());
        let index = (pair >> (10 - at % 8)) & 63;
        text.push(char::from(STANDARD[usize::from(index)]));
        at += 6;
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn masked(text: &str, expected: &str) {
        let mask = Mask::new(["s3cr3t/+value", "abc"]);
        assert_eq!(mask.line(text), expected);
    }

    #[test]
    fn a_secret_is_masked_in_every_form() {
        masked("a s3cr3t/+value b", "a ‹secret› b");
        masked("xs3cr3t/+valuex", "x‹secret›x");
        masked("s3cr3t%2F%2Bvalue s3cr3t%2f%2bvalue", "‹secret› ‹secret›");
        masked("czNjcjN0Lyt2YWx1ZQ==", "‹secret›Q==");
        masked(r"s3cr3t\/+value s3cr3t\\/+value", "‹secret› ‹secret›");
        assert_eq!(Mask::new(["p\"ä/12"]).line(r#"p\"ä/12 p\\\"\\u00e4/12"#), "‹secret› ‹secret›");
        masked("733363723374 7333637233742F2B76616C7565", "733363723374 ‹secret›");
    }

    #[test]
    fn a_secret_within_a_secret_is_masked_alone_too() {
        let secrets = ["postgres://bot:q7-r8-s9@db/claw", "Bearer a1b2c3d4", "sid=z0y9x8w; a=b"];
        assert_eq!(
            Mask::new(secrets).line("no role q7-r8-s9, a1b2c3d4 was z0y9x8w"),
            "no role ‹secret›, ‹secret› was ‹secret›"
        );
    }

    #[test]
    fn short_secrets_are_masked_as_words() {
        masked("abc abcd (abc) _abc", "‹secret› abcd (‹secret›) _abc");
    }

    #[test]
    fn a_secret_is_masked_inside_base64_of_more() {
        let mask = Mask::new(["correct-horse"]);
        for text in ["YTpjb3JyZWN0LWhvcnNl", "dXM6Y29ycmVjdC1ob3JzZQ==", "dXNlOmNvcnJlY3QtaG9yc2Uh"]
        {
            let line = mask.line(text);
            assert!(line.contains(MARK) && line.len() < 22, "{line}");
        }
    }

    #[test]
    fn secrets_are_known_by_their_shape() {
        #[track_caller]
        fn shape(text: &str, expected: &str) {
            assert_eq!(Mask::default().line(text), expected);
        }
        shape("Authorization: Bearer abcdef123456", "Authorization: Bearer ‹secret›");
        shape("basic authentication is off", "basic authentication is off");
        shape("http://h/#token=abcd1234&x=1", "http://h/#token=‹secret›&x=1");
        shape("wss://u:pw12@h/?token=abcd", "wss://u:‹secret›@h/?token=‹secret›");
        shape("\"botToken\": \"hunter2!\", \"x\": 1", "\"botToken\": \"‹secret›\", \"x\": 1");
        shape(
            "OPENCLAW_GATEWAY_TOKEN=abcd1234 openclaw",
            "OPENCLAW_GATEWAY_TOKEN=‹secret› openclaw",
        );
        shape(
            "--token ${TOKEN} \"token\": \"${TOKEN}\"",
            "--token ${TOKEN} \"token\": \"${TOKEN}\"",
        );
        shape("gateway.auth.token: missing", "gateway.auth.token: missing");
        shape("x 12345678:AAFAKEFAKEFAKEFAKEFAKEFAKEFAKEFA y", "x ‹secret› y");
        shape("/bot12345678:AAFAKEFAKEFAKEFAKEFAKEFAKEFAKEFA/getMe", "/bot‹secret›/getMe");
        shape("eyJhbGciOiJI.eyJzdWIiOiIx.sig", "‹secret›");
        shape("xoxb-1234567890-abc, sk-ant-api03-FAKEFAKE1", "‹secret›, ‹secret›");
        shape(
            "https://hooks.slack.com/services/T0/B0/abcdefgh",
            "https://hooks.slack.com/services/‹secret›",
        );
        shape("k: -----BEGIN RSA PRIVATE KEY-----\\nMII", "k: ‹secret›");
        shape("-----BEGIN PUBLIC KEY-----", "-----BEGIN PUBLIC KEY-----");
        shape(
            "maxTokens: 20000000, tokenFile: \"/run/t0k3n\"",
            "maxTokens: 20000000, tokenFile: \"/run/t0k3n\"",
        );
        shape(
            "channels.telegram.accounts.main.botToken",
            "channels.telegram.accounts.main.botToken",
        );
        shape("sha256:0123456789abcdef0123456789abcdef", "sha256:0123456789abcdef0123456789abcdef");
    }

    #[test]
    fn a_private_key_is_masked_over_its_lines() {
        let mask = Mask::default();
        let mut lines = mask.lines();
        let text = "a\n-----BEGIN PRIVATE KEY-----\nMIIE\nabcd\n-----END PRIVATE KEY-----\nb";
        let shown: Vec<String> = text.lines().map(|line| lines.next(line)).collect();
        assert_eq!(shown, ["a", MARK, MARK, MARK, MARK, "b"]);
    }

    #[test]
    fn thousands_of_secrets_that_begin_alike_are_masked_without_comparing_each() {
        let secrets: Vec<String> = (0..4000).map(|n| format!("7000000{n}:AAFalike{n}")).collect();
        let mask = Mask::new(&secrets);
        for secret in &secrets {
            assert_eq!(mask.line(secret), MARK);
        }
    }

    #[test]
    fn a_secret_that_is_part_of_the_mark_gets_another_mark() {
        assert_eq!(Mask::new(["secret"]).line("my secret"), "my ‹•••›");
    }

    #[test]
    fn a_very_long_line_is_cut_after_masking() {
        let mask = Mask::new(["0123456789"]);
        let line = format!("{}0123456789", "é".repeat(LINE));
        let masked = mask.line(&line);
        assert!(masked.len() <= LINE + 3 && masked.ends_with('…'));
    }

    proptest! {
        #[test]
        fn no_masked_value_comes_through(
            secrets in prop::collection::vec("[a-d\"\\\\/é+-]{6,12}", 1..4),
            picks in prop::collection::vec((0usize..4, "[a-d \"\\\\=:]{0,6}"), 0..8),
        ) {
            let mask = Mask::new(&secrets);
            let mut text = String::new();
            for (pick, between) in picks {
                text.push_str(&secrets[pick % secrets.len()]);
                text.push_str(&between);
            }
            let masked = mask.text(&text);
            for secret in &secrets {
                prop_assert!(!masked.contains(secret.trim()), "{secret:?} in {masked:?}");
            }
        }

        #[test]
        fn any_text_can_be_masked(text: String) {
            let mask = Mask::new(["abcdef", "x"]);
            let _ = mask.line(&text);
        }

        #[test]
        fn any_text_of_secret_signs_can_be_masked(
            text in "(token|=|:|\"|'|\\\\|://|@|/|\\?|#|é|-----BEGIN |KEY-----|bearer |bot|1234567:|eyJ| |sk-|\n){0,20}"
        ) {
            let _ = Mask::default().text(&text);
        }
    }
}
