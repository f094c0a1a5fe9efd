//! What a config is put together from, and what is no config.

use std::fs::File;
use std::io::Read;
use std::time::Instant;

use serde_json::json;

use super::*;

const ROOT: &str = "/c/openclaw.json";

/// Assembles a config from files below `/c`; those that are not given are missing.
fn read(given: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let given: BTreeMap<PathBuf, &str> =
        given.iter().map(|(name, text)| (Path::new("/c").join(name), *text)).collect();
    let mut files = Files::new();
    loop {
        match assemble(Path::new(ROOT), &files)? {
            Assembled::Complete(config) => return Ok(*config),
            Assembled::Needs(path) => {
                let read =
                    given.get(&path).map_or(FileRead::Unreadable(Unreadable::Missing), |text| {
                        FileRead::Bytes(text.as_bytes().to_vec())
                    });
                assert_eq!(files.insert(path, read), None, "no file is asked for twice");
            }
        }
    }
}

#[track_caller]
fn value(given: &[(&str, &str)], expected: &Value) {
    let config = read(given).expect("it is a config");
    assert_eq!(&config.value, expected);
}

#[track_caller]
fn refused(given: &[(&str, &str)], expected: &str) {
    let error = read(given).expect_err("it is no config");
    assert_eq!(error.to_string(), expected);
}

/// Names a place as `file:line:column`.
fn place(config: &Config, path: &[&str]) -> String {
    let place = config.place(path).expect("it has a place");
    let name = place.file.file_name().unwrap_or_default().to_string_lossy();
    format!("{name}:{}:{}", place.line, place.column)
}

#[test]
fn an_include_is_overridden_by_what_stands_beside_it() {
    let config = read(&[
        ("openclaw.json", "{\n gateway: {$include: './g.json5',\n  bind: 'loopback'}\n}"),
        ("g.json5", "{bind: 'lan', // x\n port: 1, auth: {mode: 'token'}}"),
    ])
    .unwrap();
    let expected = json!({"gateway": {"bind": "loopback", "port": 1, "auth": {"mode": "token"}}});
    assert_eq!(config.value, expected);
    assert_eq!(place(&config, &["gateway"]), "openclaw.json:2:2");
    assert_eq!(place(&config, &["gateway", "bind"]), "openclaw.json:3:3");
    assert_eq!(place(&config, &["gateway", "port"]), "g.json5:2:2");
    assert_eq!(place(&config, &["gateway", "auth", "mode"]), "g.json5:2:18");
    assert_eq!(config.comments, 1);
    assert_eq!(config.files, [Path::new(ROOT), Path::new("/c/g.json5")]);
}

#[test]
fn several_includes_merge_in_order_and_join_arrays() {
    let config = read(&[
        ("openclaw.json", "{$include: ['a.json5', 'sub/b.json5'], list: [4]}"),
        ("a.json5", "{list: [1, 2], a: {x: 1, y: 1}, b: {z: 1}}"),
        ("sub/b.json5", "{list: [3], a: {y: 2}, b: null}"),
    ])
    .unwrap();
    let expected = json!({"list": [1, 2, 3, 4], "a": {"x": 1, "y": 2}, "b": null});
    assert_eq!(config.value, expected);
    assert_eq!(config.get(&["list", "2"]), Some(&json!(3)));
    assert_eq!(place(&config, &["list", "2"]), "b.json5:1:9");
    assert_eq!(place(&config, &["list", "3"]), "openclaw.json:1:47");
}

#[test]
fn includes_stand_anywhere_and_hold_anything() {
    value(
        &[
            ("openclaw.json", "{a: [{$include: 'x/y.json5'}], b: {$include: 'list.json5'}}"),
            ("x/y.json5", "{c: {$include: './z.json5'}}"),
            ("x/z.json5", "{d: {$include: '../list.json5'}}"),
            ("list.json5", "[1]"),
        ],
        &json!({"a": [{"c": {"d": [1]}}], "b": [1]}),
    );
    value(&[("openclaw.json", "{a: {$include: []}}")], &json!({"a": {}}));
}

