use super::*;

const UFW: &str = "Status: active\nLogging: on (low)\nDefault: deny (incoming), allow (outgoing)\n\n\
                   To                         Action      From\n\
                   --                         ------      ----\n\
                   18789/tcp                  ALLOW IN    192.168.1.0/24\n\
                   22/tcp                     ALLOW IN    Anywhere\n";

const NFT: &str = "table inet filter {\n\tchain input {\n\
                   \t\ttype filter hook input priority filter; policy drop;\n\
                   \t\tct state established,related accept\n\
                   \t\tiif \"lo\" accept\n\
                   \t\tip saddr 192.168.1.0/24 tcp dport 18789 accept\n\t}\n}\n";

#[track_caller]
fn case(text: &str, default_deny: Option<bool>, open_to_all: Option<bool>) {
    assert_eq!(read(text, 18789), Ok(Walls { default_deny, open_to_all }), "{text}");
}

#[track_caller]
fn unread(text: &str) {
    assert!(read(text, 18789).is_err(), "{text}: {:?}", read(text, 18789));
}

/// Puts a rule before the others of the chain.
fn with(rule: &str) -> String {
    NFT.replacen("\t\tct state", &format!("\t\t{rule}\n\t\tct state"), 1)
}

#[test]
fn ufw_lets_in_whom_it_names() {
    case(UFW, Some(true), Some(false));
    case(&UFW.replace("192.168.1.0/24", "Anywhere"), Some(true), Some(true));
    for row in [
        "18789/tcp (v6)             ALLOW IN    Anywhere (v6)",
        "18789                      LIMIT IN    Anywhere",
        "18780:18799/tcp            ALLOW IN    Anywhere",
        "22,18789/tcp               ALLOW IN    Anywhere",
        "18789,443/tcp (OpenClaw)   ALLOW IN    Anywhere",
        "Anywhere on eth0           ALLOW IN    Anywhere",
        "18789 on eth0              ALLOW IN    Anywhere",
        "192.168.1.5 18789/tcp      ALLOW IN    Anywhere",
        "192.168.1.5                ALLOW IN    Anywhere",
    ] {
        case(&format!("{UFW}{row}\n"), Some(true), Some(true));
    }
    for row in [
        "Anywhere on tailscale0     ALLOW IN    Anywhere",
        "18789/udp                  ALLOW IN    Anywhere",
        "Anywhere                   ALLOW OUT   Anywhere",
        "80,443/tcp (Nginx Full)    ALLOW IN    Anywhere",
        "Anywhere                   ALLOW IN    10.0.0.7",
    ] {
        case(&format!("{UFW}{row}\n"), Some(true), Some(false));
    }
    unread(&format!("{UFW}Claw Full                  ALLOW IN    Anywhere\n"));
    case(&UFW.replace("deny (in", "allow (in"), Some(false), Some(false));
    let brief: String =
        UFW.lines().filter(|line| !line.starts_with("Default")).collect::<Vec<_>>().join("\n");
    case(&brief, None, Some(false));
}

#[test]
fn where_ufw_is_off_nft_counts() {
    case("Status: inactive\n", Some(false), Some(true));
    case(&format!("Status: inactive\n{NFT}"), Some(true), Some(false));
    case(&format!("{UFW}{NFT}"), Some(true), Some(false));
    case(&format!("{UFW}{}", with("tcp dport 18789 accept")), Some(true), Some(true));
    unread("sudo: ufw: command not found");
}

#[test]
fn what_lets_a_stranger_in_is_open() {
    case(NFT, Some(true), Some(false));
    for rule in [
        "tcp dport 18789 accept",
        "accept",
        "tcp dport { 22, 18789 } counter packets 0 bytes 0 accept comment \"drop\"",
        "tcp dport 18000-19000 ct state new accept",
        "tcp dport != 22 accept",
        "meta l4proto tcp accept",
        "log prefix \"drop\" accept",
        "iifname != \"lo\" tcp dport 18789 accept",
        "meta nfproto ipv6 accept",
        "ip6 nexthdr tcp accept",
    ] {
        case(&with(rule), Some(true), Some(true));
    }
    for rule in [
        "udp dport 18789 accept",
        "ip protocol icmp accept",
        "meta l4proto ipv6-icmp accept",
        "icmpv6 type { nd-neighbor-solicit, nd-router-advert } accept",
        "ip saddr { 10.0.0.1, 192.168.1.0/24 } accept",
        "iifname \"tailscale0\" accept",
        "tcp dport { 22, 80 } accept",
        "ct state vmap { invalid : drop, established : accept, related : accept }",
        "log prefix \"accept\"",
    ] {
        case(&with(rule), Some(true), Some(false));
    }
}

#[test]
fn what_might_let_a_stranger_in_leaves_it_unread() {
    for rule in [
        "ip saddr @allowed tcp dport 18789 accept",
        "ip saddr != 10.0.0.1 tcp dport 18789 accept",
        "ip saddr 0.0.0.0/0 tcp dport 18789 accept",
        "iifname \"eth0\" tcp dport 18789 accept",
        "tcp dport vmap { 18789 : accept }",
        "tcp dport @ports accept",
        "ct state vmap { new : accept }",
        "limit rate 5/minute accept",
        "jump nowhere",
    ] {
        unread(&with(rule));
    }
    unread(NFT.trim_end().trim_end_matches('}'));
}

#[test]
fn chains_are_followed_and_a_drop_ends_the_way() {
    let jumps = |inside: &str| {
        let chain = format!("table inet filter {{\n\tchain more {{\n\t\t{inside}\n\t}}\n");
        with("jump more").replacen("table inet filter {\n", &chain, 1)
    };
    case(&jumps("tcp dport { 22, 18789 } accept"), Some(true), Some(true));
    case(&jumps("tcp dport 22 accept"), Some(true), Some(false));
    case(
        &with("tcp dport 18789 drop").replace("policy drop", "policy accept"),
        Some(true),
        Some(false),
    );
    let some =
        with("ip saddr 10.0.0.0/8 tcp dport 18789 drop").replace("policy drop", "policy accept");
    case(&some, Some(false), Some(true));
    case(&NFT.replace("policy drop", "policy accept"), Some(false), Some(true));
    // A second table that accepts lets nobody in whom the first drops.
    let second = "table inet f2b {\n\tset one {\n\t\ttype ipv4_addr\n\t\telements = { 10.0.0.1,\n\t\t\t     10.0.0.2 }\n\t}\n\n\
                  \tchain input {\n\t\ttype filter hook input priority filter - 1; policy accept;\n\t}\n}\n";
    case(&format!("{second}{NFT}"), Some(true), Some(false));
}

#[test]
fn what_filters_one_version_of_ip_alone_is_half_an_answer() {
    let four = NFT.replace("table inet", "table ip");
    case(&four, None, None);
    case(&format!("{four}{}", NFT.replace("table inet", "table ip6")), Some(true), Some(false));
    case(&four.replace("policy drop", "policy accept"), Some(false), Some(true));
    unread(&NFT.replace("table inet", "table arp"));
}
