//! OpenClaw beside us: one that misbehaves, and the real one.

pub(crate) mod gateway;

mod misdeeds;
mod narrowed;
mod patched;
mod real;
