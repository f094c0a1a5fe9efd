//! How a text is written: what is put into it is written alike.

use serde_json::Value;

use crate::json5::places::is_blank;
use crate::json5::places::is_line_end;
use crate::json5::spans::Inner;
use crate::json5::spans::Item;
use crate::json5::spans::Written;

/// How long an array of plain values may be on one line.
const LINE: usize = 80;

/// How keys are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keys {
    /// Bare where JSON5 allows it.
    Bare,
    /// In these quotes.
    Quoted(char),
}

/// How new values are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// All on one line.
    Line,
    /// A line for each member.
    Lines,
}

/// How a text is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Style {
    pub(super) line_end: &'static str,
    /// What one level is indented by.
    pub(super) unit: String,
    pub(super) keys: Keys,
    /// The quote of texts.
    pub(super) quote: char,
    /// What stands between a key and its value.
    pub(super) colon: String,
    /// Whether the braces of an object on one line stand apart from its members.
    pub(super) pad: bool,
    /// Whether a comma stands behind the last member, where each has its line.
    pub(super) trailing: bool,
    pub(super) layout: Layout,
}

impl Style {
    /// Sees how a text is written. A text without an example is continued as plain JSON.
    pub(super) fn of(text: &str, root: &Written) -> Self {
        let mut seen = Seen::default();
        seen.look(text, root);
        let quote = seen.quotes.or(seen.key_quote).unwrap_or('"');
        let one_line =
            !root.items().is_empty() && !text[root.span.start..root.span.end].contains(is_line_end);
        let colon = seen.colon.unwrap_or_else(|| ": ".to_owned());
        Self {
            line_end: line_end(text),
            unit: seen.unit.unwrap_or_else(|| "  ".to_owned()),
            keys: if seen.bare { Keys::Bare } else { Keys::Quoted(seen.key_quote.unwrap_or('"')) },
            quote,
            pad: seen.pad.unwrap_or(colon.ends_with(is_blank)),
            colon,
            trailing: seen.trailing,
            layout: if one_line { Layout::Line } else { Layout::Lines },
        }
    }

    /// Returns the style of what joins these items.
    pub(super) fn beside(&self, text: &str, items: &[Item]) -> Self {
        let mut style = self.clone();
        let keys: Vec<_> = items.iter().filter_map(|item| item.key.as_ref()).collect();
        let quotes: Vec<Option<char>> =
            keys.iter().map(|key| quote(&text[key.span.start..])).collect();
        match quotes.last() {
            Some(_) if quotes.contains(&None) => style.keys = Keys::Bare,
            Some(Some(last)) => style.keys = Keys::Quoted(*last),
            Some(None) | None => {}
        }
        let texts = items.iter().rev().map(|item| quote(&text[item.value.span.start..]));
        if let Some(last) = texts.flatten().next() {
            style.quote = last;
        }
        if let Some(last) = items.last() {
            if let Some(colon) = colon(text, last) {
                style.colon = colon;
            }
            style.trailing = last.comma.is_some();
        }
        style
    }

    /// Returns what stands behind a comma on one line.
    pub(super) fn gap(&self) -> &'static str {
        if self.colon.ends_with(is_blank) { " " } else { "" }
    }

    /// Writes a member, or an element where there is no key.
    pub(super) fn item(
        &self,
        key: Option<&str>,
        value: &Value,
        indent: &str,
        layout: Layout,
    ) -> String {
        let value = self.value(value, indent, layout);
        match key {
            Some(key) => format!("{}{}{value}", self.key(key), self.colon),
            None => value,
        }
    }

    /// Writes a value that begins on a line with this indentation.
    pub(super) fn value(&self, value: &Value, indent: &str, layout: Layout) -> String {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
            Value::String(text) => quoted(text, self.quote),
            Value::Array(elements) => {
                let plain = elements.iter().all(|it| !it.is_object() && !it.is_array());
                let line = self.array(elements, indent, Layout::Line);
                if layout == Layout::Lines && !(plain && line.chars().count() <= LINE) {
                    self.array(elements, indent, Layout::Lines)
                } else {
                    line
                }
            }
            Value::Object(members) => {
                let items = members.iter().map(|(key, value)| (Some(key.as_str()), value));
                let pad = if self.pad { " " } else { "" };
                self.list(items.collect(), ["{", pad, "}"], indent, layout)
            }
        }
    }

    fn array(&self, elements: &[Value], indent: &str, layout: Layout) -> String {
        let items = elements.iter().map(|element| (None, element));
        self.list(items.collect(), ["[", "", "]"], indent, layout)
    }

    fn list(
        &self,
        items: Vec<(Option<&str>, &Value)>,
        [open, pad, close]: [&str; 3],
        indent: &str,
        layout: Layout,
    ) -> String {
        if items.is_empty() {
            return format!("{open}{close}");
        }
        let inner = format!("{indent}{}", self.unit);
        let items: Vec<String> =
            items.into_iter().map(|(key, value)| self.item(key, value, &inner, layout)).collect();
        match layout {
            Layout::Line => {
                format!("{open}{pad}{}{pad}{close}", items.join(&format!(",{}", self.gap())))
            }
            Layout::Lines => {
                let end = self.line_end;
                let last = if self.trailing { "," } else { "" };
                let items = items.join(&format!(",{end}{inner}"));
                format!("{open}{end}{inner}{items}{last}{end}{indent}{close}")
            }
        }
    }

    fn key(&self, key: &str) -> String {
        match self.keys {
            Keys::Bare if is_name(key) => key.to_owned(),
            Keys::Bare => quoted(key, self.quote),
            Keys::Quoted(quote) => quoted(key, quote),
        }
    }
}

