//! Patches over configs of several files.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const ROOT: &str = "/c/openclaw.json";

fn files(texts: &[(&str, &str)]) -> Files {
    let read = |text: &str| FileRead::Bytes(text.as_bytes().to_vec());
    texts.iter().map(|(name, text)| (Path::new("/c").join(name), read(text))).collect()
}

/// Merges, and returns the files that changed, by name.
fn merge(texts: &[(&str, &str)], patch: &Value) -> Result<Vec<(String, String)>, MergeError> {
    let all = merged(Path::new(ROOT), &files(texts), &[], patch)?;
    assert_eq!(all[0].path, Path::new(ROOT));
    let changed = all.into_iter().filter(|file| !file.touched.is_empty());
    let name = |path: &Path| path.strip_prefix("/c").unwrap().display().to_string();
    Ok(changed.map(|file| (name(&file.path), file.text)).collect())
}

#[track_caller]
fn becomes(texts: &[(&str, &str)], patch: &Value, expected: &[(&str, &str)]) {
    let merged = merge(texts, patch).expect("it can be merged");
    let merged: Vec<_> = merged.iter().map(|(name, text)| (&**name, &**text)).collect();
    assert_eq!(merged, expected);
}

#[track_caller]
fn refused(texts: &[(&str, &str)], patch: &Value, expected: &str) {
    assert_eq!(merge(texts, patch).expect_err("it is refused").to_string(), expected);
}

const GATEWAY: (&str, &str) = ("g.json5", "{\n  bind: 'lan', // for now\n  port: 0x4965,\n}\n");

#[test]
fn an_include_is_followed_to_the_file_that_holds_the_key() {
    let root = (
        "openclaw.json",
        "{\n  gateway: { $include: './g.json5' }, // own file\n  tools: { deny: ['x'] },\n}\n",
    );
    becomes(
        &[root, GATEWAY],
        &json!({"gateway": {"bind": "loopback", "tailscale": {"mode": "off"}}, "tools": {"deny": []}}),
        &[
            (
                "openclaw.json",
                "{\n  gateway: { $include: './g.json5' }, // own file\n  tools: { deny: [] },\n}\n",
            ),
            (
                "g.json5",
                "{\n  bind: 'loopback', // for now\n  port: 0x4965,\n  tailscale: {\n    mode: 'off',\n  },\n}\n",
            ),
        ],
    );
    becomes(&[root, GATEWAY], &json!({"gateway": {"bind": "lan"}}), &[]);
    becomes(
        &[root, GATEWAY],
        &json!({"gateway": null}),
        &[("openclaw.json", "{\n  // own file\n  tools: { deny: ['x'] },\n}\n")],
    );
}

#[test]
fn what_stands_beside_an_include_beats_it_and_is_where_new_keys_go() {
    let root = ("openclaw.json", "{ gateway: { $include: 'g.json5', bind: 'auto' } }");
    becomes(
        &[root, GATEWAY],
        &json!({"gateway": {"bind": "loopback", "port": 1, "mode": "local"}}),
        &[
            (
                "openclaw.json",
                "{ gateway: { $include: 'g.json5', bind: 'loopback', mode: 'local' } }",
            ),
            ("g.json5", "{\n  bind: 'lan', // for now\n  port: 1,\n}\n"),
        ],
    );
    becomes(
        &[root, GATEWAY],
        &json!({"gateway": {"bind": null}}),
        &[
            ("openclaw.json", "{ gateway: { $include: 'g.json5' } }"),
            ("g.json5", "{\n  // for now\n  port: 0x4965,\n}\n"),
        ],
    );
}

#[test]
fn arrays_that_files_make_together_are_changed_each_where_it_stands() {
    let texts = [
        (
            "openclaw.json",
            "{ $include: ['a.json5', 'b.json5'], x: ['*', { $include: 'e.json5' }] }",
        ),
        ("a.json5", "{ deny: ['a', /* b */ 'b'] }"),
        ("b.json5", "{ deny: ['c'], y: { $include: 'l.json5' } }"),
        ("e.json5", "{ id: 'e', t: 1 }"),
        ("l.json5", "[ 'one', 'two' ] // a list"),
    ];
    becomes(
        &texts,
        &json!({"deny": ["a", "c", "d"]}),
        &[
            ("a.json5", "{ deny: ['a' /* b */] }"),
            ("b.json5", "{ deny: ['c', 'd'], y: { $include: 'l.json5' } }"),
        ],
    );
    becomes(
        &texts,
        &json!({"deny": "none", "y": ["two"], "x": [{"id": "e", "t": 2}]}),
        &[
            ("openclaw.json", "{ $include: ['a.json5', 'b.json5'], x: [{ $include: 'e.json5' }] }"),
            ("b.json5", "{ deny: 'none', y: { $include: 'l.json5' } }"),
            ("l.json5", "[ 'two' ] // a list"),
            ("e.json5", "{ id: 'e', t: 2 }"),
        ],
    );
}

