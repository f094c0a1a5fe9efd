//! All that knows OpenClaw: its config, its commands, their answers.

pub mod command;
pub mod config;
pub mod exposure;
pub mod fact;
pub mod facts;
pub mod finding;
pub mod patch;
pub mod replace;
pub mod secret;
pub mod target;
