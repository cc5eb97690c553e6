//! Tables for people.

/// Rows under a head, each column as wide as its widest text.
pub(crate) fn columns(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let texts = rows.iter().filter_map(|row| row.get(column)).map(String::as_str);
        let widths = texts.chain(head.get(column).copied()).map(|text| text.chars().count());
        widths.max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..head.len()).map(width).collect();
    let line = |row: &mut dyn Iterator<Item = &str>| {
        let cells = row.zip(&widths).map(|(text, width)| format!("{text:<width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    let mut text = line(&mut head.iter().copied());
    for row in rows {
        text.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::columns;

    #[test]
    fn columns_are_as_wide_as_what_is_in_them() {
        let rows = [vec!["memgraph-ha-0".to_owned(), "main".to_owned()], vec!["é".to_owned()]];
        assert_eq!(
            columns(&["POD", "ROLE"], &rows),
            "POD            ROLE\nmemgraph-ha-0  main\né\n"
        );
    }
}
