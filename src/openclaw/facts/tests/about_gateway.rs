//! The gateway: bind, authentication, proxies, hooks, sessions.

use super::*;

#[test]
fn an_unset_bind_is_what_openclaw_makes_of_it() {
    #[track_caller]
    fn bind(container: Option<bool>, text: &str, expected: Option<&str>) {
        let world = World { container, ..world() };
        let facts = Facts::resolve(&config(text), &world);
        let fact = fact(&facts, "gateway", "config.gateway.bind");
        assert_eq!(fact.value.as_ref().and_then(Value::as_str), expected, "{text}");
        assert_eq!(fact.state == State::Hidden, expected.is_none(), "{text}");
    }
    bind(Some(true), "{}", Some("auto"));
    bind(Some(false), "{}", Some("loopback"));
    bind(None, "{}", None);
    bind(None, "{gateway:{bind:'lan'}}", Some("lan"));
    bind(Some(true), "{gateway:{tailscale:{mode:'serve'}}}", Some("loopback"));
}

#[test]
fn only_an_explicit_loopback_without_tailscale_is_loopback_only() {
    let path = "config.gateway.loopback_only";
    gateway("{}", path, &json!(false));
    gateway("{gateway:{bind:'loopback'}}", path, &json!(true));
    gateway("{gateway:{bind:'loopback',tailscale:{mode:'off'}}}", path, &json!(true));
    gateway("{gateway:{bind:'loopback',tailscale:{mode:'serve'}}}", path, &json!(false));
    gateway("{gateway:{bind:'loopback',tailscale:{mode:'funnel'}}}", path, &json!(false));
    gateway("{gateway:{bind:'custom',customBindHost:'127.0.0.1'}}", path, &json!(false));
    gateway("{gateway:{bind:'LAN'}}", path, &json!(false));
    gateway("{gateway:{bind:' loopback'}}", path, &json!(false));
    gateway("{gateway:{bind:true}}", path, &json!(false));
    gateway("{gateway:{bind:'loopback',tailscale:{mode:7}}}", path, &json!(false));
    hidden("{gateway:{bind:'${NOWHERE}'}}", "gateway", path);
    gateway("{gateway:{bind:'${NOWHERE}',tailscale:{mode:'funnel'}}}", path, &json!(false));
}

#[test]
fn a_bind_of_an_older_dialect_means_what_it_meant() {
    let path = "config.gateway.bind";
    for (alias, mode) in [
        ("127.0.0.1", "loopback"),
        ("localhost", "loopback"),
        ("::1", "loopback"),
        ("0.0.0.0", "lan"),
        ("all", "lan"),
        ("::", "lan"),
    ] {
        let text = format!("{{gateway:{{bind:'{alias}'}}}}");
        gateway(&text, path, &json!(mode));
        gateway(&text, "config.migration", &json!([format!("gateway.bind `{alias}` → `{mode}`")]));
    }
    gateway("{gateway:{bind:'LAN'}}", path, &json!("LAN"));
    gateway("{gateway:{bind:42}}", path, &json!(42));
    gateway("{gateway:{bind:['lan']}}", path, &json!(["(a list)"]));
}

#[test]
fn the_auth_mode_follows_from_what_is_there() {
    let path = "config.gateway.auth.mode";
    gateway("{}", path, &json!("token"));
    gateway("{gateway:{auth:{token:'x'}}}", path, &json!("token"));
    gateway("{gateway:{auth:{password:'x'}}}", path, &json!("password"));
    gateway("{gateway:{auth:{token:'x',password:'y'}}}", path, &json!("password"));
    gateway("{gateway:{auth:{mode:'none'}}}", path, &json!("none"));
    gateway("{gateway:{auth:{mode:'Token'}}}", path, &json!("Token"));
}

#[test]
fn a_token_is_reduced_to_what_it_is_worth() {
    let path = "config.gateway.auth.secret";
    let token = |token: &str| format!("{{gateway:{{auth:{{token:{token}}}}}}}");
    gateway(&token("'5f1d0c8e9b7a46f3a2d1c0b9e8f7a6d5c4b3a2f1'"), path, &json!("ok"));
    gateway(&token("'short-one-9x'"), path, &json!("short"));
    gateway(&token("'replace-with-a-long-random-token'"), path, &json!("placeholder"));
    gateway(&token("'change-me-to-a-long-random-token'"), path, &json!("placeholder"));
    gateway(&token("'__OPENCLAW_REDACTED__'"), path, &json!("placeholder"));
    gateway(&token("''"), path, &json!("empty"));
    gateway(&token("'${SEEN}'"), path, &json!("ok"));
    gateway(&token("'$SEEN'"), path, &json!("ok"));
    gateway(&token("{source:'env',provider:'default',id:'SEEN'}"), path, &json!("ok"));
    hidden(&token("'${NOWHERE}'"), "gateway", path);
    hidden(&token("'$NOWHERE'"), "gateway", path);
    hidden(&token("{source:'env',provider:'default',id:'NOWHERE'}"), "gateway", path);
    hidden(&token("{source:'exec',provider:'vault',id:'gw'}"), "gateway", path);
    hidden(&token("{source:'file',provider:'f',id:'/a'}"), "gateway", path);
    hidden("{}", "gateway", path);
    gateway("{gateway:{auth:{mode:'none',token:'x'}}}", path, &Value::Null);
}

