//! `key=value` texts as the predecessor writes them: values in double quotes with backslash escapes
//! where they hold a space, a quote, an equals sign or nothing, and bare otherwise (PI 10).

/// Splits a text into its leading free words and its fields.
pub(super) fn split(text: &str) -> (String, Vec<(String, String)>) {
    let mut words = Vec::new();
    let mut fields = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        match field(rest) {
            Some((key, value, after)) => {
                fields.push((key, value));
                rest = after.trim_start();
            }
            None => {
                let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
                if fields.is_empty() {
                    words.push(word);
                }
                rest = after.trim_start();
            }
        }
    }
    (words.join(" "), fields)
}

/// The field at the beginning of a text, and what follows.
fn field(text: &str) -> Option<(String, String, &str)> {
    let end = text.find(|sign: char| !sign.is_ascii_alphanumeric() && sign != '_')?;
    let (key, rest) = text.split_at(end);
    let rest = rest.strip_prefix('=').filter(|_| !key.is_empty())?;
    if let Some(quoted) = rest.strip_prefix('"') {
        let (value, after) = quoted_value(quoted)?;
        return Some((key.to_owned(), value, after));
    }
    let end = rest.find(' ').unwrap_or(rest.len());
    let (value, after) = rest.split_at(end);
    Some((key.to_owned(), value.to_owned(), after))
}

fn quoted_value(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut signs = text.char_indices();
    while let Some((at, sign)) = signs.next() {
        match sign {
            '"' => return Some((value, text.get(at + 1..)?)),
            '\\' => match signs.next()?.1 {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                'r' => value.push('\r'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

/// The state of a replica as the text format prints it:
/// `&{Behind:0 Status:ready Timestamp:11650 IsHealthy:true ErrorReason:}`.
pub(super) fn replica_state(text: &str) -> Vec<(String, String)> {
    let inner = text.trim_start_matches("&{").trim_end_matches('}');
    let inner = inner.split("ErrorReason:").next().unwrap_or_default();
    let pairs = inner.split_whitespace().filter_map(|pair| pair.split_once(':'));
    let name = |key: &str| match key {
        "Behind" => "behind",
        "Status" => "status",
        "Timestamp" => "ts",
        _ => "",
    };
    pairs
        .map(|(key, value)| (name(key).to_owned(), value.to_owned()))
        .filter(|(key, _)| !key.is_empty())
        .collect()
}
