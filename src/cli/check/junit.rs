//! What a check found, as `JUnit` XML, for a build server.
//!
//! A failure is what ends the command in status 1, an error what ends it in status 3. What waits
//! for a person, was accepted or does not apply is skipped, and says so.

use crate::change::FindingState;
use crate::change::Settled;
use crate::cli::check::Answer;
use crate::openclaw::finding::Severity;
use crate::runbook::Check;
use crate::runbook::Item;
use crate::runbook::Need;
use crate::text::Shown;
use crate::verdict::Truth;
use crate::verdict::Verdict;

/// What a case came to.
enum End {
    Passed,
    /// It is not met.
    Failed(String),
    /// It was not measured.
    Broken(String),
    /// It does not decide anything.
    Skipped(String),
}

/// One statement, check or finding.
struct Case {
    class: String,
    name: String,
    /// How long it took, in seconds.
    took: f32,
    end: End,
    /// What more there is to say.
    said: String,
}

/// Cases that belong together.
struct Suite {
    name: String,
    cases: Vec<Case>,
}

/// How many cases there are, and how many of each end that is counted.
#[derive(Default)]
struct Count {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
    took: f32,
}

impl Answer<'_> {
    /// Writes the document.
    pub(super) fn junit(&self) -> String {
        let runbook = self.runbook;
        let items = |name: &str, items: &[Item]| Suite {
            name: name.to_owned(),
            cases: items.iter().map(|item| self.item_case(item)).collect(),
        };
        let checks = runbook.checks.iter().filter_map(|check| self.check_case(check)).collect();
        let findings = self.review.findings.iter().map(finding_case).collect();
        let mut suites = vec![
            Suite { name: "Checks".to_owned(), cases: checks },
            Suite { name: "Findings".to_owned(), cases: findings },
        ];
        if let Some(pattern) = self.pattern().and_then(|id| runbook.pattern(id)) {
            suites.push(items(&pattern.title, &pattern.controls));
        }
        suites.extend(runbook.sections.iter().map(|section| items(&section.title, &section.items)));
        suites.push(items("Validate after", &runbook.validation));
        suites.push(items("Review checklist", &runbook.checklist));
        suites.retain(|suite| !suite.cases.is_empty());
        self.written(&suites)
    }

    fn written(&self, suites: &[Suite]) -> String {
        let all = Count::of(suites.iter().flat_map(|suite| &suite.cases));
        let mut xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"portcullis check\" \
             tests=\"{}\" failures=\"{}\" errors=\"{}\" time=\"{:.3}\">\n",
            all.tests, all.failures, all.errors, all.took
        );
        for suite in suites {
            let count = Count::of(&suite.cases);
            xml.push_str(&format!(
                "  <testsuite name={} tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" \
                 time=\"{:.3}\" timestamp=\"{}\" hostname={}>\n",
                quoted(&suite.name),
                count.tests,
                count.failures,
                count.errors,
                count.skipped,
                count.took,
                self.at.to_utc().format("%Y-%m-%dT%H:%M:%SZ"),
                quoted(&self.scene.target.host),
            ));
            xml.push_str("    <properties>\n");
            for (name, value) in self.properties() {
                let value = quoted(&value);
                xml.push_str(&format!("      <property name=\"{name}\" value={value}/>\n"));
            }
            xml.push_str("    </properties>\n");
            suite.cases.iter().for_each(|case| xml.push_str(&case.written()));
            xml.push_str("  </testsuite>\n");
        }
        xml.push_str("</testsuites>\n");
        xml
    }

    fn properties(&self) -> [(&'static str, String); 6] {
        let target = &self.scene.target;
        [
            ("target", target.id.clone()),
            ("config", target.config.clone()),
            ("config_digest", self.scene.live.digest().to_owned()),
            ("pattern", self.pattern().unwrap_or_default().to_owned()),
            ("runbook", format!("{} {}", self.runbook.id, self.runbook.revision)),
            ("portcullis", env!("CARGO_PKG_VERSION").to_owned()),
        ]
    }

    fn check_case(&self, check: &Check) -> Option<Case> {
        let run = self.answers.runs.get(&check.id);
        if run.is_none() && check.need == Need::OnRequest {
            return None;
        }
        let said = run.map_or_else(|| "not run".to_owned(), |run| self.told(run));
        Some(Case {
            class: "portcullis.checks".to_owned(),
            name: format!("{}: {}", check.id, check.statement),
            took: run.map_or(0.0, |run| run.took().as_secs_f32()),
            end: match run {
                Some(run) if self.is_measured(run) => End::Passed,
                _ if self.is_missing(check) => End::Broken(said),
                _ => End::Skipped(said),
            },
            said: String::new(),
        })
    }

    fn item_case(&self, item: &Item) -> Case {
        let verdict = self.review.verdict(&item.id);
        let judged = self.review.items.get(&item.id);
        let mut said = String::new();
        if matches!(verdict, Verdict::NotMet | Verdict::Unmeasured) {
            let evidence = judged.map(|judged| judged.evidence.as_slice()).unwrap_or_default();
            for evidence in evidence.iter().filter(|evidence| evidence.speaks != Truth::Yes) {
                let subject = evidence.subject.as_ref().map(|subject| format!("{subject}  "));
                let place = match evidence.place.as_str() {
                    "" => String::new(),
                    place => format!("  ({place})"),
                };
                let (about, says) = (&evidence.about, &evidence.says);
                said.push_str(&format!("{}{about} = {says}{place}\n", subject.unwrap_or_default()));
            }
        }
        let because = judged.and_then(|judged| judged.because.as_deref());
        let mut word = self.word(verdict).to_owned();
        if let Some(because) = because {
            word.push_str(&format!(": {because}"));
        }
        Case {
            class: "portcullis.items".to_owned(),
            name: format!("{}: {}", item.id, item.statement),
            took: 0.0,
            end: match verdict {
                Verdict::Met | Verdict::Confirmed => End::Passed,
                Verdict::NotMet => End::Failed(word),
                Verdict::Unmeasured if self.all => End::Broken(word),
                Verdict::Open => End::Skipped(format!("{word}: it waits for a person's word")),
                Verdict::Accepted => End::Skipped(match self.answers.residuals.get(&item.id) {
                    Some(it) => format!("{word}, by {} until {}", it.owner, it.expires),
                    None => word,
                }),
                Verdict::Unmeasured | Verdict::NotApplicable => End::Skipped(word),
            },
            said,
        }
    }
}

