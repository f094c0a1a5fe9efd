//! Reading JSON5 with bounds and places, and editing it without losing a comment.
//!
//! The value is read by the `json5` crate, whose verdicts are those of OpenClaw's own reader, behind
//! a guard that bounds depth and size; where each key stands is found by a second walk over the text
//! once it has been accepted. Nothing of the text is repeated in an error: it may hold secrets.

mod align;
mod edit;
mod guard;
mod places;
mod refusal;
mod spans;
mod style;

use serde_json::Value;

pub use crate::json5::align::Step;
pub use crate::json5::align::align;
pub use crate::json5::align::same;
pub use crate::json5::edit::EditError;
pub use crate::json5::edit::Edited;
pub use crate::json5::edit::Touched;
pub use crate::json5::edit::edit;
pub use crate::json5::places::Duplicate;
pub use crate::json5::places::Inside;
pub use crate::json5::places::Members;
pub use crate::json5::places::Places;
pub use crate::json5::places::Position;

/// The largest file that is read.
pub const MAX_BYTES: usize = 8 << 20;

/// How many levels of objects and arrays may stand in one another.
pub const MAX_DEPTH: usize = 128;

/// How many values a file may hold.
pub const MAX_NODES: usize = 1_000_000;

/// A JSON5 text, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// What it says; `NaN` and the infinities read as null.
    pub value: Value,
    /// Where every key and element stands.
    pub places: Places<Position>,
    /// How many comments it holds.
    pub comments: usize,
    /// The keys that stand in one object more than once; the last one counts.
    pub duplicates: Vec<Duplicate>,
}

/// Why a text is not JSON5.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}", position.map(|at| format!(" at {at}")).unwrap_or_default())]
pub struct ReadError {
    /// What is wrong, without a word of the text.
    pub message: String,
    /// Where, when it is wrong at one place.
    pub position: Option<Position>,
    /// What can be done.
    pub hint: Option<String>,
}

impl Document {
    /// Reads a text.
    ///
    /// # Errors
    ///
    /// When it is not JSON5, holds nothing, or passes a bound.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReadError> {
        let text = refusal::text(bytes)?;
        refusal::nothing(text)?;
        let value = guard::read(text).map_err(|error| refusal::explain(text, &error))?;
        let (places, comments, duplicates) = places::scan(text);
        Ok(Self { value, places, comments, duplicates })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn place(text: &str, path: &[&str], line: usize, column: usize) {
        let document = Document::parse(text.as_bytes()).expect("it is JSON5");
        let at = document.places.get(path).map(|places| places.at);
        assert_eq!(at, Some(Position { line, column }), "{path:?}");
    }

    #[track_caller]
    fn refused(text: impl AsRef<[u8]>, expected: &str) {
        let error = Document::parse(text.as_ref()).expect_err("it is not JSON5");
        let hint = error.hint.as_deref().map(|hint| format!(" ({hint})"));
        assert_eq!(format!("{error}{}", hint.unwrap_or_default()), expected);
    }

    #[test]
    fn keys_and_elements_have_places() {
        let text = "{\n  gateway: { bind: 'lan' },\n  'a': [1,\n 2, {b: 3}],\n}";
        place(text, &[], 1, 1);
        place(text, &["gateway"], 2, 3);
        place(text, &["gateway", "bind"], 2, 14);
        place(text, &["a", "0"], 3, 9);
        place(text, &["a", "1"], 4, 2);
        place(text, &["a", "2", "b"], 4, 6);
    }

    #[test]
    fn every_line_end_of_json5_counts() {
        place("{\r\n// x\r\na: 1}", &["a"], 3, 1);
        place("{// x\ra: 1}", &["a"], 2, 1);
        place("{// x\u{2028}a: 1}", &["a"], 2, 1);
        place("{/* x\u{2029}\n*/a: 1}", &["a"], 3, 3);
        place("\u{feff}{ö: 1}", &["ö"], 1, 2);
    }

    #[test]
    fn an_escaped_key_is_the_same_key() {
        let text = r#"{bind: "loopback", "\u0062ind": "lan", \u0062ind: "auto"}"#;
        let document = Document::parse(text.as_bytes()).unwrap();
        assert_eq!(document.value, json!({"bind": "auto"}));
        assert_eq!(document.duplicates.len(), 2);
        assert_eq!(document.duplicates[1].path, ["bind"]);
        assert_eq!(document.duplicates[1].first.column, 20);
        assert_eq!(document.duplicates[1].last.column, 40);
    }

    #[test]
    fn the_last_of_two_equal_keys_gives_value_and_place() {
        let text = "{g: {bind: 1, port: 2},\n g: {bind: 3}}";
        let document = Document::parse(text.as_bytes()).unwrap();
        assert_eq!(document.value, json!({"g": {"bind": 3}}));
        assert_eq!(document.duplicates[0].path, ["g"]);
        place(text, &["g", "bind"], 2, 6);
        assert_eq!(document.places.get(&["g", "port"]), None);
    }

    #[test]
    fn comments_are_counted_and_those_in_strings_are_not() {
        let text = "// a\n/* b */ {x: 'http://y', /* c\n*/ y: \"/* no */\"} // d";
        assert_eq!(Document::parse(text.as_bytes()).unwrap().comments, 4);
    }

    #[test]
    fn numbers_without_a_json_form_read_as_null() {
        let value = Document::parse(b"[NaN, -Infinity, 1e400, 0xF, +1, .5, 1e3]").unwrap().value;
        assert_eq!(value, json!([null, null, null, 15, 1, 0.5, 1000.0]));
    }

