//! Reading what was brought back: how a command ended, when it was taken, and of which config.

use chrono::DateTime;
use chrono::FixedOffset;
use chrono::TimeDelta;

use crate::openclaw::command;
use crate::openclaw::command::End;
use crate::openclaw::command::Ended;
use crate::openclaw::errand::Kind;
use crate::openclaw::finding::Outcome;
use crate::openclaw::witness::Asked;

/// How far two hosts' clocks may be apart, in minutes.
const SKEW: i64 = 5;

/// An answer as it was kept, with the exit status that stands below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<'t> {
    /// What the command printed.
    pub body: &'t str,
    /// How it ended; none where that does not stand below.
    pub status: Option<i32>,
}

impl<'t> Answer<'t> {
    /// Takes the exit status off the end of what was kept.
    #[must_use]
    pub fn parse(text: &'t str) -> Self {
        let trimmed = text.trim_end();
        let (above, last) = match trimmed.rsplit_once('\n') {
            Some((above, last)) => (above.len() + 1, last),
            None => (0, trimmed),
        };
        // What ended without a line break stands before it on the same line.
        let mark = last.rfind("[exit status ").filter(|_| last.ends_with(']'));
        let status = mark.and_then(|at| {
            last.get(at..)?.strip_prefix("[exit status ")?.strip_suffix(']')?.parse().ok()
        });
        match (status, mark) {
            (Some(status), Some(at)) => {
                Self { body: text.get(..above + at).unwrap_or_default(), status: Some(status) }
            }
            _ => Self { body: text, status: None },
        }
    }

    /// Reads what it comes to, with the check as the source of its findings.
    #[must_use]
    pub fn outcome(&self, kind: Kind, check: &str, asked: &Asked) -> Option<Outcome> {
        match kind {
            Kind::Time | Kind::Sums => None,
            Kind::Witness(witness) => Some(witness.outcome(self.body, self.status, asked)),
            Kind::OpenClaw(name) => Some(self.of_openclaw(name, check)),
        }
    }

    fn of_openclaw(&self, name: &str, check: &str) -> Outcome {
        let warnings = self.body.lines().filter(|line| line.starts_with("[config] warnings:"));
        let ended = Ended {
            end: End::Exit(self.status.unwrap_or_default()),
            stdout: self.body.to_owned(),
            stderr: warnings.map(|line| format!("{line}\n")).collect(),
            truncated: false,
            took: std::time::Duration::ZERO,
        };
        match (command::read(name, check, &ended), self.status) {
            // Only the status tells a lint that ran all of its checks from one that could not.
            (Outcome::Measured(report), None) if name == "doctor-lint" => Outcome::Unmeasured {
                why: "No exit status stands below it, so nobody can tell whether doctor could run \
                      all of its checks."
                    .to_owned(),
                partial: Some(report),
            },
            (outcome, _) => outcome,
        }
    }

    /// Returns the time that the document itself names.
    #[must_use]
    pub fn time(&self) -> Option<DateTime<FixedOffset>> {
        let document = command::document(self.body)?;
        let ts = document.get("ts").or_else(|| document.pointer("/report/ts"))?;
        let ts = ts.as_i64().or_else(|| ts.as_str()?.parse().ok());
        Some(DateTime::from_timestamp_millis(ts?)?.fixed_offset())
    }
}

/// From when to when answers were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The beginning.
    pub from: DateTime<FixedOffset>,
    /// The end.
    pub to: DateTime<FixedOffset>,
}

impl Span {
    /// Reads the first and the last of the times that stand in a text, a line each, two at the least.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // A login shell may greet between them.
        let times = text.lines().filter_map(|line| DateTime::parse_from_rfc3339(line.trim()).ok());
        let times: Vec<_> = times.collect();
        let (from, to) = (*times.iter().min()?, *times.iter().max()?);
        (times.len() > 1).then_some(Self { from, to })
    }

    /// Says why a time is not within it; nothing where it is.
    #[must_use]
    pub fn excludes(&self, time: DateTime<FixedOffset>) -> Option<&'static str> {
        let skew = TimeDelta::minutes(SKEW);
        if time < self.from - skew {
            Some("it was taken before the config was summed")
        } else if time > self.to + skew {
            Some("it was taken after the config was summed")
        } else {
            None
        }
    }
}

