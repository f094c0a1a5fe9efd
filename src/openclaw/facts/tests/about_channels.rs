//! Channels: who may write to which account, directly and in groups.

use super::*;

fn channel(text: &str) -> String {
    format!("{{channels:{{{text}}}}}")
}

#[test]
fn a_policy_comes_from_the_account_then_the_channel_then_openclaw() {
    #[track_caller]
    fn policy(text: &str, about: &str, value: &str, state: State, key: &str, above: Option<&str>) {
        let facts = resolve(&channel(text));
        let fact = fact(&facts, about, "config.account.dm.policy");
        assert_eq!(fact.value, Some(json!(value)), "{text}");
        assert_eq!(fact.state, state, "{text}");
        assert_eq!(fact.key.as_deref(), Some(key), "{text}");
        assert_eq!(fact.inherited_from.as_deref(), above, "{text}");
    }
    let root = "channels.telegram.dmPolicy";
    policy("telegram:{}", "telegram/default", "pairing", State::Default, root, None);
    policy("telegram:{dmPolicy:'open'}", "telegram/default", "open", State::Set, root, None);
    let work = "channels.telegram.accounts.work.dmPolicy";
    policy("telegram:{accounts:{work:{}}}", "telegram/work", "pairing", State::Default, work, None);
    policy(
        "telegram:{dmPolicy:'disabled',accounts:{work:{dmPolicy:'open'}}}",
        "telegram/work",
        "open",
        State::Set,
        work,
        None,
    );
    policy(
        "telegram:{dmPolicy:'allowlist',accounts:{work:{}}}",
        "telegram/work",
        "allowlist",
        State::Set,
        root,
        Some(root),
    );
    let two = "channels.irc.accounts.two.dmPolicy";
    policy(
        "irc:{dmPolicy:'disabled',accounts:{two:{}}}",
        "irc/two",
        "pairing",
        State::Default,
        two,
        None,
    );
    policy(
        "matrix:{dm:{policy:'open'}}",
        "matrix/default",
        "open",
        State::Set,
        "channels.matrix.dm.policy",
        None,
    );
    policy(
        "discord:{dm:{enabled:false},dmPolicy:'open'}",
        "discord/default",
        "disabled",
        State::Set,
        "channels.discord.dm.enabled",
        None,
    );
    policy(
        "whatsapp:{accounts:{default:{dmPolicy:'disabled'},biz:{}}}",
        "whatsapp/biz",
        "disabled",
        State::Set,
        "channels.whatsapp.accounts.default.dmPolicy",
        Some("channels.whatsapp.accounts.default.dmPolicy"),
    );
}

#[test]
fn a_channel_policy_wider_than_an_accounts_default_is_believed() {
    let text = channel("irc:{dmPolicy:'open',groupPolicy:'open',accounts:{two:{}}}");
    says(&text, "irc/two", "config.account.dm.policy", &json!("open"));
    says(&text, "irc/two", "config.account.group.policy", &json!("open"));
}

#[test]
fn only_what_is_enabled_is_there() {
    #[track_caller]
    fn accounts(text: &str, expected: &[&str]) {
        let facts = resolve(&channel(text));
        let found: Vec<String> = facts.subjects(Each::Account).map(ToString::to_string).collect();
        assert_eq!(found, expected, "{text}");
    }
    accounts("defaults:{groupPolicy:'open'},modelByChannel:{telegram:{}}", &[]);
    accounts("telegram:{enabled:false},slack:{}", &["slack/default"]);
    accounts("telegram:{enabled:'false'}", &["telegram/default"]);
    accounts("telegram:{accounts:{a:{},b:{enabled:false}}}", &["telegram/a"]);
    accounts("telegram:{botToken:'t',accounts:{a:{}}}", &["telegram/a", "telegram/default"]);
    accounts("telegram:{accounts:{}}", &["telegram/default"]);
    accounts("telegram:{accounts:{a:7}}", &["telegram/a"]);
    accounts("telegram:null", &[]);
    accounts("telegram:7", &["telegram/default"]);
}

#[test]
fn what_is_no_channel_or_account_is_unknown() {
    for path in ["config.account.dm.open", "config.account.group.policy", "config.account.shared"] {
        hidden(&channel("telegram:'open'"), "telegram/default", path);
        hidden(&channel("telegram:{accounts:{a:true}}"), "telegram/a", path);
    }
}

