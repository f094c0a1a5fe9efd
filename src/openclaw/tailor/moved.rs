//! A widening move as a patch: what the operator said put in the place of its names.

use std::collections::BTreeMap;

use crate::openclaw::config::Config;
use crate::openclaw::fact::Subject;
use crate::openclaw::facts::Facts;
use crate::openclaw::facts::is_wide;
use crate::openclaw::tailor;
use crate::runbook::Ask;
use crate::runbook::Fix;
use crate::runbook::FixRow;
use crate::runbook::Move;
use crate::runbook::Takes;

/// What the operator said, by the name it stands for; one word, or the members of a list.
pub type Said = BTreeMap<String, Vec<String>>;

/// Reads an answer.
///
/// # Errors
///
/// Why it cannot be taken, as a sentence for the operator.
pub fn answer(ask: &Ask, typed: &str) -> Result<Vec<String>, String> {
    let typed = typed.trim();
    let words: Vec<String> = if ask.takes.is_list() {
        typed.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    } else {
        vec![typed.to_owned()]
    };
    if typed.is_empty() || words.is_empty() {
        return Err(format!("{}: say it, nothing is assumed", ask.label));
    }
    if !ask.one_of.is_empty() && !words.iter().all(|word| ask.one_of.contains(word)) {
        return Err(format!("{}: one of {}", ask.label, ask.one_of.join(", ")));
    }
    for word in &words {
        if word.contains('*') {
            return Err(format!("`{word}` lets in whoever comes; name them one by one"));
        }
        match ask.takes {
            Takes::Addresses if is_wide(word) => {
                return Err(format!("`{word}` is no address of a host or of a narrow network"));
            }
            Takes::Origins if !is_origin(word) => {
                return Err(format!(
                    "`{word}` is no origin: scheme and host, such as https://claw.example.com"
                ));
            }
            Takes::Text | Takes::Names | Takes::Addresses | Takes::Origins => {}
        }
    }
    Ok(words)
}

fn is_origin(word: &str) -> bool {
    let rest = word.strip_prefix("https://").or_else(|| {
        let rest = word.strip_prefix("http://")?;
        let host = rest.split(':').next().unwrap_or(rest);
        ["localhost", "127.0.0.1"].contains(&host).then_some(rest)
    });
    rest.is_some_and(|host| {
        !host.is_empty()
            && !host.contains(['/', '?', '#', '@'])
            && !host.contains(char::is_whitespace)
    })
}

/// Returns a move as a fix that can be worked out like any other.
#[must_use]
pub fn as_fix(one: &Move, said: &Said) -> Fix {
    Fix {
        says: filled(&one.says, said),
        set: one.set.iter().flat_map(|row| rows(row, said)).collect(),
        closes: Vec::new(),
        steps: one.steps.iter().map(|step| filled(step, said)).collect(),
    }
}

/// Returns the patch of a move.
#[must_use]
pub fn value(
    one: &Move,
    subject: &Subject,
    said: &Said,
    facts: &Facts,
    config: &Config,
) -> serde_json::Value {
    tailor::fix(&as_fix(one, said), std::slice::from_ref(subject), facts, config)
}

/// Puts what was said in the place of the names in a sentence or a command.
#[must_use]
pub fn filled(text: &str, said: &Said) -> String {
    let mut text = text.to_owned();
    for (name, words) in said {
        text = text.replace(&format!("{{{name}}}"), &words.join(", "));
    }
    text
}

/// Puts what was said into a row; a list that is added to becomes a row a member.
fn rows(row: &FixRow, said: &Said) -> Vec<FixRow> {
    let name = |value: &Option<toml::Value>| {
        let text = value.as_ref()?.as_str()?;
        let name = text.strip_prefix('{')?.strip_suffix('}')?;
        said.get(name).cloned()
    };
    if let Some(words) = name(&row.add) {
        let one = |word: String| FixRow { add: Some(word.into()), ..row.clone() };
        return words.into_iter().map(one).collect();
    }
    let Some(words) = name(&row.value) else { return vec![row.clone()] };
    let value = match (row.list, words.as_slice()) {
        (false, [word]) => toml::Value::from(word.as_str()),
        _ => toml::Value::Array(words.into_iter().map(toml::Value::from).collect()),
    };
    vec![FixRow { value: Some(value), ..row.clone() }]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(takes: Takes, one_of: &[&str]) -> Ask {
        Ask {
            name: "x".to_owned(),
            label: "what".to_owned(),
            takes,
            one_of: one_of.iter().map(|word| (*word).to_owned()).collect(),
            first: String::new(),
        }
    }

    #[test]
    fn an_answer_that_would_let_everyone_in_is_refused() {
        let refused = [
            (Takes::Names, "*"),
            (Takes::Names, "ada, tg:*"),
            (Takes::Names, " , "),
            (Takes::Addresses, "0.0.0.0/0"),
            (Takes::Addresses, "10.0.0.0/8"),
            (Takes::Addresses, "proxy"),
            (Takes::Origins, "*"),
            (Takes::Origins, "https://claw.example.com/path"),
            (Takes::Origins, "http://claw.example.com"),
            (Takes::Text, ""),
        ];
        for (takes, typed) in refused {
            assert!(answer(&ask(takes, &[]), typed).is_err(), "{typed}");
        }
        let taken = [
            (Takes::Names, "ada, tg:48151623"),
            (Takes::Addresses, "10.0.0.7, 127.0.0.1, ::1"),
            (Takes::Origins, "https://claw.example.com, http://localhost:8080"),
            (Takes::Text, "x-forwarded-user"),
        ];
        for (takes, typed) in taken {
            assert!(answer(&ask(takes, &[]), typed).is_ok(), "{typed}");
        }
        assert!(answer(&ask(Takes::Text, &["ask", "allowlist"]), "full").is_err());
        assert!(answer(&ask(Takes::Text, &["ask", "allowlist"]), "ask").is_ok());
    }
}
