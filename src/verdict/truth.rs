//! Rules over facts, findings and answers: yes, no, or unknown.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::openclaw::fact;
use crate::openclaw::fact::Fact;
use crate::openclaw::fact::Holds;
use crate::openclaw::fact::Origin;
use crate::openclaw::fact::State;
use crate::openclaw::fact::Subject;
use crate::openclaw::finding::Finding;
use crate::openclaw::finding::Severity;
use crate::openclaw::proof;
use crate::openclaw::witness;
use crate::runbook::Each;
use crate::runbook::Op;
use crate::runbook::Row;
use crate::runbook::Rows;
use crate::runbook::Rule;
use crate::runbook::Runbook;
use crate::verdict::Evidence;
use crate::verdict::Known;
use crate::verdict::Run;
use crate::verdict::evidence;

/// A truth of three values. Unknown is never yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Truth {
    /// It holds.
    Yes,
    /// It does not.
    No,
    /// It cannot be told.
    Unknown,
}

impl Truth {
    fn of(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }

    fn all(truths: impl Iterator<Item = Self>) -> Self {
        truths.fold(Self::Yes, |all, truth| match (all, truth) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Yes, Self::Yes) => Self::Yes,
        })
    }

    fn any(truths: impl Iterator<Item = Self>) -> Self {
        !Self::all(truths.map(|truth| !truth))
    }

    /// Takes back a yes that nothing proves.
    fn doubted(self) -> Self {
        match self {
            Self::Yes | Self::Unknown => Self::Unknown,
            Self::No => Self::No,
        }
    }
}

impl std::ops::Not for Truth {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
        }
    }
}

/// What a rule came to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ruling {
    /// The worst of its subjects.
    pub(super) truth: Truth,
    /// How many subjects it judged; none means that it is about nothing here.
    pub(super) subjects: usize,
    /// The subjects for which it does not hold.
    pub(super) failing: Vec<Subject>,
    /// The rows that decided, the failing ones first.
    pub(super) evidence: Vec<Evidence>,
}

/// How many pieces of evidence of a kind are kept; thousands of accounts fail one like another.
const KEPT: usize = 200;

/// Where rules are judged.
pub(super) struct Bench<'a> {
    runbook: &'a Runbook,
    known: &'a Known<'a>,
}

