//! Edits by hand and at random.

use proptest::prelude::*;
use serde_json::Map;
use serde_json::json;

use super::*;
use crate::json5::Step;
use crate::json5::align;
use crate::json5::places::is_blank;
use crate::json5::spans::Inner;
use crate::json5::spans::Span;
use crate::json5::spans::Written;
use crate::json5::spans::scan;

#[track_caller]
fn edits(text: &str, wanted: &Value, expected: &str) {
    let edited = edit(text.as_bytes(), wanted).expect("it can be edited");
    assert_eq!(edited.text, expected);
}

#[test]
fn a_value_is_replaced_and_nothing_else() {
    edits(
        "\u{feff}{\r\n  'bind' : /* why */ 'lan', // here\r\n\tport: 0x4965, }\r\n// end",
        &json!({"bind": "it's", "port": 18789}),
        "\u{feff}{\r\n  'bind' : /* why */ 'it\\'s', // here\r\n\tport: 0x4965, }\r\n// end",
    );
    edits("[1e3, NaN, +1]", &json!([1000, null, 2]), "[1e3, NaN, 2]");
    edits("{a:null//c\n}", &json!({"a": false}), "{a:false//c\n}");
    edits("{a: {b: 1}, c: [1]}", &json!({"a": 1, "c": {}}), "{a: 1, c: {}}");
    edits("'x' // c", &json!("y\n\u{2028}"), "'y\\n\\u2028' // c");
}

#[test]
fn a_new_member_is_written_as_its_neighbours_are() {
    let wanted = json!({"a": 1, "b": {"c": "x", "d-e": ["*"]}});
    edits(
        "{\n    a: 1, // one\n    // end\n}\n",
        &wanted,
        "{\n    a: 1, // one\n    b: {\n        c: \"x\",\n        \"d-e\": [\"*\"],\n    },\n    // end\n}\n",
    );
    edits(
        "{\r\n\t\"a\": 1\r\n}",
        &wanted,
        "{\r\n\t\"a\": 1,\r\n\t\"b\": {\r\n\t\t\"c\": \"x\",\r\n\t\t\"d-e\": [\"*\"]\r\n\t}\r\n}",
    );
    edits("{\"a\":1}", &wanted, "{\"a\":1,\"b\":{\"c\":\"x\",\"d-e\":[\"*\"]}}");
    edits("{ 'a' : 1, }", &wanted, "{ 'a' : 1, 'b' : { 'c' : 'x', 'd-e' : ['*'] }, }");
    edits("{ a: 1 /* one */ }", &wanted, "{ a: 1 /* one */, b: { c: \"x\", \"d-e\": [\"*\"] } }");
    edits("{ a: 1 // one\n}", &json!({"a": 1, "b": 2}), "{ a: 1, b: 2 // one\n}");
    edits("{\n  a: 1 // one\n}", &json!({"a": 1, "b": 2}), "{\n  a: 1, // one\n  b: 2\n}");
    edits("{ a: 1\n, b: 2\n}", &json!({"a": 1, "b": 2, "c": 3}), "{ a: 1\n, b: 2, c: 3\n}");
}

#[test]
fn what_holds_nothing_is_filled() {
    edits("{}", &json!({"a": {"b": 1}}), "{\n  \"a\": {\n    \"b\": 1\n  }\n}");
    edits("{ }", &json!({"a": 1}), "{ \"a\": 1 }");
    edits("{a:{}}", &json!({"a": {"b": 1}}), "{a:{b:1}}");
    edits("{\n  // nothing yet\n}", &json!({"a": 1}), "{\n  // nothing yet\n  \"a\": 1\n}");
    edits("{\n  a: {},\n}", &json!({"a": {"b": 1}}), "{\n  a: {\n    b: 1,\n  },\n}");
    edits("{\n  a: {/* c */},\n}", &json!({"a": {"b": 1}}), "{\n  a: {/* c */ b: 1},\n}");
    edits(
        "{\n  a: [],\n}",
        &json!({"a": ["b", 1]}),
        "{\n  a: [\"b\", 1],\n}".replace("\"b\", 1", "\n    \"b\",\n    1,\n  ").as_str(),
    );
    edits("{\n  a: [],\n}", &json!({"a": ["b"]}), "{\n  a: [\"b\"],\n}");
}

