//! Statements as trees. They keep what was written; what it means is decided elsewhere.

use super::function::{Aggregate, Function};
pub use super::token::Span;
use crate::value::{Name, Property};
use serde::{Deserialize, Serialize};
use shell_sim::memgraph::SyncMode;

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// Reads or changes the graph.
    Query(Query),
    /// BEGIN.
    Begin,
    /// COMMIT.
    Commit,
    /// ROLLBACK.
    Rollback,
    /// Asks or changes the instance.
    Admin(Admin),
}

/// Clauses, each of which works on the rows of the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The clauses; never empty.
    pub clauses: Vec<Clause>,
    /// The text, for places in errors.
    pub text: Name,
}

/// One clause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clause {
    /// CREATE.
    Create(Vec<Pattern>),
    /// MATCH and OPTIONAL MATCH.
    Match {
        /// A row without a match stays, with nulls.
        optional: bool,
        /// What to find.
        patterns: Vec<Pattern>,
        /// WHERE.
        filter: Option<Expr>,
    },
    /// MERGE.
    Merge {
        /// What to find or create.
        pattern: Pattern,
        /// ON CREATE SET.
        on_create: Vec<SetItem>,
        /// ON MATCH SET.
        on_match: Vec<SetItem>,
    },
    /// UNWIND.
    Unwind {
        /// The list.
        list: Expr,
        /// The variable.
        variable: Variable,
    },
    /// WITH.
    With(Projection),
    /// RETURN.
    Return(Projection),
    /// SET.
    Set(Vec<SetItem>),
    /// REMOVE.
    Remove(Vec<RemoveItem>),
    /// DELETE and DETACH DELETE.
    Delete {
        /// Relationships of nodes go with them.
        detach: bool,
        /// What to delete.
        targets: Vec<Expr>,
    },
}

/// A variable where it is introduced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: Name,
    /// Where.
    pub span: Span,
}

/// A chain of nodes and relationships.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// The variable of the path.
    pub path: Option<Variable>,
    /// The first node.
    pub start: NodePattern,
    /// What follows it.
    pub hops: Vec<(EdgePattern, NodePattern)>,
    /// Where.
    pub span: Span,
}

/// A node in a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodePattern {
    /// Its variable.
    pub variable: Option<Variable>,
    /// Labels, all of which it has.
    pub labels: Vec<Name>,
    /// Its properties.
    pub properties: PropertyPattern,
    /// Where.
    pub span: Span,
}

/// Which way a relationship points, in the order of writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// `-->`
    Right,
    /// `<--`
    Left,
    /// `--`
    Either,
}

/// A relationship in a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgePattern {
    /// Its variable.
    pub variable: Option<Variable>,
    /// Types, one of which it has; any if empty.
    pub kinds: Vec<Name>,
    /// Its properties.
    pub properties: PropertyPattern,
    /// Which way it points.
    pub direction: Direction,
    /// Where.
    pub span: Span,
}

/// Properties in a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PropertyPattern {
    /// One expression for each name; may be empty.
    Each(Vec<(Name, Expr)>),
    /// A map that is a parameter.
    Parameter(Expr),
}

/// What WITH and RETURN keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Projection {
    /// Equal rows are kept once.
    pub distinct: bool,
    /// `*`: all variables.
    pub all: bool,
    /// The other columns.
    pub items: Vec<ProjectionItem>,
    /// ORDER BY; true is descending.
    pub order: Vec<(Expr, bool)>,
    /// SKIP.
    pub skip: Option<Expr>,
    /// LIMIT.
    pub limit: Option<Expr>,
    /// WHERE, after WITH.
    pub filter: Option<Expr>,
    /// Where.
    pub span: Span,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectionItem {
    /// Its value.
    pub value: Expr,
    /// Its name: the alias, or the text as written.
    pub name: Name,
    /// Whether the name is an alias.
    pub aliased: bool,
}

/// One assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetItem {
    /// `n.name = value`.
    Property(Expr, Name, Expr),
    /// `n = map`.
    Replace(Expr, Expr),
    /// `n += map`.
    Merge(Expr, Expr),
    /// `n:Label`.
    Labels(Expr, Vec<Name>),
}

/// One removal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemoveItem {
    /// `n.name`.
    Property(Expr, Name),
    /// `n:Label`.
    Labels(Expr, Vec<Name>),
}

/// An expression. Its depth is bounded, so that whoever walks it may recur.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where.
    pub span: Span,
    /// How deep expressions lie in each other, itself included.
    pub(super) depth: usize,
}

/// What an expression is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExprKind {
    /// A constant.
    Literal(Property),
    /// `$name`.
    Parameter(Name),
    /// A variable.
    Variable(Name),
    /// `of.name`.
    Property(Box<Expr>, Name),
    /// `of[at]`.
    Index(Box<Expr>, Box<Expr>),
    /// `of[from..to]`.
    Slice(Box<Expr>, Option<Box<Expr>>, Option<Box<Expr>>),
    /// `[a, b]`.
    List(Vec<Expr>),
    /// `{a: 1}`.
    Map(Vec<(Name, Expr)>),
    /// An operator before its operand.
    Unary(UnaryOp, Box<Expr>),
    /// An operator between its operands.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// IS NULL; IS NOT NULL if negated.
    IsNull {
        /// Of what.
        of: Box<Expr>,
        /// IS NOT NULL.
        negated: bool,
    },
    /// `n:Label`.
    HasLabels(Box<Expr>, Vec<Name>),
    /// A function.
    Call(Function, Vec<Expr>),
    /// An aggregate over rows; without an argument it is `count(*)`.
    Aggregate {
        /// Which one.
        function: Aggregate,
        /// Equal values count once.
        distinct: bool,
        /// Of what.
        of: Option<Box<Expr>>,
    },
    /// CASE.
    Case {
        /// What the arms are compared with.
        subject: Option<Box<Expr>>,
        /// WHEN and THEN.
        arms: Vec<(Expr, Expr)>,
        /// ELSE.
        otherwise: Option<Box<Expr>>,
    },
}

