//! Agents: routes, tools, commands, sandbox, credentials.

use super::*;

#[track_caller]
fn agent(text: &str, path: &str, expected: &Value) {
    says(text, "main", path, expected);
}

#[test]
fn commands_resolve_layer_over_layer() {
    #[track_caller]
    fn exec(all: &str, own: &str, expected: [&str; 3], gated: bool) {
        let text = format!(
            "{{tools:{{exec:{all}}},agents:{{entries:{{main:{{tools:{{exec:{own}}}}}}}}}}}"
        );
        let facts = resolve(&text);
        let [mode, security, ask] = expected;
        for (part, word) in [("mode", mode), ("security", security), ("ask", ask)] {
            let path = format!("config.agent.exec.{part}");
            assert_eq!(fact(&facts, "main", &path).value, Some(json!(word)), "{path} in {text}");
        }
        let value = &fact(&facts, "main", "config.agent.exec.gated").value;
        assert_eq!(*value, Some(json!(gated)), "gated in {text}");
    }
    exec("{}", "{}", ["full", "full", "off"], false);
    exec("{mode:'deny'}", "{}", ["deny", "deny", "off"], true);
    exec("{mode:'ask'}", "{}", ["ask", "allowlist", "on-miss"], true);
    exec("{mode:'auto'}", "{}", ["auto", "allowlist", "on-miss"], true);
    exec("{mode:'allowlist'}", "{}", ["allowlist", "allowlist", "off"], false);
    exec("{security:'deny',ask:'always'}", "{}", ["deny", "deny", "always"], true);
    exec("{security:'deny',ask:'always'}", "{mode:'full'}", ["full", "full", "off"], false);
    exec("{mode:'deny'}", "{security:'full'}", ["full", "full", "off"], false);
    exec("{mode:'ask'}", "{security:'full'}", ["full", "full", "on-miss"], false);
    exec("{security:'full'}", "{ask:'always'}", ["ask", "full", "always"], true);
    exec("{ask:'on-miss'}", "{}", ["full", "full", "on-miss"], false);
    exec("{security:'allowlist'}", "{ask:'on-miss'}", ["ask", "allowlist", "on-miss"], true);
}

#[test]
fn a_mode_beside_its_pair_is_a_conflict() {
    let path = "config.agent.exec.conflict";
    agent("{tools:{exec:{mode:'deny',ask:'always'}}}", path, &json!(true));
    agent("{tools:{exec:{mode:'deny'}}}", path, &json!(false));
    agent(
        "{tools:{exec:{security:'deny'}},agents:{entries:{main:{tools:{exec:{mode:'deny'}}}}}}",
        path,
        &json!(false),
    );
    agent("{tools:{bash:{security:'deny'}}}", "config.agent.exec.security", &json!("deny"));
}

#[test]
fn an_exec_word_that_openclaw_does_not_know_gates_nothing() {
    let text = "{tools:{exec:{mode:'Deny'}}}";
    agent(text, "config.agent.exec.mode", &json!("Deny"));
    hidden(text, "main", "config.agent.exec.security");
    hidden(text, "main", "config.agent.exec.gated");
    agent("{tools:{exec:{security:'none'}}}", "config.agent.exec.security", &json!("none"));
    hidden("{tools:{exec:{security:'none'}}}", "main", "config.agent.exec.gated");
    hidden("{tools:{exec:{mode:'${NOWHERE}'}}}", "main", "config.agent.exec.gated");
}

#[test]
fn denying_by_mode_is_fixed_at_the_mode() {
    let facts = resolve("{tools:{exec:{mode:'full'}}}");
    let fact = fact(&facts, "main", "config.agent.exec.security");
    assert_eq!(fact.key.as_deref(), Some("tools.exec.mode"));
}

