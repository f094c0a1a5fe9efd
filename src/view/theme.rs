//! Every style and glyph, named by what it means.

use ratatui::buffer::Buffer;
use ratatui::style::Color;
use ratatui::style::Modifier;
use ratatui::style::Style;
use ratatui::symbols::border;

use crate::openclaw::finding::Severity;
use crate::verdict::Truth;
use crate::verdict::Verdict;

/// How the screen looks: with colour or without, with our glyphs or with ASCII alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    /// Which characters are used.
    pub glyphs: Glyphs,
    /// Whether colours are used.
    pub colour: Colour,
}

/// Which characters are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glyphs {
    /// Marks and lines of Unicode.
    Unicode,
    /// ASCII alone.
    Ascii,
}

/// Whether colours are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// The terminal's own sixteen, so that its light or dark background fits.
    Ansi,
    /// None; bold, dim and reversed remain.
    None,
}

/// What a glyph stands for beside verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// The row or step where the cursor is.
    Here,
    /// A sentence to be read.
    Note,
    /// A warning.
    Warning,
    /// Something that runs.
    Running,
    /// Something that waits for its turn.
    Waiting,
    /// A separator between words.
    Dot,
    /// There is more below.
    More,
    /// There is more above.
    Less,
}

impl Theme {
    /// Returns the mark of a verdict. The word always stands beside it.
    #[must_use]
    pub fn verdict(self, verdict: Verdict) -> &'static str {
        match (self.glyphs, verdict) {
            (Glyphs::Unicode, Verdict::Met) => "✓",
            (Glyphs::Unicode, Verdict::Confirmed) => "☑",
            (Glyphs::Unicode, Verdict::NotMet) => "✗",
            (_, Verdict::Open) => "?",
            (Glyphs::Unicode, Verdict::Unmeasured) => "◌",
            (Glyphs::Unicode, Verdict::Accepted) => "●",
            (Glyphs::Unicode, Verdict::NotApplicable) => "–",
            (Glyphs::Ascii, Verdict::Met) => "+",
            (Glyphs::Ascii, Verdict::Confirmed) => "y",
            (Glyphs::Ascii, Verdict::NotMet) => "x",
            (Glyphs::Ascii, Verdict::Unmeasured) => "o",
            (Glyphs::Ascii, Verdict::Accepted) => "a",
            (Glyphs::Ascii, Verdict::NotApplicable) => "-",
        }
    }

    /// Returns another glyph.
    #[must_use]
    pub fn sign(self, sign: Sign) -> &'static str {
        match (self.glyphs, sign) {
            (Glyphs::Unicode, Sign::Here) => "▸",
            (Glyphs::Unicode, Sign::Running) => "⠹",
            (Glyphs::Unicode, Sign::Waiting) => "◌",
            (Glyphs::Unicode, Sign::Note | Sign::Dot) => "·",
            (Glyphs::Unicode, Sign::More) => "↓",
            (Glyphs::Unicode, Sign::Less) => "↑",
            (Glyphs::Ascii, Sign::Here) => ">",
            (Glyphs::Ascii, Sign::Note | Sign::Dot) => "-",
            (_, Sign::Warning) => "!",
            (Glyphs::Ascii, Sign::Running) => "*",
            (Glyphs::Ascii, Sign::Waiting) => "o",
            (Glyphs::Ascii, Sign::More) => "v",
            (Glyphs::Ascii, Sign::Less) => "^",
        }
    }

    /// Returns the lines of a frame.
    #[must_use]
    pub fn border(self) -> border::Set<'static> {
        match self.glyphs {
            Glyphs::Unicode => border::ROUNDED,
            Glyphs::Ascii => border::Set {
                top_left: "+",
                top_right: "+",
                bottom_left: "+",
                bottom_right: "+",
                vertical_left: "|",
                vertical_right: "|",
                horizontal_top: "-",
                horizontal_bottom: "-",
            },
        }
    }

    /// Returns a horizontal line of a frame.
    #[must_use]
    pub fn rule(self) -> &'static str {
        match self.glyphs {
            Glyphs::Unicode => "─",
            Glyphs::Ascii => "-",
        }
    }

    /// Writes the signs that stand inside texts in ASCII, where no others are wanted.
    ///
    /// Letters of the operator's own text stay as they are.
    pub fn spell(self, buffer: &mut Buffer) {
        if self.glyphs == Glyphs::Unicode {
            return;
        }
        for cell in &mut buffer.content {
            let plain = match cell.symbol() {
                "·" | "—" | "–" => "-",
                "…" | "⋯" => "~",
                "×" => "x",
                "←" | "‹" => "<",
                "→" | "›" => ">",
                "↑" => "^",
                "↓" => "v",
                "′" => "'",
                "⏎" => "/",
                symbol if symbol.chars().all(is_control_picture) && !symbol.is_empty() => "?",
                _ => continue,
            };
            cell.set_symbol(plain);
        }
    }

    fn ink(self, colour: Color) -> Style {
        match self.colour {
            Colour::Ansi => Style::new().fg(colour),
            Colour::None => Style::new(),
        }
    }

    /// Returns the style of a verdict's mark and word.
    #[must_use]
    pub fn of_verdict(self, verdict: Verdict) -> Style {
        match verdict {
            Verdict::Met | Verdict::Confirmed => self.good(),
            Verdict::NotMet => self.wrong(),
            Verdict::Open | Verdict::Unmeasured => self.waiting(),
            Verdict::Accepted => self.ink(Color::Magenta),
            Verdict::NotApplicable => self.quiet(),
        }
    }

    /// Returns the style of evidence by what it speaks for.
    #[must_use]
    pub fn of_truth(self, truth: Truth) -> Style {
        match truth {
            Truth::Yes => self.good(),
            Truth::No => self.wrong(),
            Truth::Unknown => self.waiting(),
        }
    }

    /// Returns the style of a finding.
    #[must_use]
    pub fn of_severity(self, severity: Severity) -> Style {
        match severity {
            Severity::Critical => self.wrong(),
            Severity::Warn => self.waiting(),
            Severity::Info => self.quiet(),
        }
    }

    /// Something is as it should be.
    #[must_use]
    pub fn good(self) -> Style {
        self.ink(Color::Green)
    }

    /// Something is wrong.
    #[must_use]
    pub fn wrong(self) -> Style {
        self.ink(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// Something waits for the operator.
    #[must_use]
    pub fn waiting(self) -> Style {
        self.ink(Color::Yellow)
    }

    /// What matters less.
    #[must_use]
    pub fn quiet(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// A heading.
    #[must_use]
    pub fn heading(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// A key to press.
    #[must_use]
    pub fn key(self) -> Style {
        self.ink(Color::Cyan).add_modifier(Modifier::BOLD)
    }

    /// The row where the cursor is.
    #[must_use]
    pub fn cursor(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// The frame of the pane that has the arrow keys.
    #[must_use]
    pub fn focus(self) -> Style {
        self.ink(Color::Cyan)
    }

    /// The mark of the demo.
    #[must_use]
    pub fn demo(self) -> Style {
        self.ink(Color::Magenta).add_modifier(Modifier::BOLD | Modifier::REVERSED)
    }
}

fn is_control_picture(c: char) -> bool {
    ('\u{2400}'..='\u{2426}').contains(&c)
}
