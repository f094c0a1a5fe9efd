//! Untrusted text made safe to show on a terminal.

use std::fmt;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthChar;
use unicode_width::UnicodeWidthStr;

/// How many columns a line may have.
const LINE: usize = 1_000;

/// How many columns a text of several lines may have in all.
const TEXT: usize = 200_000;

/// How many characters may make up one letter on the screen.
const MARKS: usize = 10;

/// Text that cannot act on a terminal nor hide anything in it.
///
/// Controls are pictures (`␛`), what is invisible or turns the writing direction is spelled out
/// (`<U+202E>`), tabs are spaces, and the length is bounded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shown(String);

impl Shown {
    /// Makes a text safe to show on one line; its line ends become `⏎`.
    #[must_use]
    pub fn line(text: &str) -> Self {
        Self::within(text, LINE, "⏎")
    }

    /// Makes a text safe to show on several lines.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::within(text, TEXT, "\n")
    }

    /// Cuts to a number of columns, the last of which says that something is missing.
    #[must_use]
    pub fn cut(&self, columns: usize) -> Self {
        if self.width() <= columns {
            return self.clone();
        }
        let mut out = Bounded::new(columns);
        for grapheme in self.0.graphemes(true) {
            if !out.push(grapheme) {
                break;
            }
        }
        Self(out.text)
    }

    /// Returns how many columns it takes.
    #[must_use]
    pub fn width(&self) -> usize {
        self.0.width()
    }

    /// Returns it as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes the text out.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }

    fn within(text: &str, columns: usize, line_end: &str) -> Self {
        let is_ascii = |b: u8| b == b' ' || b.is_ascii_graphic();
        if text.len() <= columns && text.bytes().all(is_ascii) {
            return Self(text.to_owned());
        }
        let mut out = Bounded::new(columns);
        for grapheme in text.graphemes(true) {
            let pushed = match grapheme {
                "\n" | "\r\n" => out.push(line_end),
                "\t" => out.push("    "),
                _ if is_plain(grapheme) => out.push(grapheme),
                _ => out.push_escaped(grapheme),
            };
            if !pushed {
                break;
            }
        }
        Self(out.text)
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl AsRef<str> for Shown {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// A text that stops growing.
struct Bounded {
    text: String,
    columns: usize,
    used: usize,
    /// Where to cut to make room for the sign that something is missing.
    room: usize,
}

impl Bounded {
    fn new(columns: usize) -> Self {
        Self { text: String::new(), columns, used: 0, room: 0 }
    }

    /// Adds what must not be split, and says whether there was room.
    fn push(&mut self, part: &str) -> bool {
        let width = if part == "\n" { 1 } else { part.width() };
        if self.used + width > self.columns {
            self.text.truncate(self.room);
            if self.columns > 0 {
                self.text.push('…');
            }
            return false;
        }
        self.used += width;
        self.text.push_str(part);
        if self.used < self.columns {
            self.room = self.text.len();
        }
        true
    }

    fn push_escaped(&mut self, grapheme: &str) -> bool {
        for (at, (c, kept)) in kept(grapheme).enumerate() {
            if at == MARKS {
                let more = grapheme.chars().count() - MARKS;
                return self.push(&format!("<+{more}>"));
            }
            let pushed =
                if kept { self.push(c.encode_utf8(&mut [0; 4])) } else { self.push(&escape(c)) };
            if !pushed {
                return false;
            }
        }
        true
    }
}

/// Says whether a letter can be shown as it is.
fn is_plain(grapheme: &str) -> bool {
    kept(grapheme).all(|(_, kept)| kept) && grapheme.chars().nth(MARKS).is_none()
}

/// Says of each character of a letter whether it can be shown as it is.
fn kept(grapheme: &str) -> impl Iterator<Item = (char, bool)> {
    let mut before = None;
    let mut chars = grapheme.chars().peekable();
    std::iter::from_fn(move || {
        let c = chars.next()?;
        let kept = match (before, c) {
            (None, _) => !is_hidden(c) && c.width() != Some(0),
            (Some(before), '\u{200d}') => {
                (is_emoji(before) || before == '\u{fe0f}')
                    && chars.peek().is_some_and(|&after| is_emoji(after))
            }
            (Some(before), '\u{fe0f}') => takes_emoji_style(before),
            (Some(_), _) => !is_hidden(c),
        };
        before = Some(if kept { c } else { '>' });
        Some((c, kept))
    })
}

fn is_emoji(c: char) -> bool {
    matches!(c, '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}')
}

fn takes_emoji_style(c: char) -> bool {
    is_emoji(c) || matches!(c, '0'..='9' | '#' | '*' | '©' | '®' | '‼' | '⁉' | '™' | 'ℹ')
}

/// Says whether a character acts, turns the direction, or cannot be seen.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || c.is_whitespace() && c != ' '
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'
                | '\u{1160}'
                | '\u{17b4}'
                | '\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

fn escape(c: char) -> String {
    match u32::from(c) {
        code @ 0..=0x1f => char::from_u32(0x2400 + code).unwrap_or('␦').to_string(),
        0x7f => "␡".to_owned(),
        code => format!("<U+{code:04X}>"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn line(text: &str, expected: &str) {
        assert_eq!(Shown::line(text).as_str(), expected);
    }

    #[test]
    fn controls_become_pictures() {
        line("\u{1b}[2J\u{7}\0\u{7f}", "␛[2J␇␀␡");
        line("a\rb\r\nc\nd\te", "a␍b⏎c⏎d    e");
        line("\u{9b}31m\u{85}\u{2028}", "<U+009B>31m<U+0085><U+2028>");
        assert_eq!(Shown::text("a\r\nb\n").as_str(), "a\nb\n");
    }

    #[test]
    fn what_hides_or_turns_is_spelled_out() {
        line("\u{202e}txt", "<U+202E>txt");
        line("au\u{200b}th\u{ad}", "au<U+200B>th<U+00AD>");
        line("\u{2066}x\u{2069}\u{feff}", "<U+2066>x<U+2069><U+FEFF>");
        line("a\u{e0041}", "a<U+E0041>");
        line("lan\u{a0}", "lan<U+00A0>");
        line("a\u{200d}b", "a<U+200D>b");
        line("a\u{fe0f}\u{fe01}", "a<U+FE0F><U+FE01>");
    }

    #[test]
    fn letters_of_every_script_stay() {
        for text in ["naïve", "龙虾", "한국", "e\u{301}", "👨‍👩‍👧‍👦", "🇺🇸", "1️⃣", "❤️", "नि"]
        {
            line(text, text);
        }
    }

    #[test]
    fn marks_without_a_letter_or_without_end_are_told() {
        line("\u{301}a", "<U+0301>a");
        let zalgo = format!("a{}", "\u{301}".repeat(300));
        let kept = format!("a{}<+291>", "\u{301}".repeat(9));
        line(&zalgo, &kept);
    }

    #[test]
    fn a_cut_splits_no_letter_and_says_so() {
        assert_eq!(Shown::line("gateway").cut(7).as_str(), "gateway");
        assert_eq!(Shown::line("gateway").cut(6).as_str(), "gatew…");
        assert_eq!(Shown::line("龙虾网").cut(5).as_str(), "龙虾…");
        assert_eq!(Shown::line("龙虾网").cut(4).as_str(), "龙…");
        assert_eq!(Shown::line("ab").cut(0).as_str(), "");
        assert_eq!(Shown::line(&"x".repeat(5_000)).width(), LINE);
    }

    proptest! {
        #[test]
        fn nothing_shown_can_act_or_hide(text: String, columns in 0usize..40) {
            let shown = Shown::line(&text);
            prop_assert!(!shown.as_str().chars().any(char::is_control));
            let bad = |c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}' | '\u{feff}');
            prop_assert!(!shown.as_str().chars().any(bad));
            prop_assert!(shown.cut(columns).width() <= columns);
            let shown = Shown::text(&text);
            prop_assert!(!shown.as_str().chars().any(|c| c.is_control() && c != '\n'));
        }

        #[test]
        fn what_is_shown_twice_is_shown_alike(text in "[a\u{1b}\u{202e}\u{301}\u{200d}👩❤\u{fe0f}\n\r\t1]{0,12}") {
            let once = Shown::line(&text);
            let bad = |c: char| c.is_control() || c == '\u{202e}';
            prop_assert!(!once.as_str().chars().any(bad));
            let twice = Shown::line(once.as_str());
            prop_assert_eq!(&twice, &once);
        }
    }
}
