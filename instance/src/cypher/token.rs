//! The words and signs of Cypher.

use std::fmt;

/// Bytes of the text, the end excluded. A position says nothing about what stands there: two
/// expressions that differ in position alone are equal.
#[derive(Debug, Clone, Copy, Default)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// Byte after the last one.
    pub end: usize,
}

impl PartialEq for Span {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Span {}

impl Span {
    /// From the start of this one to the end of another.
    #[must_use]
    pub const fn to(self, end: Self) -> Self {
        Self { start: self.start, end: end.end }
    }
}

/// One word or sign.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Span,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind {
    /// A name or keyword, as written.
    Word(String),
    /// A name in backquotes, which is never a keyword.
    Quoted(String),
    /// A whole number without a sign.
    Int(u64),
    /// A number with a fraction or exponent.
    Float(f64),
    /// A text.
    Text(String),
    /// A parameter's name.
    Parameter(String),
    /// A sign.
    Sign(Sign),
    /// The end of the text.
    End,
}

/// Declares the signs.
macro_rules! signs {
    ($($name:ident = $text:literal,)*) => {
        /// A sign.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Sign {
            $(#[doc = concat!("`", $text, "`")] $name,)*
        }

        impl Sign {
            /// Longer ones come before those that they begin with.
            pub(super) const ALL: &[Self] = &[$(Self::$name,)*];

            pub(super) const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

signs! {
    NotEqual = "<>",
    BangEqual = "!=",
    AtMost = "<=",
    AtLeast = ">=",
    Matches = "=~",
    PlusEqual = "+=",
    Dots = "..",
    Open = "(",
    Close = ")",
    OpenList = "[",
    CloseList = "]",
    OpenMap = "{",
    CloseMap = "}",
    Comma = ",",
    Dot = ".",
    Colon = ":",
    Semicolon = ";",
    Bar = "|",
    Equal = "=",
    Less = "<",
    Greater = ">",
    Plus = "+",
    Minus = "-",
    Star = "*",
    Slash = "/",
    Percent = "%",
    Caret = "^",
    Ampersand = "&",
    Bang = "!",
}

impl fmt::Display for TokenKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => write!(f, "'{word}'"),
            Self::Quoted(name) => write!(f, "`{name}`"),
            Self::Int(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number}"),
            Self::Text(text) if text.chars().count() > 40 => f.write_str("a long text"),
            Self::Text(text) => write!(f, "the text {text:?}"),
            Self::Parameter(name) => write!(f, "the parameter ${name}"),
            Self::Sign(sign) => write!(f, "'{}'", sign.as_str()),
            Self::End => f.write_str("the end of the statement"),
        }
    }
}