#[test]
fn what_is_no_include_is_refused_with_its_place() {
    #[track_caller]
    fn wrong(include: &str, expected: &str) {
        let root = format!("{{\n a: {{$include: {include}}}}}");
        let expected = format!("{expected} (included at `{ROOT}` line 2)");
        refused(&[("openclaw.json", &root)], &expected);
    }
    wrong("1", "`$include` is a number, not a path or an array of paths");
    wrong("null", "`$include` is null, not a path or an array of paths");
    wrong("{}", "`$include` is an object, not a path or an array of paths");
    wrong("[[]]", "`$include` is an array with an array, not a path or an array of paths");
    wrong(r"'a\0b'", "`$include` is a path with a NUL");
    wrong("'gone'", "cannot read `/c/gone`: there is no such file");
    wrong("'../x'", "`$include` leads out of the config's folder, to `/x`");
    wrong("'/etc/passwd'", "`$include` leads out of the config's folder, to `/etc/passwd`");
    wrong("'a/../../etc'", "`$include` leads out of the config's folder, to `/etc`");
    wrong("'~/x'", "`$include` names `~/x`, which is no file below the config's folder");
    wrong(
        "'http://h/x'",
        "`$include` names `http://h/x`, which is no file below the config's folder",
    );
}

#[test]
fn a_circle_of_includes_names_its_files() {
    refused(
        &[
            ("openclaw.json", "{$include: 'a.json5'}"),
            ("a.json5", "{\n$include: './openclaw.json'}"),
        ],
        "`$include` goes in a circle: `/c/openclaw.json` → `/c/a.json5` → `/c/openclaw.json` \
         (included at `/c/a.json5` line 2)",
    );
}

#[test]
fn ten_files_may_include_one_another_and_eleven_may_not() {
    let chain = |length: usize| {
        let name = |at: usize| match at {
            0 => "openclaw.json".to_owned(),
            _ => format!("i{at}.json5"),
        };
        let mut files: Vec<(String, String)> = (0..length)
            .map(|at| (name(at), format!("{{$include: './{}'}}", name(at + 1))))
            .collect();
        files.push((name(length), "{}".to_owned()));
        let files: Vec<(&str, &str)> =
            files.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
        read(&files)
    };
    assert!(chain(10).is_ok());
    let error = chain(11).unwrap_err();
    assert!(error.to_string().starts_with("`$include` goes deeper than 10 files"), "{error}");
}

#[test]
fn includes_that_multiply_or_nest_without_end_are_refused() {
    let many = format!("{{$include: [{}]}}", "'a.json5',".repeat(1_001));
    let error = read(&[("openclaw.json", &many), ("a.json5", "{}")]).unwrap_err();
    assert!(matches!(error, ConfigError::Include { why: IncludeError::TooMany, .. }), "{error}");
    let deep = |inner: &str| format!("{}{inner}{}", "[".repeat(120), "]".repeat(120));
    let root = format!("{{a: {}}}", deep("{$include: 'a.json5'}"));
    let error = read(&[("openclaw.json", &root), ("a.json5", &deep(""))]).unwrap_err();
    assert!(matches!(error, ConfigError::Include { why: IncludeError::Nested, .. }), "{error}");
}

#[test]
fn other_keys_beside_an_include_need_an_object() {
    refused(
        &[("openclaw.json", "{a: {$include: 'l', b: 1}}"), ("l", "[]")],
        "other keys stand beside `$include`, but it holds an array, not an object \
         (included at `/c/openclaw.json` line 1)",
    );
}

#[test]
fn what_is_no_object_is_no_config() {
    refused(&[("openclaw.json", "[]")], "`/c/openclaw.json` holds an array, not an object");
    refused(&[("openclaw.json", "null")], "`/c/openclaw.json` holds null, not an object");
    refused(&[], "cannot read `/c/openclaw.json`: there is no such file");
    refused(
        &[("openclaw.json", "{$include: 'a'}"), ("a", "{x}")],
        "cannot read `/c/a`: expected a colon after the key at line 1, column 3",
    );
}