/// An answer as it was pasted, with what stood around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pasted {
    /// The name of the command that was run, where it stood above the answer.
    pub name: Option<String>,
    /// From when to when it was taken, where that stood around it.
    pub span: Option<Span>,
    /// The lines between those times that sum files.
    pub sums: String,
    /// The answer, its exit status below it where both are known to belong together.
    pub text: String,
}

impl Pasted {
    /// Finds the answer between the last time above its exit status and the first one below.
    ///
    /// What stands outside, such as the prompt, the command and what was on the terminal before, is
    /// nobody's business and is dropped. Where nothing frames it, only its JSON is taken, without a
    /// status: whether that belongs to it cannot be told.
    ///
    /// # Errors
    ///
    /// When there is more than one answer, or none, as part of a sentence.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let lines: Vec<&str> = text.lines().collect();
        let mut ends = (0..lines.len())
            .filter(|at| lines.get(*at).is_some_and(|line| Answer::parse(line).status.is_some()));
        let (end, second) = (ends.next(), ends.next());
        if second.is_some() {
            return Err("it holds several answers; paste one at a time");
        }
        let framed = end.and_then(|end| {
            let (above, below) = (lines.get(..end)?, lines.get(end + 1..)?);
            let opens = above.iter().rposition(|line| time(line).is_some())?;
            let closes = below.iter().position(|line| time(line).is_some())?;
            let (from, to) = (time(above.get(opens)?)?, time(below.get(closes)?)?);
            Some((Span { from, to }, lines.get(opens + 1..=end)?, below.get(..closes)?))
        });
        let Some((span, answer, after)) = framed else {
            let mut found = command::documents(text);
            let document = found.pop().ok_or("there is no JSON in it")?;
            if !found.is_empty() {
                return Err("it holds several answers; paste one at a time");
            }
            let text = format!("{document}\n");
            return Ok(Self { name: None, span: None, sums: String::new(), text });
        };
        if span.to < span.from {
            return Err("the time below the answer is before the one above it");
        }
        let is_sum = |line: &&&str| summed(line).is_some();
        let sums = answer.iter().chain(after).filter(is_sum);
        let is_name = |line: &&&str| check(line).is_some();
        let body = answer.iter().filter(|line| !is_sum(line) && !is_name(line));
        Ok(Self {
            name: answer.iter().find_map(|line| check(line)).map(str::to_owned),
            span: Some(span),
            sums: sums.map(|line| format!("{line}\n")).collect(),
            text: body.map(|line| format!("{line}\n")).collect(),
        })
    }
}

/// Reads the time at the end of a line; a prompt may stand before it.
fn time(line: &str) -> Option<DateTime<FixedOffset>> {
    DateTime::parse_from_rfc3339(line.split_whitespace().next_back()?).ok()
}

/// Reads the line that names the command whose answer stands below it.
fn check(line: &str) -> Option<&str> {
    line.trim().strip_prefix("[check ")?.strip_suffix(']')
}

/// Reads a line that names a SHA-256 and a file.
fn summed(line: &str) -> Option<(&str, &str)> {
    let (sum, name) = line.split_once([' ', '\t'])?;
    let is_sum = sum.len() == 64 && sum.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_sum.then(|| (sum, name.trim_start_matches([' ', '*'])))
}

/// Tells whether a time lies in the future, further than clocks are apart.
#[must_use]
pub fn is_to_come(time: DateTime<FixedOffset>, now: DateTime<FixedOffset>) -> bool {
    time > now + TimeDelta::minutes(SKEW)
}

/// Tells whether the sums of another host's config files are those of the files here.
///
/// `files` are names and SHA-256 in hex, the first one first.
///
/// # Errors
///
/// Why not, as part of a sentence.
pub fn tied(sums: &str, files: &[(String, String)]) -> Result<(), String> {
    let mut found: Vec<(&str, &str, usize)> = Vec::new();
    for line in sums.lines() {
        let Some((sum, name)) = summed(line) else { continue };
        match found.iter_mut().find(|(_, known, _)| *known == name) {
            None => found.push((sum, name, 1)),
            Some((known, _, times)) if known.eq_ignore_ascii_case(sum) => *times += 1,
            Some(_) => return Err("the config changed while it was taken".to_owned()),
        }
    }
    let last = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
    for (name, sum) in files {
        let same_name = || found.iter().filter(|(_, known, _)| last(known) == last(name));
        let same = same_name().find(|(known, _, _)| known.eq_ignore_ascii_case(sum));
        match same {
            Some((_, _, 2..)) => {}
            Some(_) => {
                return Err(format!(
                    "`{name}` was summed once, so nobody can tell whether it stayed the same"
                ));
            }
            None if same_name().next().is_some() => {
                return Err(format!("`{name}` there is not the one here"));
            }
            None => return Err(format!("`{name}` was not summed there")),
        }
    }
    if files.is_empty() { Err("there is no config here".to_owned()) } else { Ok(()) }
}

