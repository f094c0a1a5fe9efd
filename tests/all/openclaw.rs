//! OpenClaw beside us: one that misbehaves, and the real one.

mod fixed;
pub(crate) mod gateway;

mod applied;
mod connections;
mod encrypted;
mod killed;
mod merged;
mod misdeeds;
mod moved;
mod narrowed;
mod network;
mod nginx;
mod patched;
mod proxied;
mod real;
mod wizard;
