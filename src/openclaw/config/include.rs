//! Includes resolved as OpenClaw 2026.9.6 resolves them (`config/includes.ts`).
//!
//! `$include` stands in any object and names a file or several. What the files hold is merged in
//! order, then the keys beside it are merged over that. Arrays that meet are joined.

use std::collections::BTreeMap;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use serde_json::Map;
use serde_json::Value;
use sha2::Digest;
use sha2::Sha256;

use crate::json5;
use crate::json5::Document;
use crate::json5::Duplicate;
use crate::json5::Inside;
use crate::json5::MAX_NODES;
use crate::json5::Members;
use crate::json5::Places;
use crate::openclaw::config::ConfigError;
use crate::openclaw::config::FileRead;
use crate::openclaw::config::Files;
use crate::openclaw::config::Include;
use crate::openclaw::config::IncludeError;
use crate::openclaw::config::Place;
use crate::openclaw::config::Unreadable;
use crate::openclaw::config::merge::Placed;
use crate::openclaw::config::merge::Spot;
use crate::openclaw::config::merge::merge;

/// How many files may include one another.
pub(super) const MAX_DEPTH: usize = 10;

/// How many bytes an included file may have.
pub(super) const MAX_BYTES: usize = 2 << 20;

/// How many includes are followed; OpenClaw knows no bound, and hangs.
pub(super) const MAX_INCLUDES: usize = 1_000;

const MAX_PATH: usize = 4096;

/// The key that names files.
pub(super) const KEY: &str = "$include";

/// Why reading stops.
pub(super) enum Stop {
    /// A file must be read first.
    Needs(PathBuf),
    /// There is no config.
    Wrong(Box<ConfigError>),
}

impl From<ConfigError> for Stop {
    fn from(error: ConfigError) -> Self {
        Self::Wrong(Box::new(error))
    }
}

/// What a file was found to hold, beside its value.
pub(super) struct Read {
    pub(super) comments: usize,
    pub(super) duplicates: Vec<Duplicate>,
}

/// Reads a config through its includes.
pub(super) struct Reader<'f> {
    root: &'f Path,
    files: &'f Files,
    roots: Vec<PathBuf>,
    /// The files read, in the order of their numbers.
    pub(super) read: Vec<(PathBuf, Read)>,
    /// The includes followed, inner ones first.
    pub(super) followed: Vec<Include>,
    /// The path of what is being read, in the merged config.
    path: Vec<String>,
    parsed: BTreeMap<PathBuf, (usize, Placed)>,
    includes: usize,
    nodes: usize,
    depth: usize,
}

/// The members of an object, and their places.
type Both = (Map<String, Value>, Members<Spot>);

/// The files that led here, the first one first.
type Chain = Vec<PathBuf>;

impl<'f> Reader<'f> {
    pub(super) fn new(root: &'f Path, files: &'f Files, roots: &[PathBuf]) -> Self {
        let folder = normal(root.parent().unwrap_or(Path::new("")));
        let others = roots.iter().filter(|root| root.is_absolute());
        Self {
            root,
            files,
            roots: [folder].into_iter().chain(others.map(|root| normal(root))).collect(),
            read: Vec::new(),
            followed: Vec::new(),
            path: Vec::new(),
            parsed: BTreeMap::new(),
            includes: 0,
            nodes: 0,
            depth: 0,
        }
    }

    /// Returns the SHA-256 of what a file holds, in hex; empty for one that could not be read.
    pub(super) fn sum(&self, file: &Path) -> String {
        match self.files.get(file) {
            Some(FileRead::Bytes(bytes)) => format!("{:x}", Sha256::digest(bytes)),
            Some(FileRead::Unreadable(_)) | None => String::new(),
        }
    }

    /// Reads the first file and all that it includes.
    pub(super) fn root(&mut self) -> Result<Placed, Stop> {
        let root = self.root;
        let written = self.file(root, None)?;
        let config = self.process(written, &vec![normal(root)])?;
        if !config.0.is_object() {
            return Err(
                ConfigError::NotAnObject { file: root.to_owned(), found: kind(&config.0) }.into()
            );
        }
        Ok(config)
    }

