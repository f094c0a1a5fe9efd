//! Whether a connection stood, as `nc`, `curl`, `nmap`, `ssh` and `Test-NetConnection` say it.
//!
//! Only a line that one of these programs writes about the gateway's port says that none stood: a
//! page that speaks of a timeout was reached, and a name that leads nowhere was not tried.

/// What a line says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Says {
    Stood,
    Failed,
    Nothing,
}

/// Tells whether a connection stood; none where no line says so or the opposite.
pub(super) fn stood(text: &str, port: u16) -> Option<bool> {
    let said: Vec<Says> = text.lines().map(|line| line_says(line.trim(), port)).collect();
    if said.contains(&Says::Stood) {
        return Some(true);
    }
    said.contains(&Says::Failed).then_some(false)
}

fn line_says(line: &str, port: u16) -> Says {
    let line = line.to_lowercase();
    if let Some(rest) = line.strip_prefix("tcptestsucceeded") {
        return match rest.trim_start_matches([' ', ':']) {
            "true" => Says::Stood,
            "false" => Says::Failed,
            _ => Says::Nothing,
        };
    }
    if let Some(said) = nmap(&line, port) {
        return said;
    }
    if let Some((code, why)) = line.strip_prefix("curl: (").and_then(|rest| rest.split_once(')')) {
        return curl(code, why);
    }
    let reasons = ["connection refused", "timed out", "timeout", "no route to host"];
    let named = ["nc: ", "ncat: ", "ssh: connect to "].iter().any(|name| line.starts_with(name))
        || (line.contains("] ") && line.contains(" (?) : "));
    if named && reasons.iter().any(|reason| line.contains(reason)) {
        return if of_port(&line, port) { Says::Failed } else { Says::Nothing };
    }
    let stood = [" succeeded!", "connected to ", "<html", "<!doctype"];
    if line.starts_with("http/")
        || line.ends_with(" open")
        || stood.iter().any(|s| line.contains(s))
    {
        return Says::Stood;
    }
    Says::Nothing
}

/// Reads a line of nmap's table; none where it is no such line.
fn nmap(line: &str, port: u16) -> Option<Says> {
    let (number, rest) = line.split_once("/tcp")?;
    let number: u16 = number.parse().ok()?;
    Some(match rest.split_whitespace().next()? {
        "open" => Says::Stood,
        "closed" | "filtered" | "closed|filtered" if number == port => Says::Failed,
        _ => Says::Nothing,
    })
}

/// Reads why curl failed: some of its failures come after a connection stood.
fn curl(code: &str, why: &str) -> Says {
    match code {
        "28" if why.contains("operation timed out after") => Says::Stood,
        "28" if why.contains("resolving") => Says::Nothing,
        "7" | "28" => Says::Failed,
        "51" | "52" | "60" => Says::Stood,
        _ => Says::Nothing,
    }
}

/// Tells whether a line is about a port, where it names one.
fn of_port(line: &str, port: u16) -> bool {
    let words: Vec<&str> = line.split([' ', ':']).collect();
    let named = words.iter().position(|word| *word == "port").and_then(|at| words.get(at + 1));
    let beside = words.iter().position(|word| *word == "(?)").and_then(|at| words.get(at - 1));
    named.or(beside).is_none_or(|named| *named == port.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(text: &str, expected: Option<bool>) {
        assert_eq!(stood(text, 18789), expected, "{text}");
    }

    #[test]
    fn a_connection_that_stood_is_told_from_one_that_did_not() {
        for text in [
            "Connection to 192.0.2.7 18789 port [tcp/*] succeeded!",
            "vega [192.0.2.7] 18789 (?) open",
            "18789/tcp open  unknown",
            "443/tcp closed https\n18789/tcp open unknown",
            "HTTP/1.1 200 OK",
            "TcpTestSucceeded       : True",
            "curl: (60) SSL certificate problem: self-signed certificate",
            "nc: connect to localhost (::1) port 18789 (tcp) failed: Connection refused\n\
             Connection to localhost (127.0.0.1) 18789 port [tcp/*] succeeded!",
        ] {
            case(text, Some(true));
        }
        for text in [
            "nc: connect to 192.0.2.7 port 18789 (tcp) failed: Connection refused",
            "nc: connect to 192.0.2.7 port 18789 (tcp) timed out: Operation now in progress",
            "nc: connectx to 192.0.2.7 port 18789 (tcp) failed: Operation timed out",
            "vega [192.0.2.7] 18789 (?) : Connection refused",
            "Ncat: TIMEOUT.",
            "18789/tcp filtered unknown",
            "18789/tcp closed unknown",
            "443/tcp filtered https\n18789/tcp filtered unknown",
            "curl: (7) Failed to connect to 192.0.2.7 port 443 after 1 ms: Couldn't connect to server",
            "curl: (28) Connection timed out after 5001 milliseconds",
            "TcpTestSucceeded : False",
        ] {
            case(text, Some(false));
        }
    }

    #[test]
    fn what_was_not_tried_is_neither() {
        for text in [
            "",
            "sudo: nmap: command not found",
            "18789/tcp open|filtered unknown",
            "nc: getaddrinfo for host \"GATEWAY\" port 18789: Name or service not known",
            "curl: (6) Could not resolve host: HOST.TAILNET.ts.net",
            "curl: (28) Resolving timed out after 5000 milliseconds",
            "Note: Host seems down. If it is really up, but blocking our ping probes, try -Pn",
            "nc: connect to 192.0.2.7 port 18789 (tcp) failed: Network is unreachable",
            "nc: connect to 192.0.2.7 port 22 (tcp) failed: Connection refused",
            "ssh: connect to host jump port 22: Connection refused",
            "channel 2: open failed: connect failed: Connection refused",
            "443/tcp closed https",
            "Not shown: 999 filtered tcp ports (no-response)",
        ] {
            case(text, None);
        }
    }

    #[test]
    fn a_page_that_speaks_of_a_failure_was_reached() {
        for text in [
            "<html><head><title>504 Gateway Timeout</title></head><body>closed</body></html>",
            "<!doctype html><script>const s = 'connection refused'</script>",
            "curl: (28) Operation timed out after 5001 milliseconds with 0 bytes received",
        ] {
            case(text, Some(true));
        }
        case("upstream connect error: connection timeout", None);
        case("the session was closed", None);
    }
}