impl ExprKind {
    /// The expressions that it is made of.
    #[must_use]
    pub fn parts(&self) -> Vec<&Expr> {
        match self {
            Self::Literal(_) | Self::Parameter(_) | Self::Variable(_) => Vec::new(),
            Self::Property(of, _) | Self::HasLabels(of, _) | Self::Unary(_, of) => vec![of],
            Self::IsNull { of, .. } => vec![of],
            Self::Index(one, other) | Self::Binary(_, one, other) => vec![one, other],
            Self::Slice(of, from, to) => {
                let bounds = [from.as_deref(), to.as_deref()].into_iter().flatten();
                std::iter::once(&**of).chain(bounds).collect()
            }
            Self::List(items) | Self::Call(_, items) => items.iter().collect(),
            Self::Map(entries) => entries.iter().map(|(_, value)| value).collect(),
            Self::Aggregate { of, .. } => of.as_deref().into_iter().collect(),
            Self::Case { subject, arms, otherwise } => {
                let arms = arms.iter().flat_map(|(when, then)| [when, then]);
                subject.as_deref().into_iter().chain(arms).chain(otherwise.as_deref()).collect()
            }
        }
    }
}

/// An operator before its operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnaryOp {
    /// NOT.
    Not,
    /// `-`.
    Minus,
    /// `+`.
    Plus,
}

/// An operator between its operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinaryOp {
    /// Of conditions.
    Logic(Logic),
    /// Of values of one type.
    Compare(Comparison),
    /// Of a value and a list.
    In,
    /// Of two texts.
    Text(TextTest),
    /// Of numbers; adding takes texts and lists too.
    Math(Math),
}

/// An operator of conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the language")]
pub enum Logic {
    Or,
    Xor,
    And,
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

/// Where one text stands in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the language")]
pub enum TextTest {
    StartsWith,
    EndsWith,
    Contains,
}

/// An operator of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Math {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
}

/// Asks or changes the instance (MR 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admin {
    /// SHOW REPLICATION ROLE.
    ShowReplicationRole,
    /// SHOW REPLICAS.
    ShowReplicas,
    /// SET REPLICATION ROLE TO MAIN.
    SetRoleMain,
    /// SET REPLICATION ROLE TO REPLICA WITH PORT.
    SetRoleReplica {
        /// The port.
        port: u16,
    },
    /// REGISTER REPLICA.
    RegisterReplica {
        /// Its name, as written.
        name: Name,
        /// Its mode.
        mode: SyncMode,
        /// Its address.
        address: Address,
    },
    /// DROP REPLICA.
    DropReplica {
        /// Its name, as written.
        name: Name,
    },
    /// SHOW VERSION.
    ShowVersion,
    /// SHOW CONFIG.
    ShowConfig,
    /// SHOW STORAGE INFO (MR 1.5).
    ShowStorageInfo(StorageInfo),
    /// SHOW INDEX INFO.
    ShowIndexInfo,
    /// SHOW CONSTRAINT INFO.
    ShowConstraintInfo,
    /// SHOW TRIGGERS.
    ShowTriggers,
    /// SHOW DATABASES.
    ShowDatabases,
    /// SHOW DATABASE: the one in use.
    ShowDatabase,
    /// SHOW USERS.
    ShowUsers,
    /// USE DATABASE.
    UseDatabase {
        /// Its name.
        name: Name,
    },
    /// STORAGE MODE.
    StorageMode(StorageMode),
    /// CREATE SNAPSHOT.
    CreateSnapshot,
    /// CREATE INDEX ON.
    CreateIndex(crate::graph::Index),
    /// DROP INDEX ON.
    DropIndex(crate::graph::Index),
    /// CREATE USER.
    CreateUser {
        /// Its name.
        name: Name,
        /// IDENTIFIED BY.
        password: Option<Name>,
        /// IF NOT EXISTS.
        if_absent: bool,
    },
    /// DROP USER.
    DropUser {
        /// Its name.
        name: Name,
    },
}

/// Of what SHOW STORAGE INFO tells (MR 1.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorageInfo {
    /// The plain form.
    Plain,
    /// ON CURRENT DATABASE.
    Current,
    /// ON DATABASE.
    Database(Name),
}

/// What STORAGE MODE names (MR 1.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorageMode {
    /// IN_MEMORY_TRANSACTIONAL.
    InMemoryTransactional,
    /// IN_MEMORY_ANALYTICAL.
    InMemoryAnalytical,
    /// ON_DISK_TRANSACTIONAL.
    OnDiskTransactional,
}

/// Where a replication server is reached: as given, never resolved (MR 1.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// The host, as given.
    pub host: String,
    /// The port; 10000 if none is given.
    pub port: u16,
}
