//! Where every value, key and comma of an accepted text stands, in bytes.

use crate::json5::places::Cursor;

/// A part of a text, in bytes from its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A value as it is written.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) span: Span,
    pub(super) inside: Inner,
}

/// What a written value holds.
#[derive(Clone, Debug)]
pub(super) enum Inner {
    Nothing,
    Object(Vec<Item>),
    Array(Vec<Item>),
}

/// A member of an object, or an element of an array.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// The key of a member.
    pub(super) key: Option<Key>,
    pub(super) value: Written,
    /// Where the comma behind it stands.
    pub(super) comma: Option<usize>,
}

/// A key as it is written.
#[derive(Clone, Debug)]
pub(super) struct Key {
    /// What it says, escapes resolved.
    pub(super) name: Box<str>,
    pub(super) span: Span,
}

impl Written {
    /// Returns the items of an object or an array.
    pub(super) fn items(&self) -> &[Item] {
        match &self.inside {
            Inner::Nothing => &[],
            Inner::Object(items) | Inner::Array(items) => items,
        }
    }
}

impl Item {
    /// Returns the span from the key, or the value of an element, to the end of the value.
    pub(super) fn span(&self) -> Span {
        let start = self.key.as_ref().map_or(self.value.span.start, |key| key.span.start);
        Span { start, end: self.value.span.end }
    }

    /// Says whether it is the member of this name.
    pub(super) fn is(&self, name: &str) -> bool {
        self.key.as_ref().is_some_and(|key| &*key.name == name)
    }
}

/// Walks an accepted text without its byte order mark.
pub(super) fn scan(text: &str) -> Written {
    Walk { cursor: Cursor::new(text), length: text.len() }.value()
}

/// The walk through the values; as deep as the value is, which the guard bounds.
struct Walk<'t> {
    cursor: Cursor<'t>,
    length: usize,
}

impl Walk<'_> {
    fn at(&self) -> usize {
        self.length - self.cursor.left()
    }

    fn value(&mut self) -> Written {
        self.cursor.skip_blank();
        let start = self.at();
        let inside = match self.cursor.peek() {
            Some('{') => Inner::Object(self.items('}')),
            Some('[') => Inner::Array(self.items(']')),
            Some('"' | '\'') => {
                self.cursor.skip_string();
                Inner::Nothing
            }
            _ => {
                self.cursor.skip_word();
                Inner::Nothing
            }
        };
        Written { span: Span { start, end: self.at() }, inside }
    }

    fn items(&mut self, close: char) -> Vec<Item> {
        let mut items: Vec<Item> = Vec::new();
        self.cursor.bump();
        loop {
            self.cursor.skip_blank();
            match self.cursor.peek() {
                None => break,
                Some(',') => {
                    if let Some(last) = items.last_mut() {
                        last.comma = Some(self.at());
                    }
                    self.cursor.bump();
                }
                Some(other) if other == close => {
                    self.cursor.bump();
                    break;
                }
                Some(':' | ']' | '}') => {
                    self.cursor.bump();
                }
                Some(_) => {
                    let key = (close == '}').then(|| self.key());
                    let value = self.value();
                    items.push(Item { key, value, comma: None });
                }
            }
        }
        items
    }

    fn key(&mut self) -> Key {
        let start = self.at();
        let name = self.cursor.key();
        let span = Span { start, end: self.at() };
        self.cursor.skip_blank();
        if self.cursor.peek() == Some(':') {
            self.cursor.bump();
        }
        Key { name, span }
    }
}
