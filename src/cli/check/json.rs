//! What a check found, as one JSON document.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::json;

use crate::change::Settled;
use crate::cli::check::Answer;
use crate::openclaw::exposure;
use crate::verdict::Run;
use crate::verdict::Verdict;

impl Answer<'_> {
    fn checked(&self, run: &Run) -> Value {
        let mut checked = json!({
            "check": run.check,
            "outcome": run.outcome_word(),
            "why": run.why(),
            "command": run.command,
            "ended": run.ended,
            "took_ms": run.took_ms,
        });
        if let Some(brought) = &run.brought {
            checked["brought"] = json!(brought);
            checked["vantage"] = json!(run.vantage());
            checked["counts"] = json!(!self.review.stale.contains(&run.check));
        }
        checked
    }

    /// Makes the document.
    pub(super) fn json(&self) -> Value {
        let facts = self.scene.live.facts();
        let counts = Verdict::ALL.map(|verdict| (verdict.word(), self.count(verdict)));
        json!({
            "schema": "portcullis/check",
            "version": 1,
            "at": self.at.to_rfc3339(),
            "demo": self.scene.target.demo,
            "target": self.scene.target,
            "runbook": { "id": self.runbook.id, "revision": self.runbook.revision },
            "openclaw": { "installed": self.scene.gateway.version },
            "config_digest": self.scene.live.digest(),
            "config_warnings": self.scene.live.config().map(|config| &config.warnings),
            "pattern": self.pattern(),
            "in_force": self.review.in_force,
            "offline": self.offline,
            "exposure": facts.map(|facts| {
                let said = exposure::sentences(facts, &self.review.beyond);
                exposure::QUESTIONS.iter().copied().zip(said).collect::<BTreeMap<_, _>>()
            }),
            "checks": self.runbook.checks.iter().map(|check| match self.answers.runs.get(&check.id) {
                None => json!({ "check": check.id, "outcome": "not run" }),
                Some(run) => self.checked(run),
            }).chain(self.beside().map(|run| self.checked(run))).collect::<Vec<_>>(),
            "findings": self.review.findings.iter().map(|state| {
                let meaning = self.runbook.meaning(&state.finding.check_id);
                json!({
                    "key": state.key,
                    "check_id": state.finding.check_id,
                    "severity": state.finding.severity,
                    "title": state.finding.title,
                    "detail": state.finding.detail,
                    "paths": state.finding.paths,
                    "suppressed": state.finding.suppressed,
                    "sources": state.sources,
                    "open": matches!(state.settled, Settled::Open(_)),
                    "accepted": match &state.settled {
                        Settled::Accepted(it) => json!({ "owner": it.owner, "expires": it.expires }),
                        Settled::Open(_) | Settled::Informs => Value::Null,
                    },
                    "by_design": state.by_design,
                    "means": meaning.map(|meaning| &meaning.means),
                    "do": meaning.map(|meaning| &meaning.remedy),
                    "worse": meaning.map(|meaning| &meaning.worse),
                })
            }).collect::<Vec<_>>(),
            "since": self.since.as_ref().map(|(previous, since)| json!({
                "record": previous.change,
                "sealed": previous.day,
                "new": since.new,
                "gone": since.gone,
            })),
            "items": self.items().map(|(item, verdict)| {
                let judged = self.review.items.get(&item.id);
                json!({
                    "item": item.id,
                    "statement": item.statement,
                    "verdict": verdict,
                    "by": if item.rule.is_some() { "rule" } else { "operator" },
                    "because": judged.and_then(|judged| judged.because.as_ref()),
                    "failing": judged.map(|judged| &judged.failing),
                    "evidence": judged.map(|judged| &judged.evidence),
                })
            }).collect::<Vec<_>>(),
            "counts": counts.into_iter().collect::<BTreeMap<_, _>>(),
        })
    }
}
