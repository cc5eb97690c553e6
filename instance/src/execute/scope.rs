//! Which variable stands at which position of a row.

use crate::cypher::ast::Pattern;
use crate::value::{Item, Name};

/// One row: a value for each variable of the scope.
pub(super) type Row = Vec<Item>;

/// Variables by position.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Scope {
    names: Vec<Name>,
}

impl Scope {
    pub(super) fn new(names: Vec<Name>) -> Self {
        Self { names }
    }

    pub(super) fn names(&self) -> &[Name] {
        &self.names
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// The position of a variable; the last one where an alias hides another.
    pub(super) fn slot(&self, name: &str) -> Option<usize> {
        self.names.iter().rposition(|own| &**own == name)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.slot(name).is_some()
    }

    /// The position of a variable, which is added if it is new.
    pub(super) fn introduce(&mut self, name: &Name) -> usize {
        if let Some(slot) = self.slot(name) {
            return slot;
        }
        self.names.push(name.clone());
        self.names.len() - 1
    }

    /// This scope with the variables of patterns.
    pub(super) fn with_patterns(&self, patterns: &[Pattern]) -> Self {
        let mut scope = self.clone();
        for pattern in patterns {
            for variable in pattern_variables(pattern) {
                scope.introduce(variable);
            }
        }
        scope
    }
}

/// The variables of a pattern, in the order of writing, the path's last.
pub(super) fn pattern_variables(pattern: &Pattern) -> impl Iterator<Item = &Name> {
    let hops = pattern.hops.iter().flat_map(|(edge, node)| [&edge.variable, &node.variable]);
    std::iter::once(&pattern.start.variable)
        .chain(hops)
        .chain(std::iter::once(&pattern.path))
        .filter_map(|variable| variable.as_ref().map(|variable| &variable.name))
}

/// Rows with their variables.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    pub(super) scope: Scope,
    pub(super) rows: Vec<Row>,
}
