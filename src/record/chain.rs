//! The chain of a target's records: each names the one before, a head names the last.
//!
//! Editing or taking out a record breaks the link behind it; cutting off the newest ones leaves a
//! head that names a record which is not there. Statements that come later are chained alike.

use std::collections::BTreeMap;

use chrono::DateTime;
use chrono::FixedOffset;
use serde::Deserialize;
use serde_json::json;
use sha2::Digest;
use sha2::Sha256;

use crate::record::Signing;
use crate::record::document::Link;
use crate::record::document::canonical;

/// The schema a head names.
const SCHEMA: &str = "portcullis/head";

/// Digests bytes, in hex.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

/// The last of a row of files that are chained.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Tip {
    /// How many there are, which is the place of the last.
    pub count: u64,
    /// The folder or file of the last; empty where there is none.
    pub name: String,
    /// SHA-256 of the last.
    pub sha256: Option<String>,
    /// SHA-256 of its signature, where there is one.
    pub sig_sha256: Option<String>,
}

impl Tip {
    /// Returns the link of what comes next.
    #[must_use]
    pub fn next(&self) -> Link {
        Link {
            seq: Some(self.count + 1),
            prev_record: self.sha256.clone(),
            prev_sig: self.sig_sha256.clone(),
        }
    }
}

/// What the head of a chain says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Head {
    schema: String,
    version: u32,
    /// The target.
    pub target: String,
    /// When it was written.
    pub at: DateTime<FixedOffset>,
    /// `head.sig` where it was signed, else `unsigned`.
    pub signature: String,
    /// The last record.
    pub records: Tip,
    /// The last statement.
    pub statements: Tip,
}

impl Head {
    /// Makes a head.
    #[must_use]
    pub fn new(target: &str, at: DateTime<FixedOffset>, records: Tip, statements: Tip) -> Self {
        let (target, signature) = (target.to_owned(), String::new());
        Self { schema: SCHEMA.to_owned(), version: 1, target, at, signature, records, statements }
    }

    /// Reads a head; none where it is none.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let head: Self = serde_json::from_slice(bytes).ok()?;
        let known = head.schema == SCHEMA && head.version == 1;
        (known && super::form::is_canonical(bytes)).then_some(head)
    }

    /// Writes it, saying whether it is signed.
    #[must_use]
    pub fn text(&self, signing: Signing) -> String {
        let tip = |tip: &Tip| {
            json!({
                "count": tip.count,
                "name": tip.name,
                "sha256": tip.sha256,
                "sig_sha256": tip.sig_sha256,
            })
        };
        canonical(json!({
            "schema": SCHEMA,
            "version": 1,
            "target": self.target,
            "at": super::time(self.at),
            "signature": match signing {
                Signing::Signed => "head.sig",
                Signing::Unsigned => signing.word(),
            },
            "records": tip(&self.records),
            "statements": tip(&self.statements),
        }))
    }

    /// Tells whether it says that it is signed.
    #[must_use]
    pub fn says_signed(&self) -> bool {
        self.signature != Signing::Unsigned.word()
    }
}

/// A chained file as it is on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ring {
    /// Its folder or file.
    pub name: String,
    /// SHA-256 of it.
    pub sha256: String,
    /// SHA-256 of its signature, where there is one.
    pub sig_sha256: Option<String>,
    /// Its place, by its own word; none where it cannot be read.
    pub link: Option<Link>,
}

impl Ring {
    fn seq(&self) -> Option<u64> {
        self.link.as_ref().and_then(|link| link.seq)
    }

    fn tip(&self, count: u64) -> Tip {
        Tip {
            count,
            name: self.name.clone(),
            sha256: Some(self.sha256.clone()),
            sig_sha256: self.sig_sha256.clone(),
        }
    }
}

/// How much a fault of a chain weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Something cannot be told: nobody signed the head, say.
    Doubt,
    /// The head is signed by nobody who may.
    Distrust,
    /// The chain is not what it was.
    Broken,
}

/// What is wrong with a chain, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// How much it weighs.
    pub weight: Weight,
    /// What is wrong.
    pub cause: String,
    /// What to do.
    pub remedy: &'static str,
}

