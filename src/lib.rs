//! Portcullis walks an operator through exposing an OpenClaw Gateway.
//!
//! A pure core, and a shell at the rim that does everything to the world. Read the rooms from the
//! ground up; each may use only those above it in this list, and a test holds them to it.
//!
//! | room | holds |
//! |---|---|
//! | [`text`] | untrusted text made safe to show, secrets masked, plurals |
//! | [`runbook`] | the document: patterns, inventory, checks, items, rules, templates |
//! | [`json5`] | JSON5 read with bounds and the place of every value, and edited with every comment kept |
//! | [`openclaw`] | all that knows OpenClaw: config, facts, commands, findings, patches |
//! | [`residual`] | what is accepted: reason, owner, expiry, and what reopens it |
//! | [`verdict`] | rules over facts and findings; what backs a verdict |
//! | [`change`] | the draft: what was answered, and what still blocks signing |
//! | [`record`] | the sealed outcome, as JSON and for people |
//! | [`app`] | the wizard's state; keys in, effects out |
//! | [`view`] | drawing it |
//! | [`shell`] | files, processes, threads, environment, clock, terminal |
//! | [`cli`] | arguments to what is done, and the exit status |
//!
//! # The only door
//!
//! [`app::Message`] says what happened, [`app::Effect`] what shall happen. Both are plain data.
//! [`app::App::update`] takes a message and the time and answers with effects; [`view::draw`]
//! takes the state and changes nothing.
//!
//! One key: terminal event → [`app::Message::Key`] → [`app::keymap`] → `update` → effects →
//! performed in [`shell::wizard`] → drawn.
//!
//! One check: [`app::Effect::Run`] → a process group of its own, without a shell, with a deadline
//! → lines, masked, as they come → [`app::Message::Ended`] → read in [`openclaw::command`] →
//! findings → verdicts and blockers worked out anew. Those are never stored.
//!
//! One import: a file that was brought → masked → read in [`openclaw::errand`] as a run is read,
//! or in [`openclaw::witness`] → a run in the draft that says where it came from, bound to the
//! config whose sums were brought with it.
//!
//! # Laws
//!
//! 1. A signed-off record exists only of a change without blockers.
//! 2. What is observed to be false cannot be confirmed, only fixed or accepted.
//! 3. An acceptance has reason, owner and expiry; a critical finding is accepted only where the
//!    runbook says that the pattern always raises it.
//! 4. Unmeasured is never met.
//! 5. A late result never replaces a newer one.
//! 6. No answer is lost: it is on disk before the next key is handled.
//! 7. Nothing of the operator's is overwritten; the live config is never written.
//! 8. No secret reaches the disk, a command line, the screen or the clipboard, but for the new
//!    token that was asked for, in its own file.
//! 9. Footer and help are drawn from the table that decides the keys.
//! 10. Nothing is said by colour alone.
//! 11. Untrusted text is never written raw to a terminal.

pub mod app;
pub mod change;
pub mod cli;
pub mod json5;
pub mod openclaw;
pub mod record;
pub mod residual;
pub mod runbook;
pub mod shell;
pub mod text;
pub mod verdict;
pub mod view;
