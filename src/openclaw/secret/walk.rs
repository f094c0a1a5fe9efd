//! The walk through a config that finds its secrets, and tells the config again without them.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::Write;
use std::mem;

use serde_json::Map;
use serde_json::Value;

use crate::openclaw::secret::Class;
use crate::openclaw::secret::Reference;
use crate::openclaw::secret::class;
use crate::openclaw::secret::in_text;
use crate::openclaw::secret::is_reference;
use crate::openclaw::secret::is_secret;
use crate::text::MARK;
use crate::text::names_secret;
use crate::text::shapes;

/// A secret that stands in a config: the path of its key, and what stands there.
pub type Found = (Vec<String>, String);

/// Returns the secrets that stand in a config, with their paths; of a URL or an argument only the
/// part that is secret. References are not values.
#[must_use]
pub fn secrets(value: &Value) -> Vec<Found> {
    let mut found = Vec::new();
    Walk::new(Nowhere, |step, part| {
        found.push((written(step), part.to_owned()));
        MARK
    })
    .value(value);
    found
}

/// Returns a config without its secrets, for showing.
#[must_use]
pub fn redact(value: &Value) -> Value {
    let mut walk = Walk::new(Copy::default(), |_, _| MARK);
    walk.value(value);
    walk.told.whole
}

/// Writes a config as JSON whose secrets are replaced by what they are worth, for its digest, and
/// returns them.
pub(crate) fn classified(value: &Value, to: impl Write) -> Vec<Found> {
    let mut found = Vec::new();
    Walk::new(Json { to, begun: false }, |step, part| {
        found.push((written(step), part.to_owned()));
        match class(part) {
            Class::Empty => "<empty secret>",
            Class::Placeholder => "<placeholder secret>",
            Class::Short => "<short secret>",
            Class::Ok => "<secret>",
        }
    })
    .value(value);
    found
}

/// A step of the path the walk is at.
#[derive(Clone, Copy)]
enum Step<'v> {
    Key(&'v str),
    Index(usize),
}

fn written(path: &[Step<'_>]) -> Vec<String> {
    let keys = path.iter().map(|step| match step {
        Step::Key(key) => (*key).to_owned(),
        Step::Index(index) => index.to_string(),
    });
    keys.collect()
}

/// What a config is told to, piece by piece.
trait Told {
    fn open(&mut self, kind: Kind);
    fn key(&mut self, key: &str);
    fn text(&mut self, text: &str);
    /// What holds no secret.
    fn plain(&mut self, value: &Value);
    fn close(&mut self, kind: Kind);
}

#[derive(Clone, Copy)]
enum Kind {
    Object,
    Array,
}

/// A walk that tells a config with every secret replaced by what `take` gives for it.
struct Walk<'v, T, F> {
    told: T,
    take: F,
    path: Vec<Step<'v>>,
    /// The path as secrets are known by, every index alike.
    keys: Vec<&'v str>,
}

impl<'v, T: Told, F: FnMut(&[Step<'v>], &str) -> &'static str> Walk<'v, T, F> {
    fn new(told: T, take: F) -> Self {
        Self { told, take, path: Vec::new(), keys: Vec::new() }
    }

