//! HTML that cannot be broken by what it tells: markup comes from the program text alone, and
//! everything else is escaped.

use std::fmt::Write as _;

use colok_chart::{Error, Frame, LineChart, escape};

/// The page so far.
#[derive(Default)]
pub(super) struct Html(String);

impl Html {
    /// Markup as it is; only texts of the program can be given.
    pub(super) fn markup(&mut self, markup: &'static str) {
        self.0.push_str(markup);
        self.0.push('\n');
    }

    /// An element with this text. `tag` may carry attributes: `td class="number"`.
    pub(super) fn text(&mut self, tag: &'static str, text: &str) {
        let name = tag.split(' ').next().unwrap_or(tag);
        // What is to be copied stays as it is.
        let text = if name == "pre" { escape(text) } else { joined(&escape(text)) };
        let _ = writeln!(self.0, "<{tag}>{text}</{name}>");
    }

    /// The start of the page, in this language.
    pub(super) fn start(&mut self, language: &str, title: &str, styles: &[&str]) {
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
    pub(super) fn chart(&mut self, chart: &LineChart, about: &str) -> Result<(), Error> {
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
    pub(super) fn facts(&mut self, heading: &str, rows: &[(String, String)]) {
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

    pub(super) fn into_text(self) -> String {
        self.0
    }
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