/// What stands at a path.
enum Looked<'a> {
    /// Nothing can be told about it.
    Unknown,
    /// Something of another kind than belongs there, such as a number for a word. OpenClaw refuses
    /// it, so it can refute but prove nothing.
    Odd(&'a Value),
    /// This, or nothing at all.
    Known(Option<Cow<'a, Value>>),
}

impl<'a> Bench<'a> {
    pub(super) fn new(runbook: &'a Runbook, known: &'a Known<'a>) -> Self {
        Self { runbook, known }
    }

    /// Judges a rule for each of its subjects; the worst of them is what it comes to.
    pub(super) fn rule(&self, rule: &Rule) -> Ruling {
        let Some(subjects) = self.subjects(rule.each) else {
            return Ruling {
                truth: Truth::Unknown,
                subjects: 1,
                failing: Vec::new(),
                evidence: Vec::new(),
            };
        };
        let mut ruling =
            Ruling { truth: Truth::Yes, subjects: 0, failing: Vec::new(), evidence: Vec::new() };
        let mut rest = Vec::new();
        for subject in subjects {
            let meant = rule.when.as_ref().map_or(Truth::Yes, |rows| self.perhaps(rows, subject));
            if meant == Truth::No {
                continue;
            }
            ruling.subjects += 1;
            let excused = self.excused(rule, subject);
            let must = self.rows(&rule.must, subject);
            let holds = match (meant, Truth::any([must, excused].into_iter())) {
                (Truth::Unknown, Truth::No) => Truth::Unknown,
                (_, holds) => holds,
            };
            ruling.truth = Truth::all([ruling.truth, holds].into_iter());
            if holds == Truth::No {
                ruling.failing.push(subject.clone());
            }
            if excused != Truth::Yes {
                self.evidence(&rule.must, subject, holds, &mut ruling.evidence, &mut rest);
            }
            if let Some(unless) = rule.unless.as_ref().filter(|_| must != Truth::Yes) {
                self.evidence(unless, subject, holds, &mut ruling.evidence, &mut rest);
            }
        }
        ruling.evidence.extend(rest);
        ruling
    }

    /// Tells whether a rule holds for at least one subject.
    pub(super) fn somewhere(&self, rule: &Rule) -> Truth {
        let Some(subjects) = self.subjects(rule.each) else {
            return Truth::Unknown;
        };
        Truth::any(subjects.into_iter().map(|subject| {
            let meant = rule.when.as_ref().map_or(Truth::Yes, |rows| self.perhaps(rows, subject));
            let must = self.perhaps(&rule.must, subject);
            let holds = Truth::any([must, self.excused(rule, subject)].into_iter());
            Truth::all([meant, holds].into_iter())
        }))
    }

    /// Tells whether a subject meets a rule whatever the rule demands.
    fn excused(&self, rule: &Rule, subject: &Subject) -> Truth {
        rule.unless.as_ref().map_or(Truth::No, |rows| self.rows(rows, subject))
    }

    /// Returns the subjects of a kind; none where the config cannot be read.
    fn subjects(&self, each: Each) -> Option<Vec<&'a Subject>> {
        if each == Each::Gateway {
            return Some(vec![&Subject::Gateway]);
        }
        Some(self.known.facts?.subjects(each).collect())
    }

    fn rows(&self, rows: &Rows, subject: &Subject) -> Truth {
        let row = |row| self.row(row, subject);
        let all = Truth::all(rows.all.iter().map(row));
        let any =
            if rows.any.is_empty() { Truth::Yes } else { Truth::any(rows.any.iter().map(row)) };
        let none = Truth::all(rows.none.iter().map(|row| self.refuted(row, subject)));
        Truth::all([all, any, none].into_iter())
    }

    /// Tells whether rows concern a subject: what is odd rules nothing out.
    fn perhaps(&self, rows: &Rows, subject: &Subject) -> Truth {
        let odd = |row: &Row| matches!(self.look(&row.path, subject), Looked::Odd(_));
        match self.rows(rows, subject) {
            Truth::No if rows.iter().any(odd) => Truth::Unknown,
            truth => truth,
        }
    }

    /// Tells whether a row holds.
    fn row(&self, row: &Row, subject: &Subject) -> Truth {
        match self.look(&row.path, subject) {
            Looked::Unknown => Truth::Unknown,
            Looked::Odd(value) => compare(row, Some(value)).doubted(),
            Looked::Known(value) => compare(row, value.as_deref()),
        }
    }

    /// Tells whether a row does not hold.
    fn refuted(&self, row: &Row, subject: &Subject) -> Truth {
        match self.look(&row.path, subject) {
            Looked::Unknown => Truth::Unknown,
            Looked::Odd(value) => (!compare(row, Some(value))).doubted(),
            Looked::Known(value) => !compare(row, value.as_deref()),
        }
    }

    /// Collects the rows that speak for a subject's truth; the ones that do not hold go first.
    fn evidence(
        &self,
        rows: &Rows,
        subject: &Subject,
        holds: Truth,
        first: &mut Vec<Evidence>,
        rest: &mut Vec<Evidence>,
    ) {
        let expected = rows.all.iter().chain(&rows.any);
        let expected = expected.map(|row| (row, self.row(row, subject)));
        let refused = rows.none.iter().map(|row| (row, self.refuted(row, subject)));
        for (row, good) in expected.chain(refused) {
            let evidence = self.evidence_of(row, subject, good);
            let list = if good == holds && holds != Truth::Yes { &mut *first } else { &mut *rest };
            if list.len() < KEPT && !list.contains(&evidence) {
                list.push(evidence);
            }
        }
    }

    fn evidence_of(&self, row: &Row, subject: &Subject, good: Truth) -> Evidence {
        let seen = self.fact(&row.path, subject);
        let brought = || self.seen(&row.path).is_some();
        if let Some(fact) = seen.filter(|fact| fact.state != State::Hidden || !brought()) {
            return Evidence::fact(fact, &self.sources(fact, subject), good);
        }
        let said = match self.look(&row.path, subject) {
            Looked::Unknown => "unmeasured".to_owned(),
            Looked::Odd(value) => fact::plain(value),
            Looked::Known(None) => "nothing".to_owned(),
            Looked::Known(Some(value)) => fact::plain(&value),
        };
        let from = self.seen(&row.path).and_then(|(run, _)| run.vantage());
        Evidence::other(&row.path, said, from.unwrap_or_default(), good)
    }

    /// Returns the facts that another one follows from.
    fn sources(&self, fact: &Fact, subject: &Subject) -> Vec<&'a Fact> {
        let Origin::Derived(from) = &fact.origin else { return Vec::new() };
        from.iter().filter_map(|path| self.fact(path, subject)).collect()
    }

    fn look(&self, path: &str, subject: &Subject) -> Looked<'a> {
        if let Some(rest) = path.strip_prefix("audit.") {
            return self.audit(rest);
        }
        if let Some(rest) = path.strip_prefix("check.") {
            let check = rest.strip_suffix(".measured").unwrap_or(rest);
            return known(Value::Bool(self.measured(check)));
        }
        if let Some(id) = path.strip_prefix("answer.") {
            return self.answer(id);
        }
        if proof::path(path).or_else(|| witness::path(path)).is_some() {
            return self.observed(path);
        }
        match self.fact(path, subject) {
            None => Looked::Unknown,
            // What cannot be seen from here may have been brought from where it can be.
            Some(fact) if fact.state == State::Hidden => self.observed(path),
            Some(fact) => match &fact.value {
                Some(value) if !belongs(path, value) => Looked::Odd(value),
                value => Looked::Known(value.as_ref().map(Cow::Borrowed)),
            },
        }
    }

    /// Returns the fact at a path for a subject or what it belongs to.
    fn fact(&self, path: &str, subject: &Subject) -> Option<&'a Fact> {
        let of = fact::path(path)?.of;
        let about = match of {
            Each::Gateway => Some(Subject::Gateway),
            Each::Account => subject.account(),
            Each::Agent => subject.agent(),
            Each::Group | Each::Route => (subject.kind() == of).then(|| subject.clone()),
        };
        self.known.facts?.get(&about?, path)
    }

    fn measured(&self, check: &str) -> bool {
        self.known.runs.get(check).is_some_and(|run| run.is_measured())
    }

    /// Looks at what our own commands measured, be it only in part.
    fn observed(&self, path: &str) -> Looked<'a> {
        let value = self.seen(path).map(|(_, value)| value);
        value.map_or(Looked::Unknown, |value| Looked::Known(Some(Cow::Borrowed(value))))
    }

    /// Returns what was seen at a path, and a run that saw it; nothing where two saw otherwise.
    fn seen(&self, path: &str) -> Option<(&'a Run, &'a Value)> {
        let runs = self.known.runs.values().copied();
        let mut seen = runs.filter_map(|run| Some((run, run.report()?.observed.get(path)?)));
        let first = seen.next()?;
        seen.all(|(_, value)| value == first.1).then_some(first)
    }

    fn answer(&self, id: &str) -> Looked<'a> {
        if id == "pattern" {
            return match (self.known.pattern, self.known.reason) {
                (None, _) => Looked::Unknown,
                (Some(_), None) => Looked::Known(None),
                (Some(pattern), Some(_)) => known(Value::from(pattern)),
            };
        }
        match self.known.words.get(id) {
            None => Looked::Known(None),
            Some(statement) => known(Value::from(statement.says.clone())),
        }
    }

    /// Returns the runs that count of every check that runs a command.
    fn runs_of(&self, command: &'static str) -> impl Iterator<Item = &'a Run> {
        let checks = self.runbook.checks.iter().filter(move |check| check.command == command);
        checks.filter_map(|check| self.known.runs.get(check.id.as_str()).copied())
    }

    /// Looks among the findings of the newest audit that counts: the deep one before the plain.
    fn audit(&self, name: &str) -> Looked<'a> {
        if name == "reached" {
            let mut measured = self.runs_of("audit-deep").filter(|run| run.is_measured());
            let reached = measured.find_map(|run| run.report()?.reached);
            return reached.map_or(Looked::Unknown, |reached| known(Value::Bool(reached)));
        }
        let newest = ["audit-deep", "audit"].into_iter().find_map(|command| {
            self.runs_of(command).find_map(|run| Some((run.report()?, run.is_measured())))
        });
        let Some((report, whole)) = newest else {
            return Looked::Unknown;
        };
        // Half an audit shows what is there, and never that nothing is.
        let counted = |count: usize| {
            if count == 0 && !whole { Looked::Unknown } else { known(Value::from(count)) }
        };
        let open = |severity| {
            let open = |finding: &&Finding| {
                finding.severity == severity
                    && !matches!(
                        evidence::acceptance(finding, self.known, self.runbook),
                        Some(Ok(_))
                    )
            };
            report.findings.iter().filter(open).count()
        };
        match name {
            "critical" => counted(open(Severity::Critical)),
            "warn" => counted(open(Severity::Warn)),
            "suppressed" => counted(report.findings.iter().filter(|f| f.suppressed).count()),
            check_id => match report.findings.iter().filter(|f| f.check_id == check_id).count() {
                0 if whole => Looked::Known(None),
                count => counted(count),
            },
        }
    }
}