#[test]
fn a_listed_room_without_listed_senders_hears_everyone_in_it() {
    #[track_caller]
    fn everyone(text: &str, about: &str, expected: bool) {
        says(&channel(text), about, "config.account.group.wildcard", &json!(expected));
    }
    everyone("discord:{guilds:{'1':{}}}", "discord/default", true);
    everyone("discord:{guilds:{'1':{users:[],roles:['2']}}}", "discord/default", false);
    everyone("discord:{guilds:{'1':{channels:{a:{users:['2']}}}}}", "discord/default", false);
    everyone("discord:{guilds:{'1':{users:['2'],channels:{a:{}}}}}", "discord/default", false);
    everyone(
        "discord:{guilds:{'1':{users:['2'],channels:{a:{users:[]}}}}}",
        "discord/default",
        true,
    );
    everyone("discord:{groupPolicy:'disabled',guilds:{'1':{}}}", "discord/default", false);
    everyone("slack:{channels:{C1:{}}}", "slack/default", true);
    everyone("slack:{channels:{C1:{users:['U1']}}}", "slack/default", false);
    everyone("matrix:{groups:{'!a':{}}}", "matrix/default", true);
    everyone("matrix:{groupAllowFrom:['@m:x'],groups:{'!a':{}}}", "matrix/default", false);
    everyone("telegram:{groups:{'-1':{}}}", "telegram/default", false);
}

#[test]
fn strangers_may_write_where_the_policy_or_a_star_lets_them() {
    #[track_caller]
    fn open(text: &str, path: &str, expected: bool) {
        says(text, "telegram/default", path, &json!(expected));
    }
    let path = "config.account.dm.open";
    let telegram = |text: &str| channel(&format!("telegram:{{{text}}}"));
    open(&telegram(""), path, false);
    open(&telegram("dmPolicy:'open'"), path, true);
    open(&telegram("dmPolicy:'pairing',allowFrom:['*']"), path, true);
    open(&telegram("dmPolicy:'allowlist',allowFrom:[' * ']"), path, true);
    open(&telegram("dmPolicy:'allowlist',allowFrom:['tg:*']"), path, true);
    open(&telegram("dmPolicy:'allowlist',allowFrom:'*'"), path, true);
    open(&telegram("dmPolicy:'disabled',allowFrom:['*']"), path, false);
    open(&telegram("dmPolicy:'allowlist',allowFrom:['111']"), path, false);
    open(&telegram("direct:{'777':{dmPolicy:'open'}}"), path, true);
    open(&telegram("dmPolicy:'disabled',direct:{'777':{dmPolicy:'open'}}"), path, true);
    open(&telegram("dmPolicy:'allowlist',direct:{'*':{allowFrom:['*']}}"), path, true);
    hidden(&telegram("dmPolicy:'Open'"), "telegram/default", path);
    hidden(&telegram("dmPolicy:'allowlist',allowFrom:['${WHO}']"), "telegram/default", path);
    hidden(&channel("reef:{}"), "reef/default", path);
    hidden(&channel("reef:{}"), "reef/default", "config.account.dm.policy");
}

#[test]
fn a_star_in_an_access_group_is_a_star() {
    let text = "{accessGroups:{ops:{type:'message.senders',members:{telegram:['*']}}},\
        channels:{telegram:{dmPolicy:'allowlist',allowFrom:['accessGroup:ops']}}}";
    says(text, "telegram/default", "config.account.dm.open", &json!(true));
    says(text, "telegram/default", "config.account.dm.senders", &json!(["accessGroup:ops"]));
}

#[test]
fn a_group_policy_follows_the_channels_own_default() {
    let path = "config.account.group.policy";
    says(&channel("telegram:{}"), "telegram/default", path, &json!("allowlist"));
    let shared = |text: &str| channel(&format!("defaults:{{groupPolicy:'open'}},{text}"));
    says(&shared("telegram:{}"), "telegram/default", path, &json!("allowlist"));
    says(&shared("feishu:{}"), "feishu/default", path, &json!("open"));
    says(&shared("matrix:{}"), "matrix/default", path, &json!("open"));
    says(&shared("clickclack:{}"), "clickclack/default", path, &json!("open"));
    says(&shared("sms:{}"), "sms/default", path, &json!("disabled"));
    says(
        &channel("zalouser:{groupPolicy:'disabled',accounts:{a:{}}}"),
        "zalouser/a",
        path,
        &json!("allowlist"),
    );
    hidden(&channel("clickclack:{}"), "clickclack/default", path);
}

