//! A directed graph with words on its nodes and edges, as a picture and as Mermaid text. It knows
//! nothing of clusters.

mod draw;
mod layers;
mod mermaid;
mod order;
mod place;
#[cfg(test)]
mod tests;

use crate::canvas::Hue;

/// How a node looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tone {
    /// As it should be.
    Good,
    /// On the way.
    Moving,
    /// Something is amiss, and nothing is on the way yet.
    Bad,
}

impl Tone {
    pub(crate) const ALL: [Self; 3] = [Self::Good, Self::Moving, Self::Bad];

    /// Its class in a style.
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Moving => "moving",
            Self::Bad => "bad",
        }
    }
}

/// One node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    /// Its first line.
    pub(crate) title: String,
    /// The lines below.
    pub(crate) lines: Vec<String>,
    /// How it looks.
    pub(crate) tone: Tone,
}

/// One line of the words on an edge.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Label {
    /// What it stands for.
    pub(crate) hue: Hue,
    /// The words.
    pub(crate) text: String,
    /// Where they lead.
    pub(crate) link: Option<String>,
}

/// One edge, between two nodes by their numbers, which are different.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edge {
    /// Where it begins.
    pub(crate) from: usize,
    /// Where it ends.
    pub(crate) to: usize,
    /// What is written on it.
    pub(crate) labels: Vec<Label>,
}

impl Edge {
    /// What it stands for.
    pub(crate) fn hue(&self) -> Hue {
        let mut hues = self.labels.iter().map(|label| label.hue);
        let first = hues.next().unwrap_or(Hue::Plain);
        if hues.all(|hue| hue == first) { first } else { Hue::Both }
    }
}

/// A graph. Its first node is where everything begins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Graph {
    /// What it shows.
    pub(crate) title: String,
    /// What stands below the title.
    pub(crate) notes: Vec<String>,
    /// Its nodes.
    pub(crate) nodes: Vec<Node>,
    /// Its edges.
    pub(crate) edges: Vec<Edge>,
}