#[test]
fn broad_tools_are_commands_and_writing_files() {
    #[track_caller]
    fn broad(tools: &str, path: &str, expected: bool) {
        agent(&format!("{{tools:{{{tools}}}}}"), path, &json!(expected));
    }
    let path = "config.agent.tools.broad";
    broad("", path, true);
    broad("profile:'full'", path, true);
    broad("profile:'coding'", path, true);
    broad("profile:'messaging'", path, false);
    broad("profile:'minimal'", path, false);
    broad("profile:'Messaging'", path, true);
    broad("profile:'messaging',alsoAllow:['bash']", path, true);
    broad("profile:'messaging',alsoAllow:['group:fs']", path, true);
    broad("profile:'messaging',alsoAllow:['group:fs'],deny:['group:fs']", path, false);
    broad("profile:'messaging',allow:['exec']", path, false);
    broad("deny:['group:runtime']", path, true);
    broad("deny:['group:runtime','group:fs']", path, false);
    broad("deny:['*']", path, false);
    broad("allow:['message']", path, false);
    broad("allow:['message'],alsoAllow:['write']", path, true);
    broad("exec:{mode:'deny'}", path, true);
    broad("exec:{mode:'deny'},deny:['group:fs']", path, false);
    broad("profile:'coding',deny:['exec'],allow:['web_search']", path, false);
    let own = "{tools:{profile:'messaging'},agents:{entries:{main:{tools:{profile:'full'}}}}}";
    agent(own, path, &json!(true));
    let denied =
        "{tools:{deny:['group:fs','exec']},agents:{entries:{main:{tools:{allow:['exec']}}}}}";
    agent(denied, path, &json!(false));
}

#[test]
fn dangerous_tools_are_those_that_are_left() {
    let path = "config.agent.tools.dangerous";
    agent("{tools:{profile:'minimal'}}", path, &json!(["gateway"]));
    agent(
        "{tools:{profile:'messaging'}}",
        path,
        &json!(["gateway", "sessions_spawn", "sessions_send", "subagents"]),
    );
    agent(
        "{tools:{profile:'coding',deny:['cron','gateway']}}",
        path,
        &json!(["plugins", "sessions_spawn", "sessions_send", "subagents"]),
    );
    agent(
        "{tools:{deny:['browser','canvas','group:nodes','group:automation','sessions_*','subagents']}}",
        path,
        &json!([]),
    );
    agent(
        "{agents:{defaults:{sandbox:{mode:'all'}}}}",
        path,
        &json!(["sessions_spawn", "sessions_send", "subagents"]),
    );
    agent("{browser:{enabled:false},tools:{allow:['browser']}}", path, &json!([]));
}

#[test]
fn elevated_tools_need_a_sender_on_both_levels() {
    let usable = "config.agent.elevated.usable";
    agent("{}", usable, &json!(false));
    agent("{tools:{elevated:{allowFrom:{telegram:['1']}}}}", usable, &json!(true));
    agent("{tools:{elevated:{enabled:false,allowFrom:{telegram:['*']}}}}", usable, &json!(false));
    agent("{tools:{elevated:{allowFrom:{telegram:[]}}}}", usable, &json!(false));
    let own = |own: &str| {
        format!(
            "{{tools:{{elevated:{{allowFrom:{{telegram:['1','2']}}}}}},agents:{{entries:{{main:{{tools:{{elevated:{own}}}}}}}}}}}"
        )
    };
    agent(&own("{enabled:false}"), usable, &json!(false));
    agent(&own("{allowFrom:{discord:['1']}}"), usable, &json!(false));
    agent(
        &own("{allowFrom:{telegram:['2']}}"),
        "config.agent.elevated.senders",
        &json!(["telegram: 2"]),
    );
    agent(
        &own("{allowFrom:{telegram:['*']}}"),
        "config.agent.elevated.senders",
        &json!(["telegram: 1", "telegram: 2"]),
    );
    agent(
        "{tools:{elevated:{allowFrom:{telegram:['*']}}}}",
        "config.agent.elevated.wildcard",
        &json!(true),
    );
    agent(
        "{tools:{elevated:{enabled:true}},agents:{entries:{main:{tools:{elevated:{allowFrom:{telegram:['*']}}}}}}}",
        usable,
        &json!(false),
    );
}

