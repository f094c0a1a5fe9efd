//! Who was let in by approval: senders and devices, kept in the state database and not in the
//! config.
//!
//! OpenClaw asks for approved senders only where the DM policy is `pairing`: beside `allowlist` and
//! `open` they wait unused. (`readChannelIngressStoreAllowFromForDmPolicy`, 2026.9.6)

use std::collections::BTreeSet;

use serde_json::Value;

use crate::openclaw::fact::Origin;
use crate::openclaw::facts::channels::Account;
use crate::openclaw::facts::found::Found;
use crate::openclaw::facts::found::Sheet;
use crate::openclaw::facts::reading::Reading;

/// How many devices are named one by one.
const NAMED: usize = 100;

/// What could be learnt of approvals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pairing {
    /// Nothing, and why.
    Unread(String),
    /// All of them.
    Read(Approvals),
}

/// The approvals that are in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approvals {
    /// Every approved sender.
    pub senders: Vec<Sender>,
    /// Every paired device.
    pub devices: Vec<Device>,
}

/// A sender who was approved for an account of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The channel.
    pub channel: String,
    /// The account.
    pub account: String,
    /// The sender's id on the channel: a person, so it is counted and compared, not shown.
    pub id: String,
}

/// A device that was paired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// What it is called.
    pub name: String,
    /// What it may act as, such as `operator`.
    pub role: Option<String>,
}

/// Makes a fact of approvals: hidden, with the reason, where they could not be read; unset where
/// there is no host to look at.
fn found<V: Into<Value>>(reading: &Reading<'_>, of: impl Fn(&Approvals) -> V) -> Found {
    let what = "the state database";
    match &reading.world.pairing {
        None => Found::host(None::<Value>, what).unasked(),
        Some(Pairing::Unread(why)) => Found::hidden(Origin::Host(format!("{what}: {why}"))),
        Some(Pairing::Read(approvals)) => Found::host(Some(of(approvals)), what),
    }
}

impl Approvals {
    /// Returns the ids of those who were approved for an account, as far as they differ.
    fn of(&self, account: &Account<'_>) -> BTreeSet<String> {
        let ours = |sender: &&Sender| {
            sender.channel.eq_ignore_ascii_case(account.channel)
                && sender.account.eq_ignore_ascii_case(account.id)
        };
        let ids = self.senders.iter().filter(ours).map(|sender| sender.id.trim().to_lowercase());
        ids.filter(|id| !id.is_empty()).collect()
    }
}

/// Returns who was approved for an account; none where that cannot be told.
pub(super) fn approved(reading: &Reading<'_>, account: &Account<'_>) -> Option<BTreeSet<String>> {
    match reading.world.pairing.as_ref()? {
        Pairing::Unread(_) => None,
        Pairing::Read(approvals) => Some(approvals.of(account)),
    }
}

/// Puts how many senders were approved on an account's sheet.
pub(super) fn put(sheet: &mut Sheet, reading: &Reading<'_>, account: &Account<'_>) {
    sheet.put("host.approved", found(reading, |approvals| approvals.of(account).len()));
}

/// Puts what was approved in all on the gateway's sheet.
pub(super) fn put_all(sheet: &mut Sheet, reading: &Reading<'_>) {
    sheet.put("host.pairing.senders", found(reading, |approvals| approvals.senders.len()));
    let devices = found(reading, |approvals| {
        let name = |device: &Device| match &device.role {
            Some(role) => reading.safe(&format!("{} ({role})", device.name)),
            None => reading.safe(&device.name),
        };
        let mut names: Vec<String> = approvals.devices.iter().take(NAMED).map(name).collect();
        let more = approvals.devices.len().saturating_sub(NAMED);
        if more > 0 {
            names.push(format!("and {more} more"));
        }
        names
    });
    sheet.put("host.pairing.devices", devices);
}
