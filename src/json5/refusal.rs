//! Why a text was refused, in words that repeat nothing of it.

use ::json5::ErrorCode;

use crate::json5::MAX_BYTES;
use crate::json5::Position;
use crate::json5::ReadError;
use crate::json5::places::Cursor;
use crate::json5::places::is_blank;

/// Said of a text that stops in the middle, of which the reader gives the outermost place.
const TOO_EARLY: &str = "the file ends too early";

/// Takes bytes for a text, without its byte order mark.
///
/// # Errors
///
/// When there are too many, or they are not UTF-8.
pub(super) fn text(bytes: &[u8]) -> Result<&str, ReadError> {
    if bytes.len() > MAX_BYTES {
        return Err(whole(format!("the file has more than {MAX_BYTES} bytes"), None));
    }
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(whole(
            "the file is UTF-16, not UTF-8".to_owned(),
            Some("save the file as UTF-8 without BOM"),
        ));
    }
    let text = str::from_utf8(bytes).map_err(|error| {
        let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let before = str::from_utf8(valid).unwrap_or_default();
        ReadError {
            message: format!("byte {} is not UTF-8", error.valid_up_to()),
            position: Some(end(before.strip_prefix('\u{feff}').unwrap_or(before))),
            hint: Some("save the file as UTF-8".to_owned()),
        }
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// Refuses a text that holds nothing.
pub(super) fn nothing(text: &str) -> Result<(), ReadError> {
    let mut cursor = Cursor::new(text);
    cursor.skip_blank();
    if cursor.peek().is_some() || cursor.open.is_some() {
        return Ok(());
    }
    let message = match cursor.comments {
        0 if text.is_empty() => "the file is empty",
        0 => "the file holds only white space",
        _ => "the file holds only comments",
    };
    Err(whole(message.to_owned(), None))
}

/// Puts the reader's error into our words.
pub(super) fn explain(text: &str, error: &::json5::Error) -> ReadError {
    let found = error.position().map(|at| Position { line: at.line + 1, column: at.column + 1 });
    let position = match error.code() {
        Some(
            ErrorCode::EofParsingString
            | ErrorCode::EofParsingEscapeSequence
            | ErrorCode::EofParsingComment
            | ErrorCode::LineTerminatorInString,
        ) => unclosed(text).or(found),
        _ => found,
    };
    let message = error.code().map_or_else(|| own(error), words);
    let position = position.filter(|_| message != TOO_EARLY);
    ReadError {
        message,
        position: Some(position.unwrap_or_else(|| end(text))),
        hint: hint(text, error.code()),
    }
}

fn whole(message: String, hint: Option<&str>) -> ReadError {
    ReadError { message, position: None, hint: hint.map(str::to_owned) }
}

/// Returns the guard's own message, without the place that the reader appends.
fn own(error: &::json5::Error) -> String {
    let message = error.to_string();
    match message.rsplit_once(" at line ") {
        Some((message, _)) => message.to_owned(),
        None => message,
    }
}

fn words(code: ErrorCode) -> String {
    match code {
        ErrorCode::EofParsingString
        | ErrorCode::EofParsingEscapeSequence
        | ErrorCode::LineTerminatorInString => "a string is not closed",
        ErrorCode::EofParsingComment => "a comment is not closed",
        ErrorCode::EofParsingArray
        | ErrorCode::EofParsingBool
        | ErrorCode::EofParsingIdentifier
        | ErrorCode::EofParsingNull
        | ErrorCode::EofParsingNumber
        | ErrorCode::EofParsingObject
        | ErrorCode::EofParsingValue => TOO_EARLY,
        ErrorCode::ExpectedComma
        | ErrorCode::ExpectedClosingBrace
        | ErrorCode::ExpectedClosingBracket => "expected a comma or a closing bracket",
        ErrorCode::ExpectedColon => "expected a colon after the key",
        ErrorCode::ExpectedIdentifier | ErrorCode::InvalidKey => "this is not a key",
        ErrorCode::ExpectedComment => "a slash that begins no comment",
        ErrorCode::InvalidEscapeSequence => "a string has an escape that JSON5 does not know",
        ErrorCode::LeadingZero => "a number begins with a zero",
        ErrorCode::OverflowParsingNumber => "a number is too large",
        ErrorCode::TrailingCharacters => "there is more after the end of the value",
        _ => "this is not a value",
    }
    .to_owned()
}

/// Returns where the first string or comment begins that is not closed.
fn unclosed(text: &str) -> Option<Position> {
    let mut cursor = Cursor::new(text);
    loop {
        cursor.skip_blank();
        if cursor.open.is_some() {
            return cursor.open;
        }
        let start = cursor.position();
        match cursor.peek()? {
            '"' | '\'' if !cursor.skip_string() => return Some(start),
            '"' | '\'' => {}
            _ => {
                cursor.bump();
            }
        }
    }
}

fn end(text: &str) -> Position {
    let mut cursor = Cursor::new(text);
    while cursor.bump().is_some() {}
    cursor.position()
}

/// Guesses from the look of the text what it is instead.
fn hint(text: &str, code: Option<ErrorCode>) -> Option<String> {
    let marker =
        text.lines().position(|line| line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> "));
    if let Some(line) = marker {
        let line = line + 1;
        return Some(format!(
            "git left conflict markers at line {line}; settle the conflict first"
        ));
    }
    let start = text.trim_start_matches(is_blank);
    let first = start.lines().next().unwrap_or_default();
    let hint = if start.starts_with("```") || start.starts_with("~~~") {
        "take out the Markdown fence around the config"
    } else if start.starts_with("{{") || start.starts_with("{%") {
        "this looks like a template; render it first"
    } else if start.starts_with('<') {
        "this looks like HTML, not a config"
    } else if start.starts_with("#!") || first.contains("<<") || first.starts_with("export ") {
        "this looks like a shell script, not a config"
    } else if is_section(first) || is_assignment(first) {
        "this looks like TOML or INI; OpenClaw reads JSON5"
    } else if first.trim_end() == "---" || first.starts_with("# ") || is_yaml(first) {
        "this looks like YAML; OpenClaw reads JSON5"
    } else if code == Some(ErrorCode::TrailingCharacters) {
        "the file holds two values, perhaps by appending to it; keep one"
    } else if text.contains('\0') {
        "the file holds NUL bytes; is it binary, or UTF-16?"
    } else {
        return None;
    };
    Some(hint.to_owned())
}

fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

fn is_section(line: &str) -> bool {
    let inside = line.trim().strip_prefix('[').and_then(|l| l.strip_suffix(']'));
    inside.is_some_and(|name| is_word(name) && name.parse::<f64>().is_err())
}

fn is_assignment(line: &str) -> bool {
    line.split_once('=').is_some_and(|(name, _)| is_word(name.trim()))
}

fn is_yaml(line: &str) -> bool {
    line.split_once(':').is_some_and(|(name, value)| {
        is_word(name.trim()) && (value.is_empty() || value.starts_with(' '))
    })
}
