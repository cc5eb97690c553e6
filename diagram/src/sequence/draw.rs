//! A sequence as a picture: a column for everybody who takes part, time downwards, a row for each
//! item.

use super::{Item, Lane, Life, Sequence, What, seconds};
use crate::{
    canvas::{Anchor, Canvas, Hue, width, wrapped},
    links,
};

const MARGIN: i32 = 16;
const TIMES: i32 = 76;
const COLUMN: i32 = 150;
const LINE: i32 = 15;
const HEAD: i32 = 40;
/// Where reasons are broken.
const WHY: i32 = 430;
/// A picture is at least so wide, for its words.
const LEAST: i32 = 760;

struct Drawing<'s> {
    sequence: &'s Sequence,
    canvas: Canvas,
    width: i32,
    /// From where each lane's line is still to be drawn, and whether a process runs on it.
    lines: Vec<(i32, bool)>,
    /// The time that was last written.
    time: Option<u64>,
}

impl Sequence {
    /// The sequence as SVG.
    #[must_use]
    pub fn svg(&self) -> String {
        let columns = i32::try_from(self.lanes.len()).unwrap_or(i32::MAX / COLUMN);
        let width = (TIMES + columns * COLUMN + 2 * MARGIN).max(LEAST);
        let mut lines = Canvas::default();
        let mut drawing = Drawing {
            sequence: self,
            canvas: Canvas::default(),
            width,
            lines: Vec::new(),
            time: None,
        };
        let mut y = MARGIN + 18;
        drawing.canvas.text((MARGIN, y), Anchor::Start, "head", &self.title);
        for line in self.notes.iter().flat_map(|note| wrapped(note, width - 2 * MARGIN)) {
            y += LINE + 2;
            drawing.canvas.text((MARGIN, y), Anchor::Start, "soft", &line);
        }
        y += 14;
        drawing.heads(y);
        y += HEAD;
        drawing.lines = vec![(y, true); self.lanes.len()];
        y += 8;
        for item in &self.items {
            y = drawing.item(item, y, &mut lines);
        }
        y += 8;
        for lane in 0..self.lanes.len() {
            drawing.lane_until(lane, y, &mut lines);
        }
        drawing.heads(y);
        y += HEAD + MARGIN;
        // Words stand on lines, so lines are drawn first.
        lines.append(drawing.canvas);
        lines.finish((width, y), &self.title)
    }
}

impl Drawing<'_> {
    fn x(&self, lane: Lane) -> i32 {
        let at = self.sequence.lanes.iter().position(|other| *other == lane).unwrap_or(0);
        let at = i32::try_from(at).unwrap_or(0);
        MARGIN + TIMES + at * COLUMN + COLUMN / 2
    }

    fn heads(&mut self, y: i32) {
        for lane in &self.sequence.lanes {
            let x = self.x(*lane);
            self.canvas.rect((x - 55, y), (110, HEAD), "box");
            self.canvas.text((x, y + 17), Anchor::Middle, "bold", &lane.name());
            self.canvas.text((x, y + 32), Anchor::Middle, "soft small", lane.kind());
        }
    }

    /// Draws the line of a lane as far as here.
    fn lane_until(&mut self, lane: usize, y: i32, lines: &mut Canvas) {
        let (from, runs) = self.lines[lane];
        let x = self.x(self.sequence.lanes[lane]);
        let class = if runs { "life" } else { "life dashed" };
        lines.line(&format!("M{x},{from}L{x},{y}"), class);
        self.lines[lane].0 = y;
    }

    /// Draws an item from here; returns where the next one begins.
    fn item(&mut self, item: &Item, y: i32, lines: &mut Canvas) -> i32 {
        if self.time != Some(item.at) {
            self.canvas.text((MARGIN, y + 13), Anchor::Start, "soft small", &seconds(item.at));
            self.time = Some(item.at);
        }
        match &item.what {
            What::Message { from, to, answer } => self.message(item, (*from, *to), *answer, y),
            What::Note { over, life } => {
                let bottom = self.note(item, over, y);
                for lane in over.iter().filter(|_| *life != Life::Same) {
                    let at = self.sequence.lanes.iter().position(|other| other == lane);
                    if let Some(at) = at {
                        self.lane_until(at, y, lines);
                        self.lines[at].1 = *life == Life::Begins;
                    }
                }
                bottom
            }
            What::Left => {
                let text = format!("… {} …", item.text);
                self.canvas.text((self.width / 2, y + 14), Anchor::Middle, "soft", &text);
                y + 24
            }
        }
    }

    /// Where words of this width stand so that they stay in the picture.
    fn inside(&self, x: i32, w: i32) -> i32 {
        let left = MARGIN + TIMES + w / 2;
        let right = self.width - MARGIN - w / 2;
        x.min(right).max(left)
    }

    /// Writes words and their reason; returns how wide and high they are.
    fn words(&mut self, item: &Item, x: i32, y: i32, why: &[String]) {
        let link = item.rule.map(links::rule_page);
        let class = format!("{} bold", item.hue.class());
        self.canvas.linked((x, y + 12), Anchor::Middle, &class, &item.text, link.as_deref());
        for (line, at) in why.iter().zip(1..) {
            self.canvas.text((x, y + 12 + at * LINE), Anchor::Middle, "soft small", line);
        }
    }

    fn message(&mut self, item: &Item, ends: (Lane, Lane), answer: bool, y: i32) -> i32 {
        let (from, to) = (self.x(ends.0), self.x(ends.1));
        let (why, w, h) = measured(item);
        let x = self.inside((from + to) / 2, w);
        self.canvas.rect((x - w / 2, y), (w, h), "plate");
        self.words(item, x, y, &why);
        let line = y + h + 4;
        let more = if answer { " dashed" } else { "" };
        self.canvas.arrow(&format!("M{from},{line}L{to},{line}"), item.hue, more);
        line + 10
    }

    fn note(&mut self, item: &Item, over: &[Lane], y: i32) -> i32 {
        let xs = || over.iter().map(|lane| self.x(*lane));
        let (least, most) = (xs().min().unwrap_or(0), xs().max().unwrap_or(0));
        let (why, w, h) = measured(item);
        let w = w.max(most - least + 60);
        let x = self.inside((least + most) / 2, w);
        let class = match item.hue {
            Hue::Plain => "box",
            Hue::Rule => "moving",
            Hue::Event | Hue::Both => "bad",
        };
        self.canvas.rect((x - w / 2, y), (w, h + 3), class);
        self.words(item, x, y + 1, &why);
        y + h + 10
    }
}

/// The lines of a reason, and the size of an item's words with it.
fn measured(item: &Item) -> (Vec<String>, i32, i32) {
    let why = item.why.as_deref().map_or_else(Vec::new, |why| wrapped(why, WHY));
    let widest = why.iter().map(|line| width(line)).max().unwrap_or(0);
    let w = widest.max(width(&item.text) * 11 / 10) + 12;
    let lines = i32::try_from(why.len() + 1).unwrap_or(1);
    (why, w, lines * LINE + 2)
}
