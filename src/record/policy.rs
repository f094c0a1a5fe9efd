//! Who must sign which records: `policy.toml`, optional.

use std::ops::Range;

use chrono::NaiveDate;
use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

use crate::record::document::Document;
use crate::record::signers::matches_list;
use crate::record::sshsig::Key;
use crate::text::count;

/// The most signatures that can be demanded of one record.
const MOST: usize = 9;

/// What an operator demands of records before they count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    rules: Vec<Rule>,
}

/// One demand. Every one that is about a record must be met.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    line: usize,
    /// The patterns it is about; all where none is named.
    patterns: Vec<String>,
    /// How many different people sign, each with a key of their own.
    signatures: usize,
    /// Who they are, as in `allowed_signers`; anyone on that list where nobody is named.
    by: Vec<String>,
    /// The first day on which records must meet it.
    since: Option<NaiveDate>,
}

/// Somebody who signed a record and may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Who, as the list of signers names them.
    pub principal: String,
    /// The key they signed with.
    pub key: Key,
}

/// Why a policy cannot be used. Nothing passes until it can.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PolicyError(String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default, rename = "rule")]
    rules: Vec<WrittenRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRule {
    signatures: Spanned<usize>,
    patterns: Option<Spanned<Vec<Spanned<String>>>>,
    by: Option<Spanned<Vec<Spanned<String>>>>,
    since: Option<Spanned<Datetime>>,
}

impl Policy {
    /// Reads a policy. `known` holds the ids of all patterns there are.
    ///
    /// # Errors
    ///
    /// Whatever TOML or the shape refuses, and what the shape cannot say, with line and caret.
    pub fn parse(text: &str, known: &[String]) -> Result<Self, PolicyError> {
        let written: Written = toml::from_str(text)
            .map_err(|error| PolicyError(error.to_string().trim_end().to_owned()))?;
        if written.rules.is_empty() {
            let said = "it has no [[rule]]; say what is demanded, or remove the file";
            return Err(PolicyError(said.to_owned()));
        }
        let rules = written.rules.into_iter().map(|rule| rule.read(text, known));
        Ok(Self { rules: rules.collect::<Result<_, _>>()? })
    }

    /// Says what is demanded of a record of this pattern that is sealed on this day, a line each.
    #[must_use]
    pub fn demands(&self, pattern: Option<&str>, day: NaiveDate) -> Vec<String> {
        self.about(pattern, day).map(Rule::demand).collect()
    }

    /// Says what a record lacks; nothing where it has all that is demanded.
    #[must_use]
    pub fn lacks(&self, document: &Document, people: &[Person]) -> Option<String> {
        let day = document.sealed.date_naive();
        let mut rules = self.about(document.pattern.chosen.as_deref(), day);
        rules.find_map(|rule| {
            let there = rule.count(people);
            let line = rule.line;
            (there < rule.signatures)
                .then(|| format!("policy.toml line {line}: {}; {there} there", rule.demand()))
        })
    }

    /// Says every demand, a line each.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let line = |rule: &Rule| {
            let patterns = match rule.patterns.as_slice() {
                [] => "every pattern".to_owned(),
                some => some.join(", "),
            };
            let since = rule.since.map(|day| format!(", sealed since {day}")).unwrap_or_default();
            format!("line {}: {patterns}{since}: {}", rule.line, rule.demand())
        };
        self.rules.iter().map(line).collect()
    }

    fn about(&self, pattern: Option<&str>, day: NaiveDate) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(move |rule| {
            let fits = rule.patterns.is_empty()
                || pattern.is_some_and(|it| rule.patterns.iter().any(|own| own == it));
            fits && rule.since.is_none_or(|since| since <= day)
        })
    }
}

impl Rule {
    fn demand(&self) -> String {
        let signatures = count(self.signatures, "signature");
        match self.by.as_slice() {
            [] => signatures,
            by => format!("{signatures} of {}", by.join(", ")),
        }
    }

    /// Counts those who count for it: different people with different keys.
    fn count(&self, people: &[Person]) -> usize {
        let mut counted: Vec<&Person> = Vec::new();
        for person in people.iter().filter(|person| self.names(person)) {
            let known =
                |other: &&Person| other.principal == person.principal || other.key == person.key;
            if !counted.iter().any(known) {
                counted.push(person);
            }
        }
        counted.len()
    }