#[test]
fn the_sandbox_is_the_agents_then_everyones_then_off() {
    agent("{}", "config.agent.sandbox.mode", &json!("off"));
    agent("{}", "config.agent.sandbox.non_main", &json!(false));
    agent("{}", "config.agent.sandbox.scope", &json!("agent"));
    agent("{}", "config.agent.sandbox.workspace", &json!("none"));
    agent(
        "{agents:{defaults:{sandbox:{mode:'non-main'}}}}",
        "config.agent.sandbox.non_main",
        &json!(true),
    );
    let own = "{agents:{defaults:{sandbox:{mode:'all'}},entries:{main:{sandbox:{mode:'off'}}}}}";
    agent(own, "config.agent.sandbox.mode", &json!("off"));
    hidden("{agents:{defaults:{sandbox:{mode:'All'}}}}", "main", "config.agent.sandbox.non_main");
    agent(
        "{agents:{defaults:{sandbox:{perSession:true}}}}",
        "config.agent.sandbox.scope",
        &json!("session"),
    );
    agent(
        "{agent:{sandbox:{mode:'all',perSession:false}}}",
        "config.agent.sandbox.scope",
        &json!("shared"),
    );
    agent("{agent:{sandbox:{mode:'all'}}}", "config.agent.sandbox.mode", &json!("all"));
}

#[test]
fn bind_mounts_of_what_matters_are_named() {
    #[track_caller]
    fn sensitive(bind: &str, path: &str, expected: bool) {
        let text = format!("{{agents:{{defaults:{{sandbox:{{docker:{{binds:['{bind}']}}}}}}}}}}");
        let mut world = world();
        world.environment.insert("HOME".to_owned(), "/home/op".to_owned());
        world.state_dir = "/srv/openclaw".to_owned();
        let facts = Facts::resolve(&config(&text), &world);
        let found = fact(&facts, "main", path).value.clone();
        assert_eq!(found, Some(if expected { json!([bind]) } else { json!([]) }), "{bind}");
    }
    let path = "config.agent.sandbox.binds_sensitive";
    sensitive("/srv/project:/project:ro", path, false);
    sensitive("/home/op/project:/project", path, false);
    sensitive("/etc/ssl:/ssl:ro", path, true);
    sensitive("/:/host", path, true);
    sensitive("/var:/var", path, true);
    sensitive("/var/run/docker.sock:/var/run/docker.sock", path, true);
    sensitive("/home/op:/home", path, true);
    sensitive("/home/op/../op:/home", path, true);
    sensitive("~/.ssh:/keys:ro", path, true);
    sensitive("~:/home", path, true);
    sensitive("~/project:/project", path, false);
    sensitive("/home/other/.aws:/aws", path, true);
    sensitive("/home:/home", path, true);
    sensitive("/srv/openclaw/agents:/a", path, true);
    sensitive("/srv:/a", path, true);
    sensitive("data:/data", path, true);
}

#[test]
fn settings_that_undo_the_sandbox_are_named() {
    let text = "{agents:{defaults:{sandbox:{docker:{network:'host',seccompProfile:'unconfined',\
        dangerouslyAllowReservedContainerTargets:true}}},entries:{main:{sandbox:{docker:{network:\
        'container:db',apparmorProfile:'docker-default'}}}}}}";
    agent(
        text,
        "config.agent.sandbox.dangerous",
        &json!([
            "agents.entries.main.sandbox.docker.network=container:db",
            "agents.defaults.sandbox.docker.network=host",
            "agents.defaults.sandbox.docker.seccompProfile=unconfined",
            "agents.defaults.sandbox.docker.dangerouslyAllowReservedContainerTargets",
        ]),
    );
}