    fn value(&mut self, value: &'v Value) {
        match value {
            Value::Object(members) if is_reference(members) => self.told.plain(value),
            Value::Object(members) => self.object(members),
            Value::Array(elements) => self.array(elements),
            Value::String(text) => {
                let shown = self.text_at(text);
                self.told.text(&shown);
            }
            Value::Number(number) if self.is_number_secret() => {
                let shown = (self.take)(&self.path, &number.to_string());
                self.told.text(shown);
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => self.told.plain(value),
        }
    }

    fn object(&mut self, members: &'v Map<String, Value>) {
        self.told.open(Kind::Object);
        // From the first key that holds a secret on, no two may come to the same.
        let mut apart: Option<HashSet<String>> = None;
        for (key, member) in members {
            self.path.push(Step::Key(key));
            self.keys.push(key);
            let shown = self.parts(key);
            if apart.is_none() && matches!(shown, Cow::Owned(_)) {
                let before = members.keys().take_while(|other| *other != key);
                apart = Some(before.cloned().collect());
            }
            match &mut apart {
                None => self.told.key(&shown),
                Some(apart) => {
                    let mut shown = shown.into_owned();
                    while apart.contains(&shown) {
                        shown.push('′');
                    }
                    self.told.key(&shown);
                    apart.insert(shown);
                }
            }
            self.value(member);
            self.keys.pop();
            self.path.pop();
        }
        self.told.close(Kind::Object);
    }

    fn array(&mut self, elements: &'v [Value]) {
        self.told.open(Kind::Array);
        let mut announced = false;
        for (at, element) in elements.iter().enumerate() {
            self.path.push(Step::Index(at));
            self.keys.push("0");
            match element {
                Value::String(text) if announced && !text.is_empty() => {
                    let shown = (self.take)(&self.path, text);
                    self.told.text(shown);
                }
                _ => self.value(element),
            }
            announced = element.as_str().is_some_and(is_flag);
            self.keys.pop();
            self.path.pop();
        }
        self.told.close(Kind::Array);
    }

    /// Says whether a number here is a secret: not where it may well be a port or a count.
    fn is_number_secret(&self) -> bool {
        self.keys.last().is_some_and(|key| names_secret(key))
    }

    fn text_at<'s>(&mut self, text: &'s str) -> Cow<'s, str> {
        if text.trim().is_empty() || !is_secret(&self.keys) {
            return self.parts(text);
        }
        match in_text(text) {
            Reference::Env(_) => Cow::Borrowed(text),
            Reference::Mixed(_) => self.parts(text),
            Reference::Inline
            | Reference::Store { .. }
            | Reference::File { .. }
            | Reference::Exec { .. } => Cow::Borrowed((self.take)(&self.path, text)),
        }
    }

    /// Replaces the parts of a text that look like secrets.
    fn parts<'s>(&mut self, text: &'s str) -> Cow<'s, str> {
        let ranges = shapes(text);
        if ranges.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut shown = String::new();
        let mut from = 0;
        for range in ranges {
            shown.push_str(&text[from..range.start]);
            shown.push_str((self.take)(&self.path, &text[range.clone()]));
            from = range.end;
        }
        shown.push_str(&text[from..]);
        Cow::Owned(shown)
    }
}

/// Says whether an argument announces a secret as the next one.
fn is_flag(argument: &str) -> bool {
    argument.starts_with('-') && !argument.contains('=') && names_secret(argument)
        || argument == "-H"
        || argument == "--header"
}

/// Nobody listens: the secrets alone are wanted.
struct Nowhere;

impl Told for Nowhere {
    fn open(&mut self, _: Kind) {}
    fn key(&mut self, _: &str) {}
    fn text(&mut self, _: &str) {}
    fn plain(&mut self, _: &Value) {}
    fn close(&mut self, _: Kind) {}
}

/// JSON without spaces, as it is told. A writer that fails is left alone: digests never do.
struct Json<W> {
    to: W,
    /// Whether something stands before in the same object or array.
    begun: bool,
}

impl<W: Write> Json<W> {
    fn element(&mut self) {
        if mem::replace(&mut self.begun, true) {
            let _ = self.to.write_all(b",");
        }
    }
}

impl<W: Write> Told for Json<W> {
    fn open(&mut self, kind: Kind) {
        self.element();
        self.begun = false;
        let _ = self.to.write_all(match kind {
            Kind::Object => b"{",
            Kind::Array => b"[",
        });
    }

    fn key(&mut self, key: &str) {
        self.text(key);
        let _ = self.to.write_all(b":");
        self.begun = false;
    }

    fn text(&mut self, text: &str) {
        self.element();
        let _ = serde_json::to_writer(&mut self.to, text);
    }

    fn plain(&mut self, value: &Value) {
        self.element();
        let _ = serde_json::to_writer(&mut self.to, value);
    }

    fn close(&mut self, kind: Kind) {
        self.begun = true;
        let _ = self.to.write_all(match kind {
            Kind::Object => b"}",
            Kind::Array => b"]",
        });
    }
}

/// A value, as it is told.
#[derive(Default)]
struct Copy {
    whole: Value,
    /// What is open around it, each with the key that it stands at.
    open: Vec<(Value, String)>,
    key: String,
}

