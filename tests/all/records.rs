//! Records that stand up without us: signed by the real ssh-keygen, verified by both.

mod agreement;
pub(crate) mod archive;
mod crash;
mod figures;
mod live;
mod policy;
mod shelf;
mod statements;
mod suppress;
mod take_over;
mod tamper;
mod touch;