#[test]
fn groups_nobody_listed_get_in_by_policy_star_or_sender() {
    #[track_caller]
    fn open(text: &str, about: &str, path: &str, expected: bool) {
        says(&channel(text), about, path, &json!(expected));
    }
    let path = "config.account.group.open";
    open("telegram:{}", "telegram/default", path, false);
    open("telegram:{groupPolicy:'open'}", "telegram/default", path, true);
    open("feishu:{groupPolicy:'allowall'}", "feishu/default", path, true);
    open("telegram:{groups:{'*':{}}}", "telegram/default", path, true);
    open("telegram:{groups:{'*':{enabled:false}}}", "telegram/default", path, false);
    open("telegram:{groups:{'-1':{}}}", "telegram/default", path, false);
    open("telegram:{groupAllowFrom:['*']}", "telegram/default", path, true);
    open("telegram:{groupAllowFrom:['*'],groups:{'-1':{}}}", "telegram/default", path, false);
    open(
        "telegram:{groupPolicy:'disabled',groups:{'-1':{groupPolicy:'open'}}}",
        "telegram/default",
        path,
        true,
    );
    open(
        "telegram:{groups:{'-1':{topics:{'9':{groupPolicy:'open'}}}}}",
        "telegram/default",
        path,
        true,
    );
    open(
        "telegram:{direct:{'7':{topics:{'9':{groupPolicy:'open'}}}}}",
        "telegram/default",
        path,
        true,
    );
    open("telegram:{groupPolicy:'disabled',groups:{'*':{}}}", "telegram/default", path, false);
    open("discord:{guilds:{'*':{}}}", "discord/default", path, true);
    open("discord:{guilds:{'1':{channels:{'*':{}}}}}", "discord/default", path, false);
    open("discord:{dm:{groupEnabled:true}}", "discord/default", path, true);
    open("discord:{dm:{groupEnabled:true,groupChannels:['1']}}", "discord/default", path, false);
    open("slack:{channels:{'*':{allow:true}}}", "slack/default", path, true);
    open("msteams:{teams:{'*':{}}}", "msteams/default", path, true);
    open(
        "nextcloud-talk:{rooms:{'*':{}}}".replace("nextcloud-talk", "'nextcloud-talk'").as_str(),
        "nextcloud-talk/default",
        path,
        true,
    );
    hidden(&channel("telegram:{groupPolicy:'Open'}"), "telegram/default", path);
}

#[test]
fn every_group_has_to_wait_for_a_mention() {
    #[track_caller]
    fn mention(text: &str, about: &str, path: &str, expected: bool) {
        says(&channel(text), about, path, &json!(expected));
    }
    let path = "config.account.group.mention";
    mention("telegram:{}", "telegram/default", path, true);
    mention("telegram:{groups:{'*':{requireMention:false}}}", "telegram/default", path, false);
    mention(
        "telegram:{groups:{'*':{requireMention:true},'-1':{requireMention:false}}}",
        "telegram/default",
        path,
        false,
    );
    mention(
        "telegram:{groups:{'-1':{topics:{'2':{requireMention:false}}}}}",
        "telegram/default",
        path,
        false,
    );
    mention("telegram:{groups:{'-1':{requireMention:'yes'}}}", "telegram/default", path, false);
    mention(
        "telegram:{groupPolicy:'disabled',groups:{'*':{requireMention:false}}}",
        "telegram/default",
        path,
        true,
    );
    mention("slack:{requireMention:false}", "slack/default", path, false);
    mention("slack:{requireMention:false,groupPolicy:'disabled'}", "slack/default", path, true);
    mention(
        "discord:{guilds:{'1':{channels:{'2':{requireMention:false}}}}}",
        "discord/default",
        path,
        false,
    );
    mention("telegram:{requireMention:false}", "telegram/default", path, false);
    says(
        "{messages:{groupChat:{requireMention:false}},channels:{telegram:{}}}",
        "telegram/default",
        path,
        &json!(false),
    );
    says(
        "{routing:{groupChat:{requireMention:false}},channels:{telegram:{}}}",
        "telegram/default",
        path,
        &json!(false),
    );
    let text = channel("telegram:{groups:{'-1':{requireMention:false}}}");
    let facts = resolve(&text);
    let fact = fact(&facts, "telegram/default", path);
    assert_eq!(fact.key.as_deref(), Some("channels.telegram.groups.-1.requireMention"));
}