    #[test]
    fn what_holds_nothing_is_refused() {
        refused("", "the file is empty");
        refused(" \n\t\u{a0}\u{feff}", "the file holds only white space");
        refused("// a\n/* b */", "the file holds only comments");
    }

    #[test]
    fn what_is_wrong_has_a_place_and_nothing_of_the_text() {
        refused("{a: 1\n b: 2}", "expected a comma or a closing bracket at line 2, column 2");
        refused("{a: 'tok", "a string is not closed at line 1, column 5");
        refused("{a: 'x', b: \"tok\n}", "a string is not closed at line 1, column 13");
        refused("{a: 1, /* b", "a comment is not closed at line 1, column 8");
        refused("{a: 1,", "the file ends too early at line 1, column 7");
        refused(
            "{}\n{}",
            "there is more after the end of the value at line 2, column 1 \
             (the file holds two values, perhaps by appending to it; keep one)",
        );
        refused("{a: undefined}", "this is not a value at line 1, column 5");
        refused(b"{a: '\xe4'}", "byte 5 is not UTF-8 at line 1, column 6 (save the file as UTF-8)");
        refused(
            b"\xff\xfe{\0}\0",
            "the file is UTF-16, not UTF-8 (save the file as UTF-8 without BOM)",
        );
    }

    #[test]
    fn other_formats_are_recognised() {
        #[track_caller]
        fn hint(text: &str, expected: &str) {
            let error = Document::parse(text.as_bytes()).expect_err("it is not JSON5");
            assert_eq!(error.hint.as_deref(), Some(expected), "{error}");
        }
        hint("gateway:\n  bind: lan\n", "this looks like YAML; OpenClaw reads JSON5");
        hint("[gateway]\nbind = \"lan\"\n", "this looks like TOML or INI; OpenClaw reads JSON5");
        hint("```json5\n{}\n```\n", "take out the Markdown fence around the config");
        hint(
            "{\n<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> b\n}",
            "git left conflict markers at line 2; settle the conflict first",
        );
        hint("<!DOCTYPE html>", "this looks like HTML, not a config");
    }

    #[test]
    fn what_passes_a_bound_is_refused() {
        let deep = "[".repeat(MAX_DEPTH) + &"]".repeat(MAX_DEPTH);
        assert!(Document::parse(deep.as_bytes()).is_ok());
        refused("[".repeat(1_000_000), "nested deeper than 128 levels at line 1, column 129");
        refused("{a:".repeat(10_000), "nested deeper than 128 levels at line 1, column 385");
        let many = format!("[{}]", "1,".repeat(MAX_NODES));
        let error = Document::parse(many.as_bytes()).unwrap_err();
        assert_eq!(error.message, "more than 1000000 values");
        let large = vec![b' '; MAX_BYTES + 1];
        refused(large, "the file has more than 8388608 bytes");
    }

    fn shape(value: &Value, places: &Places<Position>) -> bool {
        match (value, &places.inside) {
            (Value::Object(members), Inside::Object(inner)) => {
                members.len() == inner.len()
                    && members.iter().all(|(key, member)| {
                        inner.get(key).is_some_and(|inner| shape(member, inner))
                    })
            }
            (Value::Array(elements), Inside::Array(inner)) => {
                elements.len() == inner.len()
                    && elements.iter().zip(inner).all(|(element, inner)| shape(element, inner))
            }
            (Value::Object(_) | Value::Array(_), _) => false,
            (_, inside) => *inside == Inside::Nothing,
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = Document::parse(&bytes);
        }

        #[test]
        fn whatever_is_read_has_a_place_for_every_value(
            text in r#"[{}\[\],:a'"1/* \\\nu0062\r\x{2028}]{0,40}"#
        ) {
            if let Ok(document) = Document::parse(text.as_bytes()) {
                prop_assert!(shape(&document.value, &document.places), "{text:?}");
            }
        }

        #[test]
        fn whatever_is_well_formed_has_a_place_for_every_value(text in well_formed()) {
            let document = Document::parse(text.as_bytes())
                .map_err(|error| TestCaseError::fail(format!("{error}: {text:?}")))?;
            prop_assert!(shape(&document.value, &document.places), "{text:?}");
        }
    }

    fn well_formed() -> impl Strategy<Value = String> {
        let blank =
            "( |\n|\r|\t|//[^\n\r\u{2028}\u{2029}]{0,4}\u{2028}|/\\*[a{}\"']{0,3}\\*/){0,2}";
        let text = r#"("([^"\\\n\r]|\\n|\\u0061|\\x41|\\'|\\ud83d\\ude00|\\0x)*"|'([^'\\\n\r]|\\\r\n|\\q)*')"#;
        let key = format!(r"({text}|[a-c$_]{{1,2}}|\\u0061b)");
        let leaf = format!(r"({text}|-?0x1F|\+1|\.5|5\.|null|true|NaN|-Infinity|1e3)");
        let leaf = proptest::string::string_regex(&leaf).expect("a regex").boxed();
        let key = proptest::string::string_regex(&key).expect("a regex").boxed();
        leaf.prop_recursive(4, 40, 5, move |inner| {
            let blank = proptest::string::string_regex(blank).expect("a regex").boxed();
            let element = (blank.clone(), inner.clone(), blank.clone())
                .prop_map(|(before, value, after)| format!("{before}{value}{after}"));
            let member = (blank.clone(), key.clone(), blank, element.clone())
                .prop_map(|(before, key, after, value)| format!("{before}{key}{after}:{value}"));
            prop_oneof![
                prop::collection::vec(element, 0..5).prop_map(|all| format!("[{}]", all.join(","))),
                prop::collection::vec(member, 0..5)
                    .prop_map(|all| format!("{{{}}}", all.join(","))),
            ]
        })
    }
}