/// What is wrong with a row of chained files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// With one of them, by its name.
    pub of: BTreeMap<String, Vec<Fault>>,
    /// With the row as a whole: something is missing.
    pub whole: Vec<Fault>,
}

/// What to do where a chain is not what it was.
pub(super) const RESTORE: &str = "restore the folder of the target from a backup, and compare";

/// Returns what comes last by what is on disk and by what the head says, whichever is further.
///
/// A chain whose tail was cut off goes on behind what the head names, so that the gap stays.
#[must_use]
pub fn tip(rings: &[Ring], head: Option<&Tip>) -> Tip {
    let last =
        rings.iter().filter_map(|ring| Some((ring.seq()?, ring))).max_by_key(|(seq, _)| *seq);
    match (last, head) {
        (Some((seq, ring)), head) if head.is_none_or(|head| head.count <= seq) => ring.tip(seq),
        (_, Some(head)) => head.clone(),
        (_, None) => Tip::default(),
    }
}

/// Follows a row of chained files from the first to the last.
#[must_use]
pub fn follow(what: &'static str, rings: &[Ring], head: Option<&Tip>) -> Faults {
    let mut faults = Faults::default();
    let mut chained: Vec<(u64, &Link, &Ring)> = rings
        .iter()
        .filter_map(|ring| {
            let link = ring.link.as_ref()?;
            Some((link.seq?, link, ring))
        })
        .collect();
    chained.sort_by_key(|(seq, _, ring)| (*seq, &ring.name));
    let mut before: Option<(u64, &Ring)> = None;
    let mut of = |ring: &Ring, cause: String| {
        let fault = Fault { weight: Weight::Broken, cause, remedy: RESTORE };
        faults.of.entry(ring.name.clone()).or_default().push(fault);
    };
    for (seq, link, ring) in &chained {
        match before {
            None if *seq == 1 => {
                if link.prev_record.is_some() || link.prev_sig.is_some() {
                    of(ring, format!("it is the first {what} and yet names one before it"));
                }
            }
            Some((last, previous)) if last + 1 == *seq => {
                if link.prev_record.as_ref() != Some(&previous.sha256) {
                    let name = &previous.name;
                    of(
                        ring,
                        format!("{what} {last}, `{name}`, is not the one it was sealed after"),
                    );
                } else if link.prev_sig != previous.sig_sha256 {
                    let name = &previous.name;
                    of(ring, format!("the signature of {what} {last}, `{name}`, is another now"));
                }
            }
            Some((last, previous)) if last == *seq => {
                of(ring, format!("{what} {seq} is there twice: `{}` too", previous.name));
            }
            _ => {
                let last = before.map_or(0, |(last, _)| last);
                let missing = if last + 2 == *seq {
                    format!("{what} {} is missing", last + 1)
                } else {
                    format!("{what}s {} to {} are missing", last + 1, seq - 1)
                };
                of(ring, format!("{missing} before it"));
            }
        }
        before = Some((*seq, ring));
    }
    let last = before.map_or(0, |(last, _)| last);
    if let (Some(head), Some((_, ring))) = (head.filter(|head| head.count == last), before)
        && (head.sha256.as_ref() != Some(&ring.sha256)
            || head.sig_sha256 != ring.sig_sha256
            || head.name != ring.name)
    {
        of(ring, format!("it is not the {what} {last} that the head names"));
    }
    let mut whole =
        |cause: String, remedy| faults.whole.push(Fault { weight: Weight::Broken, cause, remedy });
    match head {
        None if last > 0 => whole(
            format!("the chain has no head, so {what}s that were cut off would not show"),
            "restore `head` and `head.sig`; the next record makes a new one",
        ),
        Some(head) if head.count > last => whole(
            format!("the head names {what} {}, and the last one there is {last}", head.count),
            RESTORE,
        ),
        Some(head) if head.count < last => whole(
            format!("the head ends at {what} {}, and there is {what} {last}", head.count),
            "restore the newest `head` and `head.sig`",
        ),
        Some(_) | None => {}
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rings(count: u64) -> Vec<Ring> {
        let mut rings: Vec<Ring> = Vec::new();
        for seq in 1..=count {
            let link = Link {
                seq: Some(seq),
                prev_record: rings.last().map(|ring| ring.sha256.clone()),
                prev_sig: rings.last().and_then(|ring| ring.sig_sha256.clone()),
            };
            rings.push(Ring {
                name: format!("r{seq}"),
                sha256: digest(&seq.to_be_bytes()),
                sig_sha256: (seq % 2 == 1).then(|| digest(&[1, u8::try_from(seq).unwrap()])),
                link: Some(link),
            });
        }
        rings
    }

    #[track_caller]
    fn says(rings: &[Ring], head: Option<&Tip>, expected: &[&str]) {
        let faults = follow("record", rings, head);
        let of = faults.of.iter().flat_map(|(name, faults)| {
            faults.iter().map(move |fault| format!("{name}: {}", fault.cause))
        });
        let whole = faults.whole.iter().map(|fault| fault.cause.clone());
        assert_eq!(of.chain(whole).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_whole_chain_has_no_fault() {
        for count in 0..5 {
            let rings = rings(count);
            let head = tip(&rings, None);
            assert_eq!(head.count, count);
            says(&rings, (count > 0).then_some(&head), &[]);
        }
    }

    #[test]
    fn what_is_edited_taken_out_cut_off_or_doubled_shows() {
        let whole = rings(4);
        let head = tip(&whole, None);
        let edit = |change: &dyn Fn(&mut Vec<Ring>)| {
            let mut rings = whole.clone();
            change(&mut rings);
            rings
        };
        says(
            &edit(&|rings| rings[1].sha256 = "other".to_owned()),
            Some(&head),
            &["r3: record 2, `r2`, is not the one it was sealed after"],
        );
        says(
            &edit(&|rings| rings[0].sig_sha256 = None),
            Some(&head),
            &["r2: the signature of record 1, `r1`, is another now"],
        );
        says(
            &edit(&|rings| drop(rings.remove(1))),
            Some(&head),
            &["r3: record 2 is missing before it"],
        );
        says(
            &edit(&|rings| drop(rings.drain(..2))),
            Some(&head),
            &["r3: records 1 to 2 are missing before it"],
        );
        says(
            &edit(&|rings| drop(rings.pop())),
            Some(&head),
            &["the head names record 4, and the last one there is 3"],
        );
        says(
            &edit(&|rings| rings[3].sha256 = "other".to_owned()),
            Some(&head),
            &["r4: it is not the record 4 that the head names"],
        );
        says(
            &edit(&|rings| {
                let twin = Ring { name: "r4b".to_owned(), ..rings[3].clone() };
                rings.push(twin);
            }),
            Some(&Tip { name: "r4b".to_owned(), ..head.clone() }),
            &["r4b: record 4 is there twice: `r4` too"],
        );
        says(&whole, None, &["the chain has no head, so records that were cut off would not show"]);
        says(
            &whole,
            Some(&tip(&whole[..3], None)),
            &["the head ends at record 3, and there is record 4"],
        );
    }

    #[test]
    fn a_cut_chain_goes_on_behind_what_the_head_names() {
        let whole = rings(4);
        let head = tip(&whole, None);
        let next = tip(&whole[..2], Some(&head)).next();
        assert_eq!((next.seq, next.prev_record), (Some(5), head.sha256));
    }

    #[test]
    fn a_head_reads_back_as_it_was_written() {
        let at = DateTime::parse_from_rfc3339("2026-11-24T14:02:07+01:00").unwrap();
        let head = Head::new("vega-1", at, tip(&rings(3), None), Tip::default());
        let text = head.text(Signing::Signed);
        let read = Head::parse(text.as_bytes()).unwrap();
        assert_eq!(read.records, head.records);
        assert!(read.says_signed());
        assert!(!Head::parse(head.text(Signing::Unsigned).as_bytes()).unwrap().says_signed());
        assert_eq!(Head::parse(text.replace('\n', "\r\n").as_bytes()), None);
    }
}
