//! The boxes of plain doctor, and the lint's lines among them.
//!
//! ```text
//! ◇  Sandbox ──────────────╮
//! │                        │
//! │  Docker is required.   │
//! │                        │
//! ├────────────────────────╯
//! [warning] core/doctor/some-check gateway.bind - Gateway is only bound to loopback.
//!   fix: If an edge proxy fronts node onboarding …
//! ```

use crate::openclaw::finding::Finding;
use crate::openclaw::finding::Severity;
use crate::openclaw::finding::Told;

/// The words in a box that make it more than information.
const WARNING_WORDS: [&str; 4] = ["CRITICAL:", "WARNING:", "ERROR:", "not available"];

/// The titles of boxes that are more than information.
const WARNING_TITLES: [&str; 2] = ["warning", "error"];

/// Reads boxes and lines as findings; free text cannot make one critical.
pub(super) fn parse(check: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut open: Option<(String, Vec<String>)> = None;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(title) = title(line) {
            findings.extend(open.take().map(|(title, lines)| boxed(check, &title, &lines)));
            open = Some((title, Vec::new()));
        } else if line.starts_with(['├', '└', '╰']) {
            findings.extend(open.take().map(|(title, lines)| boxed(check, &title, &lines)));
        } else if let Some((_, content)) = &mut open {
            content.extend(inner(line));
        } else if let Some((severity, rest)) = lint(line) {
            let fix = lines.next_if(|next| next.trim_start().starts_with("fix: "));
            let fix = fix.map(|line| line.trim_start()["fix: ".len()..].to_owned());
            findings.push(linted(check, severity, rest, fix));
        }
    }
    findings.extend(open.map(|(title, lines)| boxed(check, &title, &lines)));
    findings
}

/// Returns a box's title, when a line opens one.
fn title(line: &str) -> Option<String> {
    let rest = line.strip_prefix(['◇', '◆', '▲', '■'])?;
    let title = rest.trim_end_matches('╮').trim_end_matches('─').trim();
    (!title.is_empty()).then(|| title.to_owned())
}

/// Returns what stands between a box's borders.
fn inner(line: &str) -> Option<String> {
    let inner = line.strip_prefix('│')?;
    let inner = inner.strip_suffix('│').unwrap_or(inner).trim_end();
    Some(inner.strip_prefix("  ").unwrap_or(inner).to_owned())
}

/// Makes a finding of a box.
fn boxed(check: &str, title: &str, lines: &[String]) -> Finding {
    let detail = lines.join("\n").trim_matches('\n').to_owned();
    let lower = title.to_lowercase();
    let unwrapped = detail.split_whitespace().collect::<Vec<_>>().join(" ");
    let warns = WARNING_TITLES.iter().any(|word| lower.contains(word))
        || WARNING_WORDS.iter().any(|word| unwrapped.contains(word));
    let severity = if warns { Severity::Warn } else { Severity::Info };
    let words: Vec<_> =
        lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let told = Told { title: title.to_owned(), detail, remediation: None };
    Finding::new(check, &format!("doctor/{}", words.join("-")), severity, told)
}

/// Returns the severity and the rest of a line such as `[warning] core/doctor/x path - text`.
fn lint(line: &str) -> Option<(Severity, &str)> {
    let (word, rest) = line.strip_prefix('[')?.split_once("] ")?;
    let severity = match word {
        "error" | "warning" => Severity::Warn,
        "info" => Severity::Info,
        _ => return None,
    };
    rest.contains('/').then_some((severity, rest))
}

/// Makes a finding of such a line.
fn linted(check: &str, severity: Severity, rest: &str, remediation: Option<String>) -> Finding {
    let (head, message) = rest.split_once(" - ").unwrap_or((rest, rest));
    let (check_id, path) = head.split_once(' ').unwrap_or((head, ""));
    let detail = match path {
        "" => String::new(),
        path => format!("path: {path}"),
    };
    let told = Told { title: message.to_owned(), detail, remediation };
    Finding::naming(check, check_id, severity, told, &[message])
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
┌  OpenClaw doctor
│
◇  State integrity ───────────────────────╮
│                                         │
│  - CRITICAL: OAuth dir missing (~/.o).  │
│    Paths: gateway.auth.token            │
│                                         │
├─────────────────────────────────────────╯
[warning] core/doctor/node gateway.bind - Gateway is only bound to loopback.
  fix: Allow /j/* at the edge.
[config] warnings: something
tools policy: profile \"messaging\" (agent \"main\")
│
◇  Backups ──╮
│            │
│  None.     │
│            │
│  Run one.  │
│            │
├────────────╯
│
└  Doctor complete.
";

    #[test]
    fn boxes_and_lines_are_read_in_order() {
        let findings = parse("doctor", TEXT);
        let told: Vec<_> = findings
            .iter()
            .map(|f| (f.severity, f.check_id.as_str(), f.title.as_str(), f.detail.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                (
                    Severity::Warn,
                    "doctor/state-integrity",
                    "State integrity",
                    "- CRITICAL: OAuth dir missing (~/.o).\n  Paths: gateway.auth.token"
                ),
                (
                    Severity::Warn,
                    "core/doctor/node",
                    "Gateway is only bound to loopback.",
                    "path: gateway.bind"
                ),
                (Severity::Info, "doctor/backups", "Backups", "None.\n\nRun one."),
            ]
        );
        assert_eq!(findings[0].paths, ["gateway.auth.token"]);
        assert_eq!(findings[1].remediation.as_deref(), Some("Allow /j/* at the edge."));
    }

    #[test]
    fn a_box_that_is_cut_off_counts_as_far_as_it_goes() {
        let findings = parse("doctor", "◇  Sandbox ──╮\n│  Docker is not\n│  available.");
        assert_eq!(findings[0].detail, "Docker is not\navailable.");
        assert_eq!(findings[0].severity, Severity::Warn);
    }
}
