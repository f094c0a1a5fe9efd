//! The runbook that comes with the program: it loses no sentence of its page, and its names lead
//! somewhere.
//!
//! `seed.tsv` has a row for each sentence, table cell and config key of the page, with what
//! carries it here and a phrase of the text an operator sees.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use portcullis::openclaw::fact;
use portcullis::openclaw::fact::FAMILIES;
use portcullis::openclaw::fact::Holds;
use portcullis::openclaw::proof;
use portcullis::openclaw::witness;
use portcullis::runbook::Applies;
use portcullis::runbook::Each;
use portcullis::runbook::GATEWAY_EXPOSURE;
use portcullis::runbook::Item;
use portcullis::runbook::Op;
use portcullis::runbook::Row;
use portcullis::runbook::Rule;
use portcullis::runbook::Runbook;
use portcullis::runbook::TemplateKey;
use portcullis::verdict::Known;
use portcullis::verdict::Verdict;
use portcullis::verdict::judge;

const SEED: &str = include_str!("../seed.tsv");
const AUDIT_CHECK_IDS: &str = include_str!("../fixtures/audit-check-ids.txt");
const DOCTOR_CHECK_IDS: &str = include_str!("../fixtures/doctor-check-ids.txt");

#[test]
fn the_runbook_that_comes_with_the_program_parses() {
    let runbook = runbook();
    assert_eq!(runbook.id, "gateway-exposure");
    assert_eq!(runbook.patterns.len(), 5);
    assert_eq!(runbook.inventory.len(), 8);
    assert_eq!(runbook.validation.len(), 7);
    assert_eq!(runbook.checklist.len(), 11);
    assert_eq!(runbook.rollback.follow_ups.len(), 6);
    for section in &runbook.sections {
        assert_eq!(section.items.len(), 6, "section `{}`", section.id);
    }
}

#[test]
fn the_patterns_stand_from_narrow_to_wide() {
    let runbook = runbook();
    let ids: Vec<_> = runbook.patterns.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(
        ids,
        ["ssh-tunnel", "tailscale-serve", "tailnet-lan", "trusted-proxy", "public-internet"]
    );
}

#[test]
fn every_sentence_of_the_page_has_a_carrier_that_says_it() {
    let runbook = runbook();
    let mut lost = Vec::new();
    for row in seed() {
        match carried(&runbook, &row.carrier, &row.id) {
            None => lost.push(format!("row {}: no {} `{}`", row.row, row.carrier, row.id)),
            Some(text) if !text.contains(&row.seen) => {
                lost.push(format!("row {}: `{}` not in `{text}`", row.row, row.seen));
            }
            Some(_) => {}
        }
    }
    assert_eq!(lost, Vec::<String>::new());
}

#[test]
fn the_rows_of_the_page_are_numbered_without_a_gap_and_name_a_phrase_each() {
    for (index, row) in seed().iter().enumerate() {
        assert_eq!(row.row, index + 1);
        let length = row.seen.chars().count();
        assert!((12..=40).contains(&length), "row {}: `{}`", row.row, row.seen);
        assert!(!row.says.is_empty() && !row.place.is_empty(), "row {}", row.row);
        assert!(!row.seen.contains("  "), "row {}", row.row);
    }
}

#[test]
fn the_baseline_and_the_rollback_have_the_keys_of_the_page_in_its_order() {
    let runbook = runbook();
    assert_eq!(
        keys(&runbook.baseline.keys),
        [
            r#"gateway.mode = "local""#,
            r#"gateway.bind = "loopback""#,
            r#"gateway.auth.mode = "token""#,
            r#"gateway.auth.token = "${OPENCLAW_GATEWAY_TOKEN}""#,
            r#"session.dmScope = "per-channel-peer""#,
            r#"agents.defaults.sandbox.mode = "non-main""#,
            r#"tools.profile = "messaging""#,
            r#"tools.exec.security = "deny""#,
            r#"tools.exec.ask = "always""#,
            "tools.elevated.enabled = false",
        ]
    );
    assert_eq!(
        keys(&runbook.rollback.template.keys),
        [
            r#"gateway.bind = "loopback""#,
            r#"channels.whatsapp.dmPolicy = "disabled""#,
            r#"channels.telegram.dmPolicy = "disabled""#,
            r#"channels.discord.dmPolicy = "disabled""#,
            r#"channels.slack.dmPolicy = "disabled""#,
            r#"tools.exec.security = "deny""#,
            r#"tools.exec.ask = "always""#,
            "tools.elevated.enabled = false",
        ]
    );
    let unset: Vec<_> = (runbook.baseline.keys.iter())
        .filter(|key| key.only_if_unset)
        .map(|key| key.path.as_str())
        .collect();
    assert_eq!(unset, ["gateway.mode"]);
}

