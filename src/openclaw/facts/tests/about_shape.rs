//! What holds for facts whatever the config says.

use proptest::prelude::*;

use super::*;
use crate::openclaw::fact::Holds;
use crate::openclaw::fact::PATHS;

const RICH: &str = r"{
  gateway: { mode: 'local', bind: 'lan', auth: { token: '5f1d0c8e9b7a46f3a2d1c0b9e8f7a6d5' } },
  agents: { list: [ { id: 'main' }, { id: 'ops', tools: { exec: { mode: 'ask' } } } ] },
  bindings: [ { agentId: 'ops', match: { channel: 'telegram', accountId: 'work' } } ],
  channels: {
    telegram: {
      botToken: '123456:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-bc',
      groups: { '-1': { topics: { '9': {} } }, '*': {} },
      accounts: { work: { allowFrom: ['1'] } },
    },
    discord: { guilds: { '1': { channels: { '2': {} } } } },
    matrix: { dm: { policy: 'open' }, rooms: { '!a:example.org': {} } },
    reef: {},
    custom: { dmPolicy: 'open' },
  },
}";

/// Asserts that every subject has every fact of its kind once, of the right type.
#[track_caller]
fn whole(facts: &Facts) {
    for subject in &facts.subjects {
        for path in PATHS.iter().filter(|path| path.of == subject.kind()) {
            let about = |fact: &&Fact| fact.subject == *subject && fact.path == path.name;
            assert_eq!(facts.facts.iter().filter(about).count(), 1, "{} of {subject}", path.name);
            assert!(facts.get(subject, path.name).is_some(), "{} of {subject}", path.name);
        }
    }
    for fact in &facts.facts {
        let hidden = matches!(fact.state, State::Hidden | State::Unset);
        assert_eq!(fact.value.is_none(), hidden, "{} of {}", fact.path, fact.subject);
    }
}

#[test]
fn every_subject_has_every_fact_of_its_kind_once() {
    let facts = resolve(RICH);
    whole(&facts);
    for each in [Each::Gateway, Each::Account, Each::Group, Each::Agent, Each::Route] {
        assert!(facts.subjects(each).next().is_some(), "{each:?}");
    }
    for fact in &facts.facts {
        let path = PATHS.iter().find(|path| path.name == fact.path).expect(fact.path);
        let fits = fact.value.as_ref().is_none_or(|value| match path.holds {
            Holds::Flag => value.is_boolean(),
            Holds::Text => value.is_string(),
            Holds::Count => value.is_u64(),
            Holds::List => value.is_array(),
        });
        assert!(fits, "{} of {} is {:?}", fact.path, fact.subject, fact.value);
    }
}

#[test]
fn no_subject_stands_twice() {
    let facts = resolve(RICH);
    for subject in &facts.subjects {
        assert_eq!(facts.subjects.iter().filter(|other| *other == subject).count(), 1, "{subject}");
    }
}

#[test]
fn no_secret_stands_in_any_fact() {
    let secret = "5f1d0c8e9b7a46f3a2d1c0b9e8f7a6d5c4b3a2f1";
    let text = format!(
        "{{gateway:{{mode:'{secret}',bind:'{secret}',auth:{{token:'{secret}',mode:'{secret}'}},\
         trustedProxies:['{secret}'],controlUi:{{allowedOrigins:['https://u:{secret}@x.example/?token={secret}']}}}},\
         hooks:{{enabled:true,token:'{secret}',path:'/{secret}'}},env:{{vars:{{API_KEY:'{secret}'}}}},\
         channels:{{telegram:{{botToken:'{secret}',dmPolicy:'{secret}',allowFrom:['{secret}'],\
         webhookUrl:'https://x.example/{secret}',groups:{{'-1':{{groupPolicy:'{secret}'}}}}}}}},\
         tools:{{profile:'{secret}',exec:{{mode:'{secret}'}},deny:['{secret}']}},\
         agents:{{defaults:{{sandbox:{{mode:'{secret}',docker:{{binds:['/x:{secret}']}}}}}}}}}}"
    );
    let mut world = world();
    world.environment.insert("OTHER".to_owned(), secret.to_owned());
    let facts = Facts::resolve(&config(&text), &world);
    let json = serde_json::to_string(&facts).expect("facts are JSON");
    assert!(!json.contains(secret), "{json}");
}

