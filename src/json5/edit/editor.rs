//! What must be replaced in a text for it to say something else.

use serde_json::Map;
use serde_json::Value;

use crate::json5::Step;
use crate::json5::align;
use crate::json5::places::is_blank;
use crate::json5::places::is_line_end;
use crate::json5::same;
use crate::json5::spans::Inner;
use crate::json5::spans::Item;
use crate::json5::spans::Span;
use crate::json5::spans::Written;
use crate::json5::style::Layout;
use crate::json5::style::Style;
use crate::json5::style::indent;
use crate::json5::style::line_start;
use crate::json5::style::stands_alone;

/// A replacement of a part of the text.
#[derive(Debug)]
pub(super) struct Splice {
    pub(super) span: Span,
    pub(super) text: String,
}

/// Returns what must be replaced for a text to say `after` instead of `before`.
pub(super) fn splices(text: &str, root: &Written, before: &Value, after: &Value) -> Vec<Splice> {
    let mut editor = Editor { text, style: Style::of(text, root), splices: Vec::new() };
    let layout = editor.style.layout;
    editor.value(root, before, after, layout);
    editor.splices
}

/// Compares two values in step with what they are written as.
struct Editor<'t> {
    text: &'t str,
    style: Style,
    splices: Vec<Splice>,
}

