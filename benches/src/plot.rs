//! A plot of lines on two logarithmic axes, as SVG.

use core::ops::RangeInclusive;
use std::fmt::Write;

/// A line of a plot: its name, and the points that it goes through.
#[expect(
    clippy::exhaustive_structs,
    reason = "what a line is made of does not change"
)]
#[derive(Clone, Debug)]
pub struct Line {
    /// Its name in the legend.
    pub name: String,
    /// The points, all above zero.
    pub points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 500.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 350.0;
const LEGEND: f64 = RIGHT + 30.0;

/// It takes the colours of the reader's mode. Those of the lines differ for the colour-blind too (Okabe and Ito).
const STYLE: &str = "\
text { font: 13px sans-serif; fill: #24292f }
.frame { stroke: #57606a; fill: none }
.grid { stroke: #d0d7de }
.line { fill: none; stroke-width: 2 }
.c0 { stroke: #0072b2 } .c1 { stroke: #56b4e9 } .c2 { stroke: #d55e00 }
.c3 { stroke: #009e73 } .c4 { stroke: #cc79a7 } .c5 { stroke: #b08800 }
circle { fill: #ffffff }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.frame { stroke: #8b949e }
.grid { stroke: #30363d }
.c0 { stroke: #4aa8e0 }
circle { fill: #0d1117 }
}
";

/// The number of colours.
const COLOURS: usize = 6;

/// Draws lines, with the titles of the axes.
#[must_use]
pub fn log_log(title: &str, across: &str, up: &str, lines: &[Line]) -> String {
    let points = || lines.iter().flat_map(|line| &line.points);
    let x = Axis::of(points().map(|point| point.0), LEFT, RIGHT);
    let y = Axis::of(points().map(|point| point.1), BOTTOM, TOP);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n",
        escaped(title)
    );
    for power in x.powers.clone() {
        let place = x.place(10_f64.powi(power));
        tag(
            &mut svg,
            "path",
            &[
                ("class", "grid"),
                ("d", &format!("M{place:.1} {TOP}V{BOTTOM}")),
            ],
        );
        text(
            &mut svg,
            (place, BOTTOM + 20.0),
            "middle",
            &power_of_ten(power),
        );
    }
    for power in y.powers.clone() {
        let place = y.place(10_f64.powi(power));
        tag(
            &mut svg,
            "path",
            &[
                ("class", "grid"),
                ("d", &format!("M{LEFT} {place:.1}H{RIGHT}")),
            ],
        );
        text(
            &mut svg,
            (LEFT - 8.0, place + 4.0),
            "end",
            &power_of_ten(power),
        );
    }
    let frame = format!("M{LEFT} {TOP}V{BOTTOM}H{RIGHT}");
    tag(&mut svg, "path", &[("class", "frame"), ("d", &frame)]);
    text(
        &mut svg,
        ((LEFT + RIGHT) / 2.0, BOTTOM + 45.0),
        "middle",
        across,
    );
    text(&mut svg, (LEFT - 8.0, TOP - 12.0), "start", up);
    for (index, line) in lines.iter().enumerate() {
        draw(&mut svg, index, line, &x, &y);
    }
    svg + "</svg>\n"
}

/// Draws one line, with its place in the legend.
fn draw(svg: &mut String, index: usize, line: &Line, x: &Axis, y: &Axis) {
    let class = format!("line c{}", index % COLOURS);
    let places = line
        .points
        .iter()
        .map(|point| (x.place(point.0), y.place(point.1)));
    let places: Vec<_> = places.collect();
    let path = places.iter().map(|(x, y)| format!("{x:.1} {y:.1}"));
    let path = format!("M{}", path.collect::<Vec<_>>().join("L"));
    let height = TOP + 10.0 + 24.0 * index as f64;
    let mark = format!("M{LEGEND} {height}h24");
    for path in [path, mark] {
        tag(svg, "path", &[("class", &class), ("d", &path)]);
    }
    for (x, y) in places {
        let (x, y) = (format!("{x:.1}"), format!("{y:.1}"));
        tag(
            svg,
            "circle",
            &[("class", &class), ("cx", &x), ("cy", &y), ("r", "3")],
        );
    }
    text(svg, (LEGEND + 32.0, height + 4.0), "start", &line.name);
}

/// The powers of ten around some values, spread over a part of the picture.
struct Axis {
    powers: RangeInclusive<i32>,
    from: f64,
    to: f64,
}

impl Axis {
    fn of(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let logs: Vec<_> = values.map(f64::log10).collect();
        // What rounding left must not count as another power.
        let least = logs.iter().copied().fold(f64::INFINITY, f64::min) + 1e-9;
        let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max) - 1e-9;
        let (first, last) = (least.floor() as i32, most.ceil() as i32);
        let powers = first..=last.max(first.saturating_add(1));
        Self { powers, from, to }
    }

    fn place(&self, value: f64) -> f64 {
        let (first, last) = (
            f64::from(*self.powers.start()),
            f64::from(*self.powers.end()),
        );
        self.from + (self.to - self.from) * (value.log10() - first) / (last - first)
    }
}

fn power_of_ten(power: i32) -> String {
    crate::report::grouped(10_f64.powi(power))
}

fn tag(svg: &mut String, name: &str, attributes: &[(&str, &str)]) {
    svg.push('<');
    svg.push_str(name);
    for (name, value) in attributes {
        // Writing to a string does not fail.
        let _written = write!(svg, " {name}=\"{}\"", escaped(value));
    }
    svg.push_str("/>\n");
}

fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, content: &str) {
    let content = escaped(content);
    // Writing to a string does not fail.
    let _written = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{content}</text>"
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_ten_lie_at_equal_distances_and_the_ends_on_the_frame() {
        let axis = Axis::of([1000.0, 20.0].into_iter(), 0.0, 20.0);
        assert_eq!(axis.powers, 1..=3);
        let places = [10.0, 100.0, 1000.0].map(|value| axis.place(value).round());
        assert_eq!(places, [0.0, 10.0, 20.0]);
    }

    #[test]
    fn one_value_has_an_axis_too() {
        assert_eq!(Axis::of([1000.0].into_iter(), 0.0, 1.0).powers, 3..=4);
    }

    #[test]
    fn every_line_is_drawn_and_named() {
        let line = |name: &str| Line {
            name: name.to_owned(),
            points: vec![(10.0, 100.0), (100.0, 1000.0)],
        };
        let svg = log_log("a plot", "sockets", "ns", &[line("a < b"), line("c")]);
        assert!(
            svg.contains(">a &lt; b</text>") && svg.contains(">c</text>"),
            "{svg}"
        );
        assert_eq!(svg.matches("<circle").count(), 4, "{svg}");
        assert!(svg.contains("M80.0 350.0L500.0 30.0"), "{svg}");
    }
}
