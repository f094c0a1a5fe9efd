//! Why there is no config.

use std::path::PathBuf;

use crate::openclaw::config::Place;
use crate::openclaw::config::include::MAX_BYTES;
use crate::openclaw::config::include::MAX_DEPTH;
use crate::openclaw::config::include::MAX_INCLUDES;

/// Why a file could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// There is no such file.
    #[error("there is no such file")]
    Missing,
    /// Not a regular file: a directory, FIFO, socket or device.
    #[error("it is {0}, not a regular file")]
    NotRegular(&'static str),
    /// Larger than is read.
    #[error("it has {0} bytes; more than {max} are not read", max = crate::json5::MAX_BYTES)]
    TooLarge(u64),
    /// A link, or a folder on the way that is one, leads out of the folders OpenClaw reads.
    #[error("it leads out of the config's folder, to `{0}`")]
    Outside(PathBuf),
    /// A file with other names, which OpenClaw does not take as an include.
    #[error("it has {0} names (hard links); OpenClaw includes only files with one")]
    Linked(u64),
    /// The system refused.
    #[error("{0}")]
    Refused(String),
}

/// Why there is no config.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A file could not be read.
    #[error("cannot read `{file}`: {why}{}", from(included.as_ref()))]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        why: Unreadable,
        /// Where it is included, unless it is the first file.
        included: Option<Place>,
    },
    /// A file is not JSON5.
    #[error("cannot read `{file}`: {why}")]
    Syntax {
        /// The file.
        file: PathBuf,
        /// Why, with line and column.
        why: crate::json5::ReadError,
    },
    /// The file holds something else than an object.
    #[error("`{file}` holds {found}, not an object")]
    NotAnObject {
        /// The file.
        file: PathBuf,
        /// What it holds.
        found: &'static str,
    },
    /// An include is not one OpenClaw accepts.
    #[error("{why}{}", from(Some(place)))]
    Include {
        /// Where it stands.
        place: Place,
        /// Why.
        why: IncludeError,
    },
}

impl ConfigError {
    /// Returns what can be done about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::File { .. } | Self::NotAnObject { .. } => None,
            Self::Syntax { why, .. } => why.hint.as_deref(),
            Self::Include { why, .. } => why.hint(),
        }
    }
}

/// Why an include is not one OpenClaw accepts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IncludeError {
    /// Neither a text nor an array of texts.
    #[error("`$include` is {0}, not a path or an array of paths")]
    Type(&'static str),
    /// A path with a NUL.
    #[error("`$include` is a path with a NUL")]
    Nul,
    /// A path that is too long.
    #[error("`$include` is a path of 4096 characters or more")]
    TooLong,
    /// A path out of the folders OpenClaw reads.
    #[error("`$include` leads out of the config's folder, to `{0}`")]
    Outside(PathBuf),
    /// A path that OpenClaw takes for a file's name, and there is no such file.
    #[error("`$include` names `{0}`, which is no file below the config's folder")]
    NoPath(PathBuf),
    /// A file that includes itself.
    #[error("`$include` goes in a circle: {}", chain(.0))]
    Circle(Vec<PathBuf>),
    /// Too many files in one another.
    #[error("`$include` goes deeper than {MAX_DEPTH} files")]
    Depth,
    /// A file that is too large to be included.
    #[error("`{0}` has more than {MAX_BYTES} bytes, which OpenClaw does not include")]
    TooLarge(PathBuf),
    /// More than is read here.
    #[error("more than {MAX_INCLUDES} includes or {max} values in all", max = crate::json5::MAX_NODES)]
    TooMany,
    /// Nested deeper in all than one file may be.
    #[error("`$include` nests values deeper than {max} levels", max = crate::json5::MAX_DEPTH)]
    Nested,
    /// Other keys beside an include whose file holds no object.
    #[error("other keys stand beside `$include`, but it holds {0}, not an object")]
    Siblings(&'static str),
}

impl IncludeError {
    fn hint(&self) -> Option<&str> {
        match self {
            Self::NoPath(_) => Some(
                "OpenClaw expands no `~` and fetches no URL in an include; \
                 give a path below the config's folder",
            ),
            Self::Outside(_) => Some(
                "move the file below the config's folder, or name its folder in \
                 OPENCLAW_INCLUDE_ROOTS",
            ),
            Self::Type(_)
            | Self::Nul
            | Self::TooLong
            | Self::Circle(_)
            | Self::Depth
            | Self::TooLarge(_)
            | Self::TooMany
            | Self::Nested
            | Self::Siblings(_) => None,
        }
    }
}

fn from(place: Option<&Place>) -> String {
    place.map_or_else(String::new, |place| {
        format!(" (included at `{}` line {})", place.file.display(), place.line)
    })
}

fn chain(files: &[PathBuf]) -> String {
    let names: Vec<String> = files.iter().map(|file| format!("`{}`", file.display())).collect();
    names.join(" → ")
}
