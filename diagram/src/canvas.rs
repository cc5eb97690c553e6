//! SVG text: boxes, lines and words, with one style for light and dark. Nothing in a picture comes
//! from outside, neither font nor script; how wide words are is estimated, generously.

use std::fmt::Write as _;

/// The colours of words, boxes and lines. A picture brings its own background, since a page that
/// shows it may be of either kind.
const STYLE: &str = "\
text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;fill:#1f2328}\
text.head{font-size:17px;font-weight:600}\
text.bold{font-weight:600}\
text.soft{fill:#59636e}\
text.rule{fill:#0550ae}\
text.event{fill:#a40e26}\
text.both{fill:#6639ba}\
text.small{font-size:11px}\
a text{text-decoration:underline}\
.ground{fill:#ffffff}\
.box{fill:#f6f8fa;stroke:#59636e}\
.good{fill:#dafbe1;stroke:#1a7f37}\
.moving{fill:#ddf4ff;stroke:#0969da}\
.bad{fill:#ffebe9;stroke:#cf222e}\
.note{fill:#fff8c5;stroke:#9a6700}\
.start{stroke-width:2.5}\
.plate{fill:#ffffff}\
.line{fill:none;stroke:#59636e;stroke-width:1.3}\
.line.rule{stroke:#0969da}\
.line.event{stroke:#cf222e}\
.line.both{stroke:#8250df}\
.line.life{stroke:#b7bfc8;stroke-width:1.2}\
.line.dashed{stroke-dasharray:5 4}\
.head-rule{fill:#0969da}.head-event{fill:#cf222e}.head-both{fill:#8250df}.head-plain{fill:#59636e}\
@media(prefers-color-scheme:dark){\
text{fill:#e6edf3}text.soft{fill:#9198a1}text.rule{fill:#79c0ff}text.event{fill:#ffa198}\
text.both{fill:#d2a8ff}\
.ground,.plate{fill:#0d1117}\
.box{fill:#161b22;stroke:#9198a1}\
.good{fill:#0f2e1a;stroke:#3fb950}\
.moving{fill:#0c2440;stroke:#58a6ff}\
.bad{fill:#3b1216;stroke:#f85149}\
.note{fill:#2e2508;stroke:#d29922}\
.line{stroke:#9198a1}.line.rule{stroke:#58a6ff}.line.event{stroke:#f85149}\
.line.both{stroke:#bc8cff}.line.life{stroke:#4b535d}\
.head-rule{fill:#58a6ff}.head-event{fill:#f85149}.head-both{fill:#bc8cff}.head-plain{fill:#9198a1}}";

/// What a line or a word stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hue {
    /// Nothing in particular.
    Plain,
    /// A rule.
    Rule,
    /// Something that befalls the cluster.
    Event,
    /// A rule and something else.
    Both,
}

impl Hue {
    pub(crate) const ALL: [Self; 4] = [Self::Plain, Self::Rule, Self::Event, Self::Both];

    /// Its class in a style.
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Rule => "rule",
            Self::Event => "event",
            Self::Both => "both",
        }
    }
}

/// Where the words of a text stand beside its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    /// They begin there.
    Start,
    /// They are centred there.
    Middle,
}

/// A picture in the making. Lengths are pixels, to the right and down.
#[derive(Debug, Clone, Default)]
pub(crate) struct Canvas {
    body: String,
}

/// Words as XML has them.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            _ => out.push(c),
        }
    }
    out
}

/// How wide a text is at the usual size, in pixels; rather too much than too little.
pub(crate) fn width(text: &str) -> i32 {
    let hundredths: i32 = text.chars().map(advance).sum();
    hundredths * 12 / 100
}

/// The advance of a character, in hundredths of the size of the font.
const fn advance(c: char) -> i32 {
    match c {
        'i' | 'j' | 'l' | '\'' | '|' | '.' | ',' | ':' | ';' | '!' => 34,
        'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '-' | ' ' | '/' | '1' => 42,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '→' | '…' => 98,
        'A'..='Z' => 72,
        '\u{2000}'.. => 100,
        _ => 63,
    }
}