/// Judges rows over what was observed and nothing else: what is not there is unknown.
pub(super) fn of_rows(rows: &Rows, observed: &BTreeMap<String, Value>) -> Truth {
    let row = |row: &Row| match observed.get(&row.path) {
        None => Truth::Unknown,
        value => compare(row, value),
    };
    let all = Truth::all(rows.all.iter().map(row));
    let any = if rows.any.is_empty() { Truth::Yes } else { Truth::any(rows.any.iter().map(row)) };
    let none = Truth::all(rows.none.iter().map(|each| !row(each)));
    Truth::all([all, any, none].into_iter())
}

fn known<'a>(value: Value) -> Looked<'a> {
    Looked::Known(Some(Cow::Owned(value)))
}

/// Says whether a value is of the kind that belongs at a path.
fn belongs(path: &str, value: &Value) -> bool {
    match fact::path(path).map(|path| path.holds) {
        Some(Holds::Flag) => value.is_boolean(),
        Some(Holds::Text) => value.is_string(),
        Some(Holds::Count) => value.is_number(),
        Some(Holds::List) => value.is_array(),
        None => true,
    }
}

/// Compares a value with what a row wants. Nothing there is equal to nothing and in no list.
fn compare(row: &Row, value: Option<&Value>) -> Truth {
    let wanted = row.value.as_ref();
    let equals = |wanted: &toml::Value| value.is_some_and(|value| same(value, wanted));
    let listed = || wanted.and_then(toml::Value::as_array).is_some_and(|l| l.iter().any(equals));
    let contains = || {
        let list = value.and_then(Value::as_array);
        list.is_some_and(|list| list.iter().any(|v| wanted.is_some_and(|w| same(v, w))))
    };
    let number = || Some((value?.as_i64()?, wanted?.as_integer()?));
    match row.op {
        Op::Equals => Truth::of(wanted.is_some_and(equals)),
        Op::NotEquals => Truth::of(!wanted.is_some_and(equals)),
        Op::In => Truth::of(listed()),
        Op::NotIn => Truth::of(!listed()),
        Op::Present => Truth::of(is_something(value)),
        Op::Absent => Truth::of(!is_something(value)),
        Op::Contains => Truth::of(contains()),
        Op::NotContains => Truth::of(!contains()),
        Op::Min => number().map_or(Truth::No, |(value, min)| Truth::of(value >= min)),
        Op::Max => number().map_or(Truth::No, |(value, max)| Truth::of(value <= max)),
    }
}

fn is_something(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => false,
        Some(Value::Array(list)) => !list.is_empty(),
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Bool(_) | Value::Number(_) | Value::Object(_)) => true,
    }
}

fn same(value: &Value, wanted: &toml::Value) -> bool {
    match wanted {
        toml::Value::String(text) => value.as_str() == Some(text),
        toml::Value::Integer(number) => value.as_i64() == Some(*number),
        toml::Value::Boolean(flag) => value.as_bool() == Some(*flag),
        toml::Value::Array(list) => value.as_array().is_some_and(|values| {
            values.len() == list.len() && values.iter().zip(list).all(|(v, w)| same(v, w))
        }),
        toml::Value::Float(_) | toml::Value::Datetime(_) | toml::Value::Table(_) => false,
    }
}
