//! `portcullis completions` and `portcullis man`: for the shell and for man, from the arguments.

use clap::Args;
use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Arguments;
use crate::cli::Failure;
use crate::cli::Status;
use crate::cli::print;

/// Prints completions for a shell.
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> Result<Status, Failure> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "portcullis", &mut text);
        print(&String::from_utf8_lossy(&text))?;
        Ok(Status::Fine)
    }
}

/// Prints the manual page; of a command, where one is named.
#[derive(Debug, Args)]
pub(super) struct Manual {
    /// The command
    command: Option<String>,
}

impl Manual {
    pub(super) fn run(self) -> Result<Status, Failure> {
        let mut page = Arguments::command();
        page.build();
        if let Some(name) = &self.command {
            let found = page.find_subcommand(name).cloned();
            page = found.ok_or_else(|| {
                Failure::unreadable(format!("there is no command `{name}`"))
                    .hint("`portcullis --help` lists the commands")
            })?;
        }
        let mut text = Vec::new();
        clap_mangen::Man::new(page).render(&mut text)?;
        print(&String::from_utf8_lossy(&text))?;
        Ok(Status::Fine)
    }
}