impl Copy {
    fn put(&mut self, value: Value) {
        match self.open.last_mut().map(|(around, _)| around) {
            Some(Value::Object(members)) => {
                members.insert(mem::take(&mut self.key), value);
            }
            Some(Value::Array(elements)) => elements.push(value),
            _ => self.whole = value,
        }
    }
}

impl Told for Copy {
    fn open(&mut self, kind: Kind) {
        let empty = match kind {
            Kind::Object => Value::Object(Map::new()),
            Kind::Array => Value::Array(Vec::new()),
        };
        self.open.push((empty, mem::take(&mut self.key)));
    }

    fn key(&mut self, key: &str) {
        key.clone_into(&mut self.key);
    }

    fn text(&mut self, text: &str) {
        self.put(Value::from(text));
    }

    fn plain(&mut self, value: &Value) {
        self.put(value.clone());
    }

    fn close(&mut self, _: Kind) {
        if let Some((value, key)) = self.open.pop() {
            self.key = key;
            self.put(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_config_is_shown_without_its_secrets() {
        let config = json!({
            "env": {"vars": {"KEY": "hunter2", "NODE_ENV": "production"}},
            "gateway": {
                "auth": {"token": "${TOKEN}", "password": "hunter2-hunter2"},
                "remote": {"url": "wss://user:passpass@gw.example/?token=tokentoken"},
            },
            "mcp": {"servers": {"x": {
                "args": ["--api-key", "keykeykey", "--verbose", "--token=abcd"],
                "headers": {"Authorization": "Bearer abcdef"},
            }}},
            "channels": {"1234567890:AAFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFA": {}},
            "models": {"providers": {"x": {"apiKey": {"source": "env", "id": "KEY"}}}},
        });
        let shown = json!({
            "env": {"vars": {"KEY": "‹secret›", "NODE_ENV": "production"}},
            "gateway": {
                "auth": {"token": "${TOKEN}", "password": "‹secret›"},
                "remote": {"url": "wss://user:‹secret›@gw.example/?token=‹secret›"},
            },
            "mcp": {"servers": {"x": {
                "args": ["--api-key", "‹secret›", "--verbose", "--token=‹secret›"],
                "headers": {"Authorization": "‹secret›"},
            }}},
            "channels": {"‹secret›": {}},
            "models": {"providers": {"x": {"apiKey": {"source": "env", "id": "KEY"}}}},
        });
        assert_eq!(redact(&config), shown);
        let found: Vec<String> = secrets(&config).into_iter().map(|(_, part)| part).collect();
        assert_eq!(
            found,
            [
                "hunter2",
                "hunter2-hunter2",
                "passpass",
                "tokentoken",
                "keykeykey",
                "abcd",
                "Bearer abcdef",
                "1234567890:AAFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFA",
            ]
        );
    }

    #[test]
    fn secrets_know_their_path() {
        let config = json!({"channels": {"telegram": {"accounts": {"a": {"botToken": "b0t"}}}}});
        let path = ["channels", "telegram", "accounts", "a", "botToken"].map(str::to_owned);
        assert_eq!(secrets(&config), [(path.to_vec(), "b0t".to_owned())]);
    }

    #[test]
    fn keys_that_hold_secrets_stay_apart() {
        let (one, two) = ("sk-ant-api03-FAKEFAKE1", "sk-ant-api03-FAKEFAKE2");
        let shown = redact(&json!({"plain": 1, one: 2, "‹secret›": 3, two: 4, "after": 5}));
        let keys: Vec<&str> = shown.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["plain", "‹secret›", "‹secret›′", "‹secret›′′", "after"]);
    }

    proptest! {
        #[test]
        fn what_is_written_for_the_digest_is_json_of_the_same_shape(
            value in prop::collection::vec(("[a-z]{1,3}", "[a-z\"\\\\\n]{0,4}"), 0..4)
        ) {
            let members = value.iter().map(|(key, text)| (key.clone(), json!([text, {}, [1, null]])));
            let value = Value::Object(members.collect());
            let mut written = Vec::new();
            let found = classified(&value, &mut written);
            prop_assert!(found.is_empty());
            prop_assert_eq!(String::from_utf8(written).unwrap(), value.to_string());
        }
    }
}