#[test]
fn messages_reach_the_agents_that_bindings_name_or_their_owner() {
    #[track_caller]
    fn reached(agents: &str, bindings: &str, expected: &[&str]) {
        let text = format!(
            "{{agents:{agents},bindings:{bindings},channels:{{telegram:{{accounts:{{default:{{}},ops:{{}}}}}}}}}}"
        );
        let facts = resolve(&text);
        let routes: Vec<String> = facts.subjects(Each::Route).map(ToString::to_string).collect();
        assert_eq!(routes, expected, "{text}");
    }
    reached("{}", "[]", &["telegram/default → main", "telegram/ops → main"]);
    reached("{entries:{a:{}}}", "[]", &["telegram/default → a", "telegram/ops → a"]);
    reached("{entries:{a:{},b:{}}}", "[]", &[]);
    reached("{entries:{a:{},main:{}}}", "[]", &["telegram/default → main", "telegram/ops → main"]);
    reached(
        "{entries:{a:{},b:{default:true}}}",
        "[]",
        &["telegram/default → b", "telegram/ops → b"],
    );
    reached(
        "{list:[{id:'a'},{id:'b',default:true}]}",
        "[]",
        &["telegram/default → b", "telegram/ops → b"],
    );
    let two = "{entries:{a:{},b:{}}}";
    reached(two, "[{agentId:'a',match:{channel:'telegram'}}]", &["telegram/default → a"]);
    reached(
        two,
        "[{agentId:'a',match:{channel:'telegram',accountId:'*'}}]",
        &["telegram/default → a", "telegram/ops → a"],
    );
    reached(
        two,
        "[{agentId:'b',match:{channel:'telegram',accountId:'OPS'}}]",
        &["telegram/ops → b"],
    );
    reached(
        "{entries:{a:{default:true},b:{}}}",
        "[{agentId:'b',match:{channel:'telegram',accountId:'ops',peer:{kind:'direct',id:'1'}}}]",
        &["telegram/default → a", "telegram/ops → b", "telegram/ops → a"],
    );
    reached(two, "[{agentId:'gone',match:{channel:'telegram'}}]", &[]);
    reached(
        "{defaults:{systemAgent:{agentId:'b'}},ownership:'explicit',entries:{a:{},b:{}}}",
        "[]",
        &["telegram/default → b", "telegram/ops → b"],
    );
}

#[test]
fn an_agent_is_reachable_by_messages_hooks_apis_and_other_agents() {
    #[track_caller]
    fn reachable(text: &str, expected: &[&str]) {
        let facts = resolve(text);
        let path = "config.agent.reachable";
        let found: Vec<String> = facts
            .subjects(Each::Agent)
            .filter(|agent| facts.get(agent, path).expect(path).value == Some(json!(true)))
            .map(ToString::to_string)
            .collect();
        assert_eq!(found, expected, "{text}");
    }
    let agents = "agents:{entries:{main:{},b:{},c:{}}}";
    reachable(&format!("{{{agents}}}"), &[]);
    reachable(&format!("{{{agents},channels:{{slack:{{}}}}}}"), &["agent main"]);
    reachable(
        &format!("{{{agents},hooks:{{enabled:true}}}}"),
        &["agent main", "agent b", "agent c"],
    );
    reachable(
        &format!("{{{agents},hooks:{{enabled:true,allowedAgentIds:['c']}}}}"),
        &["agent main", "agent c"],
    );
    let api = "http:{endpoints:{responses:{enabled:true}}}";
    reachable(
        &format!("{{{agents},gateway:{{bind:'lan',{api}}}}}"),
        &["agent main", "agent b", "agent c"],
    );
    reachable(&format!("{{{agents},gateway:{{bind:'loopback',{api}}}}}"), &[]);
    reachable(
        "{agents:{entries:{main:{subagents:{allowAgents:['b']}},b:{},c:{}}},channels:{slack:{}}}",
        &["agent main", "agent b"],
    );
}

