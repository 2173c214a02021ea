//! A drawing that grows from top to bottom, and its elements.

use std::fmt::Write as _;

use crate::style::{SERIES, rules};
use crate::text::escape;
use crate::{Frame, Look};

/// How high letters are, and how far lines of them are apart.
pub(crate) const TEXT_SIZE: f64 = 12.0;
pub(crate) const LINE_HEIGHT: f64 = 18.0;
pub(crate) const HEAD_SIZE: f64 = 16.0;
/// Around a chart that is a file.
const MARGIN: f64 = 12.0;

/// Where a text is held.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place {
    pub(crate) x: f64,
    pub(crate) y: f64,
}

/// A rectangle.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Area {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) right: f64,
    pub(crate) bottom: f64,
}

/// The drawing.
pub(crate) struct Canvas {
    out: String,
    pub(crate) frame: Frame,
    pub(crate) width: f64,
}

impl Canvas {
    pub(crate) fn new(frame: Frame) -> Self {
        Self { out: String::new(), frame, width: frame.width() }
    }

    pub(crate) fn text(&mut self, at: Place, anchor: Anchor, class: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        let (x, y, text) = (short(at.x), short(at.y), escape(text));
        let _ = writeln!(self.out, "<text x=\"{x}\" y=\"{y}\"{anchor}{class}>{text}</text>");
    }

    /// A straight line, on whole units so that it is sharp.
    pub(crate) fn rule(&mut self, from: Place, to: Place, class: &str) {
        let sharp = |value: f64| short(value.round() + 0.5);
        let (x, y, right, bottom) = (sharp(from.x), sharp(from.y), sharp(to.x), sharp(to.y));
        let _ = writeln!(self.out, "<path class=\"{class}\" d=\"M{x} {y}L{right} {bottom}\"/>");
    }

    pub(crate) fn rectangle(&mut self, area: Area, class: &str, title: &str) {
        let (x, y) = (short(area.left), short(area.top));
        let (width, height) =
            (short((area.right - area.left).max(0.0)), short((area.bottom - area.top).max(0.0)));
        let _ = write!(
            self.out,
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\""
        );
        self.close("rect", title);
    }

    /// A line through places.
    pub(crate) fn line(&mut self, places: &[Place], class: &str) {
        let mut path = String::new();
        for (index, place) in places.iter().enumerate() {
            let letter = if index == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{letter}{} {}", short(place.x), short(place.y));
        }
        if places.len() == 1 {
            // A point without length: the round cap shows it.
            path.push_str("h0");
        }
        let _ = writeln!(self.out, "<path class=\"{class}\" d=\"{path}\"/>");
    }

    /// The marker of a series at a place.
    pub(crate) fn mark(&mut self, at: Place, series: usize, weak: bool, title: &str) {
        let series = series % SERIES;
        let shape = match series {
            0 => "m-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",
            1 => "m-3.5 -3.5h7v7h-7z",
            2 => "m0 -5l5 5l-5 5l-5 -5z",
            3 => "m0 -4.8l4.8 8.3h-9.6z",
            4 => "m0 4.8l4.8 -8.3h-9.6z",
            _ => "m-1.5 -4.5h3v3h3v3h-3v3h-3v-3h-3v-3h3z",
        };
        let class = if weak { "weak".to_owned() } else { format!("s{series}") };
        let (x, y) = (short(at.x), short(at.y));
        let _ = write!(self.out, "<path class=\"mark {class}\" d=\"M{x} {y}{shape}\"");
        self.close("path", title);
    }

    /// A place that is not seen and tells what is there.
    pub(crate) fn touch(&mut self, at: Place, title: &str) {
        let (x, y) = (short(at.x), short(at.y));
        let _ = write!(self.out, "<circle class=\"touch\" cx=\"{x}\" cy=\"{y}\" r=\"6\"");
        self.close("circle", title);
    }

    fn close(&mut self, element: &str, title: &str) {
        if title.is_empty() {
            self.out.push_str("/>\n");
        } else {
            let _ = writeln!(self.out, "><title>{}</title></{element}>", escape(title));
        }
    }

    /// The whole SVG, with what a reader who does not see it is told. A file gets a margin.
    pub(crate) fn finish(self, height: f64, title: &str, description: &str) -> String {
        let standalone = self.frame.look == Look::Standalone;
        let margin = if standalone { MARGIN } else { 0.0 };
        let (edge, width, height) =
            (short(-margin), short(self.width + 2.0 * margin), short(height + 2.0 * margin));
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" role=\"img\" \
             viewBox=\"{edge} {edge} {width} {height}\""
        );
        if standalone {
            let _ = write!(svg, " width=\"{width}\" height=\"{height}\"");
        }
        let _ = writeln!(svg, ">\n<title>{}</title>", escape(title));
        let _ = writeln!(svg, "<desc>{}</desc>", escape(description));
        if standalone {
            let _ = writeln!(svg, "<style>\n{}\n</style>", rules(Look::Standalone));
            let _ = writeln!(
                svg,
                "<rect class=\"ground\" x=\"{edge}\" y=\"{edge}\" width=\"{width}\" \
                 height=\"{height}\"/>"
            );
        }
        svg.push_str(&self.out);
        svg.push_str("</svg>\n");
        svg
    }
}

/// A coordinate with one digit behind the point, none when it is zero.
fn short(value: f64) -> String {
    let text = format!("{value:.1}");
    match text.strip_suffix(".0") {
        Some("-0") => "0".to_owned(),
        Some(whole) => whole.to_owned(),
        None => text,
    }
}
