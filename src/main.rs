//! Arguments to library to exit status.

use std::process::ExitCode;

fn main() -> ExitCode {
    portcullis::cli::run()
}
