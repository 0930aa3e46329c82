//! The plot: for each row a bar up to its median, a line on to p99, and a tick at p99.9.
//!
//! All benches share one logarithmic scale of nanoseconds per operation.

use std::fmt::Write;

use crate::contender::US;
use crate::stats::{Figures, Row};

const LABEL_WIDTH: f64 = 330.0;
const PLOT_WIDTH: f64 = 620.0;
const MARGIN: f64 = 20.0;
const LINE: f64 = 16.0;
/// The scale goes from one nanosecond over this many powers of ten.
const DECADES: u32 = 8;

/// The SVG document.
#[must_use]
pub(super) fn render(rows: &[Row]) -> String {
    let mut body = String::new();
    let mut y = MARGIN + LINE;
    let mut bench = "";
    for (row, figures) in rows.iter().filter_map(|row| row.figures.map(|figures| (row, figures))) {
        if row.bench != bench {
            bench = row.bench;
            y += LINE;
            text(&mut body, MARGIN, y, "start", &format!("{bench}, ns per operation"), "bold");
            y += LINE;
        }
        bar(&mut body, y, row, &figures);
        y += LINE;
    }
    let (width, height) = (LABEL_WIDTH + PLOT_WIDTH + 2.0 * MARGIN, y + MARGIN);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{}{body}</svg>\n",
        grid(y)
    )
}

fn grid(bottom: f64) -> String {
    let mut grid = String::new();
    for decade in 0..=DECADES {
        let ns = 10_f64.powi(decade.cast_signed());
        let x = position(ns);
        let label = match decade {
            0..=2 => format!("{ns} ns"),
            3..=5 => format!("{} us", ns / 1e3),
            _ => format!("{} ms", ns / 1e6),
        };
        text(&mut grid, x, MARGIN, "middle", &label, "normal");
        line(&mut grid, (x, MARGIN + 4.0), (x, bottom), "#dddddd", 1.0);
    }
    grid
}

fn bar(body: &mut String, y: f64, row: &Row, figures: &Figures) {
    let label = format!("{} · {} · {}", row.who, row.placement.name(), row.mode.name());
    text(body, LABEL_WIDTH - 8.0, y, "end", &label, "normal");
    let color = if row.who == US { "#1b7837" } else { "#7b9ec7" };
    let (start, middle) = (position(1.0), y - 4.0);
    let [p50, p99, p999] = [figures.p50_ns, figures.p99_ns, figures.p999_ns].map(position);
    line(body, (start, middle), (p50, middle), color, 9.0);
    line(body, (p50, middle), (p99, middle), color, 2.0);
    line(body, (p999, middle - 5.0), (p999, middle + 5.0), color, 2.0);
}

fn position(ns: f64) -> f64 {
    LABEL_WIDTH + PLOT_WIDTH * (ns.max(1.0).log10() / f64::from(DECADES)).min(1.0)
}

fn text(to: &mut String, x: f64, y: f64, anchor: &str, content: &str, weight: &str) {
    let element = format_args!(
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" font-weight=\"{weight}\">\
         {content}</text>\n"
    )
    .to_string();
    to.push_str(&element);
}

fn line(to: &mut String, from: (f64, f64), end: (f64, f64), color: &str, width: f64) {
    // Writing to a string cannot fail.
    let _ = writeln!(
        to,
        "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"{color}\" \
         stroke-width=\"{width}\"/>",
        from.0, from.1, end.0, end.1
    );
}
