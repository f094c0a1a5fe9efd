//! What a check found, for people.

use std::collections::BTreeSet;

use crate::change::Settled;
use crate::cli::check::Answer;
use crate::openclaw::exposure;
use crate::openclaw::finding::Severity;
use crate::runbook::Need;
use crate::text::Shown;
use crate::verdict::Truth;
use crate::verdict::Verdict;

impl Answer<'_> {
    /// Says which gateway this is about, and in four lines what its config means.
    fn heading(&self) -> Vec<String> {
        let target = &self.scene.target;
        let mut lines = Vec::new();
        let mut line = |line: String| lines.push(line);
        let demo = if target.demo { "DEMO  " } else { "" };
        let user = match target.user.as_str() {
            "" => String::new(),
            user => format!(", user {user}"),
        };
        line(format!("{demo}{} on {}{user}", target.config, target.host));
        line(format!("pattern  {}", self.pattern().unwrap_or("cannot be told from the config")));
        if let Some(facts) = self.scene.live.facts() {
            for (question, said) in
                exposure::QUESTIONS.iter().zip(exposure::sentences(facts, &self.review.beyond))
            {
                line(format!("{question:<8} {said}"));
            }
        }
        lines
    }

    /// Writes it as lines.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |line: String| {
            text.push_str(Shown::line(&line).as_str());
            text.push('\n');
        };
        self.heading().into_iter().for_each(&mut line);
        line(String::new());
        for check in &self.runbook.checks {
            let said = match self.answers.runs.get(&check.id) {
                None if check.need == Need::OnRequest => continue,
                None => "not run".to_owned(),
                Some(run) => {
                    if run.brought.is_some() {
                        self.told(run)
                    } else {
                        format!("{} ({:.1} s)", self.told(run), run.took().as_secs_f32())
                    }
                }
            };
            line(format!("check    {:<12} {said}", check.id));
        }
        for run in self.beside() {
            line(format!("beside   {:<12} {}", run.check, self.told(run)));
        }
        let mut advised = BTreeSet::new();
        for state in &self.review.findings {
            let hidden = if state.finding.suppressed {
                ", hidden by the config: no owner, no end"
            } else {
                ""
            };
            let severity = state.finding.severity.word();
            let accepted = match &state.settled {
                Settled::Accepted(it) => format!(", accepted by {} until {}", it.owner, it.expires),
                Settled::Open(_) | Settled::Informs => String::new(),
            };
            line(format!(
                "{severity:<8} {}: {}{hidden}{accepted}",
                state.finding.check_id, state.finding.title
            ));
            if state.finding.severity == Severity::Info {
                continue;
            }
            match self.runbook.meaning(&state.finding.check_id) {
                Some(meaning) if advised.insert(&meaning.id) => {
                    line(format!("do       {}", meaning.remedy));
                }
                None if state.finding.check_id.starts_with("portcullis.") => {
                    let remedy = state.finding.remediation.iter();
                    remedy.for_each(|remedy| line(format!("do       {remedy}")));
                }
                Some(_) | None => {}
            }
        }
        if let Some((previous, since)) = &self.since {
            let said = since.line().unwrap_or_else(|| "no finding is new or gone".to_owned());
            line(format!("since    record {} of {}: {said}", previous.change, previous.day));
            for (word, keys) in [("new", &since.new), ("gone", &since.gone)] {
                for key in keys {
                    line(format!("{word:<8} {}", key.split('#').next().unwrap_or(key)));
                }
            }
        }
        line(String::new());
        for (item, verdict) in self.items() {
            let word = self.word(verdict);
            line(format!("{word:<15} {}: {}", item.id, item.statement));
            if verdict == Verdict::NotMet
                && let Some(judged) = self.review.items.get(&item.id)
            {
                let against = judged.evidence.iter();
                let against = against.filter(|e| e.speaks == Truth::No).take(3);
                for evidence in against {
                    let subject = evidence.subject.as_ref().map(|s| format!("{s}  "));
                    let place = &evidence.place;
                    let place =
                        if place.is_empty() { String::new() } else { format!("  ({place})") };
                    let subject = subject.unwrap_or_default();
                    line(format!(
                        "                {subject}{} = {}{place}",
                        evidence.about, evidence.says
                    ));
                }
            }
        }
        line(String::new());
        let counts =
            Verdict::ALL.map(|verdict| format!("{} {}", self.count(verdict), self.word(verdict)));
        line(counts.join(" · "));
        text
    }
}
