//! What is said again and again is said once, with how often.

use super::{Item, Sequence, What};
use crate::canvas::Hue;

/// The longest run of items that is looked for.
const LONGEST: usize = 12;
/// A run that comes more often than this is folded.
const ENOUGH: usize = 2;

impl Sequence {
    /// The same with runs of items that repeat told once.
    #[must_use]
    pub fn folded(self) -> Self {
        let mut items: Vec<Item> = Vec::with_capacity(self.items.len());
        let mut at = 0;
        while at < self.items.len() {
            let rest = &self.items[at..];
            let Some((length, times)) = repeated(rest) else {
                items.push(rest[0].clone());
                at += 1;
                continue;
            };
            items.extend(rest[..length].iter().cloned());
            let last = &rest[length * times - 1];
            let what = if length == 1 { "the same" } else { "all of this" };
            let since = if length == 1 { String::new() } else { format!(" ({length} items)") };
            items.push(Item {
                at: last.at,
                what: What::Left,
                text: format!("{what}{since}, {} times more", times - 1),
                why: None,
                hue: Hue::Plain,
                rule: None,
            });
            at += length * times;
        }
        Self { items, ..self }
    }
}

/// The shortest run at the beginning that is repeated often enough, and how often it comes.
fn repeated(items: &[Item]) -> Option<(usize, usize)> {
    (1..=LONGEST).find_map(|length| {
        let run = items.get(..length)?;
        let same = |other: &[Item]| run.iter().zip(other).all(|(one, two)| one.is_like(two));
        let times = items.chunks_exact(length).take_while(|chunk| same(chunk)).count();
        (times > ENOUGH).then_some((length, times))
    })
}