#[test]
fn the_source_of_a_token_is_told_and_never_the_token() {
    let path = "config.gateway.auth.source";
    let token = |token: &str| format!("{{gateway:{{auth:{{token:{token}}}}}}}");
    gateway(&token("'5f1d0c8e9b7a46f3a2d1c0b9e8f7a6d5'"), path, &json!("written in the config"));
    gateway(&token("'${NOWHERE}'"), path, &json!("env NOWHERE"));
    let reference = token("{source:'exec',provider:'vault',id:'gw'}");
    gateway(&reference, path, &json!("exec secret (vault)"));
    let proxy = "{gateway:{auth:{mode:'trusted-proxy',trustedProxy:{userHeader:'x-user'}}}}";
    gateway(proxy, path, &json!("header x-user from the proxy"));
    let old = resolve("{gateway:{token:'5f1d0c8e9b7a46f3a2d1c0b9e8f7a6d5'}}");
    let fact = fact(&old, "gateway", path);
    assert_eq!(fact.key.as_deref(), Some("gateway.auth.token"));
    let Origin::File { key, .. } = &fact.origin else { panic!("{:?}", fact.origin) };
    assert_eq!(key, "gateway.token");
}

#[test]
fn a_token_of_the_environment_counts() {
    let mut world = world();
    let token = "5f1d0c8e9b7a46f3a2d1c0b9e8f7a6d5";
    world.environment.insert("OPENCLAW_GATEWAY_TOKEN".to_owned(), token.to_owned());
    let facts = Facts::resolve(&config("{}"), &world);
    let fact = fact(&facts, "gateway", "config.gateway.auth.secret");
    assert_eq!(fact.value, Some(json!("ok")));
    assert_eq!(fact.origin, Origin::Env("OPENCLAW_GATEWAY_TOKEN".to_owned()));
}

#[test]
fn wide_proxy_ranges_are_named() {
    let path = "config.gateway.trusted_proxies_wide";
    let proxies = |list: &str| format!("{{gateway:{{trustedProxies:{list}}}}}");
    gateway(&proxies("['10.0.0.1','10.1.2.0/24','fd00::/64','::1']"), path, &json!([]));
    gateway(
        &proxies(
            "['0.0.0.0/0','::/0','10.0.0.0/8','10.0.0.0/23','fd00::/48','::ffff:10.0.0.0/104','proxy']",
        ),
        path,
        &json!([
            "0.0.0.0/0",
            "::/0",
            "10.0.0.0/8",
            "10.0.0.0/23",
            "fd00::/48",
            "::ffff:10.0.0.0/104",
            "proxy"
        ]),
    );
    gateway(&proxies("'0.0.0.0/0'"), path, &json!(["0.0.0.0/0"]));
    hidden(&proxies("['${NOWHERE}']"), "gateway", path);
}

#[test]
fn defaults_are_those_of_openclaw() {
    gateway("{}", "config.gateway.terminal", &json!(true));
    gateway("{}", "config.gateway.control_ui.enabled", &json!(true));
    gateway("{}", "config.gateway.port", &json!(18789));
    gateway("{}", "config.gateway.url", &json!("http://127.0.0.1:18789"));
    gateway("{}", "config.gateway.mode", &Value::Null);
    gateway("{}", "config.discovery.mdns", &json!("minimal"));
    gateway("{}", "config.session.dm_scope", &json!("main"));
    gateway("{}", "config.session.group_scope", &json!("per-group"));
    gateway("{}", "config.gateway.auth.rate_limit", &json!(false));
    gateway("{}", "config.gateway.auth.allow_tailscale", &json!(false));
    let serve = "{gateway:{tailscale:{mode:'serve'}}}";
    gateway(serve, "config.gateway.auth.allow_tailscale", &json!(true));
    let password = "{gateway:{tailscale:{mode:'serve'},auth:{mode:'password'}}}";
    gateway(password, "config.gateway.auth.allow_tailscale", &json!(false));
    let tls = "{gateway:{bind:'lan',port:8443,tls:{enabled:true}}}";
    gateway(tls, "config.gateway.url", &json!("https://box:8443"));
}