#[test]
fn folders_may_be_added_to_those_that_includes_come_from() {
    let root = Path::new(ROOT);
    let bytes = |text: &str| FileRead::Bytes(text.as_bytes().to_vec());
    let files = Files::from([
        (root.to_owned(), bytes("{$include: '/shared/x.json5'}")),
        ("/shared/x.json5".into(), bytes("{a: 1}")),
    ]);
    assert!(assemble(root, &files).is_err());
    assert!(assemble_within(root, &files, &["/shared".into()]).is_ok());
}

#[test]
fn keys_that_stand_twice_are_told() {
    let text = "{gateway: {bind: 'lan',\n'bind': 'auto'}, \"a.b\": {}, 'a.b': {__proto__: {}}}";
    let config = read(&[("openclaw.json", text)]).unwrap();
    assert_eq!(
        config.warnings,
        [
            "`gateway.bind` stands twice in openclaw.json, at line 1 and line 2; the last one counts",
            "`[\"a.b\"]` stands twice in openclaw.json, at line 2 and line 2; the last one counts",
            "`[\"a.b\"].__proto__` is a name that OpenClaw may read as the object's prototype",
        ]
    );
}

#[test]
fn the_digest_tells_changes_and_no_secrets() {
    let digest = |text: &str| read(&[("openclaw.json", text)]).unwrap().digest;
    let token = |token: &str| digest(&format!("{{gateway: {{auth: {{token: '{token}'}}}}}}"));
    let one = token("0123456789abcdef01234567");
    assert_eq!(one.len(), 64);
    assert_eq!(one, token("fedcba9876543210fedcba98"));
    assert_ne!(one, token("change-me-now"));
    assert_ne!(one, token("${TOKEN}"));
    assert_eq!(digest("{a: 1}"), digest("// x\n{'a': 1,}"));
    assert_ne!(digest("{a: 1}"), digest("{a: 2}"));
}

/// Reads every config below the folder named by `PORTCULLIS_CORPUS`, if it names one.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test of real files")]
fn every_config_of_the_corpus_is_read_or_refused() {
    let Ok(folder) = std::env::var("PORTCULLIS_CORPUS") else {
        return;
    };
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter_map(|path| match path.extension().and_then(|end| end.to_str()) {
            Some("json5") => Some(path),
            _ => Some(path.join("openclaw.json")).filter(|path| path.is_file()),
        })
        .collect();
    entries.sort();
    for path in entries {
        let mut files = Files::new();
        let start = Instant::now();
        let outcome = loop {
            match assemble(&path, &files) {
                Ok(Assembled::Complete(config)) => {
                    let shown = secret::redact(&config.value);
                    let found = secret::secrets(&config.value).len();
                    break format!(
                        "ok {} warnings, {found} secrets, {} bytes, {:?}",
                        config.warnings.len(),
                        shown.to_string().len(),
                        config.warnings.first()
                    );
                }
                Ok(Assembled::Needs(path)) => {
                    let read = shell(&path);
                    assert_eq!(files.insert(path, read), None);
                }
                Err(error) => break format!("ERR {error} [{}]", error.hint().unwrap_or_default()),
            }
        };
        let shown = Shown::line(&outcome).cut(260);
        println!("{:>6} ms {} {shown}", start.elapsed().as_millis(), short(&path, &path.clone()));
        println!("          {}", path.display());
    }
}

#[expect(clippy::disallowed_methods, reason = "a test of real files")]
fn shell(path: &Path) -> FileRead {
    let Ok(about) = std::fs::metadata(path) else {
        return FileRead::Unreadable(Unreadable::Missing);
    };
    if !about.is_file() {
        return FileRead::Unreadable(Unreadable::NotRegular("something else"));
    }
    if about.len() > crate::json5::MAX_BYTES as u64 {
        return FileRead::Unreadable(Unreadable::TooLarge(about.len()));
    }
    let mut bytes = Vec::new();
    File::open(path).unwrap().read_to_end(&mut bytes).unwrap();
    FileRead::Bytes(bytes)
}
