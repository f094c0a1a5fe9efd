//! A record as one page for a browser or for paper: no script, nothing loaded, light and dark.

use chrono::DateTime;
use chrono::FixedOffset;
use serde_json::Value;

use crate::record::verify::State;
use crate::record::verify::Verified;
use crate::text::Shown;

const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--line:#c9ced6;--quiet:#57606a;--good:#1a7f37;--bad:#b42318;--wait:#8a5a00;--band:#f3f5f8}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ee;--paper:#14171c;--line:#3a414b;--quiet:#9aa4b2;--good:#58c97b;--bad:#ff8578;--wait:#e7b552;--band:#1d2229}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:60rem;padding:1.5rem;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.6rem;margin:0 0 .25rem}h2{font-size:1.15rem;margin:2rem 0 .5rem;border-bottom:1px solid var(--line)}
table{border-collapse:collapse;width:100%;font-size:.92rem}th,td{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0;border-bottom:1px solid var(--line);overflow-wrap:anywhere}
th{color:var(--quiet);font-weight:600}code,pre{font:.85rem/1.4 ui-monospace,monospace;overflow-wrap:anywhere}pre{white-space:pre-wrap;background:var(--band);padding:.6rem}
.quiet{color:var(--quiet)}.good{color:var(--good)}.bad{color:var(--bad)}.wait{color:var(--wait)}
.banner{border:2px solid currentColor;padding:.5rem .8rem;margin:1rem 0;font-weight:600}
@media print{:root{--ink:#000;--paper:#fff;--line:#999;--quiet:#444;--good:#000;--bad:#000;--wait:#000;--band:#fff}body{max-width:none;padding:0;font-size:10.5pt}h2{break-after:avoid}tr,pre,.banner{break-inside:avoid}thead{display:table-header-group}}
@page{margin:18mm}";

/// Writes the page; none where the record is no JSON.
#[must_use]
pub fn page(json: &[u8], verified: &Verified, now: DateTime<FixedOffset>) -> Option<String> {
    let record: Value = serde_json::from_slice(json).ok()?;
    let mut page = Page::default();
    let title = format!("{} · {}", said(&record["target"]["id"]), said(&record["outcome"]));
    page.raw("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
    page.raw("<meta name=\"viewport\" content=\"width=device-width\">");
    page.raw(&format!("<title>{}</title><style>{STYLE}</style></head><body>\n", safe(&title)));
    head(&mut page, &record, verified);
    worth(&mut page, verified, now);
    list(&mut page, "What blocks", &record["blockers"], |blocker| {
        format!("{} {}", said(&blocker["kind"]), said(&blocker["id"]))
    });
    if let Value::Object(exposure) = &record["exposure"] {
        let rows = exposure.iter().map(|(question, answer)| vec![question.clone(), said(answer)]);
        page.table("What is exposed", &["question", "answer"], rows);
    }
    tables(&mut page, &record);
    files(&mut page, &record, verified);
    page.raw("</body></html>\n");
    Some(page.0)
}

fn head(page: &mut Page, record: &Value, verified: &Verified) {
    let outcome = said(&record["outcome"]);
    page.raw(&format!("<h1>Gateway exposure: {}</h1>\n", safe(&outcome)));
    if record["demo"] == Value::Bool(true) {
        page.banner("wait", "DEMO. This record is about the sample gateway, not about a real one.");
    }
    if verified.key.is_none() {
        page.banner("bad", "UNSIGNED. No key vouches for this record.");
    }
    let target = &record["target"];
    let gateway = format!(
        "{} on {}, user {}",
        said(&target["config"]),
        said(&target["host"]),
        said(&target["user"])
    );
    let runbook = &record["runbook"];
    let chosen = &record["pattern"];
    let rows = [
        ("Who", said(&record["operator"]["name"])),
        ("Sealed", said(&record["sealed"])),
        ("Gateway", gateway),
        ("Pattern", format!("{}, because: {}", said(&chosen["chosen"]), said(&chosen["reason"]))),
        ("Runbook", format!("{} revision {}", said(&runbook["id"]), said(&runbook["revision"]))),
        ("Change", said(&record["change"])),
        ("Place", format!("number {} of its chain", said(&record["chain"]["seq"]))),
        ("sha256", verified.sha256.clone()),
        ("Key", verified.key.clone().unwrap_or_else(|| "none".to_owned())),
    ];
    page.table("", &[], rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]));
}

fn worth(page: &mut Page, verified: &Verified, now: DateTime<FixedOffset>) {
    let title = format!("Verified {}: {}", super::time(now), verified.whole.word());
    let rows = verified.answers.iter().map(|answer| {
        let state = match answer.state {
            State::Good => "ok",
            State::Bad => "BAD",
            State::Unknown => "cannot be told",
            State::None => "none",
        };
        vec![answer.aspect.word().to_owned(), state.to_owned(), answer.says.clone()]
    });
    page.table(&title, &["what", "answer", "found"], rows);
}

fn tables(page: &mut Page, record: &Value) {
    let rows = |list: &str, row: &dyn Fn(&Value) -> Vec<String>| -> Vec<Vec<String>> {
        record[list].as_array().into_iter().flatten().map(row).collect()
    };
    let residuals = rows("residuals", &|it| {
        let subject = said(&it["subject"]);
        let subject = subject.split('#').next().unwrap_or_default().to_owned();
        vec![subject, said(&it["reason"]), said(&it["owner"]), said(&it["expires"])]
    });
    page.table("Accepted residuals", &["what", "reason", "owner", "until"], residuals.into_iter());
    let inventory = rows("inventory", &|it| {
        let value = if it["confirmed"] == Value::Bool(true) {
            said(&it["value"])
        } else {
            "not confirmed".to_owned()
        };
        vec![said(&it["title"]), value]
    });
    page.table("Inventory", &["entry", "value"], inventory.into_iter());
    let checks = rows("checks", &|it| {
        let cells = ["check", "outcome", "command", "at", "vantage"];
        cells.iter().map(|cell| said(&it[*cell])).collect()
    });
    let head = ["check", "outcome", "command", "at", "from"];
    page.table("Checks", &head, checks.into_iter());
    let findings = rows("findings", &|it| {
        vec![said(&it["severity"]), said(&it["check_id"]), said(&it["title"]), said(&it["settled"])]
    });
    page.table("Findings", &["severity", "id", "title", "settled"], findings.into_iter());
    let items = rows("items", &|it| {
        vec![said(&it["verdict"]), said(&it["statement"]), said(&it["by"]), said(&it["because"])]
    });
    page.table("Items", &["verdict", "statement", "by", "because"], items.into_iter());
    let plan = rows("plan", &|it| vec![said(&it["item"]), said(&it["says"])]);
    page.table("Planned moves", &["for", "what"], plan.into_iter());
}

fn files(page: &mut Page, record: &Value, verified: &Verified) {
    let files = record["files"].as_array().into_iter().flatten();
    let rows = files.map(|it| vec![said(&it["path"]), said(&it["sha256"])]);
    page.table("Files beside it", &["file", "sha256"], rows);
    page.raw("<h2>The same without this program</h2>\n<pre>");
    for command in super::verify::commands(verified, ".", None) {
        page.raw(&safe(&format!("$ {command}")));
        page.raw("\n");
    }
    page.raw("</pre>\n");
}

fn list(page: &mut Page, title: &str, list: &Value, line: impl Fn(&Value) -> String) {
    let rows = list.as_array().into_iter().flatten().map(|it| vec![line(it)]);
    page.table(title, &[], rows);
}

/// Reads a value as words.
fn said(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Makes text safe between tags.
fn safe(text: &str) -> String {
    let text = Shown::text(text).into_string();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn raw(&mut self, html: &str) {
        self.0.push_str(html);
    }

    fn banner(&mut self, class: &str, text: &str) {
        self.raw(&format!("<p class=\"banner {class}\">{}</p>\n", safe(text)));
    }

    /// Writes a table; one without rows is left out.
    fn table(&mut self, title: &str, heads: &[&str], rows: impl Iterator<Item = Vec<String>>) {
        let rows: Vec<Vec<String>> = rows.collect();
        if rows.is_empty() {
            return;
        }
        if !title.is_empty() {
            self.raw(&format!("<h2>{}</h2>\n", safe(title)));
        }
        self.raw("<table>");
        if !heads.is_empty() {
            self.raw("<thead><tr>");
            for head in heads {
                self.raw(&format!("<th scope=\"col\">{}</th>", safe(head)));
            }
            self.raw("</tr></thead>");
        }
        self.raw("<tbody>\n");
        for row in rows {
            self.raw("<tr>");
            for cell in row {
                let class = match cell.as_str() {
                    "ok" | "met" | "confirmed" | "signed-off" => " class=\"good\"",
                    "BAD" | "not met" | "critical" | "not-cleared" => " class=\"bad\"",
                    "unmeasured" | "open" | "warn" | "accepted" | "cannot be told" => {
                        " class=\"wait\""
                    }
                    _ => "",
                };
                self.raw(&format!("<td{class}>{}</td>", safe(&cell)));
            }
            self.raw("</tr>\n");
        }
        self.raw("</tbody></table>\n");
    }
}