    /// Returns what a file holds, its own includes as they stand.
    fn file(&mut self, path: &Path, included: Option<&Place>) -> Result<Placed, Stop> {
        if let Some((nodes, placed)) = self.parsed.get(path) {
            self.nodes += nodes;
            self.bound(included)?;
            return Ok(placed.clone());
        }
        let bytes = match self.files.get(path) {
            None => return Err(Stop::Needs(path.to_owned())),
            Some(FileRead::Bytes(bytes)) => bytes,
            Some(FileRead::Unreadable(why)) => return Err(unreadable(path, why, included)),
        };
        if let Some(place) = included
            && bytes.len() > MAX_BYTES
        {
            return Err(wrong(place, IncludeError::TooLarge(path.to_owned())));
        }
        let document = Document::parse(bytes)
            .map_err(|why| ConfigError::Syntax { file: path.to_owned(), why })?;
        let file = self.read.len();
        let read = Read { comments: document.comments, duplicates: document.duplicates };
        self.read.push((path.to_owned(), read));
        let placed = (document.value, document.places.map(&|at| Spot { file, at }));
        let nodes = size(&placed.0);
        self.nodes += nodes;
        self.bound(included)?;
        if included.is_some() {
            self.parsed.insert(path.to_owned(), (nodes, placed.clone()));
        }
        Ok(placed)
    }

    fn bound(&self, included: Option<&Place>) -> Result<(), Stop> {
        match included {
            Some(place) if self.nodes > MAX_NODES || self.includes > MAX_INCLUDES => {
                Err(wrong(place, IncludeError::TooMany))
            }
            _ => Ok(()),
        }
    }

    /// Resolves the includes in a value, as deep as a single file may go.
    fn process(&mut self, placed: Placed, chain: &Chain) -> Result<Placed, Stop> {
        if self.depth == 0 && !holds(&placed.0, KEY) {
            return Ok(placed);
        }
        if self.depth > json5::MAX_DEPTH {
            let place = self.place(placed.1.at);
            return Err(wrong(&place, IncludeError::Nested));
        }
        self.depth += 1;
        let processed = self.inside(placed, chain);
        self.depth -= 1;
        processed
    }

    fn inside(&mut self, (value, places): Placed, chain: &Chain) -> Result<Placed, Stop> {
        match (value, places.inside) {
            (Value::Object(members), Inside::Object(inside)) => {
                if members.contains_key(KEY) {
                    return self.include(
                        members,
                        Places { at: places.at, inside: Inside::Object(inside) },
                        chain,
                    );
                }
                let (members, inside) =
                    self.members(members, inside.into_iter().collect(), chain)?;
                Ok((
                    Value::Object(members),
                    Places { at: places.at, inside: Inside::Object(inside) },
                ))
            }
            (Value::Array(elements), Inside::Array(inside)) => {
                let mut all = (Vec::new(), Vec::new());
                for (at, placed) in elements.into_iter().zip(inside).enumerate() {
                    self.path.push(at.to_string());
                    let (element, places) = self.process(placed, chain)?;
                    self.path.pop();
                    all.0.push(element);
                    all.1.push(places);
                }
                Ok((Value::Array(all.0), Places { at: places.at, inside: Inside::Array(all.1) }))
            }
            (value, inside) => Ok((value, Places { at: places.at, inside })),
        }
    }

    fn members(
        &mut self,
        members: Map<String, Value>,
        mut inside: BTreeMap<Box<str>, Places<Spot>>,
        chain: &Chain,
    ) -> Result<Both, Stop> {
        let mut processed = Map::new();
        for (key, member) in members {
            let Some(places) = inside.remove(key.as_str()) else {
                continue;
            };
            self.path.push(key.clone());
            let (member, places) = self.process((member, places), chain)?;
            self.path.pop();
            inside.insert(key.as_str().into(), places);
            processed.insert(key, member);
        }
        Ok((processed, inside.into()))
    }

    /// Resolves an object with an include.
    fn include(
        &mut self,
        mut members: Map<String, Value>,
        places: Places<Spot>,
        chain: &Chain,
    ) -> Result<Placed, Stop> {
        let at = places.at;
        let Inside::Object(inside) = places.inside else {
            return Ok((Value::Object(members), places));
        };
        let mut inside: BTreeMap<_, _> = inside.into_iter().collect();
        let wanted = members.shift_remove(KEY).unwrap_or_default();
        let spot = inside.remove(KEY).map_or(at, |places| places.at);
        let place = self.place(spot);
        let mut included = self.wanted(&wanted, at, &place, chain)?;
        self.follow(&wanted, !members.is_empty(), &place)?;
        if included.0.is_object() {
            included.1.at = at;
        }
        if members.is_empty() {
            return Ok(included);
        }
        if !included.0.is_object() {
            return Err(wrong(&place, IncludeError::Siblings(kind(&included.0))));
        }
        let (members, inside) = self.members(members, inside, chain)?;
        let beside = Places { at, inside: Inside::Object(inside) };
        Ok(merge(included, (Value::Object(members), beside)))
    }