#[test]
fn every_name_leads_to_a_fact_a_finding_or_a_command() {
    let runbook = runbook();
    assert_eq!(portcullis::verdict::lint(&runbook), Vec::<String>::new());
    for (from, rule) in rules(&runbook) {
        for row in rule.rows().filter(|row| known(&row.path).is_none()) {
            assert!(family(&runbook, &row.path), "{from}: no such path `{}`", row.path);
        }
    }
}

#[test]
fn every_comparison_fits_what_its_fact_holds() {
    let runbook = runbook();
    for (from, rule) in rules(&runbook) {
        for row in rule.rows() {
            assert!(fits(row), "{from}: {row:?}");
        }
    }
}

#[test]
fn every_fix_writes_facts_that_exist_and_lists_stay_lists() {
    let runbook = runbook();
    for item in runbook.items() {
        for row in item.fix.iter().flat_map(|fix| &fix.set) {
            let id = &item.id;
            let path = fact::path(&row.path);
            let path = path.unwrap_or_else(|| panic!("{id}: no such path `{}`", row.path));
            assert_eq!(
                row.value.is_none(),
                path.holds == Holds::List,
                "{id}: a list keeps the rest, anything else is replaced: `{}`",
                row.path
            );
            let each = subjects(item);
            assert!(reaches(each, path.of), "{id}: `{}` of {each:?}", row.path);
        }
    }
}

#[test]
fn every_finding_named_is_one_that_a_check_knows() {
    let runbook = runbook();
    let known = check_ids();
    for item in runbook.items() {
        for finding in &item.findings {
            assert!(known.contains(finding.as_str()), "{}: {finding}", item.id);
        }
    }
    for by_design in &runbook.by_design {
        let id = by_design.check_id.as_str();
        assert!(known.contains(id), "by design: {id}");
    }
}

#[test]
fn everything_says_why_and_where_it_comes_from() {
    let runbook = runbook();
    for item in runbook.items() {
        assert!(item.why.ends_with('.'), "{}: why", item.id);
        assert!(item.source.starts_with("Gateway exposure, "), "{}", item.id);
        if let Some(fix) = &item.fix {
            let does = [fix.set.is_empty(), fix.closes.is_empty(), fix.steps.is_empty()];
            assert!(!fix.says.is_empty() && does.contains(&false), "{}: fix", item.id);
        }
    }
    let whys = (runbook.inventory.iter().map(|it| (&it.id, &it.why, &it.source)))
        .chain(runbook.checks.iter().map(|it| (&it.id, &it.why, &it.source)));
    for (id, why, source) in whys {
        assert!(why.ends_with('.') && !source.is_empty(), "{id}");
    }
    for note in &runbook.notes {
        assert!(!note.source.is_empty(), "{}", note.id);
    }
}

#[test]
fn what_only_a_person_can_see_comes_with_a_card_or_needs_none() {
    let needs_none = ["follow-up.reopen-narrow"];
    let runbook = runbook();
    for item in runbook.items().filter(|item| item.rule.is_none()) {
        let id = item.id.as_str();
        assert_eq!(item.cards.is_empty(), needs_none.contains(&id), "{id}");
    }
    for card in runbook.items().flat_map(|item| &item.cards) {
        for text in [&card.proves, &card.leaves_open, &card.place, &card.command, &card.good] {
            assert!(!text.is_empty(), "{card:?}");
        }
    }
}