fn finding_case(state: &FindingState) -> Case {
    let finding = &state.finding;
    let severity = finding.severity.word();
    let mut said = finding.detail.clone();
    if finding.suppressed {
        said.push_str("\nThe config hides it from OpenClaw's own summary; it counts here.");
    }
    Case {
        class: "portcullis.findings".to_owned(),
        name: format!("{}: {}", finding.check_id, finding.title),
        took: 0.0,
        end: match (&state.settled, finding.severity) {
            (Settled::Informs, _) | (Settled::Open(_), Severity::Info) => End::Passed,
            (Settled::Open(why), severity_of) => {
                let why = why.map(|why| format!(": {why}")).unwrap_or_default();
                let word = format!("{severity}, open{why}");
                match severity_of {
                    Severity::Critical => End::Failed(word),
                    Severity::Warn | Severity::Info => End::Skipped(word),
                }
            }
            (Settled::Accepted(it), _) => End::Skipped(format!(
                "{severity}, accepted by {} until {}: {}",
                it.owner, it.expires, it.reason
            )),
        },
        said,
    }
}

impl Count {
    fn of<'c>(cases: impl IntoIterator<Item = &'c Case>) -> Self {
        let mut count = Self::default();
        for case in cases {
            count.tests += 1;
            count.took += case.took;
            match case.end {
                End::Passed => {}
                End::Failed(_) => count.failures += 1,
                End::Broken(_) => count.errors += 1,
                End::Skipped(_) => count.skipped += 1,
            }
        }
        count
    }
}

impl Case {
    fn written(&self) -> String {
        let mut xml = format!(
            "    <testcase classname={} name={} time=\"{:.3}\">",
            quoted(&self.class),
            quoted(&self.name),
            self.took
        );
        let said = escaped(self.said.trim_end());
        let (word, message) = match &self.end {
            End::Passed => ("", ""),
            End::Failed(message) => ("failure", message.as_str()),
            End::Broken(message) => ("error", message.as_str()),
            End::Skipped(message) => ("skipped", message.as_str()),
        };
        if !word.is_empty() {
            let kind = if word == "skipped" { "" } else { " type=\"portcullis\"" };
            xml.push_str(&format!(
                "\n      <{word} message={}{kind}>{said}</{word}>\n    ",
                quoted(message)
            ));
        } else if !said.is_empty() {
            xml.push_str(&format!("\n      <system-out>{said}</system-out>\n    "));
        }
        xml.push_str("</testcase>\n");
        xml
    }
}

/// Writes an attribute's value with its quotes.
fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(Shown::line(text).as_str()))
}

/// Writes text that may hold anything.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in Shown::text(text).as_str().chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML knows neither of them, whatever Unicode says.
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_would_end_its_place_is_escaped() {
        assert_eq!(
            quoted("a\"b<c>&\u{1b}[1m\u{ffff}"),
            format!("\"a&quot;b&lt;c&gt;&amp;{}\u{fffd}\"", Shown::line("\u{1b}[1m").as_str())
        );
    }
}