    /// Remembers an include, and which files it names.
    fn follow(&mut self, wanted: &Value, beside: bool, place: &Place) -> Result<(), Stop> {
        let named: Vec<&str> = match wanted {
            Value::Array(paths) => paths.iter().filter_map(Value::as_str).collect(),
            other => other.as_str().into_iter().collect(),
        };
        let mut files = Vec::with_capacity(named.len());
        for name in named {
            files.push(self.resolve(name, place)?);
        }
        let path = self.path.clone();
        let list = wanted.is_array();
        self.followed.push(Include { path, written: place.file.clone(), files, list, beside });
        Ok(())
    }

    /// Returns what the files hold that an include names, merged.
    fn wanted(
        &mut self,
        wanted: &Value,
        at: Spot,
        place: &Place,
        chain: &Chain,
    ) -> Result<Placed, Stop> {
        match wanted {
            Value::String(path) => self.load(path, place, chain),
            Value::Array(paths) => {
                let empty = Inside::Object(BTreeMap::new().into());
                let mut merged = (Value::Object(Map::new()), Places { at, inside: empty });
                let mut loaded = Vec::new();
                for path in paths {
                    let Value::String(path) = path else {
                        return Err(wrong(place, IncludeError::Type(array_with(path))));
                    };
                    loaded.push(self.load(path, place, chain)?);
                }
                for next in loaded {
                    merged = merge(merged, next);
                }
                Ok(merged)
            }
            other => Err(wrong(place, IncludeError::Type(kind(other)))),
        }
    }

    /// Returns what one file holds, its own includes resolved.
    fn load(&mut self, named: &str, place: &Place, chain: &Chain) -> Result<Placed, Stop> {
        let path = self.resolve(named, place)?;
        if chain.contains(&path) {
            let circle = chain.iter().cloned().chain([path]).collect();
            return Err(wrong(place, IncludeError::Circle(circle)));
        }
        if chain.len() > MAX_DEPTH {
            return Err(wrong(place, IncludeError::Depth));
        }
        self.includes += 1;
        self.bound(Some(place))?;
        if is_elsewhere(named)
            && self.files.get(&path) == Some(&FileRead::Unreadable(Unreadable::Missing))
        {
            return Err(wrong(place, IncludeError::NoPath(named.into())));
        }
        let placed = self.file(&path, Some(place))?;
        let chain = chain.iter().cloned().chain([path]).collect();
        self.process(placed, &chain)
    }

    fn resolve(&self, named: &str, place: &Place) -> Result<PathBuf, Stop> {
        if named.contains('\0') {
            return Err(wrong(place, IncludeError::Nul));
        }
        let folder = place.file.parent().unwrap_or(Path::new(""));
        let path = normal(&folder.join(named));
        let long = |text: &str| text.encode_utf16().count() >= MAX_PATH;
        if long(named) || long(&path.to_string_lossy()) {
            return Err(wrong(place, IncludeError::TooLong));
        }
        if !self.roots.iter().any(|root| path.starts_with(root)) {
            return Err(wrong(place, IncludeError::Outside(path)));
        }
        Ok(path)
    }

    fn place(&self, spot: Spot) -> Place {
        let file = self.read.get(spot.file).map(|(file, _)| file.clone());
        Place { file: file.unwrap_or_default(), line: spot.at.line, column: spot.at.column }
    }
}

fn wrong(place: &Place, why: IncludeError) -> Stop {
    let place = place.clone();
    ConfigError::Include { place, why }.into()
}

fn unreadable(path: &Path, why: &Unreadable, included: Option<&Place>) -> Stop {
    ConfigError::File { file: path.to_owned(), why: why.clone(), included: included.cloned() }
        .into()
}

/// Says whether an include is written as if it were a home folder's path or a URL.
fn is_elsewhere(named: &str) -> bool {
    named.starts_with('~') || named.contains("://")
}

/// Resolves `.` and `..` by the letters of a path.
pub(super) fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if normal.file_name().is_some() => {
                normal.pop();
            }
            Component::ParentDir if normal.has_root() => {}
            Component::ParentDir
            | Component::Prefix(_)
            | Component::RootDir
            | Component::Normal(_) => normal.push(component),
        }
    }
    normal
}

/// Says whether a key stands anywhere in a value.
pub(super) fn holds(value: &Value, key: &str) -> bool {
    match value {
        Value::Object(members) => {
            members.contains_key(key) || members.values().any(|member| holds(member, key))
        }
        Value::Array(elements) => elements.iter().any(|element| holds(element, key)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::Object(members) => 1 + members.values().map(size).sum::<usize>(),
        Value::Array(elements) => 1 + elements.iter().map(size).sum::<usize>(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn array_with(value: &Value) -> &'static str {
    match value {
        Value::Null => "an array with null",
        Value::Bool(_) => "an array with true or false",
        Value::Number(_) => "an array with a number",
        Value::String(_) => "an array with a text",
        Value::Array(_) => "an array with an array",
        Value::Object(_) => "an array with an object",
    }
}
