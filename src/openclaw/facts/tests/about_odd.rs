//! What OpenClaw refuses, or what cannot be seen: never taken for nothing.

use super::*;

#[track_caller]
fn unknown(text: &str, about: &str, path: &str) {
    let facts = resolve(text);
    let fact = fact(&facts, about, path);
    assert_eq!((fact.state, &fact.value), (State::Hidden, &None), "{text}");
}

#[track_caller]
fn is(text: &str, about: &str, path: &str, value: impl Into<Value>) {
    let facts = resolve(text);
    assert_eq!(fact(&facts, about, path).value, Some(value.into()), "{text}");
}

#[test]
fn what_is_no_object_is_unknown_and_not_nothing() {
    for channels in ["'telegram'", "['telegram']", "true"] {
        let text = format!("{{channels:{channels}}}");
        unknown(&text, "gateway", "config.channels");
        unknown(&text, "gateway", "config.senders.many");
        unknown(&text, "?/?", "config.account.dm.open");
    }
    for accounts in ["'work'", "['work']", "1"] {
        let text = format!("{{channels:{{telegram:{{accounts:{accounts}}}}}}}");
        unknown(&text, "telegram/?", "config.account.dm.policy");
        unknown(&text, "gateway", "config.senders.many");
    }
    unknown("{channels:{telegram:'on'}}", "telegram/default", "config.account.dm.policy");
    for agents in ["'main'", "{entries:['main']}", "{entries:'main'}"] {
        unknown(&format!("{{agents:{agents}}}"), "?", "config.agent.sandbox.mode");
    }
    unknown("{agents:{defaults:'x'}}", "main", "config.agent.exec.gated");
    is("{channels:null}", "gateway", "config.channels", json!([]));
}

#[test]
fn what_is_no_list_lists_nothing_that_is_known() {
    let elevated = |list: &str| format!("{{tools:{{elevated:{{allowFrom:{{telegram:{list}}}}}}}}}");
    unknown(&elevated("'*'"), "main", "config.agent.elevated.usable");
    unknown(&elevated("'*'"), "main", "config.agent.elevated.wildcard");
    unknown(&elevated("'*'"), "gateway", "config.allowlists.stars");
    is(&elevated("['*']"), "main", "config.agent.elevated.wildcard", true);
    is(&elevated("[]"), "main", "config.agent.elevated.usable", false);
    let sandbox =
        "{agents:{defaults:{sandbox:{mode:'all'}}},tools:{sandbox:{tools:{deny:'exec'}}}}";
    unknown(sandbox, "main", "config.agent.tools.dangerous");
    let room = "{channels:{discord:{guilds:{'1':{users:'*'}}}}}";
    unknown(room, "discord/default/1", "config.group.wildcard");
}

#[test]
fn a_room_whose_policy_cannot_be_seen_may_be_heard_or_not() {
    let room = |rest: &str| {
        format!(
            "{{channels:{{telegram:{{dmPolicy:'allowlist',allowFrom:['1'],\
             groups:{{'-1':{{groupPolicy:'${{WHERE}}'{rest}}}}}}}}}}}"
        )
    };
    unknown(&room(""), "telegram/default", "config.account.shared");
    unknown(&room(",requireMention:false"), "telegram/default", "config.account.group.mention");
    is(&room(""), "telegram/default", "config.account.group.mention", true);
}

#[test]
fn stars_are_found_wherever_they_wait() {
    let text = "{tools:{elevated:{enabled:false,allowFrom:{telegram:['*']}}},\
                commands:{allowFrom:{'*':['telegram:*']},ownerAllowFrom:['1']},\
                agents:{entries:{a:{tools:{elevated:{allowFrom:{slack:['*']}}}}}}}";
    let expected = [
        "tools.elevated.allowFrom",
        "commands.allowFrom",
        "agents.entries.a.tools.elevated.allowFrom",
    ];
    is(text, "gateway", "config.allowlists.stars", json!(expected));
    is("{}", "gateway", "config.allowlists.stars", json!([]));
}

#[test]
fn an_approved_sender_counts_where_the_policy_is_pairing() {
    let approved = |ids: &[&str]| {
        let sender = |id: &&str| Sender {
            channel: "telegram".to_owned(),
            account: "default".to_owned(),
            id: (*id).to_owned(),
        };
        let senders = ids.iter().map(sender).collect();
        Some(Pairing::Read(Approvals { senders, devices: Vec::new() }))
    };
    let shared = |policy: &str, pairing: Option<Pairing>| {
        let text = format!("{{channels:{{telegram:{{dmPolicy:'{policy}',allowFrom:['1']}}}}}}");
        let facts = Facts::resolve(&config(&text), &World { pairing, ..world() });
        fact(&facts, "telegram/default", "config.account.shared").value.clone()
    };
    assert_eq!(shared("pairing", None), None);
    assert_eq!(shared("pairing", Some(Pairing::Unread("locked".to_owned()))), None);
    assert_eq!(shared("pairing", approved(&[])), Some(json!(false)));
    assert_eq!(shared("pairing", approved(&["1"])), Some(json!(false)));
    assert_eq!(shared("pairing", approved(&["2"])), Some(json!(true)));
    assert_eq!(shared("allowlist", approved(&["2"])), Some(json!(false)));
}