/// What a walk over a text has seen first.
#[derive(Default)]
struct Seen {
    bare: bool,
    key_quote: Option<char>,
    quotes: Option<char>,
    colon: Option<String>,
    pad: Option<bool>,
    trailing: bool,
    unit: Option<String>,
}

impl Seen {
    fn look(&mut self, text: &str, written: &Written) {
        let items = written.items();
        if let (Some(first), Some(last)) = (items.first(), items.last()) {
            if stands_alone(text, last.span().start) {
                self.trailing |= last.comma.is_some();
            }
            if stands_alone(text, first.span().start) {
                let (outer, inner) =
                    (indent(text, written.span.start), indent(text, first.span().start));
                let unit = inner.strip_prefix(outer).filter(|unit| !unit.is_empty());
                self.unit = self.unit.take().or_else(|| unit.map(str::to_owned));
            } else if matches!(written.inside, Inner::Object(_)) {
                let apart = text[written.span.start + 1..].starts_with(is_blank);
                self.pad.get_or_insert(apart);
            }
        }
        for item in items {
            if let Some(key) = &item.key {
                match quote(&text[key.span.start..]) {
                    None => self.bare = true,
                    Some(quote) => {
                        self.key_quote.get_or_insert(quote);
                    }
                }
                if self.colon.is_none() {
                    self.colon = colon(text, item);
                }
            }
            if let Some(quote) = quote(&text[item.value.span.start..]) {
                self.quotes.get_or_insert(quote);
            }
            self.look(text, &item.value);
        }
    }
}

/// Returns what stands between key and value, where that is only a colon and blanks.
fn colon(text: &str, item: &Item) -> Option<String> {
    let between = &text[item.key.as_ref()?.span.end..item.value.span.start];
    between.chars().all(|c| matches!(c, ':' | ' ' | '\t')).then(|| between.to_owned())
}

/// Returns the quote that a text begins with.
fn quote(text: &str) -> Option<char> {
    text.chars().next().filter(|c| matches!(c, '"' | '\''))
}

fn line_end(text: &str) -> &'static str {
    match text.find(['\n', '\r']) {
        Some(at) if text[at..].starts_with("\r\n") => "\r\n",
        Some(at) if text[at..].starts_with('\r') => "\r",
        Some(_) | None => "\n",
    }
}

/// Returns where the line begins that a place is on.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    let before = &text[..at];
    let end = before.char_indices().rev().find(|(_, c)| is_line_end(*c));
    end.map_or(0, |(at, c)| at + c.len_utf8())
}

/// Says whether only blanks stand before a place on its line.
pub(super) fn stands_alone(text: &str, at: usize) -> bool {
    text[line_start(text, at)..at].chars().all(is_blank)
}

/// Returns the blanks at the beginning of the line that a place is on.
pub(super) fn indent(text: &str, at: usize) -> &str {
    let line = &text[line_start(text, at)..at];
    let end = line.find(|c| !is_blank(c)).unwrap_or(line.len());
    &line[..end]
}

/// Says whether JSON5 takes a key without quotes; only ASCII is written so.
fn is_name(key: &str) -> bool {
    let is = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '$');
    key.chars().all(is) && key.chars().next().is_some_and(|c| !c.is_ascii_digit())
}

/// Writes a text in quotes, with the escapes of JSON, and `\'` between single ones.
fn quoted(text: &str, quote: char) -> String {
    let mut written = String::with_capacity(text.len() + 2);
    written.push(quote);
    for c in text.chars() {
        match c {
            '\\' => written.push_str("\\\\"),
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '\t' => written.push_str("\\t"),
            c if c == quote => {
                written.push('\\');
                written.push(c);
            }
            c if c.is_control() || is_line_end(c) || (is_blank(c) && c != ' ') => {
                written.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => written.push(c),
        }
    }
    written.push(quote);
    written
}