#[test]
fn an_excuse_without_a_row_is_refused_because_it_would_excuse_everything() {
    let excuse = r#"rule.unless.all = [{ path = "config.agent.sandbox.mode", op = "equals", value = "all" }]"#;
    assert_eq!(GATEWAY_EXPOSURE.matches(excuse).count(), 1);
    let text = GATEWAY_EXPOSURE.replace(excuse, "rule.unless.all = []");
    let error = Runbook::parse(&text).expect_err("an empty excuse");
    assert!(
        error.to_string().ends_with(
            "checklist.non-main-sandboxed compares `unless` and has no row, so it would always be met"
        ),
        "{error}"
    );
}

#[test]
fn an_excuse_meets_a_rule_whatever_else_it_demands() {
    assert_eq!(loopback_only_under(Some("ssh-tunnel")), Verdict::Unmeasured);
    assert_eq!(loopback_only_under(Some("tailnet-lan")), Verdict::Met);
    assert_eq!(loopback_only_under(None), Verdict::Unmeasured);
}

/// Judges `checklist.loopback-only` with nothing known but the chosen pattern.
fn loopback_only_under(pattern: Option<&str>) -> Verdict {
    let runbook = runbook();
    let known = Known {
        facts: None,
        runs: BTreeMap::new(),
        words: BTreeMap::new(),
        sightings: BTreeMap::new(),
        residuals: BTreeMap::new(),
        pattern,
        reason: pattern.map(|_| "the team works from elsewhere"),
        now: chrono::DateTime::UNIX_EPOCH.fixed_offset(),
    };
    let item = runbook.item("checklist.loopback-only").expect("the item");
    judge(item, None, &runbook, &known).verdict
}

/// A row of `seed.tsv`.
pub(crate) struct Sentence {
    pub(crate) row: usize,
    place: String,
    says: String,
    carrier: String,
    pub(crate) id: String,
    pub(crate) seen: String,
}

fn runbook() -> Runbook {
    Runbook::parse(GATEWAY_EXPOSURE).unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn seed() -> Vec<Sentence> {
    let mut lines = SEED.lines();
    assert_eq!(lines.next(), Some("row\tplace\tsays\tcarrier\tid\tseen"));
    lines
        .map(|line| {
            let cells: Vec<_> = line.split('\t').collect();
            let &[row, place, says, carrier, id, seen] = cells.as_slice() else {
                panic!("not six cells: {line}")
            };
            Sentence {
                row: row.parse().expect("a row number"),
                place: place.to_owned(),
                says: says.to_owned(),
                carrier: carrier.to_owned(),
                id: id.to_owned(),
                seen: seen.to_owned(),
            }
        })
        .collect()
}

/// Returns the text shown for what carries a sentence, none where there is no such carrier.
fn carried(runbook: &Runbook, carrier: &str, id: &str) -> Option<String> {
    match carrier {
        "rule" => {
            (runbook.item(id)).filter(|item| item.rule.is_some()).map(|item| item.statement.clone())
        }
        "word" => {
            (runbook.item(id)).filter(|item| item.rule.is_none()).map(|item| item.statement.clone())
        }
        "note" => (runbook.notes.iter()).find(|note| note.id == id).map(|note| note.text.clone()),
        "field" => (runbook.inventory.iter())
            .find(|entry| entry.id == id)
            .map(|entry| entry.statement.clone()),
        "check" => runbook.check(id).map(|check| check.statement.clone()),
        "section" => (runbook.sections.iter())
            .find(|section| section.id == id)
            .map(|section| section.intro.clone()),
        "pattern" => runbook.pattern(id).map(|pattern| {
            let warning = pattern.warning.as_deref().unwrap_or_default();
            [&pattern.title, &pattern.recommended, warning].join("\n")
        }),
        "key" => {
            let (template, path) = id.split_once(':')?;
            let keys = match template {
                "baseline" => &runbook.baseline.keys,
                "rollback" => &runbook.rollback.template.keys,
                _ => return None,
            };
            (keys.iter())
                .find(|key| key.path == path)
                .map(|key| [&key.path, key.says.as_str()].join("\n"))
        }
        _ => None,
    }
}

fn keys(keys: &[TemplateKey]) -> Vec<String> {
    keys.iter().map(|key| format!("{} = {}", key.path, key.value)).collect()
}

/// Returns every rule of the document with the id of what it belongs to.
fn rules(runbook: &Runbook) -> Vec<(&str, &Rule)> {
    fn when<'a>(id: &'a str, applies: Option<&'a Applies>) -> Option<(&'a str, &'a Rule)> {
        Some((id, applies?.when.as_ref()?))
    }
    let now = (runbook.patterns.iter())
        .filter_map(|pattern| Some((pattern.id.as_str(), pattern.now.as_ref()?)));
    let items = (runbook.items()).filter_map(|item| Some((item.id.as_str(), item.rule.as_ref()?)));
    let applies = (runbook.notes.iter())
        .filter_map(|note| when(&note.id, note.applies.as_ref()))
        .chain((runbook.sections.iter()).filter_map(|it| when(&it.id, it.applies.as_ref())))
        .chain(runbook.items().filter_map(|it| when(&it.id, it.applies.as_ref())));
    now.chain(items).chain(applies).collect()
}

