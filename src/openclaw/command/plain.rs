//! Text of a process as plain text: no escape sequences, no control characters, not too long.

/// The most characters of foreign text that are quoted within a sentence.
const QUOTED: usize = 300;

/// Removes escape sequences and control characters; lines and tabs stay.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => match characters.next() {
                Some('[') => skip_until(&mut characters, |c| ('@'..='~').contains(&c)),
                Some(']' | 'P' | 'X' | '^' | '_') => skip_string(&mut characters),
                Some(_) | None => {}
            },
            '\u{9b}' => skip_until(&mut characters, |c| ('@'..='~').contains(&c)),
            '\n' | '\t' => plain.push(character),
            _ if character.is_control() => {}
            _ => plain.push(character),
        }
    }
    plain
}

/// Returns text as one line that fits into a sentence.
pub(crate) fn quote(text: &str) -> String {
    let line = plain(text).split_whitespace().collect::<Vec<_>>().join(" ");
    let line = line.trim_end_matches('.');
    match line.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

/// Skips past the first character that ends a sequence.
fn skip_until(characters: &mut impl Iterator<Item = char>, ends: impl Fn(char) -> bool) {
    let _ = characters.find(|character| ends(*character));
}

/// Skips past the end of a string sequence: BEL, or ESC and a backslash.
fn skip_string(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while let Some(character) = characters.next() {
        match character {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' => {
                let _ = characters.next_if_eq(&'\\');
                return;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_and_controls_are_removed() {
        assert_eq!(plain("\u{1b}[31mred\u{1b}[0m\r\n\tend\u{7}\u{9b}2J!"), "red\n\tend!");
        assert_eq!(plain("a\u{1b}]52;c;c2VjcmV0\u{7}b\u{1b}]0;t\u{1b}\\c"), "abc");
        assert_eq!(plain("cut \u{1b}[3"), "cut ");
    }

    #[test]
    fn a_quote_is_one_line_of_bounded_length() {
        assert_eq!(quote(" two\n  lines. "), "two lines");
        assert_eq!(quote(&"é".repeat(400)).chars().count(), 301);
    }
}