#[test]
fn credentials_are_named_and_never_shown() {
    let text = "{models:{providers:{openai:{apiKey:'sk-abcdefghijklmnopqrstuvwx'}}},\
        env:{vars:{GITHUB_TOKEN:'ghp_abcdefghijklmnopqrstuvwxyz012345',NODE_ENV:'x'}},\
        mcp:{servers:{db:{command:'x'}}},skills:{entries:{sag:{apiKey:'k'},plain:{}}},\
        auth:{profiles:{'anthropic:default':{mode:'token'}}},\
        agents:{entries:{main:{skills:[]},b:{}}}}";
    let all = json!([
        "models.providers.openai",
        "env.vars.GITHUB_TOKEN",
        "mcp.servers.db",
        "skills.entries.sag",
        "auth.profiles.anthropic:default",
    ]);
    says(text, "b", "config.agent.credentials", &all);
    gateway(text, "config.credentials", &all);
    agent(
        text,
        "config.agent.credentials",
        &json!([
            "models.providers.openai",
            "env.vars.GITHUB_TOKEN",
            "mcp.servers.db",
            "auth.profiles.anthropic:default",
        ]),
    );
}

#[test]
fn agents_of_older_dialects_are_found_with_their_place() {
    let facts = resolve("{agents:{list:[{id:'a'},{id:'b',tools:{profile:'minimal'}}]}}");
    let fact = fact(&facts, "b", "config.agent.profile");
    assert_eq!(fact.value, Some(json!("minimal")));
    assert_eq!(fact.key.as_deref(), Some("agents.entries.b.tools.profile"));
    let Origin::File { key, .. } = &fact.origin else { panic!("{:?}", fact.origin) };
    assert_eq!(key, "agents.list.1.tools.profile");
    let old = "{agent:{tools:{profile:'minimal'},elevated:{allowFrom:{whatsapp:['*']}}}}";
    agent(old, "config.agent.profile", &json!("minimal"));
    agent(old, "config.agent.elevated.wildcard", &json!(true));
    let below = "{agents:{defaults:{tools:{profile:'messaging'}}}}";
    agent(below, "config.agent.profile", &json!("messaging"));
    let routing = "{routing:{defaultAgentId:'b',agents:{a:{},b:{}}},channels:{slack:{}}}";
    says(routing, "b", "config.agent.reachable", &json!(true));
}

#[test]
fn what_is_no_agent_is_unknown_beside_who_reaches_it() {
    let text = "{channels:{telegram:{}},agents:{entries:{main:true}}}";
    says(text, "main", "config.agent.reachable", &json!(true));
    hidden(text, "main", "config.agent.exec.gated");
    hidden(text, "main", "config.agent.sandbox.mode");
}

#[test]
fn what_may_undo_the_sandbox_is_unknown_unless_something_is_seen_to() {
    let text = |docker: &str| format!("{{agents:{{defaults:{{sandbox:{{docker:{docker}}}}}}}}}");
    let (binds, undone) =
        ("config.agent.sandbox.binds_sensitive", "config.agent.sandbox.dangerous");
    hidden(&text("{binds:['${DATA}:/data']}"), "main", binds);
    hidden(&text("{binds:'/srv/data:/data'}"), "main", binds);
    says(&text("{binds:['${DATA}:/data','/etc:/e']}"), "main", binds, &json!(["/etc:/e"]));
    hidden(&text("{network:['host']}"), "main", undone);
    hidden(&text("{network:'${NET}'}"), "main", undone);
    hidden(&text("7"), "main", undone);
    let both = text("{network:['host'],seccompProfile:'unconfined'}");
    let named = json!(["agents.defaults.sandbox.docker.seccompProfile=unconfined"]);
    says(&both, "main", undone, &named);
}
