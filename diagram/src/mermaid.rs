//! What Mermaid text has in common, whatever it shows.

/// Words as Mermaid takes them in any place: what it could read as syntax is written by number.
pub(crate) fn words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '#' | ';' | '<' | '>' | '&' | '|' | '{' | '}' | '[' | ']' => {
                out.push('#');
                out.push_str(&u32::from(c).to_string());
                out.push(';');
            }
            '\n' => out.push(' '),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn syntax_is_written_by_number() {
        assert_eq!(words("a \"b\"; c #1\nd"), "a #34;b#34;#59; c #35;1 d");
        assert_eq!(words("mg-0: ready, -> (E10)"), "mg-0: ready, -#62; (E10)");
    }
}
