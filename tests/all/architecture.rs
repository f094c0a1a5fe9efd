//! The house stands as its plan says: a room uses only the rooms below it.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

/// The rooms from the ground up, as `src/lib.rs` lists them.
const ROOMS: [&str; 12] = [
    "text", "runbook", "json5", "openclaw", "residual", "verdict", "change", "record", "app",
    "view", "shell", "cli",
];

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn a_room_uses_only_the_rooms_below_it() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let mut wrong = Vec::new();
    let mut seen = 0;
    for file in files {
        let inside = file.strip_prefix(&src).unwrap();
        let room = inside.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
        let room = room.trim_end_matches(".rs");
        let Some(height) = ROOMS.iter().position(|name| *name == room) else {
            assert!(["lib", "main"].contains(&room), "`{room}` is in no plan");
            continue;
        };
        seen |= 1 << height;
        for (number, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
            // Tests inside a room may look up; the code before them may not.
            if line.trim() == "#[cfg(test)]" {
                break;
            }
            let code = line.split("//").next().unwrap_or_default();
            for used in code.split("crate::").skip(1) {
                let name: String =
                    used.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                let other = ROOMS.iter().position(|room| *room == name);
                if other.is_some_and(|other| other > height) {
                    wrong.push(format!("{}:{}: {}", inside.display(), number + 1, line.trim()));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new(), "a room uses a room above it");
    assert_eq!(seen, (1 << ROOMS.len()) - 1, "a room of the plan is empty");
}

#[test]
fn there_is_exactly_one_crossterm() {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock");
    let lock = fs::read_to_string(lock).unwrap();
    assert_eq!(lock.matches("name = \"crossterm\"\n").count(), 1);
}
