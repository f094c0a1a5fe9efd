//! OpenClaw beside us: one that misbehaves, and the real one.

pub(crate) mod gateway;

mod merged;
mod misdeeds;
mod real;