#[test]
fn a_group_takes_what_it_does_not_say_from_around_it() {
    let text = channel(
        "telegram:{groupPolicy:'allowlist',groupAllowFrom:['1'],groups:{'*':{requireMention:false},\
         '-1':{groupPolicy:'open',topics:{'9':{allowFrom:['2','*'],requireMention:true}}}}}",
    );
    says(&text, "telegram/default/-1", "config.group.policy", &json!("open"));
    says(&text, "telegram/default/-1/9", "config.group.policy", &json!("open"));
    says(&text, "telegram/default/*", "config.group.policy", &json!("allowlist"));
    says(&text, "telegram/default/-1", "config.group.senders", &json!(["1"]));
    says(&text, "telegram/default/-1/9", "config.group.senders", &json!(["2", "*"]));
    says(&text, "telegram/default/-1", "config.group.wildcard", &json!(true));
    says(&text, "telegram/default/*", "config.group.wildcard", &json!(true));
    says(&text, "telegram/default/-1", "config.group.mention", &json!(false));
    says(&text, "telegram/default/-1/9", "config.group.mention", &json!(true));
    let rooms = channel("matrix:{groups:{a:{users:['@x:y']}},rooms:{a:{users:['*']}}}");
    says(&rooms, "matrix/default/a", "config.group.wildcard", &json!(false));
    says(&rooms, "matrix/default/rooms/a", "config.group.wildcard", &json!(true));
}

#[test]
fn an_empty_list_of_groups_hides_the_channels_only_among_several_accounts() {
    let one = channel("whatsapp:{groups:{'*':{}},accounts:{a:{groups:{}}}}");
    says(&one, "whatsapp/a", "config.account.group.open", &json!(true));
    let two = channel("whatsapp:{groups:{'*':{}},accounts:{a:{groups:{}},b:{}}}");
    says(&two, "whatsapp/a", "config.account.group.open", &json!(false));
    says(&two, "whatsapp/b", "config.account.group.open", &json!(true));
}

#[test]
fn many_senders_are_told_from_one_and_from_not_knowing() {
    let path = "config.senders.many";
    gateway("{}", path, &json!(false));
    gateway(&channel("telegram:{dmPolicy:'allowlist',allowFrom:['1']}"), path, &json!(false));
    gateway(&channel("telegram:{dmPolicy:'allowlist',allowFrom:['1','2']}"), path, &json!(true));
    gateway(
        &channel(
            "telegram:{dmPolicy:'allowlist',allowFrom:['1'],accounts:{a:{},b:{allowFrom:['2']}}}",
        ),
        path,
        &json!(true),
    );
    gateway(
        &channel("telegram:{dmPolicy:'allowlist',allowFrom:['1'],groups:{'-1':{}}}"),
        path,
        &json!(true),
    );
    gateway(&channel("telegram:{dmPolicy:'open'}"), path, &json!(true));
    gateway(&channel("telegram:{dmPolicy:'disabled',groupPolicy:'disabled'}"), path, &json!(false));
    hidden(&channel("telegram:{dmPolicy:'pairing'}"), "gateway", path);
    hidden(&channel("telegram:{dmPolicy:'allowlist',allowFrom:['${NOWHERE}']}"), "gateway", path);
}

#[test]
fn policies_of_older_dialects_are_understood() {
    let text = channel("discord:{dm:{policy:'open',allowFrom:['*']}}");
    says(&text, "discord/default", "config.account.dm.policy", &json!("open"));
    says(&text, "discord/default", "config.account.dm.wildcard", &json!(true));
    gateway(
        &text,
        "config.migration",
        &json!([
            "channels.discord.dm.policy → channels.discord.dmPolicy",
            "channels.discord.dm.allowFrom → channels.discord.allowFrom",
        ]),
    );
    let nested = channel("slack:{accounts:{w:{dm:{policy:'allowlist'}}}}");
    says(&nested, "slack/w", "config.account.dm.policy", &json!("allowlist"));
    let root = "{telegram:{botToken:'t',dmPolicy:'open',allowFrom:['*']}}";
    says(root, "telegram/default", "config.account.dm.open", &json!(true));
    let routing = "{routing:{allowFrom:['*']},channels:{whatsapp:{}}}";
    says(routing, "whatsapp/default", "config.account.dm.wildcard", &json!(true));
    let bubbles = channel("bluebubbles:{dmPolicy:'open'}");
    says(&bubbles, "imessage/default", "config.account.dm.open", &json!(true));
}