#[test]
fn a_member_goes_with_its_comma_and_comments_stay() {
    let text = "{\n  // about a\n  a: 1, // one\n  b: 2,\n\n  c: { d: 3, e: 4 },\n}\n";
    edits(
        text,
        &json!({"b": 2, "c": {"d": 3, "e": 4}}),
        "{\n  // about a\n  // one\n  b: 2,\n\n  c: { d: 3, e: 4 },\n}\n",
    );
    edits(
        text,
        &json!({"a": 1, "c": {"d": 3}}),
        "{\n  // about a\n  a: 1, // one\n\n  c: { d: 3 },\n}\n",
    );
    edits(
        text,
        &json!({"a": 1, "b": 2, "c": {}}),
        "{\n  // about a\n  a: 1, // one\n  b: 2,\n\n  c: { },\n}\n",
    );
    edits("{\"a\": 1, \"b\": 2, \"c\": 3}", &json!({"a": 1}), "{\"a\": 1}");
    edits("{\"a\": 1, \"b\": 2, \"c\": 3}", &json!({"c": 3}), "{\"c\": 3}");
    edits("{\n  a: 1,\n  b: 2\n}", &json!({"a": 1}), "{\n  a: 1\n}");
    edits("{a: 1 /* x */, b: 2}", &json!({"b": 2}), "{ /* x */ b: 2}");
}

#[test]
fn a_member_that_comes_takes_the_place_of_one_that_goes() {
    edits(
        "{\n  exec: { mode: 'full' /* for now */, },\n}",
        &json!({"exec": {"security": "deny", "ask": "always"}}),
        "{\n  exec: { security: 'deny' /* for now */, ask: 'always', },\n}",
    );
}

#[test]
fn elements_that_stay_keep_their_comments() {
    let text = "{\n  allowFrom: [\n    '*',\n    '123', // Mira\n    0x7b /* Orla */\n  ],\n}";
    edits(
        text,
        &json!({"allowFrom": ["123", 123]}),
        "{\n  allowFrom: [\n    '123', // Mira\n    0x7b /* Orla */\n  ],\n}",
    );
    edits(
        text,
        &json!({"allowFrom": ["*", "123", 123, "4"]}),
        "{\n  allowFrom: [\n    '*',\n    '123', // Mira\n    0x7b, /* Orla */\n    '4'\n  ],\n}",
    );
    edits("[ 'a', /* 'b', */ ]", &json!(["a", "c"]), "[ 'a', 'c', /* 'b', */ ]");
    edits("[1, 3]", &json!([0, 1, 2, 3]), "[0, 1, 2, 3]");
    edits(
        "[\n  { id: 'a', t: 1 }, // a\n  { id: 'b' }, // b\n]",
        &json!([{"id": "a", "t": 2}, {"id": "b", "t": 1}]),
        "[\n  { id: 'a', t: 2 }, // a\n  { id: 'b', t: 1 }, // b\n]",
    );
}

#[test]
fn of_a_key_that_stands_twice_the_last_one_counts() {
    let text = "{ bind: 'lan', port: 1, bind: 'auto' }";
    edits(text, &json!({"bind": "x", "port": 1}), "{ bind: 'lan', port: 1, bind: 'x' }");
    edits(text, &json!({"port": 1}), "{ port: 1 }");
    edits(text, &json!({"port": 1, "b": 2}), "{ port: 1, b: 2 }");
}

#[test]
fn plain_json_stays_plain_json() {
    let text = "{\n  \"a\": [1, 2],\n  \"b\": {}\n}\n";
    let wanted = json!({"a": [1, {"x": [[], "y"]}], "b": {"c": {"d-e": "'f'\u{1}"}}, "z": null});
    let edited = edit(text.as_bytes(), &wanted).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&edited.text).unwrap(), wanted);
}

#[test]
fn what_is_no_json5_is_refused() {
    assert!(matches!(edit(b"{a: 1", &json!({})), Err(EditError::Read(_))));
}