#[test]
fn dm_sessions_are_isolated_only_when_every_binding_keeps_them_so() {
    let path = "config.session.dm_isolated";
    gateway("{}", path, &json!(false));
    gateway("{session:{dmScope:'per-peer'}}", path, &json!(false));
    gateway("{session:{dmScope:'per-channel-peer'}}", path, &json!(true));
    gateway("{session:{dmScope:'per-account-channel-peer'}}", path, &json!(true));
    gateway("{session:{dmScope:'per-channel-peer',scope:'global'}}", path, &json!(false));
    let looser = "{session:{dmScope:'per-channel-peer'},bindings:[{session:{dmScope:'main'}}]}";
    gateway(looser, path, &json!(false));
}

#[test]
fn hooks_reach_any_agent_unless_they_are_named() {
    let path = "config.hooks.agents";
    gateway("{}", path, &json!([]));
    gateway("{hooks:{enabled:true}}", path, &json!(["*"]));
    gateway("{hooks:{enabled:true,allowedAgentIds:['ops','*']}}", path, &json!(["*"]));
    gateway("{hooks:{enabled:true,allowedAgentIds:['ops']}}", path, &json!(["ops"]));
    gateway("{hooks:{enabled:true,token:'abc'}}", "config.hooks.token", &json!("short"));
    gateway("{hooks:{enabled:true}}", "config.hooks.token", &Value::Null);
    gateway(
        "{hooks:{enabled:true,gmail:{account:'x'}},plugins:{entries:{webhooks:{enabled:true}}}}",
        "config.webhooks",
        &json!(["hooks", "hooks.gmail", "plugins.entries.webhooks"]),
    );
}

#[test]
fn flags_are_told_apart_by_whether_they_act() {
    let text = "{gateway:{controlUi:{dangerouslyDisableDeviceAuth:true,allowInsecureAuth:true,\
        dangerouslyAllowHostHeaderOriginFallback:true}},channels:{discord:\
        {dangerouslyAllowNameMatching:true,accounts:{a:{dangerouslyAllowNameMatching:false}}}},\
        hooks:{allowRequestSessionKey:true},tools:{fs:{workspaceOnly:false}}}";
    gateway(
        text,
        "config.gateway.dangerous_flags",
        &json!([
            "gateway.controlUi.dangerouslyAllowHostHeaderOriginFallback",
            "channels.discord.dangerouslyAllowNameMatching",
            "hooks.allowRequestSessionKey",
            "tools.fs.workspaceOnly=false",
        ]),
    );
    gateway(
        text,
        "config.gateway.inert_flags",
        &json!([
            "gateway.controlUi.dangerouslyDisableDeviceAuth",
            "gateway.controlUi.allowInsecureAuth",
        ]),
    );
}

#[test]
fn what_listens_is_hidden_until_it_was_looked_at() {
    #[track_caller]
    fn listens(listeners: Option<&[&str]>, found: &Value, loopback: &Value) {
        let listeners = listeners.map(|list| list.iter().map(|&a| a.to_owned()).collect());
        let facts = Facts::resolve(&config("{}"), &World { listeners, ..world() });
        let value = |path| fact(&facts, "gateway", path).value.clone().unwrap_or(Value::Null);
        assert_eq!(value("listener.found"), *found);
        assert_eq!(value("listener.loopback_only"), *loopback);
    }
    listens(None, &Value::Null, &Value::Null);
    listens(Some(&[]), &json!(false), &Value::Null);
    listens(Some(&["127.0.0.1", "::1"]), &json!(true), &json!(true));
    listens(Some(&["127.0.0.1:18789", "[::1]:18789"]), &json!(true), &json!(true));
    listens(Some(&["127.0.0.1", "0.0.0.0"]), &json!(true), &json!(false));
    listens(Some(&["*:18805"]), &json!(true), &json!(false));
}

#[test]
fn modes_tell_who_can_read() {
    let world = World { config_mode: Some(0o100_600), state_mode: Some(0o755), ..world() };
    let facts = Facts::resolve(&config("{}"), &world);
    assert_eq!(fact(&facts, "gateway", "host.config_private").value, Some(json!(true)));
    assert_eq!(fact(&facts, "gateway", "host.state_private").value, Some(json!(false)));
}

#[test]
fn one_binding_lets_its_rooms_share_the_main_session() {
    let path = "config.session.group_scope";
    let own = |scope: &str| format!("{{bindings:[{{}},{{session:{{groupScope:'{scope}'}}}}]}}");
    gateway(&own("main"), path, &json!("main"));
    gateway(&own("per-group"), path, &json!("per-group"));
    hidden(&own("${SCOPE}"), "gateway", path);
}

#[test]
fn what_is_no_list_is_not_taken_for_one() {
    let path = "config.gateway.trusted_proxies";
    gateway("{gateway:{trustedProxies:'10.4.0.9'}}", path, &json!("10.4.0.9"));
    gateway("{gateway:{trustedProxies:5}}", path, &json!(5));
    gateway("{gateway:{trustedProxies:{}}}", path, &json!("(an object)"));
}