/// Tells whether a rule over these subjects can read a fact about that kind.
fn reaches(each: Each, of: Each) -> bool {
    of == Each::Gateway
        || match each {
            Each::Gateway => false,
            Each::Account => of == Each::Account,
            Each::Agent => of == Each::Agent,
            Each::Group => matches!(of, Each::Group | Each::Account),
            Each::Route => matches!(of, Each::Route | Each::Account | Each::Agent),
        }
}

/// Tells whether a path that is no fact is one that findings, checks and answers give.
fn family(runbook: &Runbook, path: &str) -> bool {
    let known = check_ids();
    let Some((prefix, rest)) =
        (FAMILIES.iter()).find_map(|family| Some((*family, path.strip_prefix(family)?)))
    else {
        return false;
    };
    match prefix {
        "audit." => {
            ["critical", "warn", "suppressed", "reached"].contains(&rest) || known.contains(rest)
        }
        "check." => (rest.strip_suffix(".measured")).is_some_and(|id| runbook.check(id).is_some()),
        "answer." => rest == "pattern" || runbook.item(rest).is_some(),
        _ => false,
    }
}

/// Finds what can be known under a path.
fn known(path: &str) -> Option<&'static fact::Path> {
    fact::path(path).or_else(|| proof::path(path)).or_else(|| witness::path(path))
}

/// Tells whether the operator and the value suit what the fact holds, spelt as its meaning lists.
fn fits(row: &Row) -> bool {
    let Some(path) = known(&row.path) else {
        return true;
    };
    let values: Vec<_> = match &row.value {
        Some(toml::Value::Array(values)) => values.iter().collect(),
        Some(value) => vec![value],
        None => Vec::new(),
    };
    match path.holds {
        Holds::Flag => row.op == Op::Equals && values.iter().all(|value| value.is_bool()),
        Holds::Count => matches!(row.op, Op::Min | Op::Max | Op::Equals),
        Holds::List => matches!(row.op, Op::Present | Op::Absent | Op::Contains | Op::NotContains),
        Holds::Text => values.iter().all(|value| {
            let word = value.as_str().unwrap_or_default();
            path.means.contains(&format!("`{word}`"))
        }),
    }
}

/// Returns the kind of subject for which an item's fix is made.
fn subjects(item: &Item) -> Each {
    let applies = || item.applies.as_ref()?.when.as_ref();
    (item.rule.as_ref().or_else(applies)).map_or(Each::Gateway, |rule| rule.each)
}

fn check_ids() -> BTreeSet<&'static str> {
    let ours = [
        "portcullis.logs.secret",
        "portcullis.connections.open",
        "portcullis.connections.shut-out",
        "portcullis.connections.origin",
        "portcullis.connections.forged",
    ];
    AUDIT_CHECK_IDS.lines().chain(DOCTOR_CHECK_IDS.lines()).chain(ours).collect()
}
