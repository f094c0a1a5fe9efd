//! Where every key and element of an accepted text stands.

use std::collections::BTreeMap;
use std::fmt;
use std::mem;

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line, from 1; lines end as JSON5 ends them.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "line {}, column {}", self.line, self.column)
    }
}

/// The place of a value and of all values in it, in the shape of the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places<P> {
    /// Where its key stands; for an element or the root, where it begins.
    pub at: P,
    /// The places in it.
    pub inside: Inside<P>,
}

/// The places in a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inside<P> {
    /// Neither object nor array.
    Nothing,
    /// Those of an object's members.
    Object(Members<P>),
    /// Those of an array's elements.
    Array(Vec<Places<P>>),
}

/// The places of an object's members.
///
/// A sorted list, because a config is many small objects: a map would take ten times the memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Members<P>(Vec<(Box<str>, Places<P>)>);

impl<P> Members<P> {
    /// Returns the places of a member.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Places<P>> {
        let found = self.0.binary_search_by(|(other, _)| (**other).cmp(key));
        found.ok().map(|at| &self.0[at].1)
    }

    /// Returns how many members there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Says whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<P> IntoIterator for Members<P> {
    type Item = (Box<str>, Places<P>);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<P> From<BTreeMap<Box<str>, Places<P>>> for Members<P> {
    fn from(members: BTreeMap<Box<str>, Places<P>>) -> Self {
        Self(members.into_iter().collect())
    }
}

/// A key that stands twice in one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// The path of the key, elements of arrays as numbers.
    pub path: Vec<String>,
    /// Where it stands first; what it says there is lost.
    pub first: Position,
    /// Where it stands again.
    pub last: Position,
}

impl<P> Places<P> {
    /// Returns the places at a path, elements of arrays named by their index from 0.
    #[must_use]
    pub fn get(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |places, key| match &places.inside {
            Inside::Nothing => None,
            Inside::Object(members) => members.get(key),
            Inside::Array(elements) => elements.get(key.parse::<usize>().ok()?),
        })
    }

    /// Returns the same tree with other places.
    #[must_use]
    pub fn map<Q>(self, to: &impl Fn(P) -> Q) -> Places<Q> {
        Places {
            at: to(self.at),
            inside: match self.inside {
                Inside::Nothing => Inside::Nothing,
                Inside::Object(members) => {
                    let members = members.into_iter();
                    Inside::Object(Members(
                        members.map(|(key, places)| (key, places.map(to))).collect(),
                    ))
                }
                Inside::Array(elements) => {
                    Inside::Array(elements.into_iter().map(|places| places.map(to)).collect())
                }
            },
        }
    }
}

/// Walks an accepted text: the places in it, the number of its comments, its duplicate keys.
pub(super) fn scan(text: &str) -> (Places<Position>, usize, Vec<Duplicate>) {
    let mut walk = Walk { cursor: Cursor::new(text), path: Vec::new(), duplicates: Vec::new() };
    let places = walk.value();
    walk.cursor.skip_blank();
    (places, walk.cursor.comments, walk.duplicates)
}

/// A step of the path the walk is at.
enum Step {
    Key(Box<str>),
    Index(usize),
}

/// The walk through the values; as deep as the value is, which the guard bounds.
struct Walk<'t> {
    cursor: Cursor<'t>,
    path: Vec<Step>,
    duplicates: Vec<Duplicate>,
}

impl Walk<'_> {
    fn value(&mut self) -> Places<Position> {
        self.cursor.skip_blank();
        let at = self.cursor.position();
        let inside = match self.cursor.peek() {
            Some('{') => self.object(),
            Some('[') => self.array(),
            Some('"' | '\'') => {
                self.cursor.skip_string();
                Inside::Nothing
            }
            _ => {
                self.cursor.skip_word();
                Inside::Nothing
            }
        };
        Places { at, inside }
    }

    fn array(&mut self) -> Inside<Position> {
        let mut elements = Vec::new();
        self.cursor.bump();
        loop {
            self.cursor.skip_blank();
            match self.cursor.peek() {
                None => break,
                Some(']') => {
                    self.cursor.bump();
                    break;
                }
                Some(',' | ':' | '}') => {
                    self.cursor.bump();
                }
                Some(_) => {
                    self.path.push(Step::Index(elements.len()));
                    elements.push(self.value());
                    self.path.pop();
                }
            }
        }
        Inside::Array(elements)
    }

    fn object(&mut self) -> Inside<Position> {
        let mut members = Vec::new();
        self.cursor.bump();
        loop {
            self.cursor.skip_blank();
            match self.cursor.peek() {
                None => break,
                Some('}') => {
                    self.cursor.bump();
                    break;
                }
                Some(',' | ':' | ']') => {
                    self.cursor.bump();
                }
                Some(_) => members.extend(self.member()),
            }
        }
        Inside::Object(self.last_ones(members))
    }

    fn member(&mut self) -> Option<(Box<str>, Places<Position>)> {
        let at = self.cursor.position();
        let key = self.cursor.key();
        self.cursor.skip_blank();
        if self.cursor.peek() == Some(':') {
            self.cursor.bump();
        }
        self.path.push(Step::Key(key));
        let inside = self.value().inside;
        match self.path.pop() {
            Some(Step::Key(key)) => Some((key, Places { at, inside })),
            Some(Step::Index(_)) | None => None,
        }
    }

    /// Keeps the last of equal keys, and notes the others.
    fn last_ones(&mut self, mut members: Vec<(Box<str>, Places<Position>)>) -> Members<Position> {
        members.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut twice = Vec::new();
        members.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                twice.push((kept.0.to_string(), kept.1.at, next.1.at));
                mem::swap(next, kept);
            }
            same
        });
        for (key, first, last) in twice {
            self.duplicate(key, first, last);
        }
        members.shrink_to_fit();
        Members(members)
    }

    fn duplicate(&mut self, key: String, first: Position, last: Position) {
        let path = self.path.iter().map(|step| match step {
            Step::Key(key) => key.to_string(),
            Step::Index(index) => index.to_string(),
        });
        self.duplicates.push(Duplicate { path: path.chain([key]).collect(), first, last });
    }
}

