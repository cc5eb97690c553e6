//! Text to statements. What is not understood is an error that says what and where, never another
//! statement; why the parser is our own stands in `design/decisions/0010-cypher-parser.md`.

pub mod ast;
mod error;
mod function;
mod lexer;
mod parser;
mod token;

pub use error::{Place, SyntaxError};
pub use function::{Aggregate, Function};
pub use parser::{MAX_CLAUSES, MAX_NESTING, MAX_TEXT, parse};
