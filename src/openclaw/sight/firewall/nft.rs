//! Reading `nft list ruleset`: the way of a stranger's first packet through what sees incoming ones.

use std::collections::BTreeMap;

use crate::openclaw::command::quote;
use crate::openclaw::sight::firewall::Walls;
use crate::openclaw::sight::firewall::rule;
use crate::openclaw::sight::firewall::rule::Does;
use crate::openclaw::sight::firewall::rule::Meets;
use crate::openclaw::sight::firewall::rule::Stranger;
use crate::openclaw::witness::Unread;

/// How many chains deep is followed.
const DEPTH: usize = 16;

/// A chain of rules.
#[derive(Default)]
struct Chain {
    /// Whether it filters what comes in to this host.
    is_input: bool,
    drops: bool,
    /// Each with its line, from 1.
    rules: Vec<(usize, String)>,
}

struct Table {
    family: String,
    chains: BTreeMap<String, Chain>,
}

/// What becomes of a packet in a chain.
enum Fate {
    Accepted,
    Dropped,
    Falls,
}

/// Reads the rules; none where nothing filters what comes in.
pub(super) fn read(text: &str, port: u16) -> Result<Option<Walls>, Unread> {
    let tables = parse(text)?;
    let [four, six] = [4, 6].map(|version| of_version(&tables, version, port));
    let (four, six) = (four?, six?);
    if four.is_none() && six.is_none() {
        return Ok(None);
    }
    let both = |of: fn(&Walls) -> Option<bool>, good: bool| {
        let said = [four.as_ref().and_then(of), six.as_ref().and_then(of)];
        if said.contains(&Some(!good)) {
            return Some(!good);
        }
        // What filters one version of IP alone says nothing of the other.
        (said == [Some(good); 2]).then_some(good)
    };
    Ok(Some(Walls {
        default_deny: both(|walls| walls.default_deny, true),
        open_to_all: both(|walls| walls.open_to_all, false),
    }))
}

/// Follows a stranger's packet of a version of IP; none where nothing filters these.
fn of_version(tables: &[Table], version: u8, port: u16) -> Result<Option<Walls>, Unread> {
    let stranger = Stranger { version, port };
    let families = if version == 4 { ["inet", "ip"] } else { ["inet", "ip6"] };
    let mut walls: Option<Walls> = None;
    let mut unclear = None;
    let mut dropped = false;
    for table in tables.iter().filter(|table| families.contains(&table.family.as_str())) {
        for chain in table.chains.values().filter(|chain| chain.is_input) {
            let before = walls.and_then(|walls| walls.default_deny).unwrap_or_default();
            let fate = table.follow(chain, stranger, 0);
            let lasts = matches!(fate, Ok(Fate::Dropped));
            dropped |= lasts || (matches!(fate, Ok(Fate::Falls)) && chain.drops);
            unclear = unclear.or(fate.err());
            let default_deny = Some(before || chain.drops || lasts);
            walls = Some(Walls { default_deny, open_to_all: None });
        }
    }
    // One chain that drops it is enough; who lets it in must be understood everywhere.
    match unclear {
        Some(why) if !dropped => Err(why),
        _ => Ok(walls.map(|walls| Walls { open_to_all: Some(!dropped), ..walls })),
    }
}

impl Table {
    fn follow(&self, chain: &Chain, stranger: Stranger, depth: usize) -> Result<Fate, Unread> {
        for (line, text) in &chain.rules {
            let wrong = || Unread::Line { line: *line, text: quote(text) };
            let (meets, does) = rule::read(text, stranger);
            if depth > DEPTH {
                return Err(wrong());
            }
            let surely = match meets {
                Meets::Never => continue,
                Meets::Always => true,
                Meets::Perhaps => false,
            };
            let fate = match &does {
                Does::Nothing => continue,
                Does::Accepts => Fate::Accepted,
                Does::Drops => Fate::Dropped,
                Does::Returns => Fate::Falls,
                Does::Jumps(to) | Does::Goes(to) => {
                    self.follow(self.chains.get(to).ok_or_else(wrong)?, stranger, depth + 1)?
                }
                Does::Unclear => return Err(wrong()),
            };
            match (fate, surely, &does) {
                (Fate::Falls, _, Does::Jumps(_)) | (Fate::Dropped, false, _) => {}
                (_, false, _) => return Err(wrong()),
                (fate, true, _) => return Ok(fate),
            }
        }
        Ok(Fate::Falls)
    }
}

/// Takes the tables with their chains out of a text, in which other programs may have spoken too.
fn parse(text: &str) -> Result<Vec<Table>, Unread> {
    let mut tables: Vec<Table> = Vec::new();
    let mut inside = false;
    // The chain that is being read, and how deep within something else.
    let mut chain: Option<(String, Chain)> = None;
    let mut depth = 0;
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let mut line = line.trim().to_owned();
        let words: Vec<&str> = line.split_whitespace().collect();
        match (&mut chain, inside) {
            (_, false) => {
                if let ["table", family, .., "{"] = words[..] {
                    let family = if words.len() == 3 { "ip" } else { family };
                    tables.push(Table { family: family.to_owned(), chains: BTreeMap::new() });
                    inside = true;
                }
            }
            (None, true) if depth == 0 && line == "}" => inside = false,
            (None, true)
                if depth == 0 && words.first() == Some(&"chain") && line.ends_with('{') =>
            {
                let name = words.get(1).copied().unwrap_or_default();
                chain = Some((name.to_owned(), Chain::default()));
            }
            (None, true) => depth = (depth + braces(&line)).max(0),
            (Some(_), true) if line == "}" => {
                if let (Some((name, chain)), Some(table)) = (chain.take(), tables.last_mut()) {
                    table.chains.insert(name, chain);
                }
            }
            (Some((_, chain)), true) if words.first() == Some(&"type") => {
                chain.is_input = line.starts_with("type filter hook input ");
                chain.drops =
                    line.split("comment").next().unwrap_or_default().contains("policy drop");
            }
            (Some((_, chain)), true) => {
                // A long set goes on for lines.
                while braces(&line) > 0 {
                    let Some((_, more)) = lines.next() else { break };
                    line.push(' ');
                    line.push_str(more.trim());
                }
                if !line.is_empty() {
                    chain.rules.push((at + 1, line));
                }
            }
        }
    }
    if inside { Err(Unread::Nothing("end of its last table")) } else { Ok(tables) }
}

/// Counts the braces that stay open, those within quotes left out.
fn braces(line: &str) -> i32 {
    let outside = line.split('"').step_by(2).flat_map(str::chars);
    outside.fold(0, |open, c| open + i32::from(c == '{') - i32::from(c == '}'))
}
