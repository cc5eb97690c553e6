//! The order within layers: each item goes where its neighbours are, layer by layer, down and up
//! again, and the order with the fewest crossings is kept.

use super::layers::Layers;

/// How often all layers are gone through.
const SWEEPS: usize = 40;
/// Where there is no neighbour, an item stays where it is; places are told apart this finely.
const FINE: usize = 1_000;

/// Puts the items of each layer in order.
pub(super) fn order(layers: &mut Layers) {
    let joins = layers.joins();
    let mut best = (crossings(layers, &joins), layers.rows.clone());
    for sweep in 0..SWEEPS {
        let down = sweep % 2 == 0;
        let count = layers.rows.len();
        for step in 1..count {
            let row = if down { step } else { count - 1 - step };
            arrange(layers, &joins, row, down);
        }
        exchange(layers, &joins);
        let now = crossings(layers, &joins);
        if now < best.0 {
            best = (now, layers.rows.clone());
        }
    }
    layers.rows = best.1;
}

/// The place of each item in its layer.
fn places(layers: &Layers) -> Vec<usize> {
    let mut places = vec![0; layers.items.len()];
    for row in &layers.rows {
        for (place, item) in row.iter().enumerate() {
            places[*item] = place;
        }
    }
    places
}

/// Orders one layer by the middle of the neighbours above, or below.
fn arrange(layers: &mut Layers, joins: &[(usize, usize)], row: usize, down: bool) {
    let places = places(layers);
    let middle = |item: usize| {
        let mut near: Vec<usize> = joins
            .iter()
            .filter_map(|(above, below)| match down {
                true if *below == item => Some(places[*above]),
                false if *above == item => Some(places[*below]),
                true | false => None,
            })
            .collect();
        near.sort_unstable();
        match near.as_slice() {
            [] => places[item] * FINE,
            all => {
                let half = all.len() / 2;
                if all.len() % 2 == 1 {
                    all[half] * FINE
                } else {
                    (all[half - 1] + all[half]) * FINE / 2
                }
            }
        }
    };
    let mut keyed: Vec<(usize, usize)> =
        layers.rows[row].iter().map(|item| (middle(*item), *item)).collect();
    keyed.sort_by_key(|(middle, _)| *middle);
    layers.rows[row] = keyed.into_iter().map(|(_, item)| item).collect();
}

/// Exchanges neighbours wherever that leaves fewer crossings.
fn exchange(layers: &mut Layers, joins: &[(usize, usize)]) {
    for row in 0..layers.rows.len() {
        let near: Vec<(usize, usize)> = joins
            .iter()
            .copied()
            .filter(|(above, below)| layers.layer[*above] == row || layers.layer[*below] == row)
            .collect();
        for place in 1..layers.rows[row].len() {
            let before = crossings(layers, &near);
            layers.rows[row].swap(place - 1, place);
            if crossings(layers, &near) >= before {
                layers.rows[row].swap(place - 1, place);
            }
        }
    }
}

/// How many pairs of joins cross.
fn crossings(layers: &Layers, joins: &[(usize, usize)]) -> usize {
    let places = places(layers);
    let mut count = 0;
    for (at, (above, below)) in joins.iter().enumerate() {
        for (other_above, other_below) in &joins[at + 1..] {
            if layers.layer[*above] != layers.layer[*other_above] {
                continue;
            }
            let upper = places[*above].cmp(&places[*other_above]);
            let lower = places[*below].cmp(&places[*other_below]);
            count += usize::from(upper.is_ne() && lower.is_ne() && upper != lower);
        }
    }
    count
}