#[test]
fn what_a_variable_holds_is_not_shown_where_it_is_no_known_word() {
    let text = "{gateway:{bind:'${SEEN}',customBindHost:'${HOST}'},channels:{telegram:{allowFrom:['${SEEN}']}}}";
    let mut world = world();
    world.environment.insert("HOST".to_owned(), "192.0.2.7".to_owned());
    let facts = Facts::resolve(&config(text), &world);
    assert_eq!(fact(&facts, "gateway", "config.gateway.bind").value, Some(json!("${SEEN}")));
    let host = fact(&facts, "gateway", "config.gateway.custom_bind_host");
    assert_eq!(host.value, Some(json!("192.0.2.7")));
    let senders = fact(&facts, "telegram/default", "config.account.dm.senders");
    assert_eq!(senders.value, Some(json!(["${SEEN}"])));
}

#[test]
fn places_are_those_of_the_file() {
    let facts =
        resolve("{\n  channels: {\n    telegram: {\n      dmPolicy: 'open',\n    },\n  },\n}");
    let fact = fact(&facts, "telegram/default", "config.account.dm.policy");
    let Origin::File { file, line, key } = &fact.origin else { panic!("{:?}", fact.origin) };
    assert_eq!(
        (&**file, *line, key.as_str()),
        ("/etc/oc/openclaw.json", 4, "channels.telegram.dmPolicy")
    );
}

#[test]
fn many_accounts_and_agents_resolve_without_squaring() {
    let accounts: Vec<String> = (0..5000).map(|n| format!("a{n}:{{allowFrom:['{n}']}}")).collect();
    let agents: Vec<String> = (0..2000).map(|n| format!("g{n}:{{}}")).collect();
    let bindings: Vec<String> = (0..5000)
        .map(|n| {
            let agent = n % 2000;
            format!("{{agentId:'g{agent}',match:{{channel:'telegram',accountId:'a{n}'}}}}")
        })
        .collect();
    let text = format!(
        "{{channels:{{telegram:{{accounts:{{{}}}}}}},agents:{{entries:{{{}}}}},bindings:[{}]}}",
        accounts.join(","),
        agents.join(","),
        bindings.join(",")
    );
    let facts = resolve(&text);
    assert_eq!(facts.subjects(Each::Account).count(), 5000);
    assert_eq!(facts.subjects(Each::Route).count(), 5000);
    let agents = fact(&facts, "telegram/a4999", "config.account.agents");
    assert_eq!(agents.value, Some(json!(["g999"])));
}

/// Keys that mean something; two spaces hold the empty one.
const KEYS: &str = "gateway bind auth token mode channels telegram irc accounts dm policy dmPolicy \
    groupPolicy allowFrom groups * topics direct agents entries list id defaults tools exec \
    security elevated sandbox docker binds hooks bindings match channel accountId agentId routing \
    agent env vars session dmScope a.b  ";

/// Words that mean something, or nearly.
const WORDS: &str = "open LAN \tloopback * ${X} $ ${ $${X} telegram main deny  ";

/// Any value at all, with keys that mean something.
fn anything() -> impl Strategy<Value = Value> {
    let keys = prop::sample::select(KEYS.split(' ').collect::<Vec<_>>());
    let words = prop::sample::select(WORDS.split(' ').collect::<Vec<_>>());
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        words.prop_map(Value::from),
        ".{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 96, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((keys.clone(), inner), 0..6).prop_map(|members| {
                Value::Object(members.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn no_config_panics_or_leaves_a_fact_out(value in anything()) {
        let value = if value.is_object() { value } else { json!({ "channels": value }) };
        whole(&Facts::resolve(&config(&value.to_string()), &World::default()));
    }
}
