//! The one form of a document's bytes, checked without building anything.
//!
//! Sorted keys that stand once, two spaces a level, whole numbers, one line break at the end:
//! what `canonical` writes and nothing else. One pass, so that thousands a second can be checked.

/// How deep a document may be.
const DEEPEST: usize = 64;

/// Tells whether a text is in the one form.
#[must_use]
pub(super) fn is_canonical(bytes: &[u8]) -> bool {
    let mut form = Form { rest: bytes };
    form.value(0).is_some() && form.rest == b"\n"
}

struct Form<'a> {
    rest: &'a [u8],
}

impl<'a> Form<'a> {
    fn take(&mut self, expected: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(expected)?;
        Some(())
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        match self.rest.first()? {
            _ if depth > DEEPEST => None,
            b'{' => self.list(b"{", b"}", depth, Self::member),
            b'[' => self.list(b"[", b"]", depth, |form, depth, _| {
                form.value(depth)?;
                Some(&[])
            }),
            b'"' => self.string().map(|_| ()),
            b't' => self.take(b"true"),
            b'f' => self.take(b"false"),
            b'n' => self.take(b"null"),
            _ => self.number(),
        }
    }

    /// Walks an object or an array; an empty one stands on one line.
    fn list(
        &mut self,
        open: &[u8],
        close: &[u8],
        depth: usize,
        entry: impl Fn(&mut Self, usize, Option<&'a [u8]>) -> Option<&'a [u8]>,
    ) -> Option<()> {
        self.take(open)?;
        if self.rest.starts_with(close) {
            return self.take(close);
        }
        let mut before = None;
        loop {
            self.line(depth + 1)?;
            before = Some(entry(self, depth + 1, before)?);
            if self.rest.first() == Some(&b',') {
                self.take(b",")?;
                continue;
            }
            self.line(depth)?;
            return self.take(close);
        }
    }

    fn member(&mut self, depth: usize, before: Option<&'a [u8]>) -> Option<&'a [u8]> {
        let key = self.string()?;
        // No key of ours needs an escape, so keys sort as they are written.
        if key.contains(&b'\\') || before.is_some_and(|before| before >= key) {
            return None;
        }
        self.take(b": ")?;
        self.value(depth)?;
        Some(key)
    }

    fn line(&mut self, depth: usize) -> Option<()> {
        self.take(b"\n")?;
        let (indent, rest) = self.rest.split_at_checked(2 * depth)?;
        self.rest = rest;
        indent.iter().all(|byte| *byte == b' ').then_some(())
    }

    /// Takes a string; what must be escaped is, what need not is not.
    fn string(&mut self) -> Option<&'a [u8]> {
        self.take(b"\"")?;
        let text = self.rest;
        let mut at = 0;
        loop {
            at += text.get(at..)?.iter().take_while(|byte| !STOPS[usize::from(**byte)]).count();
            match *text.get(at)? {
                b'"' => break,
                b'\\' => match text.get(at + 1)? {
                    b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't' => at += 2,
                    b'u' => {
                        let code = text.get(at + 2..at + 6)?;
                        let code = std::str::from_utf8(code).ok()?;
                        let number = u32::from_str_radix(code, 16).ok()?;
                        let short = matches!(number, 8 | 9 | 10 | 12 | 13);
                        let upper = code.bytes().any(|byte| byte.is_ascii_uppercase());
                        if number >= 0x20 || short || upper || code.starts_with('+') {
                            return None;
                        }
                        at += 6;
                    }
                    _ => return None,
                },
                0..0x20 => return None,
                _ => at += 1,
            }
        }
        let (string, rest) = text.split_at_checked(at)?;
        self.rest = rest.get(1..)?;
        Some(string)
    }

    fn number(&mut self) -> Option<()> {
        let digits = self.rest.strip_prefix(b"-").unwrap_or(self.rest);
        let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (number, rest) = digits.split_at_checked(length)?;
        let negative = digits.len() < self.rest.len();
        let plain = match number {
            [] => false,
            [b'0'] => !negative,
            [first, ..] => *first != b'0',
        };
        // A number that fits no whole type is written back as a fraction.
        let whole = std::str::from_utf8(self.rest.get(..self.rest.len() - rest.len())?).ok()?;
        let fits =
            if negative { whole.parse::<i64>().is_ok() } else { whole.parse::<u64>().is_ok() };
        self.rest = rest;
        (plain && fits).then_some(())
    }
}

/// Tells of each byte whether it may end or escape a string, or must not stand in one.
const STOPS: [bool; 256] = {
    let mut stops = [false; 256];
    let mut control = 0;
    while control < 0x20 {
        stops[control] = true;
        control += 1;
    }
    stops[b'"' as usize] = true;
    stops[b'\\' as usize] = true;
    stops
};

#[cfg(test)]
mod tests {
    use super::super::document::canonical;
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;
    use serde_json::json;

    #[test]
    fn only_the_one_form_passes() {
        let good = canonical(json!({ "b": [1, -2, {}, [], "a\n\u{1}é"], "a": { "c": null } }));
        assert!(is_canonical(good.as_bytes()), "{good}");
        for (from, to) in [
            ("\n", "\r\n"),
            ("  ", " "),
            ("1,", "1.0,"),
            ("1,", "1e2,"),
            ("1,", "01,"),
            ("-2", "-0"),
            ("\"c\"", "\"a\": 1,\n    \"a\""),
            ("{}", "{ }"),
            ("\\n", "\\u000a"),
            ("\\u0001", "\\u0061"),
            ("null", "nul"),
            ("\"a\": {", "\"z\": {"),
        ] {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good, "{from}");
            assert!(!is_canonical(bad.as_bytes()), "{from} became {to}");
        }
        assert!(!is_canonical(good.trim_end().as_bytes()));
        assert!(!is_canonical(format!("{good}\n").as_bytes()));
        assert!(!is_canonical("[".repeat(100_000).as_bytes()));
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map("[a-zA-Z0-9 _.é-]*", inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_in_the_one_form(value in any_value()) {
            let text = canonical(value);
            prop_assert!(is_canonical(text.as_bytes()), "{text}");
        }

        #[test]
        fn what_is_in_the_one_form_is_what_would_be_written(
            value in any_value(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
        ) {
            let mut bytes = canonical(value).into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if is_canonical(&bytes)
                && let Ok(value) = serde_json::from_slice::<Value>(&bytes)
            {
                prop_assert_eq!(canonical(value).into_bytes(), bytes);
            }
        }
    }
}
