//! A record as one page for a browser or for paper: no script, nothing loaded, light and dark.

mod sheet;

use chrono::DateTime;
use chrono::FixedOffset;
use serde_json::Value;

use crate::openclaw::exposure;
use crate::record::html::sheet::Page;
use crate::record::said;
use crate::record::said::Said;
use crate::record::statement::Deed;
use crate::record::verify::State;
use crate::record::verify::Verified;

/// Writes the page; none where the record is no JSON.
#[must_use]
pub fn page(json: &[u8], verified: &Verified, now: DateTime<FixedOffset>) -> Option<String> {
    let record: Value = serde_json::from_slice(json).ok()?;
    let title = format!("{} · {}", said(&record["target"]["id"]), said(&record["outcome"]));
    let mut page = Page::begin(&title);
    head(&mut page, &record, verified, *now.offset());
    worth(&mut page, verified, now);
    let blockers = record["blockers"].as_array().into_iter().flatten();
    let blocker = |it: &Value| format!("{} {}", said(&it["kind"]), said(&it["id"]));
    page.list("What blocks", blockers.map(blocker));
    let exposure = exposure::QUESTIONS.iter().filter_map(|question| {
        let answer = record["exposure"].get(question)?;
        Some(vec![(*question).to_owned(), said(answer)])
    });
    page.table("What is exposed", &["question", "answer"], exposure);
    tables(&mut page, &record);
    files(&mut page, &record, verified);
    Some(page.end())
}

fn head(page: &mut Page, record: &Value, verified: &Verified, here: FixedOffset) {
    let outcome = said(&record["outcome"]);
    page.heading(&format!("Gateway exposure: {outcome}"));
    if record["demo"] == Value::Bool(true) {
        page.banner("wait", "DEMO. This record is about the sample gateway, not about a real one.");
    }
    if verified.key.is_none() {
        page.banner("bad", "UNSIGNED. No key vouches for this record.");
    }
    for said in said::withdrawal(&verified.said).into_iter().chain(said::claim(&verified.said)) {
        let (class, word) = match (said.counts(), &said.deed) {
            (false, _) => ("wait", "IN DOUBT."),
            (true, Deed::Supersede { .. }) => ("bad", "SUPERSEDED."),
            (true, _) => ("bad", "REVOKED."),
        };
        page.banner(class, &format!("{word} This record is {}", said.line()));
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
    let pattern = match chosen["chosen"].as_str() {
        None => "none chosen".to_owned(),
        Some(pattern) => format!("{pattern}, because: {}", said(&chosen["reason"])),
    };
    let installed = record["openclaw"].get("installed").filter(|it| !it.is_null());
    let sealed = record["sealed"].as_str().map(DateTime::parse_from_rfc3339);
    let sealed = sealed.and_then(Result::ok).map(|at| super::time(at.with_timezone(&here)));
    let place = match record["chain"]["seq"].as_u64() {
        None => "outside a chain".to_owned(),
        Some(seq) => format!("number {seq} of its chain"),
    };
    let rows = [
        ("Who", said(&record["operator"]["name"])),
        ("Sealed", sealed.unwrap_or_else(|| said(&record["sealed"]))),
        ("Gateway", gateway),
        ("OpenClaw", installed.map_or_else(|| "installed version not known".to_owned(), said)),
        ("Pattern", pattern),
        ("Runbook", format!("{} revision {}", said(&runbook["id"]), said(&runbook["revision"]))),
        ("Change", said(&record["change"])),
        ("Place", place),
        ("Way back", said(&record["rehearsal"]["says"])),
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
        let remedy = answer.remedy.clone().unwrap_or_default();
        vec![answer.aspect.word().to_owned(), state.to_owned(), answer.says.clone(), remedy]
    });
    page.table(&title, &["what", "answer", "found", "to do"], rows);
    page.list("Said later", verified.said.iter().map(Said::line));
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
        let hidden = if it["suppressed"] == Value::Bool(true) {
            ", hidden by the config: no owner, no end"
        } else {
            ""
        };
        let settled = format!("{}{hidden}", said(&it["settled"]));
        vec![said(&it["severity"]), said(&it["check_id"]), said(&it["title"]), settled]
    });
    page.table("Findings", &["severity", "id", "title", "settled"], findings.into_iter());
    let items = rows("items", &|it| {
        let verdict = said(&it["verdict"]).replace('-', " ");
        vec![verdict, said(&it["statement"]), said(&it["by"]), said(&it["because"])]
    });
    page.table("Items", &["verdict", "statement", "by", "because"], items.into_iter());
    let noted =
        rows("acknowledged", &|it| vec![said(&it["text"]), said(&it["who"]), said(&it["at"])]);
    page.table("Acknowledged", &["what", "by", "at"], noted.into_iter());
    let open = record["rollback_leaves_open"].as_array().into_iter().flatten();
    page.list("What the way back leaves open", open.map(said));
    let plan = rows("plan", &|it| vec![said(&it["item"]), said(&it["says"])]);
    page.table("Planned moves", &["for", "what"], plan.into_iter());
}

fn files(page: &mut Page, record: &Value, verified: &Verified) {
    let files = record["files"].as_array().into_iter().flatten();
    let rows = files.map(|it| vec![said(&it["path"]), said(&it["sha256"])]);
    page.table("Files beside it", &["file", "sha256"], rows);
    page.commands("The same without this program", &super::verify::commands(verified, ".", None));
}

/// Reads a value as words.
fn said(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