#[test]
fn webhooks_are_named_by_key_and_never_by_url() {
    let path = "config.account.webhooks";
    says(&channel("telegram:{}"), "telegram/default", path, &json!([]));
    let url = channel("telegram:{accounts:{a:{webhookUrl:'https://x.example/bot-secret'}}}");
    says(&url, "telegram/a", path, &json!(["channels.telegram.accounts.a.webhookUrl"]));
    says(&channel("slack:{mode:'http'}"), "slack/default", path, &json!(["channels.slack.mode"]));
    says(&channel("slack:{}"), "slack/default", path, &json!([]));
    says(&channel("msteams:{}"), "msteams/default", path, &json!(["channels.msteams"]));
    gateway(&channel("slack:{mode:'http'}"), "config.webhooks", &json!(["channels.slack.mode"]));
}

#[test]
fn synology_chat_lists_its_senders_under_a_key_of_its_own_and_has_no_groups() {
    let text = channel(
        "'synology-chat':{token:'t',allowedUserIds:['7','*'],accounts:{b:{allowedUserIds:['8']}}}",
    );
    let about = "synology-chat/default";
    says(&text, about, "config.account.dm.policy", &json!("allowlist"));
    says(&text, about, "config.account.dm.senders", &json!(["7", "*"]));
    says(&text, about, "config.account.dm.open", &json!(true));
    says(&text, "synology-chat/b", "config.account.dm.open", &json!(false));
    says(&text, about, "config.account.group.policy", &json!("disabled"));
    says(&text, about, "config.account.group.open", &json!(false));
}

#[test]
fn buzz_has_rooms_and_no_direct_messages() {
    let text = channel("buzz:{privateKey:'k',groups:{r:{}}}");
    says(&text, "buzz/default", "config.account.dm.policy", &json!("disabled"));
    says(&text, "buzz/default", "config.account.dm.open", &json!(false));
    says(&text, "buzz/default", "config.account.group.policy", &json!("allowlist"));
}

#[test]
fn an_unset_group_policy_is_open_where_the_channel_takes_it_so() {
    #[track_caller]
    fn policy(text: &str, about: &str, value: &str, mention: bool) {
        let text = channel(text);
        says(&text, about, "config.account.group.policy", &json!(value));
        says(&text, about, "config.account.group.mention", &json!(mention));
    }
    policy("zalo:{botToken:'t'}", "zalo/default", "open", true);
    policy("feishu:{appId:'i'}", "feishu/default", "open", false);
    policy("feishu:{appId:'i',groups:{g:{}}}", "feishu/default", "allowlist", true);
    policy("feishu:{groupPolicy:'allowlist'}", "feishu/default", "allowlist", true);
    policy("feishu:{groupPolicy:'open',requireMention:true}", "feishu/default", "open", true);
    policy("defaults:{groupPolicy:'disabled'},zalo:{}", "zalo/default", "disabled", true);
}

#[test]
fn a_channel_has_an_account_of_its_own_by_what_that_channel_needs() {
    #[track_caller]
    fn own(text: &str, accounts: &[&str]) {
        let facts = resolve(&channel(text));
        let names: Vec<String> = facts.subjects(Each::Account).map(ToString::to_string).collect();
        assert_eq!(names, accounts, "{text}");
    }
    own("imessage:{cliPath:'/x',accounts:{b:{}}}", &["imessage/b", "imessage/default"]);
    own("slack:{signingSecret:'s',accounts:{b:{}}}", &["slack/b", "slack/default"]);
    own("irc:{host:'h',accounts:{b:{nick:'n'}}}", &["irc/b"]);
    own("irc:{host:'h',nick:'n',accounts:{b:{}}}", &["irc/b", "irc/default"]);
    own("other:{token:'t',accounts:{b:{}}}", &["other/b", "other/default"]);
}