/// What goes or is replaced when a value becomes another: the only bytes, beside blanks and
/// commas, that an edit may take.
fn doomed(written: &Written, before: &Value, after: &Value, spans: &mut Vec<Span>) {
    match (&written.inside, before, after) {
        _ if same(before, after) => {}
        (Inner::Object(items), Value::Object(before), Value::Object(after)) => {
            for (index, item) in items.iter().enumerate() {
                let key = &item.key.as_ref().unwrap().name;
                let counts = !items[index + 1..].iter().any(|other| other.is(key));
                match after.get(&**key) {
                    None => spans.push(item.span()),
                    Some(after) if counts => doomed(&item.value, &before[&**key], after, spans),
                    Some(_) => {}
                }
            }
        }
        (Inner::Array(items), Value::Array(before), Value::Array(after)) => {
            for step in align(before, after) {
                match step {
                    Step::Change(old, new) => {
                        doomed(&items[old].value, &before[old], &after[new], spans);
                    }
                    Step::Remove(old) => spans.push(items[old].span()),
                    Step::Keep(_) | Step::Insert(_) => {}
                }
            }
        }
        _ => spans.push(written.span),
    }
}

/// Checks all that holds of every edit, and returns the new text.
fn holds(text: &str, wanted: &Value) -> Result<String, TestCaseError> {
    let fail = |what: &str| Err(TestCaseError::fail(format!("{what}: {text:?} to {wanted}")));
    let before =
        Document::parse(text.as_bytes()).map_err(|e| TestCaseError::fail(e.to_string()))?;
    let edited = match edit(text.as_bytes(), wanted) {
        Ok(edited) => edited,
        Err(error) => return fail(&error.to_string()),
    };
    let after = Document::parse(edited.text.as_bytes()).unwrap();
    if !same(&after.value, wanted) {
        return fail("another value");
    }
    let mut spans = Vec::new();
    doomed(&scan(text), &before.value, wanted, &mut spans);
    let (mut i, mut j) = (0, 0);
    for touched in &edited.touched {
        if text[i..touched.before.start] != edited.text[j..touched.after.start] {
            return fail("other bytes");
        }
        (i, j) = (touched.before.end, touched.after.end);
        for (at, c) in text[touched.before.clone()].char_indices() {
            let at = touched.before.start + at;
            let doomed = spans.iter().any(|span| (span.start..span.end).contains(&at));
            if !doomed && c != ',' && !is_blank(c) {
                return fail("a byte that was to stay went");
            }
        }
    }
    if text[i..] != edited.text[j..] {
        return fail("other bytes at the end");
    }
    let again = edit(edited.text.as_bytes(), wanted).unwrap();
    if again.text != edited.text || !again.touched.is_empty() {
        return fail("not the same the second time");
    }
    Ok(edited.text)
}

/// Changes a value as the choices say.
fn changed(value: &Value, choices: &mut impl Iterator<Item = u8>, new: &[Value]) -> Value {
    let pick = |choices: &mut dyn Iterator<Item = u8>| {
        let at = usize::from(choices.next().unwrap_or(0));
        new.get(at % new.len().max(1)).cloned().unwrap_or(Value::Null)
    };
    match (value, choices.next().unwrap_or(255)) {
        (_, 0..30) => pick(choices),
        (Value::Object(members), _) => {
            let mut made = Map::new();
            for (key, member) in members {
                if choices.next().unwrap_or(255) >= 60 {
                    made.insert(key.clone(), changed(member, choices, new));
                }
            }
            while choices.next().unwrap_or(255) < 80 {
                let key = ["a", "new", "d-e", "", "ö\u{2028}'\""][made.len() % 5];
                made.insert(key.to_owned(), pick(choices));
            }
            Value::Object(made)
        }
        (Value::Array(elements), _) => {
            let mut made = Vec::new();
            for element in elements {
                match choices.next().unwrap_or(255) {
                    0..50 => {}
                    50..90 => made.extend([pick(choices), changed(element, choices, new)]),
                    _ => made.push(changed(element, choices, new)),
                }
            }
            while choices.next().unwrap_or(255) < 60 {
                made.push(pick(choices));
            }
            Value::Array(made)
        }
        (leaf, _) => leaf.clone(),
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9..1e9f64).prop_map(Value::from),
        "[ -~\u{80}-\u{a1}\n\r\u{2028}ö'\"\\\\]{0,5}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-c]{1,2}|[ -~ö]{0,2}", inner, 0..3)
                .prop_map(Value::from_iter),
        ]
    })
}

