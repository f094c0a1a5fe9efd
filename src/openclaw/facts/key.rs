//! Config paths as text: dots between keys, brackets around keys that hold a dot themselves.

/// Writes a config path.
#[must_use]
pub fn write(path: &[&str]) -> String {
    let mut text = String::with_capacity(path.iter().map(|part| part.len() + 1).sum());
    for part in path {
        let plain = !part.is_empty() && !part.contains(['.', '[', ']', '"']);
        if plain {
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(part);
        } else {
            text.push('[');
            text.push_str(&serde_json::Value::from(*part).to_string());
            text.push(']');
        }
    }
    text
}

/// Reads a config path back into its keys.
#[must_use]
pub fn parts(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix('[') {
            let mut stream = serde_json::Deserializer::from_str(quoted).into_iter::<String>();
            if let Some(Ok(part)) = stream.next() {
                let after = stream.byte_offset();
                parts.push(part);
                let after = quoted.get(after..).unwrap_or_default();
                let after = after.strip_prefix(']').unwrap_or(after);
                rest = after.strip_prefix('.').unwrap_or(after);
                continue;
            }
        }
        let end = rest.find(['.', '[']).filter(|&end| end > 0).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        parts.push(part.to_owned());
        rest = after.strip_prefix('.').unwrap_or(after);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_survives_being_written() {
        #[track_caller]
        fn written(path: &[&str], expected: &str) {
            assert_eq!(write(path), expected);
            assert_eq!(parts(expected), path);
        }
        written(&["gateway", "bind"], "gateway.bind");
        written(&["channels", "telegram", "groups", "*"], "channels.telegram.groups.*");
        written(
            &["channels", "matrix", "groups", "!a:example.org", "users"],
            r#"channels.matrix.groups["!a:example.org"].users"#,
        );
        written(&["env", ""], r#"env[""]"#);
    }
}
