//! Where everything stands: layers below each other, and within a layer each item as near to its
//! neighbours as the order and the widths allow.

use super::{
    Graph,
    layers::{Item, Layers},
    order::order,
};
use crate::canvas::width;

/// The height of a line of words.
pub(super) const LINE: i32 = 16;
/// The space between words and the border of their box.
pub(super) const PAD: i32 = 10;
const BESIDE: i32 = 22;
const BELOW: i32 = 15;
const SWEEPS: usize = 120;

/// A graph with places.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub(super) layers: Layers,
    /// The middle of each item.
    pub(super) x: Vec<i32>,
    /// Its width and height.
    pub(super) size: Vec<(i32, i32)>,
    /// The top and bottom of each layer.
    pub(super) bands: Vec<(i32, i32)>,
    /// How wide everything is.
    pub(super) width: i32,
}

/// How wide the way of an edge past nodes is, which it may cross aslant.
const PASS: i32 = 36;

/// The size of what an item shows.
fn size(graph: &Graph, item: Item, layer: usize) -> (i32, i32) {
    let lines = |count: usize| i32::try_from(count).unwrap_or(i32::MAX / LINE) * LINE;
    match item {
        Item::Node(node) => {
            let node = &graph.nodes[node];
            let title = width(&node.title) * 11 / 10;
            let widest = node.lines.iter().map(|line| width(line)).max().unwrap_or(0).max(title);
            (widest + 2 * PAD, lines(node.lines.len() + 1) + PAD)
        }
        Item::Words(edge) => {
            let labels = &graph.edges[edge].labels;
            let widest = labels.iter().map(|label| width(&label.text)).max().unwrap_or(0);
            (widest + 8, lines(labels.len()) + 4)
        }
        Item::Joint(_) => (if layer.is_multiple_of(2) { PASS } else { 6 }, 0),
    }
}

impl Placed {
    pub(super) fn of(graph: &Graph) -> Self {
        let mut layers = Layers::of(graph);
        order(&mut layers);
        let size: Vec<(i32, i32)> = layers
            .items
            .iter()
            .zip(&layers.layer)
            .map(|(item, layer)| size(graph, *item, *layer))
            .collect();
        let mut top = 0;
        let bands = layers.rows.iter().map(|row| {
            let height = row.iter().map(|item| size[*item].1).max().unwrap_or(0);
            let band = (top, top + height);
            top += height + BELOW;
            band
        });
        let bands = bands.collect();
        let mut x = across(&layers, &size);
        let left = |item: usize, x: &[i32]| x[item] - size[item].0 / 2;
        let least = (0..x.len()).map(|item| left(item, &x)).min().unwrap_or(0);
        for x in &mut x {
            *x -= least;
        }
        let width =
            (0..x.len()).map(|item| left(item, &x) + size[item].0).max().unwrap_or_default();
        Self { layers, x, size, bands, width }
    }
}

/// How much a join wants to be straight.
const fn pull(one: Item, other: Item) -> i64 {
    match (one, other) {
        (Item::Node(_), Item::Node(_)) => 1,
        (Item::Node(_), _) | (_, Item::Node(_)) => 2,
        (Item::Joint(_) | Item::Words(_), Item::Joint(_) | Item::Words(_)) => 8,
    }
}

/// The middles of all items.
fn across(layers: &Layers, size: &[(i32, i32)]) -> Vec<i32> {
    let joins = layers.joins();
    let mut x = vec![0; layers.items.len()];
    for row in &layers.rows {
        let wishes: Vec<(i64, i64)> = row.iter().map(|_| (0, 1)).collect();
        settle(row, size, &wishes, &mut x);
    }
    for sweep in 0..SWEEPS {
        let count = layers.rows.len();
        for step in 0..count {
            let at = if sweep % 2 == 0 { step } else { count - 1 - step };
            let row = &layers.rows[at];
            let wishes: Vec<(i64, i64)> = row
                .iter()
                .map(|item| {
                    let near = joins.iter().filter_map(|(above, below)| match *item {
                        item if item == *above => Some(*below),
                        item if item == *below => Some(*above),
                        _ => None,
                    });
                    let (sum, weight) = near.fold((0, 0), |(sum, weight), other| {
                        let pull = pull(layers.items[*item], layers.items[other]);
                        (sum + pull * i64::from(x[other]), weight + pull)
                    });
                    if weight == 0 { (i64::from(x[*item]), 1) } else { (sum / weight, weight) }
                })
                .collect();
            settle(row, size, &wishes, &mut x);
        }
    }
    x
}

/// Puts the items of a layer as near as possible to where they wish to be, each with its weight:
/// the least sum of squares among the places that keep order and distance.
fn settle(row: &[usize], size: &[(i32, i32)], wishes: &[(i64, i64)], x: &mut [i32]) {
    let mut offset = 0_i64;
    let mut offsets = Vec::with_capacity(row.len());
    // Blocks of items that stand close together: sum of wishes, weight, how many.
    let mut blocks: Vec<(i64, i64, usize)> = Vec::new();
    for (at, (item, (wish, weight))) in row.iter().zip(wishes).enumerate() {
        if at > 0 {
            let between = (size[row[at - 1]].0 + size[*item].0) / 2 + BESIDE;
            offset += i64::from(between);
        }
        offsets.push(offset);
        blocks.push(((wish - offset) * weight, *weight, 1));
        while let [.., before, last] = blocks.as_slice()
            && before.0 * last.1 > last.0 * before.1
        {
            let merged = (before.0 + last.0, before.1 + last.1, before.2 + last.2);
            blocks.truncate(blocks.len() - 2);
            blocks.push(merged);
        }
    }
    let mut at = 0;
    for (sum, weight, count) in blocks {
        for _ in 0..count {
            x[row[at]] = i32::try_from(sum / weight + offsets[at]).unwrap_or(0);
            at += 1;
        }
    }
}
