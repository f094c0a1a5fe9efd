use super::*;

fn reported(server: &str) -> Report {
    let text = format!(
        "nginx: the configuration file /etc/nginx/nginx.conf syntax is ok\n\
         # configuration file /etc/nginx/nginx.conf:\n\
         events {{ }}\nhttp {{\n  upstream claw {{ server 127.0.0.1:18789; keepalive 4; }}\n  \
         include conf.d/*.conf;\n}}\n\n\
         # configuration file /etc/nginx/conf.d/claw.conf:\n\
         server {{\n  listen 443 ssl;\n  server_name claw.example.org;\n{server}\n}}\n"
    );
    let asked =
        Asked { port: 18789, user_header: Some("X-Forwarded-User".to_owned()), commanding: None };
    report(&read(&text).unwrap(), &asked)
}

#[track_caller]
fn case(server: &str, forwarded: Option<bool>, user: Option<bool>) {
    let report = reported(server);
    let seen = |path: &str| report.observed.get(path).cloned();
    assert_eq!(seen("nginx.overwrites_forwarded"), forwarded.map(Value::Bool), "{server}");
    assert_eq!(seen("nginx.overwrites_user"), user.map(Value::Bool), "{server}");
    let findings = usize::from(forwarded == Some(false)) + usize::from(user == Some(false));
    assert_eq!(report.findings.len(), findings, "{server}");
}

const ALL: &str = "proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Real-IP \
                   $remote_addr; proxy_set_header X-Forwarded-User $user;";

#[test]
fn a_place_is_judged_by_what_holds_there() {
    case("location / { proxy_pass http://claw; }", Some(false), Some(false));
    case(&format!("location / {{ {ALL} proxy_pass http://claw; }}"), Some(true), Some(true));
    case(
        &format!("{ALL} location / {{ proxy_pass http://127.0.0.1:18789; }}"),
        Some(true),
        Some(true),
    );
    // One header of its own takes all those of the server away.
    case(
        &format!(
            "{ALL} location / {{ proxy_set_header Upgrade $http_upgrade; proxy_pass http://claw; }}"
        ),
        Some(false),
        Some(false),
    );
    // So it does for one place of two.
    case(
        &format!(
            "{ALL} location / {{ proxy_pass http://claw; }} location /ws {{ proxy_set_header Upgrade $http_upgrade; proxy_pass http://claw; }}"
        ),
        Some(false),
        Some(false),
    );
}

#[test]
fn what_keeps_the_clients_own_words_overwrites_nothing() {
    let kept = ALL.replacen("For $remote_addr", "For $proxy_add_x_forwarded_for", 1);
    case(&format!("location / {{ {kept} proxy_pass http://claw; }}"), Some(false), Some(true));
    let echoed = ALL.replace("$user", "$http_x_forwarded_user");
    case(&format!("location / {{ {echoed} proxy_pass http://claw; }}"), Some(true), Some(false));
    let blank = ALL.replace("$user", "\"\"");
    case(&format!("location / {{ {blank} proxy_pass http://claw; }}"), Some(true), Some(true));
    case(
        "location / { proxy_pass_request_headers off; proxy_pass http://claw; }",
        Some(true),
        Some(true),
    );
}

#[test]
fn where_a_variable_decides_only_what_is_bad_is_known() {
    case(&format!("location / {{ {ALL} proxy_pass http://$backend; }}"), None, None);
    case("location / { proxy_pass http://$backend; }", Some(false), Some(false));
    let unclear = reported(&format!("location / {{ {ALL} proxy_pass http://$backend; }}"));
    assert_eq!(unclear.observed.get("nginx.to_gateway"), None);
}

#[test]
fn what_leads_elsewhere_does_not_matter() {
    case("location / { proxy_pass http://127.0.0.1:8080; }", None, None);
    case("location / { proxy_pass https://elsewhere; }", None, None);
    case("location / { root /srv; }", None, None);
    let report = reported("location / { root /srv; }");
    assert_eq!(report.observed["nginx.to_gateway"], Value::Array(Vec::new()));
    assert_eq!(report.notes, ["No place leads to port 18789."]);
    let report = reported("location /claw { if ($arg_x) { proxy_pass http://claw; } }");
    assert_eq!(
        report.notes,
        ["if ($arg_x) of location /claw of claw.example.org leads to http://claw"]
    );
}
