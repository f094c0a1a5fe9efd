//! Text for the detail pane: styled paragraphs, made safe and wrapped to a width.

use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::text::Span;
use unicode_width::UnicodeWidthStr;

use crate::text::Shown;

/// A word this short stands beside a text of several lines; a longer one only where both fit on
/// one line, and else below it.
const WORD: usize = 15;

/// Paragraphs on their way to the screen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prose {
    paragraphs: Vec<Paragraph>,
}

/// One paragraph.
#[derive(Clone, Debug, PartialEq)]
struct Paragraph {
    /// Stands before the first line; further lines are indented by its width.
    lead: String,
    lead_style: Style,
    text: String,
    style: Style,
    /// Stands at the right end of the first line, where there is room.
    right: String,
    right_style: Style,
}

impl Prose {
    /// Adds a paragraph.
    pub fn add(&mut self, text: &str, style: Style) {
        self.lead("", Style::new(), text, style);
    }

    /// Adds a paragraph with a mark or a word before it.
    pub fn lead(&mut self, lead: &str, lead_style: Style, text: &str, style: Style) {
        self.with_right(lead, lead_style, text, style, "", Style::new());
    }

    /// Adds a paragraph with a mark before it and a word at the right.
    pub fn with_right(
        &mut self,
        lead: &str,
        lead_style: Style,
        text: &str,
        style: Style,
        right: &str,
        right_style: Style,
    ) {
        self.paragraphs.push(Paragraph {
            lead: lead.to_owned(),
            lead_style,
            text: Shown::line(text).into_string(),
            style,
            right: Shown::line(right).into_string(),
            right_style,
        });
    }

    /// Adds a text as it stands, a paragraph a line, its leading spaces kept.
    pub fn verbatim(&mut self, text: &str, style: impl Fn(&str) -> Style) {
        for line in text.lines() {
            let body = line.trim_start_matches(' ');
            let lead = " ".repeat(line.len() - body.len());
            self.lead(&lead, Style::new(), body, style(line));
        }
    }

    /// Adds an empty line, unless there is one or nothing before it.
    pub fn gap(&mut self) {
        let last = self.paragraphs.last();
        if last.is_some_and(|last| !last.text.is_empty() || !last.lead.is_empty()) {
            self.add("", Style::new());
        }
    }

    /// Wraps everything to a width.
    #[must_use]
    pub fn lines(&self, width: usize) -> Vec<Line<'static>> {
        self.paragraphs.iter().flat_map(|paragraph| paragraph.lines(width)).collect()
    }
}

impl Paragraph {
    fn lines(&self, width: usize) -> Vec<Line<'static>> {
        let indent = self.lead.width();
        let room = width.saturating_sub(indent).max(1);
        let both = self.text.width() + 1 + self.right.width();
        let beside = self.right.width() <= WORD || both <= room;
        let rows = wrap(&self.text, room, if beside { self.right.width() } else { 0 });
        let mut lines = Vec::new();
        for (index, row) in rows.into_iter().enumerate() {
            let first = index == 0;
            let lead = if first { self.lead.clone() } else { " ".repeat(indent) };
            let mut spans = vec![Span::styled(lead, self.lead_style)];
            let used = row.width();
            spans.push(Span::styled(row, self.style));
            if first && beside && !self.right.is_empty() {
                let gap = room.saturating_sub(used + self.right.width());
                spans.push(Span::raw(" ".repeat(gap)));
                spans.push(Span::styled(self.right.clone(), self.right_style));
            }
            lines.push(Line::from(spans));
        }
        if !beside {
            let indent = indent + 2;
            for row in wrap(&self.right, width.saturating_sub(indent).max(1), 0) {
                let lead = Span::raw(" ".repeat(indent));
                lines.push(Line::from(vec![lead, Span::styled(row, self.right_style)]));
            }
        }
        lines
    }
}

/// Breaks a text between words, and inside a word only where it fits on no line.
///
/// The first line leaves room for what stands at its right end.
pub(super) fn wrap(text: &str, room: usize, right: usize) -> Vec<String> {
    let mut rows = Vec::new();
    let mut row = String::new();
    let mut limit = if right == 0 { room } else { room.saturating_sub(right + 1).max(1) };
    for word in text.split(' ') {
        let joined = row.width() + usize::from(!row.is_empty()) + word.width();
        if joined <= limit {
            if !row.is_empty() {
                row.push(' ');
            }
            row.push_str(word);
            continue;
        }
        if !row.is_empty() {
            rows.push(std::mem::take(&mut row));
            limit = room;
        }
        for c in word.chars() {
            let wide = unicode_width::UnicodeWidthChar::width(c).unwrap_or(0);
            if row.width() + wide > limit {
                rows.push(std::mem::take(&mut row));
                limit = room;
            }
            row.push(c);
        }
    }
    rows.push(row);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(text: &str, room: usize, expected: &[&str]) {
        assert_eq!(wrap(text, room, 0), expected);
    }

    #[test]
    fn text_breaks_between_words_and_long_words_break_inside() {
        case("", 10, &[""]);
        case("one two three", 20, &["one two three"]);
        case("one two three", 8, &["one two", "three"]);
        case("abcdefghij kl", 4, &["abcd", "efgh", "ij", "kl"]);
        case("漢字漢字", 5, &["漢字", "漢字"]);
    }
}