/// A text in lines of at most so many pixels, broken between words.
pub(crate) fn wrapped(text: &str, most: i32) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().map_or(0, |line| width(line));
        let fits = last == 0 || last + width(" ") + width(word) <= most;
        match lines.last_mut().filter(|_| fits) {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

impl Canvas {
    /// A box with round corners.
    pub(crate) fn rect(&mut self, (x, y): (i32, i32), (w, h): (i32, i32), class: &str) {
        self.put(format_args!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" rx=\"5\" class=\"{class}\"/>\n"
        ));
    }

    /// Words; `y` is the line that they stand on.
    pub(crate) fn text(&mut self, (x, y): (i32, i32), anchor: Anchor, class: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
        };
        let text = escaped(text);
        self.put(format_args!(
            "<text x=\"{x}\" y=\"{y}\"{anchor} class=\"{class}\">{text}</text>\n"
        ));
    }

    /// Words that lead to another page.
    pub(crate) fn linked(
        &mut self,
        at: (i32, i32),
        anchor: Anchor,
        class: &str,
        text: &str,
        to: Option<&str>,
    ) {
        let Some(to) = to else { return self.text(at, anchor, class, text) };
        self.put(format_args!("<a href=\"{}\" target=\"_top\">", escaped(to)));
        self.text(at, anchor, class, text);
        self.put(format_args!("</a>\n"));
    }

    /// A line along a path, with an arrow at its end.
    pub(crate) fn arrow(&mut self, path: &str, hue: Hue, more: &str) {
        let class = hue.class();
        self.put(format_args!(
            "<path d=\"{path}\" class=\"line {class}{more}\" marker-end=\"url(#to-{class})\"/>\n"
        ));
    }

    /// A line along a path.
    pub(crate) fn line(&mut self, path: &str, class: &str) {
        self.put(format_args!("<path d=\"{path}\" class=\"line {class}\"/>\n"));
    }

    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _written = self.body.write_fmt(text);
    }

    /// Puts another picture on top of this one.
    pub(crate) fn append(&mut self, other: Self) {
        self.body.push_str(&other.body);
    }

    /// The whole picture.
    pub(crate) fn finish(self, (w, h): (i32, i32), title: &str) -> String {
        let heads: String = Hue::ALL
            .iter()
            .map(|hue| {
                let class = hue.class();
                format!(
                    "<marker id=\"to-{class}\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" \
                     markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\">\
                     <path d=\"M0,0.5L8,4L0,7.5z\" class=\"head-{class}\"/></marker>"
                )
            })
            .collect();
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" \
             height=\"{h}\" role=\"img\">\n<title>{}</title>\n<style>{STYLE}</style>\n\
             <defs>{heads}</defs>\n<rect width=\"{w}\" height=\"{h}\" class=\"ground\"/>\n{}</svg>\n",
            escaped(title),
            self.body
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_escaped() {
        let mut canvas = Canvas::default();
        canvas.text((1, 2), Anchor::Start, "bold", "a<b & \"c\"");
        let picture = canvas.finish((10, 10), "<");
        assert!(picture.contains(">a&lt;b &amp; &quot;c&quot;</text>"), "{picture}");
        assert!(picture.contains("<title>&lt;</title>"), "{picture}");
    }

    #[test]
    fn lines_are_as_wide_as_allowed() {
        let lines = wrapped("one two three four five six seven", 60);
        assert!(lines.len() > 2, "{lines:?}");
        for line in &lines {
            assert!(width(line) <= 60, "{line}");
        }
        assert_eq!(lines.join(" "), "one two three four five six seven");
        assert_eq!(wrapped("unbreakable-and-long", 10), ["unbreakable-and-long"]);
    }
}
