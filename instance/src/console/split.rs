//! Statements of a text: each ends with a semicolon that stands in no quotes and in no comment.

/// Where in the text one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Statement,
    Quotes(char),
    Line,
    Block,
}

/// Takes the statements out of a text that have their semicolon, without it and without the blanks
/// around them; what follows the last of them stays. What holds only comments is no statement.
pub(super) fn take_statements(text: &mut String) -> Vec<String> {
    let mut found = Vec::new();
    let (mut begin, mut says_something) = (0, false);
    let mut within = Within::Statement;
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let next = characters.peek().map(|(_, next)| *next);
        match (within, character) {
            (Within::Statement, ';') => {
                found.extend(text.get(begin..at).filter(|_| says_something));
                (begin, says_something) = (at + 1, false);
                continue;
            }
            (Within::Statement, '\'' | '"' | '`') => within = Within::Quotes(character),
            (Within::Statement, '/') if next == Some('/') => within = Within::Line,
            (Within::Statement, '/') if next == Some('*') => {
                characters.next();
                within = Within::Block;
            }
            (Within::Line, '\n') => within = Within::Statement,
            (Within::Block, '*') if next == Some('/') => {
                characters.next();
                within = Within::Statement;
                continue;
            }
            (Within::Quotes(quote), '\\') if quote != '`' => {
                characters.next();
            }
            (Within::Quotes(quote), _) if character == quote => within = Within::Statement,
            (Within::Statement | Within::Quotes(_) | Within::Line | Within::Block, _) => {}
        }
        says_something |= match within {
            Within::Statement => !character.is_whitespace(),
            Within::Quotes(_) => true,
            Within::Line | Within::Block => false,
        };
    }
    let found = found.into_iter().map(|text: &str| text.trim().to_owned()).collect();
    let rest = text.get(begin..).filter(|_| says_something || within != Within::Statement);
    *text = rest.unwrap_or_default().to_owned();
    found
}

#[cfg(test)]
mod tests {
    use super::take_statements;

    /// The statements, and what is left.
    fn split(text: &str) -> (Vec<String>, String) {
        let mut text = text.to_owned();
        (take_statements(&mut text), text)
    }

    #[test]
    fn a_semicolon_in_quotes_or_a_comment_ends_nothing() {
        let text = "RETURN ';' AS a; // no; end\nRETURN \"\\\";\" ; /* ; */ RETURN `x;y`;";
        let expected = ["RETURN ';' AS a", "// no; end\nRETURN \"\\\";\"", "/* ; */ RETURN `x;y`"];
        let (found, rest) = split(text);
        assert_eq!(found, expected);
        assert_eq!(rest, "");
    }

    #[test]
    fn what_has_no_end_yet_is_left() {
        for rest in [" RETURN 'a;", " RETURN /* ;", " RETURN 2 // all;", " RETURN `;"] {
            let (found, left) = split(&format!("RETURN 1;{rest}"));
            assert_eq!((found, left.as_str()), (vec!["RETURN 1".to_owned()], rest));
        }
    }

    #[test]
    fn nothing_and_comments_are_no_statements() {
        for text in [" ;; \n ; ", "/* a */; // b\n", "/**/", "// é\n;"] {
            assert_eq!(split(text), (Vec::new(), String::new()), "{text}");
        }
    }

    #[test]
    fn a_comment_is_open_until_it_ends() {
        assert_eq!(split("/*/ ; */ RETURN 1;").0, ["/*/ ; */ RETURN 1"]);
    }
}
