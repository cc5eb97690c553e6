//! Statements of a text: each ends with a semicolon that stands in no quotes and in no comment.

/// Where in the text one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Statement,
    Quotes(char),
    Line,
    Block,
}

/// The statements, without their semicolons and the blanks around them; empty ones are left out.
/// The last one needs no semicolon.
pub(super) fn statements(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut current = String::new();
    let mut within = Within::Statement;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let next = characters.peek().copied();
        match (within, character) {
            (Within::Statement, ';') => {
                found.push(std::mem::take(&mut current));
                continue;
            }
            (Within::Statement, '\'' | '"' | '`') => within = Within::Quotes(character),
            (Within::Statement, '/') if next == Some('/') => within = Within::Line,
            (Within::Statement, '/') if next == Some('*') => within = Within::Block,
            (Within::Line, '\n') => within = Within::Statement,
            (Within::Block, '*') if next == Some('/') => {
                current.push(character);
                current.extend(characters.next());
                within = Within::Statement;
                continue;
            }
            (Within::Quotes(quote), '\\') if quote != '`' => {
                current.push(character);
                current.extend(characters.next());
                continue;
            }
            (Within::Quotes(quote), _) if character == quote => within = Within::Statement,
            (Within::Statement | Within::Quotes(_) | Within::Line | Within::Block, _) => {}
        }
        current.push(character);
    }
    found.push(current);
    found.iter().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::statements;

    #[test]
    fn a_semicolon_in_quotes_or_a_comment_ends_nothing() {
        let text = "RETURN ';' AS a; // no; end\nRETURN \"\\\";\" ; /* ; */ RETURN `x;y`";
        let expected = ["RETURN ';' AS a", "// no; end\nRETURN \"\\\";\"", "/* ; */ RETURN `x;y`"];
        assert_eq!(statements(text), expected);
    }

    #[test]
    fn nothing_is_no_statement() {
        assert_eq!(statements(" ;; \n ; "), Vec::<String>::new());
    }
}