    fn names(&self, person: &Person) -> bool {
        let list = self.by.join(",");
        self.by.is_empty() || person.principal.split(',').any(|name| matches_list(name, &list))
    }
}

impl WrittenRule {
    fn read(self, text: &str, known: &[String]) -> Result<Rule, PolicyError> {
        let refuse = |span: Range<usize>, why: &str| Err(at(text, span, why));
        let signatures = *self.signatures.get_ref();
        let here = self.signatures.span();
        if !(1..=MOST).contains(&signatures) {
            return refuse(here, &format!("between 1 and {MOST} signatures can be demanded"));
        }
        let patterns = match self.patterns {
            None => Vec::new(),
            Some(list) if list.get_ref().is_empty() => {
                return refuse(
                    list.span(),
                    "no pattern is named; leave the line out to mean every one",
                );
            }
            Some(list) => list.into_inner(),
        };
        for pattern in &patterns {
            if !known.contains(pattern.get_ref()) {
                let known = known.join(", ");
                return refuse(
                    pattern.span(),
                    &format!("there is no such pattern; known are {known}"),
                );
            }
        }
        let by = match self.by {
            None => Vec::new(),
            Some(list) if list.get_ref().is_empty() => {
                return refuse(list.span(), "nobody is named; leave the line out to mean anyone");
            }
            Some(list) => list.into_inner(),
        };
        for name in &by {
            let bad = |c: char| c.is_whitespace() || matches!(c, ',' | '"' | '!');
            if name.get_ref().is_empty() || name.get_ref().contains(bad) {
                let why = "a name is written as in allowed_signers, such as mira@example.org";
                return refuse(name.span(), why);
            }
        }
        let by: Vec<String> = by.into_iter().map(Spanned::into_inner).collect();
        let exact = !by.is_empty() && by.iter().all(|name| !name.contains(['*', '?']));
        if exact && by.len() < signatures {
            let why = format!("more are demanded than the {} who are named", by.len());
            return refuse(here, &why);
        }
        let since = match self.since {
            None => None,
            Some(stamp) => {
                let day = stamp.get_ref().date.filter(|_| stamp.get_ref().time.is_none());
                let day = day.and_then(|day| {
                    NaiveDate::from_ymd_opt(day.year.into(), day.month.into(), day.day.into())
                });
                if day.is_none() {
                    return refuse(stamp.span(), "a day is written as 2026-11-01");
                }
                day
            }
        };
        Ok(Rule {
            line: line_of(text, here.start),
            patterns: patterns.into_iter().map(Spanned::into_inner).collect(),
            signatures,
            by,
            since,
        })
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.get(..at).unwrap_or_default().matches('\n').count() + 1
}

/// Says what is wrong with a place, with line and caret as TOML's own errors have them.
fn at(text: &str, span: Range<usize>, why: &str) -> PolicyError {
    let before = text.get(..span.start).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let (number, column) = (
        line_of(text, span.start),
        before.chars().count() - text.get(..start).unwrap_or_default().chars().count(),
    );
    let line = text.get(start..).unwrap_or_default().lines().next().unwrap_or_default();
    let wide = text.get(span).unwrap_or_default().lines().next().unwrap_or_default();
    let (gap, carets) = (" ".repeat(column), "^".repeat(wide.chars().count().max(1)));
    let edge = " ".repeat(number.to_string().len());
    PolicyError(format!(
        "at line {number}, column {}\n{edge} |\n{number} | {line}\n{edge} | {gap}{carets}\n{why}",
        column + 1
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Vec<String> {
        ["loopback", "tailnet", "public"].map(str::to_owned).to_vec()
    }

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let error = Policy::parse(text, &known()).unwrap_err().to_string();
        assert_eq!(error, expected);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_line_and_caret() {
        refused(
            "[[rule]]\nsignatures = 2\npatterns = [\"tailnet\", \"pubic\"]\n",
            "at line 3, column 24\n  |\n3 | patterns = [\"tailnet\", \"pubic\"]\n  |                        \
             ^^^^^^^\nthere is no such pattern; known are loopback, tailnet, public",
        );
        refused(
            "[[rule]]\nsignatures = 0\n",
            "at line 2, column 14\n  |\n2 | signatures = 0\n  |              ^\nbetween 1 and 9 \
             signatures can be demanded",
        );
        refused(
            "[[rule]]\nsignatures = 2\nby = [\"mira@example.org\"]\n",
            "at line 2, column 14\n  |\n2 | signatures = 2\n  |              ^\nmore are demanded \
             than the 1 who are named",
        );
        refused(
            "[[rule]]\nsignatures = 1\nby = [\"mira and bob\"]\n",
            "at line 3, column 7\n  |\n3 | by = [\"mira and bob\"]\n  |       ^^^^^^^^^^^^^^\na name is \
             written as in allowed_signers, such as mira@example.org",
        );
        refused(
            "[[rule]]\nsignatures = 1\nsince = 2026-11-01T10:00:00Z\n",
            "at line 3, column 9\n  |\n3 | since = 2026-11-01T10:00:00Z\n  |         \
             ^^^^^^^^^^^^^^^^^^^^\na day is written as 2026-11-01",
        );
        refused("", "it has no [[rule]]; say what is demanded, or remove the file");
        let unknown = Policy::parse("[[rule]]\nsignature = 1\n", &known()).unwrap_err().to_string();
        assert!(unknown.contains("line 2") && unknown.contains('^'), "{unknown}");
        for empty in ["patterns = []", "by = []"] {
            let text = format!("[[rule]]\nsignatures = 1\n{empty}\n");
            let error = Policy::parse(&text, &known()).unwrap_err().to_string();
            assert!(error.contains("leave the line out"), "{error}");
        }
    }

    fn person(principal: &str, key: u8) -> Person {
        let mut wire = vec![0, 0, 0, 1, b'k'];
        wire.push(key);
        Person { principal: principal.to_owned(), key: Key::new(wire).unwrap() }
    }

    #[test]
    fn different_people_with_different_keys_are_counted() {
        let policy = Policy::parse("[[rule]]\nsignatures = 2\n", &known()).unwrap();
        let rule = &policy.rules[0];
        for (people, expected) in [
            (vec![], 0),
            (vec![person("mira", 1)], 1),
            (vec![person("mira", 1), person("bob", 2)], 2),
            (vec![person("mira", 1), person("mira", 2)], 1),
            (vec![person("mira", 1), person("bob", 1)], 1),
        ] {
            assert_eq!(rule.count(&people), expected, "{people:?}");
        }
        let text = "[[rule]]\nsignatures = 1\nby = [\"*@security.example.org\"]\n";
        let policy = Policy::parse(text, &known()).unwrap();
        assert_eq!(policy.rules[0].count(&[person("mira@example.org", 1)]), 0);
        assert_eq!(policy.rules[0].count(&[person("eve@x.org,bob@security.example.org", 1)]), 1);
    }

    #[test]
    fn a_rule_is_about_its_patterns_and_from_its_day_on() {
        let text = "[[rule]]\nsignatures = 1\n\n[[rule]]\nsignatures = 2\n\
                    patterns = [\"public\"]\nby = [\"a@x\", \"b@x\", \"c@x\"]\nsince = 2026-11-01\n";
        let policy = Policy::parse(text, &known()).unwrap();
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let demands = |pattern, at| policy.demands(pattern, day(at));
        assert_eq!(demands(Some("tailnet"), "2026-12-01"), ["1 signature"]);
        assert_eq!(demands(Some("public"), "2026-10-31"), ["1 signature"]);
        assert_eq!(
            demands(Some("public"), "2026-11-01"),
            ["1 signature", "2 signatures of a@x, b@x, c@x"]
        );
        assert_eq!(demands(None, "2026-11-01"), ["1 signature"]);
        assert_eq!(
            policy.lines(),
            [
                "line 2: every pattern: 1 signature",
                "line 5: public, sealed since 2026-11-01: 2 signatures of a@x, b@x, c@x"
            ]
        );
    }
}
