//! Line plots as SVG.

use std::fmt::Write as _;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 30.0;

/// How many marks an axis has, about.
const MARKS: f64 = 5.0;

/// A line.
pub(super) struct Line {
    pub(super) name: String,
    /// In order of x.
    pub(super) points: Vec<(f64, f64)>,
}

/// A plot of lines.
pub(super) struct Plot<'a> {
    /// What a reader who sees no picture is told.
    pub(super) title: &'a str,
    pub(super) lines: Vec<Line>,
    /// Marks of the x axis; by value when there are none.
    pub(super) marks: Vec<(f64, String)>,
    /// Whether the y axis is logarithmic.
    pub(super) logarithmic: bool,
}

impl Plot<'_> {
    /// The SVG element with its legend.
    pub(super) fn render(&self) -> String {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let widest = points().map(|point| point.0).fold(0.0, f64::max);
        let highest = points().map(|point| point.1).fold(0.0, f64::max);
        if points().count() < 2 || highest <= 0.0 {
            return "<p>Nothing to be drawn.</p>\n".to_owned();
        }
        let scale = Scale::new(widest, highest, self.logarithmic);
        let mut svg = String::new();
        // Writing to a text cannot fail.
        let _ = self.draw(&mut svg, &scale, widest);
        svg
    }

    fn draw(&self, svg: &mut String, scale: &Scale, widest: f64) -> std::fmt::Result {
        let title = escaped(self.title);
        writeln!(
            svg,
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\"><title>{title}</title>"
        )?;
        for value in scale.marks() {
            let y = scale.y(value);
            let (end, at, shown) = (WIDTH - RIGHT, LEFT - 6.0, number(value));
            writeln!(
                svg,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{end}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
            )?;
            writeln!(svg, "<text class=\"y\" x=\"{at}\" y=\"{y:.1}\">{shown}</text>")?;
        }
        let even = even_marks(widest).into_iter().map(|value| (value, number(value)));
        let marks = if self.marks.is_empty() {
            even.collect()
        } else {
            self.marks.clone()
        };
        for (value, shown) in marks {
            let (x, y) = (scale.x(value), HEIGHT - BOTTOM + 18.0);
            writeln!(
                svg,
                "<text class=\"x\" x=\"{x:.1}\" y=\"{y}\">{}</text>",
                escaped(&shown)
            )?;
        }
        for (index, line) in self.lines.iter().enumerate() {
            let points = line
                .points
                .iter()
                .map(|(x, y)| format!("{:.1},{:.1}", scale.x(*x), scale.y(*y)));
            let points: Vec<_> = points.collect();
            writeln!(svg, "<polyline class=\"c{index}\" points=\"{}\"/>", points.join(" "))?;
        }
        writeln!(svg, "</svg>\n<p class=\"legend\">")?;
        for (index, line) in self.lines.iter().enumerate() {
            writeln!(svg, "<span class=\"c{index}\">{}</span>", escaped(&line.name))?;
        }
        writeln!(svg, "</p>")
    }
}

struct Scale {
    widest: f64,
    lowest: f64,
    highest: f64,
    logarithmic: bool,
}

impl Scale {
    fn new(widest: f64, highest: f64, logarithmic: bool) -> Self {
        let decade = |value: f64| 10_f64.powf(value.log10().ceil());
        Self {
            widest: if widest > 0.0 { widest } else { 1.0 },
            // A tenth of a millisecond is as little as anybody cares for.
            lowest: if logarithmic { 0.1 } else { 0.0 },
            highest: if logarithmic { decade(highest.max(1.0)) } else { highest },
            logarithmic,
        }
    }

    fn x(&self, value: f64) -> f64 {
        LEFT + (WIDTH - LEFT - RIGHT) * value / self.widest
    }

    fn y(&self, value: f64) -> f64 {
        let share = if self.logarithmic {
            let over = |value: f64| value.max(self.lowest).log10() - self.lowest.log10();
            over(value) / over(self.highest)
        } else {
            value / self.highest
        };
        HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share
    }

    fn marks(&self) -> Vec<f64> {
        if !self.logarithmic {
            return even_marks(self.highest);
        }
        let mut marks = vec![self.lowest];
        while let Some(last) = marks.last().filter(|last| **last * 10.0 <= self.highest * 1.001) {
            marks.push(last * 10.0);
        }
        marks
    }
}

/// Round numbers from 0 to the end.
fn even_marks(end: f64) -> Vec<f64> {
    let rough = end / MARKS;
    let decade = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|times| times * decade);
    let step = step.into_iter().find(|step| *step >= rough).unwrap_or(rough);
    let mut marks = vec![0.0];
    while let Some(next) = marks.last().map(|last| last + step).filter(|next| *next <= end * 1.001) {
        marks.push(next);
    }
    marks
}

fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Text that is no markup.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '"' => safe.push_str("&quot;"),
            other => safe.push(other),
        }
    }
    safe
}