/// Writes JSON5 with odd blanks and comments everywhere.
fn text() -> impl Strategy<Value = String> {
    let regex = |regex: &str| proptest::string::string_regex(regex).expect("a regex").boxed();
    let blank = regex(
        "( |\n|\r\n|\r|\t|\u{a0}|\n  |  //[a,:{}\"']{0,3}\n|//[^\n\r\u{2028}\u{2029}]{0,4}\u{2028}|/\\*[a{}\"',\n]{0,3}\\*/){0,3}",
    );
    let quoted = r#"("([^"\\\n\r]|\\n|\\u0061|\\x41|\\'|\\0x)*"|'([^'\\\n\r]|\\\r\n|\\q)*')"#;
    let key = regex(&format!(r"({quoted}|[a-c$_]{{1,2}}|\\u0061b)"));
    let leaf = regex(&format!(r"({quoted}|-?0x1F|\+1|\.5|5\.|null|true|NaN|-Infinity|1e3)"));
    let tree = leaf.prop_recursive(4, 40, 5, {
        let blank = blank.clone();
        move |inner| {
            let element = (blank.clone(), inner, blank.clone())
                .prop_map(|(before, value, after)| format!("{before}{value}{after}"));
            let member = (blank.clone(), key.clone(), blank.clone(), element.clone())
                .prop_map(|(before, key, after, value)| format!("{before}{key}{after}:{value}"));
            let end = prop_oneof![Just(false), Just(true)];
            let list = |open: &'static str, close: &'static str| {
                move |(all, comma, blank): (Vec<String>, bool, String)| {
                    let comma = if comma && !all.is_empty() { "," } else { "" };
                    format!("{open}{}{comma}{blank}{close}", all.join(","))
                }
            };
            prop_oneof![
                (prop::collection::vec(element, 0..5), end.clone(), blank.clone())
                    .prop_map(list("[", "]")),
                (prop::collection::vec(member, 0..5), end, blank.clone()).prop_map(list("{", "}")),
            ]
        }
    });
    (prop_oneof![Just(""), Just(BOM)], blank.clone(), tree, blank)
        .prop_map(|(bom, before, tree, after)| format!("{bom}{before}{tree}{after}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(1024)))]

    #[test]
    fn any_edit_says_what_it_shall_and_touches_nothing_else(
        text in text(),
        choices in prop::collection::vec(any::<u8>(), 0..60),
        new in prop::collection::vec(value(), 1..4),
    ) {
        let before = Document::parse(text.as_bytes()).unwrap().value;
        let wanted = changed(&before, &mut choices.into_iter(), &new);
        // The byte order mark is no part of what spans are counted in.
        let text = text.strip_prefix(BOM).unwrap_or(&text);
        let edited = holds(text, &wanted)?;
        let with_mark = edit(format!("{BOM}{text}").as_bytes(), &wanted).unwrap();
        prop_assert_eq!(with_mark.text, format!("{}{}", BOM, edited));
        let back = holds(&edited, &before)?;
        prop_assert!(same(&Document::parse(back.as_bytes()).unwrap().value, &before));
    }

    #[test]
    fn plain_json_is_continued_as_plain_json(
        before in value(),
        choices in prop::collection::vec(any::<u8>(), 0..60),
        new in prop::collection::vec(value(), 1..4),
        lines: bool,
    ) {
        let wanted = changed(&before, &mut choices.into_iter(), &new);
        let text = if lines { serde_json::to_string_pretty(&before) } else { serde_json::to_string(&before) };
        let edited = holds(&text.unwrap(), &wanted)?;
        let plain = serde_json::from_str::<Value>(&edited);
        prop_assert!(plain.is_ok(), "{edited}");
    }
}
