//! The environment of the gateway's own service, told apart from the one we are run in.

use serde_json::Value;
use serde_json::json;

use crate::home::Home;
use crate::home::PORTCULLIS;
use crate::openclaw::gateway::Gateway;
use crate::openclaw::gateway::Installed;

const NAME: &str = "OPENCLAW_GATEWAY_TOKEN";

const CONFIG: &str = r#"{
  gateway: {
    mode: "local", bind: "loopback", port: PORT,
    auth: { mode: "token", token: "${OPENCLAW_GATEWAY_TOKEN}" },
  },
}
"#;

const TOKEN: &str = "b7f2049ce1d85a3670f9c2e4ab1863d50e7c94fa2b6d8103";

/// Returns where the gateway's token comes from, and what it is worth, seen from an environment
/// with this token or with none.
#[track_caller]
fn token(home: &Home, ours: Option<&str>) -> (Value, Value) {
    let mut command = home.program(PORTCULLIS);
    command.args(["facts", "--format", "json"]).env_remove(NAME);
    if let Some(ours) = ours {
        command.env(NAME, ours);
    }
    let ran = home.finish(&mut command);
    let document = ran.ends(0).json();
    assert!(!ran.stdout.contains(TOKEN), "the token is shown");
    let fact = |path: &str| {
        let mut facts = document["facts"].as_array().expect("facts").iter();
        facts.find(|fact| fact["path"] == path).map(|fact| fact["value"].clone())
    };
    let both = ["config.gateway.auth.source", "config.gateway.auth.secret"].map(fact);
    both.map(|value| value.expect("a fact")).into()
}

fn said(source: &str, class: &str) -> (Value, Value) {
    (json!(source), json!(class))
}

#[test]
fn a_running_gateway_says_what_its_token_is_worth() {
    let Some(openclaw) = Installed::find() else { return };
    let (home, port) = openclaw.home(CONFIG);
    let home = home.with(NAME, TOKEN);
    assert_eq!(token(&home, None), (json!("env OPENCLAW_GATEWAY_TOKEN"), Value::Null));
    let _gateway = Gateway::start(&home, port);
    let there = "env OPENCLAW_GATEWAY_TOKEN of the gateway's process";
    assert_eq!(token(&home, None), said(there, "ok"));
    assert_eq!(token(&home, Some(TOKEN)), said(there, "ok"));
    let other = format!("{there}, not the one here");
    assert_eq!(token(&home, Some("short")), said(&other, "ok"));
}

#[test]
fn a_unit_says_what_the_service_is_given() {
    let home = Home::new(&CONFIG.replace("PORT", "28998"));
    assert_eq!(token(&home, None).1, Value::Null);
    assert_eq!(token(&home, Some("short")), said("env OPENCLAW_GATEWAY_TOKEN", "short"));
    let unit = ".config/systemd/user/openclaw-gateway.service";
    home.write(
        unit,
        "[Service]\nEnvironmentFile=-%h/gateway.env\nExecStart=openclaw gateway run\n",
    );
    assert_eq!(token(&home, Some("short")), said("env OPENCLAW_GATEWAY_TOKEN", "short"));
    home.write("gateway.env", &format!("# theirs\nOPENCLAW_GATEWAY_TOKEN=\"{TOKEN}\"\n"));
    let there = "env OPENCLAW_GATEWAY_TOKEN of the unit openclaw-gateway.service";
    assert_eq!(token(&home, None), said(there, "ok"));
    let other = format!("{there}, not the one here");
    assert_eq!(token(&home, Some("short")), said(&other, "ok"));
    home.write(unit, "[Service]\nEnvironment=OPENCLAW_GATEWAY_TOKEN=change-me-now\n");
    assert_eq!(token(&home, None), said(there, "placeholder"));
}
