//! Text to words and signs.

use super::error::{Place, SyntaxError};
use super::token::{Sign, Span, Token, TokenKind};

/// All tokens of a text; the last one is the end.
///
/// # Errors
/// Where no token begins, or one does not end.
pub(super) fn lex(text: &str) -> Result<Vec<Token>, SyntaxError> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blank()?;
        let start = lexer.at;
        let kind = lexer.token()?;
        let ended = kind == TokenKind::End;
        tokens.push(Token { kind, span: Span { start, end: lexer.at } });
        if ended {
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    /// The next byte; always the first one of a character.
    at: usize,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn take_while(&mut self, test: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !test(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    fn unexpected(&self, at: usize, found: impl Into<String>, expected: &str) -> SyntaxError {
        let place = Place::of(self.text, at);
        SyntaxError::Unexpected { place, found: found.into(), expected: expected.into() }
    }

    fn skip_blank(&mut self) -> Result<(), SyntaxError> {
        loop {
            self.take_while(char::is_whitespace);
            if self.rest().starts_with("//") {
                self.take_while(|c| c != '\n');
            } else if self.rest().starts_with("/*") {
                match self.rest().find("*/") {
                    Some(end) => self.at += end + 2,
                    None => return Err(self.unexpected(self.at, "an open comment", "its end, */")),
                }
            } else {
                return Ok(());
            }
        }
    }

    fn token(&mut self) -> Result<TokenKind, SyntaxError> {
        let Some(first) = self.peek() else { return Ok(TokenKind::End) };
        if first == '_' || first.is_alphabetic() {
            return Ok(TokenKind::Word(self.word().into()));
        }
        let second = self.rest().chars().nth(1);
        if first.is_ascii_digit() || first == '.' && second.is_some_and(|c| c.is_ascii_digit()) {
            return self.number();
        }
        match first {
            '\'' | '"' => self.quoted(first).map(TokenKind::Text),
            '`' => self.backquoted().map(TokenKind::Quoted),
            '$' => self.parameter(),
            _ => {
                let rest = self.rest();
                let sign = Sign::ALL.iter().find(|sign| rest.starts_with(sign.as_str()));
                let Some(sign) = sign else {
                    let found = format!("the character {first:?}");
                    return Err(self.unexpected(self.at, found, "a word, a number or a sign"));
                };
                self.at += sign.as_str().len();
                Ok(TokenKind::Sign(*sign))
            }
        }
    }

    fn word(&mut self) -> &'a str {
        self.take_while(|c| c == '_' || c.is_alphanumeric())
    }

    fn parameter(&mut self) -> Result<TokenKind, SyntaxError> {
        let start = self.at;
        self.next();
        let name = if self.peek() == Some('`') { self.backquoted()? } else { self.word().into() };
        if name.is_empty() {
            return Err(self.unexpected(start, "'$'", "the name of a parameter after it"));
        }
        Ok(TokenKind::Parameter(name))
    }

    fn number(&mut self) -> Result<TokenKind, SyntaxError> {
        let start = self.at;
        if let Some(digits) = self.rest().strip_prefix("0x").or(self.rest().strip_prefix("0X")) {
            let end = digits.find(|c: char| !c.is_alphanumeric()).unwrap_or(digits.len());
            self.at += 2 + end;
            let digits = digits.get(..end).unwrap_or_default();
            return u64::from_str_radix(digits, 16)
                .map(TokenKind::Int)
                .map_err(|_| self.unexpected(start, format!("0x{digits}"), "a number of 64 bits"));
        }
        self.take_while(|c| c.is_ascii_digit());
        let mut whole = true;
        let mut after = self.rest().chars();
        if after.next() == Some('.') && after.next().is_some_and(|c| c.is_ascii_digit()) {
            whole = false;
            self.next();
            self.take_while(|c| c.is_ascii_digit());
        }
        if self.peek().is_some_and(|c| c == 'e' || c == 'E') {
            whole = false;
            self.next();
            if self.peek().is_some_and(|c| c == '+' || c == '-') {
                self.next();
            }
            self.take_while(|c| c.is_ascii_digit());
        }
        if self.peek().is_some_and(|c| c == '_' || c.is_alphanumeric()) {
            self.word();
            let found = self.text.get(start..self.at).unwrap_or_default();
            return Err(self.unexpected(start, found, "a number, or a name that begins otherwise"));
        }
        let digits = self.text.get(start..self.at).unwrap_or_default();
        let number = if whole {
            digits.parse().ok().map(TokenKind::Int)
        } else {
            digits.parse().ok().filter(|number: &f64| number.is_finite()).map(TokenKind::Float)
        };
        number.ok_or_else(|| self.unexpected(start, digits, "a number of 64 bits"))
    }

    fn backquoted(&mut self) -> Result<String, SyntaxError> {
        let start = self.at;
        self.next();
        let mut name = String::new();
        loop {
            match self.next() {
                Some('`') if self.peek() != Some('`') => break,
                Some('`') => {
                    self.next();
                    name.push('`');
                }
                Some(other) => name.push(other),
                None => return Err(self.unexpected(start, "an open name", "its end, `")),
            }
        }
        if name.is_empty() {
            return Err(self.unexpected(start, "an empty name", "a name between backquotes"));
        }
        Ok(name)
    }

    fn quoted(&mut self, quote: char) -> Result<String, SyntaxError> {
        let start = self.at;
        self.next();
        let mut text = String::new();
        loop {
            let at = self.at;
            match self.next() {
                Some(end) if end == quote => return Ok(text),
                Some('\\') => text.push(self.escape(at)?),
                Some(other) => text.push(other),
                None => {
                    let end = format!("its end, {quote}");
                    return Err(self.unexpected(start, "an open text", &end));
                }
            }
        }
    }

    fn escape(&mut self, at: usize) -> Result<char, SyntaxError> {
        let sign = self.next();
        let digits = match sign {
            Some(same @ ('\\' | '\'' | '"')) => return Ok(same),
            Some('n') => return Ok('\n'),
            Some('t') => return Ok('\t'),
            Some('r') => return Ok('\r'),
            Some('b') => return Ok('\u{8}'),
            Some('f') => return Ok('\u{c}'),
            Some('u') => 4,
            Some('U') => 8,
            Some(_) | None => {
                let expected = "one of \\\\ \\' \\\" \\n \\t \\r \\b \\f, \\u with 4 hexadecimal digits, \\U with 8";
                return Err(self.unexpected(at, "an unknown escape", expected));
            }
        };
        let hex = self.rest().get(..digits).unwrap_or_default();
        let plain = hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        let code = u32::from_str_radix(hex, 16).ok().filter(|_| plain);
        let Some(character) = code.and_then(char::from_u32) else {
            let expected = format!("{digits} hexadecimal digits of a character");
            return Err(self.unexpected(at, "a character's number", &expected));
        };
        self.at += digits;
        Ok(character)
    }
}
