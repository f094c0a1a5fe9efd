//! The files that `nginx -T` prints, as one tree of directives with the includes in their places.

use std::collections::BTreeMap;

use crate::openclaw::command::quote;
use crate::openclaw::witness::Unread;

/// How deep blocks and includes may stand within each other.
const DEPTH: usize = 32;

/// How many directives are read, includes in their places.
const DIRECTIVES: usize = 100_000;

/// What stands above each file.
const MARK: &str = "# configuration file ";

/// A directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Directive {
    pub(super) name: String,
    pub(super) words: Vec<String>,
    /// What stands within its braces, where it has any.
    pub(super) block: Option<Vec<Directive>>,
}

/// The files by name, in the order printed, and the name of the first one.
struct Files {
    first: String,
    texts: BTreeMap<String, Vec<Directive>>,
    order: Vec<String>,
}

/// Reads what `nginx -T` prints.
pub(super) fn parse(text: &str) -> Result<Vec<Directive>, Unread> {
    let mut files: Vec<(String, usize, String)> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let marked = line.strip_prefix(MARK).and_then(|rest| rest.trim_end().strip_suffix(':'));
        match (marked, files.last_mut()) {
            (Some(name), _) => files.push((name.to_owned(), number + 1, String::new())),
            // What it says of the test is on the other stream, which may stand before or behind.
            (None, Some((_, _, text))) if !line.starts_with("nginx: ") => {
                text.push_str(line);
                text.push('\n');
            }
            (None, _) => {}
        }
    }
    let Some((first, _, _)) = files.first() else {
        return Err(Unread::Nothing("configuration file"));
    };
    let mut all = Files { first: first.clone(), texts: BTreeMap::new(), order: Vec::new() };
    for (name, above, text) in files {
        let mut reader = Reader { rest: &text, line: above + 1 };
        let directives = reader.directives(0)?;
        all.order.push(name.clone());
        all.texts.insert(name, directives);
    }
    let main = all.texts.get(&all.first).cloned().unwrap_or_default();
    let mut left = DIRECTIVES;
    all.included(main, 0, &mut left)
}

impl Files {
    /// Puts the directives of included files where their includes stand.
    fn included(
        &self,
        directives: Vec<Directive>,
        depth: usize,
        left: &mut usize,
    ) -> Result<Vec<Directive>, Unread> {
        let mut whole = Vec::new();
        for mut directive in directives {
            // Files that include each other would never end.
            let Some(less) = left.checked_sub(1).filter(|_| depth <= DEPTH) else {
                return Err(Unread::Value("include".to_owned()));
            };
            *left = less;
            if directive.name == "include" {
                let pattern = self.absolute(directive.words.first().map_or("", String::as_str));
                let matching: Vec<&String> =
                    self.order.iter().filter(|name| matches(&pattern, name)).collect();
                // A pattern may name no file; a name that is not among the files was cut off.
                if matching.is_empty() && !pattern.contains(['*', '?', '[']) {
                    return Err(Unread::Value(quote(&format!("include {pattern}"))));
                }
                for name in matching {
                    let inner = self.texts.get(name).cloned().unwrap_or_default();
                    whole.extend(self.included(inner, depth + 1, left)?);
                }
                continue;
            }
            directive.block = match directive.block {
                None => None,
                Some(block) => Some(self.included(block, depth + 1, left)?),
            };
            whole.push(directive);
        }
        Ok(whole)
    }

    /// Returns the whole path of an include, which is relative to the first file's folder.
    fn absolute(&self, path: &str) -> String {
        if path.starts_with('/') {
            return path.to_owned();
        }
        let folder = self.first.rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{folder}/{path}")
    }
}

/// Tells whether a name is of a pattern, in which `*` and `?` stand for anything but a slash.
fn matches(pattern: &str, name: &str) -> bool {
    fn within(pattern: &[u8], name: &[u8]) -> bool {
        let (mut p, mut n) = (0, 0);
        let mut back: Option<(usize, usize)> = None;
        while n < name.len() {
            match pattern.get(p) {
                Some(b'*') => {
                    back = Some((p, n));
                    p += 1;
                }
                Some(b'?') if name[n] != b'/' => (p, n) = (p + 1, n + 1),
                Some(byte) if *byte == name[n] => (p, n) = (p + 1, n + 1),
                _ => match back {
                    Some((star, at)) if name[at] != b'/' => {
                        back = Some((star, at + 1));
                        (p, n) = (star + 1, at + 1);
                    }
                    _ => return false,
                },
            }
        }
        pattern.iter().skip(p).all(|byte| *byte == b'*')
    }
    within(pattern.as_bytes(), name.as_bytes())
}

/// What is left of a file.
struct Reader<'t> {
    rest: &'t str,
    line: usize,
}

/// What ends a run of words.
#[derive(PartialEq, Eq)]
enum End {
    Semicolon,
    Open,
    Close,
    File,
}