#[test]
fn a_file_included_twice_is_changed_only_for_both() {
    let texts = [
        ("openclaw.json", "{ a: { $include: 's.json5' }, b: { $include: './s.json5' } }"),
        ("s.json5", "{ exec: { mode: 'full' } }"),
    ];
    let deny = json!({"exec": {"mode": "deny"}});
    becomes(&texts, &json!({"a": deny, "b": deny}), &[("s.json5", "{ exec: { mode: 'deny' } }")]);
    refused(
        &texts,
        &json!({"a": deny}),
        "`/c/s.json5` is included at 2 places, and what the patch changes at one of them would \
         change at `b.exec.mode` too",
    );
    refused(
        &texts,
        &json!({"a": {"$include": "x"}}),
        "the patch has a key `$include`, which is no setting",
    );
}

#[test]
fn references_to_the_environment_stay_as_they_are() {
    becomes(
        &[("openclaw.json", "{ token: '${A}', b: '$${B}' }")],
        &json!({"token": "${A}", "b": "$${C}", "c": "${D}"}),
        &[("openclaw.json", "{ token: '${A}', b: '$${C}', c: '${D}' }")],
    );
}

/// A config of three files, some of it from the second and the third.
fn several() -> impl Strategy<Value = [String; 3]> {
    let leaf = prop_oneof![Just("1"), Just("'x'"), Just("null"), Just("[1, 'y', [2]]"), Just("[]")]
        .prop_map(str::to_owned);
    let tree = |include: Option<&'static str>| {
        let leaf = match include {
            Some(file) => prop_oneof![
                3 => leaf.clone(),
                1 => Just(format!("{{ $include: '{file}' }}")),
                1 => leaf.clone().prop_map(move |it| format!("{{ $include: ['{file}'], a: {it} }}")),
            ]
            .boxed(),
            None => leaf.clone().boxed(),
        };
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                3 => prop::collection::btree_map("[a-d]", inner.clone(), 0..4).prop_map(|members| {
                    let members = members.iter().map(|(key, it)| format!("{key}: {it}, // {key}\n"));
                    format!("{{ {}}}", members.collect::<String>())
                }),
                1 => prop::collection::vec(inner, 0..3).prop_map(|it| format!("[{}]", it.join(","))),
            ]
        })
    };
    let object =
        |text: String| if text.starts_with('{') { text } else { format!("{{ a: {text} }}") };
    [
        tree(Some("b.json5")).prop_map(object).boxed(),
        tree(Some("c.json5")).boxed(),
        tree(None).boxed(),
    ]
}

fn patch() -> impl Strategy<Value = Value> {
    let leaf =
        prop_oneof![Just(json!(null)), Just(json!(2)), Just(json!(["y", 3])), Just(json!("x"))];
    let members = |inner: BoxedStrategy<Value>| {
        prop::collection::btree_map("[a-e]", inner, 0..4).prop_map(Value::from_iter)
    };
    let inner = leaf.prop_recursive(3, 12, 3, move |inner| members(inner.boxed()));
    prop::collection::btree_map("[a-e]", inner, 0..4).prop_map(Value::from_iter)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(512)))]

    #[test]
    fn any_patch_over_any_files_is_merged_or_refused_for_a_reason(
        [a, b, c] in several(), patch in patch(),
    ) {
        let texts = [("openclaw.json", &*a), ("b.json5", &*b), ("c.json5", &*c)];
        let files = files(&texts);
        let root = Path::new(ROOT);
        let Ok(config) = complete(root, &files, &[]) else { return Ok(()) };
        match merged(root, &files, &[], &patch) {
            Ok(all) => {
                let mut again = files.clone();
                for file in &all {
                    again.insert(file.path.clone(), FileRead::Bytes(file.text.clone().into_bytes()));
                }
                let mut wanted = config.value.clone();
                patch::merge(&mut wanted, &patch);
                prop_assert_eq!(&complete(root, &again, &[]).unwrap().value, &wanted);
                let twice = merged(root, &again, &[], &patch).unwrap();
                prop_assert!(twice.iter().all(|file| file.touched.is_empty()));
            }
            Err(error) => {
                // Only a file that several places share is a reason.
                let texts: Texts = config.files.iter().map(|file| {
                    let Some(FileRead::Bytes(bytes)) = files.get(file) else { unreachable!() };
                    (file.clone(), Document::parse(bytes).unwrap().value)
                }).collect();
                let shared = owners::included(&texts).values().any(|count| *count > 1);
                prop_assert!(shared, "{}: {:?} with {}", error, texts, patch);
            }
        }
    }
}
