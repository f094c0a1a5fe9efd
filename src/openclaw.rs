//! All that knows OpenClaw: its config, its commands, their answers.

pub mod breadth;
pub mod command;
pub mod config;
pub mod connection;
pub mod errand;
pub mod exposure;
pub mod fact;
pub mod facts;
pub mod finding;
pub mod logs;
pub mod patch;
pub mod proof;
pub mod rehearsal;
pub mod replace;
pub mod secret;
pub mod sight;
pub mod suppress;
pub mod tailor;
pub mod target;
pub mod witness;