/// Reads text as it was written: UTF-8, or UTF-16 as `PowerShell` redirects it.
#[must_use]
pub fn decode(bytes: &[u8]) -> String {
    let units = |order: fn([u8; 2]) -> u16, bytes: &[u8]| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|it| order([it[0], it[1]])).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => units(u16::from_le_bytes, rest),
        [0xfe, 0xff, rest @ ..] => units(u16::from_be_bytes, rest),
        [0xef, 0xbb, 0xbf, rest @ ..] | rest => String::from_utf8_lossy(rest).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_status_is_taken_off() {
        #[track_caller]
        fn case(text: &str, body: &str, status: Option<i32>) {
            assert_eq!(Answer::parse(text), Answer { body, status });
        }
        case("{}\n[exit status 0]\n", "{}\n", Some(0));
        case("{}[exit status 127]\n", "{}", Some(127));
        case("[exit status 1]", "", Some(1));
        case("{}\n", "{}\n", None);
        case("[exit status 0]\n{}\n", "[exit status 0]\n{}\n", None);
        case("[exit status x]", "[exit status x]", None);
        case("", "", None);
    }

    #[test]
    fn a_lint_without_its_status_is_unmeasured() {
        let lint =
            r#"{"schemaVersion":1,"ok":true,"checksRun":41,"checksSkipped":0,"findings":[]}"#;
        let outcome = |text: &str| {
            Answer::parse(text).outcome(Kind::OpenClaw("doctor-lint"), "doctor", &Asked::default())
        };
        let measured = |text: &str| matches!(outcome(text), Some(Outcome::Measured(_)));
        assert!(!measured(lint));
        assert!(measured(&format!("{lint}\n[exit status 0]\n")));
        assert!(measured(&format!("{lint}\n[exit status 1]\n")));
        assert!(!measured(&format!("{lint}\n[exit status 2]\n")));
    }

    #[test]
    fn what_was_taken_outside_of_the_sums_is_told_apart() {
        let span = Span::parse("2026-11-26T09:00:00Z\n2026-11-26T09:10:00Z\n").unwrap();
        let at = |text: &str| DateTime::parse_from_rfc3339(text).unwrap();
        assert_eq!(span.excludes(at("2026-11-26T09:05:00Z")), None);
        assert_eq!(span.excludes(at("2026-11-26T08:57:00Z")), None);
        assert!(span.excludes(at("2026-11-26T08:50:00Z")).is_some());
        assert!(span.excludes(at("2026-11-26T09:20:00Z")).is_some());
        assert_eq!(Span::parse("2026-11-26T09:00:00Z\n"), None);
        assert_eq!(Span::parse("2026-11-26T09:00:00Z\nsoon\n"), None);
        assert_eq!(
            Span::parse("Welcome\n2026-11-26T09:00:00Z\nWelcome\n2026-11-26T09:10:00Z\n"),
            Some(span)
        );
        assert!(is_to_come(at("2026-11-26T09:20:00Z"), at("2026-11-26T09:10:00Z")));
        assert!(!is_to_come(at("2026-11-26T09:12:00Z"), at("2026-11-26T09:10:00Z")));
    }

    #[track_caller]
    fn refused(sums: &str, files: &[(String, String)], why: &str) {
        assert_eq!(tied(sums, files).unwrap_err(), why);
    }

    #[test]
    fn only_the_same_files_before_and_after_are_tied() {
        let (a, b) = ("a".repeat(64), "b".repeat(64));
        let here = |sum: &str| vec![("openclaw.json".to_owned(), sum.to_owned())];
        let once = format!("{a}  /home/claw/.openclaw/openclaw.json\n");
        let twice = format!("{once}{once}");
        assert_eq!(tied(&twice, &here(&a)), Ok(()));
        refused(&twice, &here(&b), "`openclaw.json` there is not the one here");
        refused(
            &once,
            &here(&a),
            "`openclaw.json` was summed once, so nobody can tell whether it stayed the same",
        );
        let moved = once.replace(&a, &b);
        refused(&format!("{once}{moved}"), &here(&a), "the config changed while it was taken");
        refused("", &here(&a), "`openclaw.json` was not summed there");
        refused(&twice, &[], "there is no config here");
        let mut two = here(&a);
        two.push(("parts/dm.json5".to_owned(), b.clone()));
        refused(&twice, &two, "`parts/dm.json5` was not summed there");
        let part = format!("{b} */home/claw/.openclaw/parts/dm.json5\n");
        assert_eq!(tied(&format!("{twice}{part}{part}"), &two), Ok(()));
    }

    /// What the copied line prints, with what a terminal shows around it.
    fn shown(answer: &str, status: i32) -> String {
        let sum = "a".repeat(64);
        let around = |hour| {
            let time = format!("2026-11-26T{hour}:00:00Z\n");
            let sum = format!("{sum}  /home/claw/.openclaw/openclaw.json\n");
            if hour == "09" { format!("{time}{sum}") } else { format!("{sum}{time}") }
        };
        let (opens, closes) = (around("09"), around("10"));
        let answer = format!("[check health]\n{answer}");
        format!("{opens}{answer}\n[exit status {status}]\n{closes}claw@vega:~$ \n")
    }

    #[test]
    fn an_answer_is_found_between_the_times_around_it() {
        let prompt = "claw@vega:~$ date -u; openclaw health 2>&1; echo \"[exit status $?]\"\n";
        let before = "$ sshpass -p hunter2 ssh claw@vega\n{\"ok\":true,\"old\":\"much longer\"}\n";
        let pasted = Pasted::parse(&format!("{before}{prompt}{}", shown("{}", 0))).unwrap();
        assert_eq!(pasted.text, "{}\n[exit status 0]\n");
        assert_eq!(pasted.name.as_deref(), Some("health"));
        let glued = Pasted::parse(&format!("claw@vega:~$ {}", shown("{}", 0))).unwrap();
        assert_eq!(glued, pasted);
        assert_eq!(pasted.sums.lines().count(), 2);
        let span = pasted.span.expect("a span");
        assert_eq!((span.to - span.from).num_minutes(), 60);
        // What was killed answered nothing, whatever stood above it.
        let killed = Pasted::parse(&format!("{before}{prompt}{}", shown("", 137))).unwrap();
        assert_eq!(killed.text, "\n[exit status 137]\n");
        let twice = format!("{}{}", shown("{}", 2), shown("{}", 0));
        assert_eq!(Pasted::parse(&twice), Err("it holds several answers; paste one at a time"));
    }

    #[test]
    fn what_nothing_frames_is_its_json_alone() {
        let pasted = Pasted::parse("$ export TOKEN=hunter2\n{\"a\":1}\n[exit status 0]\n").unwrap();
        let text = "{\"a\":1}\n".to_owned();
        assert_eq!(pasted, Pasted { name: None, span: None, sums: String::new(), text });
        let twice = "{\"a\":1}\n{\"a\":2}\n";
        assert_eq!(Pasted::parse(twice), Err("it holds several answers; paste one at a time"));
        for nothing in ["", "what was that line again?", "[exit status 0]"] {
            assert_eq!(Pasted::parse(nothing), Err("there is no JSON in it"), "{nothing}");
        }
    }

    #[test]
    fn text_is_read_however_it_was_redirected() {
        let little: Vec<u8> = "\u{feff}{}\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = "\u{feff}{}\r\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [&little[..], &big[..], b"{}\r\n", b"\xef\xbb\xbf{}\r\n"] {
            assert_eq!(decode(bytes), "{}\r\n");
        }
    }

    #[test]
    fn a_document_tells_its_time() {
        let time = |text| Answer::parse(text).time().map(|time| time.to_rfc3339());
        assert_eq!(
            time("stray\n{\"ts\":1795487711554}\n").as_deref(),
            Some("2026-11-24T02:35:11.554+00:00")
        );
        assert_eq!(time("{}"), None);
    }
}
