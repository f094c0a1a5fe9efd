//! What Portcullis promises, a file a promise.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on stops, in its helpers too"
)]
#![expect(clippy::disallowed_methods, reason = "a test looks at what is really there")]

mod architecture;
mod canary;
mod cards;
mod cli;
mod corpus;
mod document;
mod figures;
mod findings;
mod formats;
mod home;
mod imports;
mod laws;
mod logs;
mod merged;
mod moves;
mod openclaw;
mod oracle;
mod pairing;
mod picture;
mod readme;
mod records;
mod rules;
mod screens;
mod service;
mod stage;
mod stand_in;
mod tailored;
mod terminal;
mod witness;