/// A reading position that knows its line and column.
pub(super) struct Cursor<'t> {
    rest: &'t str,
    at: Position,
    /// How many comments were skipped.
    pub(super) comments: usize,
    /// Where a comment begins that never ends.
    pub(super) open: Option<Position>,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { rest: text, at: Position { line: 1, column: 1 }, comments: 0, open: None }
    }

    pub(super) fn position(&self) -> Position {
        self.at
    }

    /// Returns how many bytes are left to read.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    pub(super) fn bump(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next()?;
        self.rest = chars.as_str();
        let ends_line = match next {
            '\r' => !self.rest.starts_with('\n'),
            other => is_line_end(other),
        };
        if ends_line {
            self.at.line += 1;
            self.at.column = 1;
        } else {
            self.at.column += 1;
        }
        Some(next)
    }

    /// Skips white space and comments.
    pub(super) fn skip_blank(&mut self) {
        loop {
            match self.peek() {
                Some('/') if self.rest.starts_with("//") => {
                    while self.bump().is_some_and(|c| !is_line_end(c)) {}
                    self.comments += 1;
                }
                Some('/') if self.rest.starts_with("/*") => self.skip_block(),
                Some(c) if is_blank(c) => {
                    self.bump();
                }
                _ => return,
            }
        }
    }

    fn skip_block(&mut self) {
        let start = self.at;
        self.bump();
        self.bump();
        while !self.rest.starts_with("*/") {
            if self.bump().is_none() {
                self.open = Some(start);
                return;
            }
        }
        self.bump();
        self.bump();
        self.comments += 1;
    }

    /// Skips a string and says whether it was closed.
    pub(super) fn skip_string(&mut self) -> bool {
        let quote = self.bump();
        while let Some(next) = self.bump() {
            match next {
                '\\' => self.skip_escaped(),
                '\n' | '\r' => return false,
                other if Some(other) == quote => return true,
                _ => {}
            }
        }
        false
    }

    /// Skips what stands behind a backslash; a line end of two characters is one.
    fn skip_escaped(&mut self) {
        if self.bump() == Some('\r') && self.peek() == Some('\n') {
            self.bump();
        }
    }

    /// Skips a number or a word.
    pub(super) fn skip_word(&mut self) {
        while self.peek().is_some_and(|c| !is_blank(c) && !matches!(c, ',' | ':' | ']' | '}' | '/'))
        {
            self.bump();
        }
    }

    /// Reads a key, its escapes resolved.
    pub(super) fn key(&mut self) -> Box<str> {
        let from = self.rest;
        let quoted = matches!(self.peek(), Some('"' | '\''));
        if quoted {
            self.skip_string();
        } else {
            self.skip_word();
        }
        if self.rest.len() == from.len() {
            self.bump();
        }
        let raw = &from[..from.len() - self.rest.len()];
        let raw = if quoted { raw.get(1..raw.len() - 1).unwrap_or_default() } else { raw };
        if raw.contains('\\') { unescape(raw).into() } else { raw.into() }
    }
}

/// Resolves the escapes of a string or an identifier that was accepted.
fn unescape(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(next) = chars.next() {
        if next != '\\' {
            text.push(next);
            continue;
        }
        match chars.next() {
            Some('b') => text.push('\u{8}'),
            Some('t') => text.push('\t'),
            Some('n') => text.push('\n'),
            Some('v') => text.push('\u{b}'),
            Some('f') => text.push('\u{c}'),
            Some('r') => text.push('\r'),
            Some('0') => text.push('\0'),
            Some('x') => text.extend(char::from_u32(digits(&mut chars, 2))),
            Some('u') => text.extend(unicode(&mut chars)),
            Some('\r') => {
                if chars.as_str().starts_with('\n') {
                    chars.next();
                }
            }
            Some('\n' | '\u{2028}' | '\u{2029}') | None => {}
            Some(other) => text.push(other),
        }
    }
    text
}

fn unicode(chars: &mut std::str::Chars) -> Option<char> {
    let first = digits(chars, 4);
    if let Some(found) = char::from_u32(first) {
        return Some(found);
    }
    chars.nth(1)?;
    let second = digits(chars, 4);
    let units = [u16::try_from(first).ok()?, u16::try_from(second).ok()?];
    char::decode_utf16(units).next()?.ok()
}

fn digits(chars: &mut std::str::Chars, count: usize) -> u32 {
    let found = chars.by_ref().take(count);
    found.fold(0, |sum, c| sum * 16 + c.to_digit(16).unwrap_or_default())
}

pub(super) fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{2028}' | '\u{2029}')
}

/// Says whether a character is white space to JSON5.
pub(super) fn is_blank(c: char) -> bool {
    matches!(
        c,
        '\t'..='\r'
            | ' '
            | '\u{a0}'
            | '\u{1680}'
            | '\u{2000}'..='\u{200a}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{202f}'
            | '\u{205f}'
            | '\u{3000}'
            | '\u{feff}'
    )
}
