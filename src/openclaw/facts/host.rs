//! The host: who runs the gateway, what listens, who can read its files.

use std::net::IpAddr;

use crate::openclaw::facts::World;
use crate::openclaw::facts::found::Found;
use crate::openclaw::facts::found::Sheet;
use crate::openclaw::facts::reading::Reading;

/// The mode bits of everyone but the owner.
const OTHERS: u32 = 0o077;

/// Puts the facts about the host on the gateway's sheet.
pub(super) fn put(sheet: &mut Sheet, reading: &Reading<'_>) {
    let world = reading.world;
    listener(sheet, world);
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    sheet.put("host.name", Found::host(text(&world.host), "the host's name"));
    sheet.put("host.user", Found::host(text(&world.user), "the OS user"));
    sheet.put("host.state_dir", Found::host(text(&world.state_dir), "the state directory"));
    let path = reading.config.path.display().to_string();
    sheet.put("host.config_path", Found::host(Some(path), "the config file"));
    let private = |mode: Option<u32>| mode.map(|mode| mode & OTHERS == 0);
    let config = Found::host(private(world.config_mode), "mode of the config file");
    sheet.put("host.config_private", config);
    let state = Found::host(private(world.state_mode), "mode of the state directory");
    sheet.put("host.state_private", state);
    sheet.put("host.container", Found::host(world.container, "signs of a container"));
    let backups = Found::host(world.backups.clone(), "files beside the config");
    sheet.put("host.backups", backups);
    let backend = Found::host(world.sandbox_backend, "docker or podman on the path");
    sheet.put("host.sandbox_backend", backend);
}

fn listener(sheet: &mut Sheet, world: &World) {
    let what = "listening sockets";
    let listeners = world.listeners.as_deref();
    let found = listeners.map(|addresses| !addresses.is_empty());
    let loopback = listeners.filter(|addresses| !addresses.is_empty());
    let loopback = loopback.map(|addresses| addresses.iter().all(|a| is_loopback(a)));
    sheet.put("listener.found", Found::host(found, what));
    sheet.put("listener.addresses", Found::host(world.listeners.clone(), what));
    sheet.put("listener.loopback_only", Found::host(loopback, what));
}

/// Says whether an address, bare or with a port, is one of this host's own only.
pub(super) fn is_loopback(address: &str) -> bool {
    let bare = address.trim().trim_matches(['[', ']']);
    let ip = bare.parse::<IpAddr>().or_else(|_| {
        let host = address.trim().rsplit_once(':').map_or(address, |(host, _)| host);
        host.trim_matches(['[', ']']).parse::<IpAddr>()
    });
    match ip {
        Ok(IpAddr::V4(ip)) => ip.is_loopback(),
        Ok(IpAddr::V6(ip)) => {
            ip.is_loopback() || ip.to_ipv4_mapped().is_some_and(|ip| ip.is_loopback())
        }
        Err(_) => false,
    }
}
