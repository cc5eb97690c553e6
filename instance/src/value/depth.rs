//! Keeps bytes from another process from nesting values deeper than statements can: reading a value
//! goes as deep as the value, and a stack has an end.

use super::MAX_DEPTH;
use serde::de::{Deserialize, Deserializer, Error};
use std::cell::Cell;

thread_local! {
    static LEVELS: Cell<usize> = const { Cell::new(0) };
}

/// One level more, for as long as this lives.
struct Level;

impl Level {
    fn enter() -> Option<Self> {
        let levels = LEVELS.get();
        (levels < MAX_DEPTH).then(|| {
            LEVELS.set(levels + 1);
            Self
        })
    }
}

impl Drop for Level {
    fn drop(&mut self) {
        LEVELS.set(LEVELS.get() - 1);
    }
}

/// Reads the content of a list or map, unless it lies too deep.
pub(super) fn within<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    let Some(_level) = Level::enter() else {
        return Err(D::Error::custom(format!("lists and maps lie deeper than {MAX_DEPTH} levels")));
    };
    T::deserialize(deserializer)
}

#[cfg(test)]
mod tests {
    use super::MAX_DEPTH;
    use crate::value::Property;

    fn nested(levels: usize) -> Vec<u8> {
        let one = postcard::to_stdvec(&Property::list(vec![Property::Null])).unwrap();
        let (list, null) = one.split_at(2);
        list.iter().copied().cycle().take(2 * levels).chain(null.iter().copied()).collect()
    }

    #[test]
    fn values_are_read_as_deep_as_statements_make_them_and_no_deeper() {
        let deep: Property = postcard::from_bytes(&nested(MAX_DEPTH)).unwrap();
        assert_eq!(deep.depth(), MAX_DEPTH);
        for levels in [MAX_DEPTH + 1, 1_000_000] {
            postcard::from_bytes::<Property>(&nested(levels)).unwrap_err();
        }
        postcard::from_bytes::<Property>(&nested(MAX_DEPTH)).unwrap();
    }
}