impl Editor<'_> {
    fn value(&mut self, at: &Written, before: &Value, after: &Value, layout: Layout) {
        if same(before, after) {
            return;
        }
        match (&at.inside, before, after) {
            (Inner::Object(items), Value::Object(before), Value::Object(after)) => {
                self.object(at, items, before, after);
            }
            (Inner::Array(items), Value::Array(before), Value::Array(after)) => {
                self.array(at, items, before, after);
            }
            _ => {
                let mut style = self.style.clone();
                if let Some(quote @ ('"' | '\'')) = self.text[at.span.start..].chars().next() {
                    style.quote = quote;
                }
                let text = style.value(after, indent(self.text, at.span.start), layout);
                self.replace(at.span, text);
            }
        }
    }

    fn object(
        &mut self,
        at: &Written,
        items: &[Item],
        before: &Map<String, Value>,
        after: &Map<String, Value>,
    ) {
        let mut gone = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let Some(key) = item.key.as_ref() else { continue };
            let counts = !items[index + 1..].iter().any(|other| other.is(&key.name));
            match (before.get(&*key.name), after.get(&*key.name)) {
                (_, None) => gone.push((index, counts)),
                (Some(before), Some(after)) if counts => {
                    self.value(&item.value, before, after, self.layout(item));
                }
                (_, Some(_)) => {}
            }
        }
        let mut new = after.iter().filter(|(key, _)| !before.contains_key(*key)).peekable();
        let style = self.style.beside(self.text, items);
        gone.retain(|(index, counts)| {
            // A key that stands twice gives up only its last place; the others just go.
            let Some((key, value)) = new.next_if(|_| *counts) else { return true };
            let span = items[*index].span();
            let layout = self.layout(&items[*index]);
            let text = style.item(Some(key), value, indent(self.text, span.start), layout);
            self.replace(span, text);
            false
        });
        let gone: Vec<usize> = gone.into_iter().map(|(index, _)| index).collect();
        self.remove(items, &gone);
        let new: Vec<_> = new.map(|(key, value)| (Some(key.as_str()), value)).collect();
        self.insert(at, items, items.len(), &new);
    }

    fn array(&mut self, at: &Written, items: &[Item], before: &[Value], after: &[Value]) {
        let mut gone = Vec::new();
        let mut new: Vec<(Option<&str>, &Value)> = Vec::new();
        let mut next = 0;
        for step in align(before, after) {
            if let Step::Insert(index) = step {
                new.push((None, &after[index]));
                continue;
            }
            self.insert(at, items, next, &new);
            new.clear();
            match step {
                Step::Keep(index) => next = index + 1,
                Step::Change(old, index) => {
                    next = old + 1;
                    if let Some(item) = items.get(old) {
                        let layout = self.layout(item);
                        self.value(&item.value, &before[old], &after[index], layout);
                    }
                }
                Step::Remove(index) => {
                    next = index + 1;
                    gone.push(index);
                }
                Step::Insert(_) => {}
            }
        }
        self.insert(at, items, next, &new);
        self.remove(items, &gone);
    }

    /// Puts items in before the item of this index, or behind the last one.
    fn insert(
        &mut self,
        at: &Written,
        items: &[Item],
        before: usize,
        new: &[(Option<&str>, &Value)],
    ) {
        if new.is_empty() {
            return;
        }
        if items.is_empty() {
            return self.fill(at, new);
        }
        let neighbour = items.get(before).or(items.last());
        let Some((neighbour, near)) = neighbour.map(|item| (item, item.span().start)) else {
            return;
        };
        let style = self.style.beside(self.text, items);
        let layout = self.layout(neighbour);
        let indent = indent(self.text, near);
        let break_ = match layout {
            Layout::Lines => format!("{}{indent}", style.line_end),
            Layout::Line => style.gap().to_owned(),
        };
        let new = new.iter().map(|(key, value)| style.item(*key, value, indent, layout));
        let new: Vec<String> = new.collect();
        let joined = new.join(&format!(",{break_}"));
        if before < items.len() {
            let behind = match before.checked_sub(1) {
                Some(last) => items[last].comma.map_or(near, |comma| comma + 1),
                None => at.span.start + 1,
            };
            return match (layout, before) {
                (Layout::Lines, _) => {
                    self.put(self.after_comments(behind).0, format!("{break_}{joined},"));
                }
                (Layout::Line, 0) => {
                    self.put(self.after_blanks(behind), format!("{joined},{break_}"));
                }
                (Layout::Line, _) => self.put(behind, format!("{break_}{joined},")),
            };
        }
        let end = neighbour.value.span.end;
        match (neighbour.comma, layout) {
            (Some(comma), Layout::Lines) => {
                self.put(self.after_comments(comma + 1).0, format!("{break_}{joined},"));
            }
            (Some(comma), Layout::Line) => self.put(comma + 1, format!("{break_}{joined},")),
            (None, Layout::Lines) => {
                self.put(end, ",".to_owned());
                self.put(self.after_comments(end).0, format!("{break_}{joined}"));
            }
            (None, Layout::Line) => {
                let (behind, line_comment) = self.after_comments(end);
                let behind = if line_comment { end } else { behind };
                self.put(behind, format!(",{break_}{joined}"));
            }
        }
    }

    /// Puts items into braces or brackets that hold none.
    fn fill(&mut self, at: &Written, new: &[(Option<&str>, &Value)]) {
        let style = &self.style;
        let open = at.span.start + 1;
        let held = &self.text[open..at.span.end - 1];
        let behind = open + held.trim_end_matches(is_blank).len();
        let outer = indent(self.text, at.span.start);
        let inner = format!("{outer}{}", style.unit);
        let lines = |layout, between: &str| {
            let new = new.iter().map(|(key, value)| style.item(*key, value, &inner, layout));
            new.collect::<Vec<_>>().join(between)
        };
        let last = if style.trailing { "," } else { "" };
        let end = style.line_end;
        let line = format!(",{}", style.gap());
        let many =
            new.len() > 1 || new.iter().any(|(key, value)| key.is_some() || value.is_object());
        let text = if held.contains(is_line_end) {
            let text = lines(Layout::Lines, &format!(",{end}{inner}"));
            format!("{end}{inner}{text}{last}")
        } else if held.is_empty() && style.layout == Layout::Lines && many {
            let text = lines(Layout::Lines, &format!(",{end}{inner}"));
            format!("{end}{inner}{text}{last}{end}{outer}")
        } else if held.is_empty() {
            let pad = if style.pad && matches!(at.inside, Inner::Object(_)) { " " } else { "" };
            format!("{pad}{}{pad}", lines(Layout::Line, &line))
        } else {
            format!(" {}", lines(Layout::Line, &line))
        };
        self.put(behind, text);
    }

    /// Takes items out.
    fn remove(&mut self, items: &[Item], gone: &[usize]) {
        let Some(last) = items.len().checked_sub(1) else { return };
        let stays = (0..items.len()).rev().find(|index| !gone.contains(index));
        for index in gone {
            self.take(&items[*index], stays.is_none_or(|stays| *index > stays));
        }
        if let Some(stays) = stays
            && stays < last
            && items[last].comma.is_none()
            && let Some(comma) = items[stays].comma
        {
            self.replace(Span { start: comma, end: comma + 1 }, String::new());
        }
    }

    /// Takes one item out, with its comma and the blanks it stood in.
    fn take(&mut self, item: &Item, nothing_follows: bool) {
        let Span { mut start, mut end } = item.span();
        if let Some(comma) = item.comma {
            if self.text[end..comma].chars().all(is_blank) {
                end = comma + 1;
            } else {
                // A comment stands between, and stays.
                self.replace(Span { start: comma, end: comma + 1 }, String::new());
                return self.replace(Span { start, end }, String::new());
            }
        }
        let behind = self.after_blanks(end);
        let rest = &self.text[behind..];
        let line_ends = rest.starts_with(is_line_end);
        if stands_alone(self.text, start) {
            end = behind;
            if line_ends {
                start = line_start(self.text, start);
                end += if rest.starts_with("\r\n") {
                    2
                } else {
                    rest.chars().next().map_or(0, char::len_utf8)
                };
            }
        } else {
            if nothing_follows || line_ends {
                let kept = self.text[..start].trim_end_matches(|c| is_blank(c) && !is_line_end(c));
                start = kept.len();
            }
            if !nothing_follows {
                end = behind;
            }
        }
        self.replace(Span { start, end }, String::new());
    }

    /// Returns how what takes an item's place, or joins it, is laid out.
    fn layout(&self, item: &Item) -> Layout {
        if stands_alone(self.text, item.span().start) { Layout::Lines } else { Layout::Line }
    }

    /// Returns where the blanks end that begin here, on the same line.
    fn after_blanks(&self, at: usize) -> usize {
        let rest = &self.text[at..];
        at + rest.find(|c| !is_blank(c) || is_line_end(c)).unwrap_or(rest.len())
    }

    /// Returns where the last comment ends that begins behind here on the same line, and whether
    /// it lasts to the end of the line.
    fn after_comments(&self, at: usize) -> (usize, bool) {
        let mut behind = at;
        loop {
            let next = self.after_blanks(behind);
            let rest = &self.text[next..];
            if rest.starts_with("//") {
                return (next + rest.find(is_line_end).unwrap_or(rest.len()), true);
            }
            match rest.strip_prefix("/*").and_then(|rest| rest.find("*/")) {
                Some(inside) => behind = next + inside + 4,
                None => return (behind, false),
            }
        }
    }

    fn put(&mut self, at: usize, text: String) {
        self.replace(Span { start: at, end: at }, text);
    }

    fn replace(&mut self, span: Span, text: String) {
        self.splices.push(Splice { span, text });
    }
}
