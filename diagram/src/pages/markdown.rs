//! What pages of Markdown have in common.

/// Words in a cell of a table, or in a line.
pub(crate) fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace('\n', " ")
}

/// Mermaid text, folded, for whoever wants to paste it.
pub(crate) fn mermaid(title: &str, text: &str) -> String {
    format!("<details><summary>{title}</summary>\n\n```mermaid\n{text}```\n\n</details>\n\n")
}