impl Reader<'_> {
    fn directives(&mut self, depth: usize) -> Result<Vec<Directive>, Unread> {
        let mut directives = Vec::new();
        loop {
            let (mut words, end) = self.words()?;
            let cut_off = Err(Unread::Line { line: self.line, text: words.join(" ") });
            match end {
                End::Close | End::File if !words.is_empty() => return cut_off,
                End::Close if depth == 0 => return cut_off,
                End::File if depth > 0 => return cut_off,
                End::Close | End::File => return Ok(directives),
                End::Semicolon if words.is_empty() => {}
                End::Open if words.is_empty() || depth >= DEPTH => return cut_off,
                End::Semicolon | End::Open => {
                    let name = words.remove(0);
                    let block =
                        if end == End::Open { Some(self.block(&name, depth)?) } else { None };
                    directives.push(Directive { name, words, block });
                }
            }
        }
    }

    /// Reads what stands within braces; another language's text, such as Lua, says nothing here.
    fn block(&mut self, name: &str, depth: usize) -> Result<Vec<Directive>, Unread> {
        if name.ends_with("_by_lua_block") {
            return Err(Unread::Line { line: self.line, text: quote(name) });
        }
        self.directives(depth + 1)
    }

    /// Reads words up to what ends them.
    fn words(&mut self) -> Result<(Vec<String>, End), Unread> {
        let mut words = Vec::new();
        loop {
            let Some(c) = self.next() else { return Ok((words, End::File)) };
            match c {
                ';' => return Ok((words, End::Semicolon)),
                '{' => return Ok((words, End::Open)),
                '}' => return Ok((words, End::Close)),
                '#' => {
                    let end = self.rest.find('\n').unwrap_or(self.rest.len());
                    self.rest = self.rest.get(end..).unwrap_or_default();
                }
                '"' | '\'' => words.push(self.quoted(c)?),
                c if c.is_whitespace() => {}
                c => words.push(self.word(c)),
            }
        }
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = self.rest.get(c.len_utf8()..).unwrap_or_default();
        self.line += usize::from(c == '\n');
        Some(c)
    }

    fn quoted(&mut self, quote: char) -> Result<String, Unread> {
        let begun = self.line;
        let mut word = String::new();
        while let Some(c) = self.next() {
            match c {
                '\\' => word.extend(self.next()),
                c if c == quote => return Ok(word),
                c => word.push(c),
            }
        }
        Err(Unread::Line { line: begun, text: "a quote that is not closed".to_owned() })
    }

    fn word(&mut self, first: char) -> String {
        let mut word = String::from(first);
        if first == '\\' {
            word.extend(self.next());
        }
        while let Some(c) = self.rest.chars().next() {
            let variable = c == '{' && word.ends_with('$');
            if c.is_whitespace() || c == ';' || (c == '{' && !variable) {
                break;
            }
            self.next();
            word.push(c);
            match c {
                '\\' => word.extend(self.next()),
                '{' => {
                    while let Some(c) = self.next() {
                        word.push(c);
                        if c == '}' {
                            break;
                        }
                    }
                }
                _ => {}
            }
        }
        word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_stands_for_no_slash() {
        for (pattern, name, fits) in [
            ("/etc/nginx/conf.d/*.conf", "/etc/nginx/conf.d/claw.conf", true),
            ("/etc/nginx/conf.d/*.conf", "/etc/nginx/conf.d/a/claw.conf", false),
            ("/etc/nginx/*/*.conf", "/etc/nginx/conf.d/claw.conf", true),
            ("/etc/nginx/claw.con?", "/etc/nginx/claw.conf", true),
            ("/etc/nginx/claw", "/etc/nginx/claw.conf", false),
            ("/a*b*c", "/aXbXbXc", true),
            ("/a*b*c", "/aXbXbX", false),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn words_quotes_comments_and_variables_are_told_apart() {
        let text = "# configuration file /n.conf:\nhttp { # { never\n  log_format a 'x; {' \"y\\\"z\";\n  set $a ${b}c; }\n";
        let http = parse(text).unwrap().remove(0);
        let block = http.block.unwrap();
        assert_eq!(block[0].words, ["a", "x; {", "y\"z"]);
        assert_eq!(block[1].words, ["$a", "${b}c"]);
    }

    #[test]
    fn what_is_cut_off_is_an_error() {
        let whole = "# configuration file /n.conf:\nhttp {\n  server { listen 80; }\n}\n";
        assert!(parse(whole).is_ok());
        for end in [whole.len() - 2, whole.len() - 6, whole.len() - 12] {
            assert!(parse(&whole[..end]).is_err(), "{}", &whole[..end]);
        }
        assert!(parse("# configuration file /n.conf:\ninclude gone.conf;\n").is_err());
        assert!(parse("# configuration file /n.conf:\ninclude gone/*.conf;\n").is_ok());
        assert!(parse("http { }\n").is_err());
        assert!(parse(&format!("# configuration file /n.conf:\n{}", "a {".repeat(9999))).is_err());
        assert!(parse("# configuration file /n.conf:\ninclude n.conf;\n").is_err());
        let twice = "# configuration file /n.conf:\ninclude n.conf; include n.conf; a;\n";
        assert!(parse(twice).is_err());
    }
}
