//! HTML that cannot be broken by what it tells: markup comes from the program text alone, and
//! everything else is escaped.

use std::fmt::Write as _;

use colok_chart::{Error, Frame, LineChart, escape};

/// The look of every page; what is special to one comes after it.
pub(crate) const STYLE: &str = include_str!("html/style.css");

/// The page so far.
#[derive(Default)]
pub(crate) struct Html(String);

impl Html {
    /// Markup as it is; only texts of the program can be given.
    pub(crate) fn markup(&mut self, markup: &'static str) {
        self.0.push_str(markup);
        self.0.push('\n');
    }

    /// An element with this text. `tag` may carry attributes: `td class="number"`.
    pub(crate) fn text(&mut self, tag: &'static str, text: &str) {
        let name = tag.split(' ').next().unwrap_or(tag);
        // What is to be copied stays as it is.
        let text = if name == "pre" { escape(text) } else { joined(&escape(text)) };
        let _ = writeln!(self.0, "<{tag}>{text}</{name}>");
    }

    /// A link with this text, to a file beside the page or to a place in it (`#id`).
    pub(crate) fn link(&mut self, to: &str, text: &str) {
        let _ = write!(self.0, "<a href=\"{}\">{}</a>", escape(&address(to)), escape(text));
    }

    /// The start of an element with an id, which links may lead to.
    pub(crate) fn open_with_id(&mut self, tag: &'static str, id: &str) {
        let _ = writeln!(self.0, "<{tag} id=\"{}\">", escape(id));
    }

    /// A stretch of a bar that is as wide as its parent: from and to in parts of it. `about` is
    /// shown when it is pointed at.
    pub(crate) fn stretch(&mut self, class: &'static str, from: f64, to: f64, about: &str) {
        let (left, width) = (from.clamp(0.0, 1.0) * 100.0, (to - from).clamp(0.0, 1.0) * 100.0);
        let about = escape(about);
        let _ = write!(
            self.0,
            "<i class=\"{class}\" title=\"{about}\" \
             style=\"left:{left:.2}%;width:{width:.2}%\"></i>"
        );
    }

    /// How long the page is so far.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The start of the page, in this language.
    pub(crate) fn start(&mut self, language: &str, title: &str, styles: &[&str]) {
        let (language, title) = (escape(language), escape(title));
        let _ = write!(
            self.0,
            "<!doctype html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
             style-src 'unsafe-inline'\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>{title}</title>\n<style>\n{}\n</style>\n</head>\n<body>\n",
            styles.join("\n")
        );
    }

    /// A chart with its heading, once for wide and once for narrow windows: letters keep their
    /// size, and the style sheet shows the one that fits.
    pub(crate) fn chart(&mut self, chart: &LineChart, about: &str) -> Result<(), Error> {
        let (wide, narrow) =
            (chart.svg(Frame::inline(Frame::WIDE))?, chart.svg(Frame::inline(Frame::NARROW))?);
        self.markup("<figure>");
        self.text("figcaption", &chart.title);
        if !about.is_empty() {
            self.text("p class=\"about\"", about);
        }
        let _ = writeln!(self.0, "<div class=\"wide\">{wide}</div>");
        let _ = writeln!(self.0, "<div class=\"narrow\">{narrow}</div>\n</figure>");
        Ok(())
    }

    /// Rows of a name and a value, the empty ones left out; nothing at all when all are empty.
    pub(crate) fn facts(&mut self, heading: &str, rows: &[(String, String)]) {
        let mut rows = rows.iter().filter(|(_, value)| !value.is_empty()).peekable();
        if rows.peek().is_none() {
            return;
        }
        self.markup("<section>");
        self.text("h2", heading);
        self.markup("<table class=\"facts\">");
        for (name, value) in rows {
            self.markup("<tr>");
            self.text("th scope=\"row\"", name);
            self.text("td", value);
            self.markup("</tr>");
        }
        self.markup("</table>\n</section>");
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

/// A relative address: whatever a path holds besides plain characters is written as `%41`, so that
/// no path can be taken for a scheme, a query or a fragment.
fn address(to: &str) -> String {
    let (mark, path) = to.strip_prefix('#').map_or(("", to), |id| ("#", id));
    let mut out = mark.to_owned();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// The text with numbers that no line ends in: `1 000 000`, `99.9 %`, `12 µs`.
fn joined(text: &str) -> String {
    const UNITS: [&str; 9] = ["µs", "ms", "s", "min", "h", "B", "KiB", "MiB", "GiB"];
    let mut out = String::with_capacity(text.len() + 16);
    for (index, word) in text.split(' ').enumerate() {
        let bare = word.trim_end_matches([',', '.', ';', ':', ')']);
        let joins = word.starts_with(|first: char| first.is_ascii_digit() || first == '%')
            || UNITS.contains(&bare);
        if index > 0 {
            let after_number = out.ends_with(|last: char| last.is_ascii_digit());
            out.push(if joins && after_number { '\u{a0}' } else { ' ' });
        }
        out.push_str(word);
    }
    out
}
