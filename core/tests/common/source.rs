//! Reading Rust sources as far as tidiness needs it: files, code without comments and texts, names
//! and the lengths of functions. No parser; what it cannot tell apart it does not judge.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A source file of the workspace.
pub(crate) struct Source {
    /// Its path from the root of the workspace.
    pub(crate) path: String,
    /// What it says.
    pub(crate) text: String,
}

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("core lies in the workspace").into()
}

/// A file of the workspace as text.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|why| panic!("{path}: {why}"))
}

/// Every Rust file of the workspace.
pub(crate) fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).unwrap_or_else(|why| panic!("{folder:?}: {why}"));
        for entry in entries {
            let path = entry.expect("a readable entry").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if name.ends_with(".rs") {
                let from_root = path.strip_prefix(root()).expect("below the root");
                let path = from_root.to_string_lossy().into_owned();
                found.push(Source { text: read(&path), path });
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

/// The code alone: comments, texts and characters become blanks, lines stay where they are.
pub(crate) fn code(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = skipped(&chars, at);
        if end == at {
            code.push(chars[at]);
            at += 1;
        } else {
            code.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    code
}

/// Where the comment, text or character that begins at `at` ends; `at` if none does.
fn skipped(chars: &[char], at: usize) -> usize {
    let after = |offset: usize| chars.get(at + offset).copied();
    let follows_name = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    match (chars[at], after(1)) {
        ('/', Some('/')) => until(chars, at, |rest| rest[0] == '\n'),
        ('/', Some('*')) => until(chars, at + 2, |rest| rest.starts_with(&['*', '/'])) + 2,
        ('r', Some('"' | '#')) if !follows_name => raw_end(chars, at).unwrap_or(at),
        ('"', _) => text_end(chars, at + 1, '"'),
        ('\'', Some('\\')) => text_end(chars, at + 1, '\''),
        ('\'', Some(_)) if after(2) == Some('\'') => at + 3,
        _ => at,
    }
    .min(chars.len())
}

fn until(chars: &[char], from: usize, ends: impl Fn(&[char]) -> bool) -> usize {
    (from..chars.len()).find(|at| ends(&chars[*at..])).unwrap_or(chars.len())
}

fn text_end(chars: &[char], from: usize, quote: char) -> usize {
    let mut at = from;
    while at < chars.len() && chars[at] != quote {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

fn raw_end(chars: &[char], at: usize) -> Option<usize> {
    let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
    let open = at + 1 + hashes;
    if chars.get(open) != Some(&'"') {
        return None;
    }
    let mut close = vec!['"'];
    close.resize(hashes + 1, '#');
    Some(until(chars, open + 1, |rest| rest.starts_with(&close)) + close.len())
}

/// The names in `code`, each with where it ends.
pub(crate) fn names(code: &str) -> Vec<(&str, usize)> {
    let mut names = Vec::new();
    let mut from = None;
    for (at, c) in code.char_indices().chain([(code.len(), ' ')]) {
        match (c.is_alphanumeric() || c == '_', from) {
            (true, None) => from = Some(at),
            (false, Some(start)) => {
                names.push((&code[start..at], at));
                from = None;
            }
            (true, Some(_)) | (false, None) => {}
        }
    }
    names
}

/// The words of a name in snake or camel case, in lower case.
pub(crate) fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars() {
        if c == '_' || (c.is_uppercase() && was_lower) {
            words.push(String::new());
        }
        if c != '_' {
            words.last_mut().expect("never empty").extend(c.to_lowercase());
        }
        was_lower = c.is_lowercase();
    }
    words
}

/// Each function of `code` that has a body: its name, its first line and how many lines it has.
pub(crate) fn functions(code: &str) -> Vec<(String, usize, usize)> {
    let all = names(code);
    let named = all.windows(2).filter(|pair| pair[0].0 == "fn");
    let mut functions = Vec::new();
    for pair in named {
        let (name, end) = pair[1];
        let between = &code[pair[0].1..end - name.len()];
        let Some(body) = body(&code[end..]).filter(|_| between.trim().is_empty()) else {
            continue;
        };
        let first = code[..end].matches('\n').count() + 1;
        functions.push((name.to_owned(), first, body.matches('\n').count() + 1));
    }
    functions
}

/// From the end of a function's name to the brace that closes it; `None` without a body.
fn body(code: &str) -> Option<&str> {
    let (mut round, mut depth) = (0_usize, 0_usize);
    for (at, c) in code.char_indices() {
        match c {
            '(' | '[' => round += 1,
            ')' | ']' => round = round.checked_sub(1)?,
            ';' if round == 0 && depth == 0 => return None,
            '{' => depth += 1,
            '}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 && round == 0 {
                    return Some(&code[..=at]);
                }
            }
            _ => {}
        }
    }
    None
}
