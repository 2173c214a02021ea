//! Charts as SVG text: data in, text out.
//!
//! Two kinds: [`LineChart`] (linear, logarithmic or "nines" axes) and [`BarChart`] (medians with
//! whiskers). A chart is plain data; [`LineChart::svg`] and [`BarChart::svg`] draw it for a page
//! (colours are the page's, see [`stylesheet`]) or as a file of its own. Every text is escaped, the
//! size of the result is bounded whatever the data, and series differ by colour, dash and marker,
//! so that no reader depends on colours. Nothing here reads, prints or measures.

#![forbid(unsafe_code)]

mod bars;
mod draw;
mod line;
mod scale;
mod style;
#[cfg(test)]
mod tests;
mod text;
mod thin;
mod unit;

pub use bars::{Bar, BarChart, Contender, Group};
pub use line::{LineChart, Point, Series, Span};
pub use scale::{Axis, Scale};
pub use style::stylesheet;
pub use text::escape;
pub use unit::Unit;

/// Where a chart will be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Inside a page that has [`stylesheet`]: light or dark as the page is; the page gives the
    /// heading.
    Inline,
    /// As a file: its own light colours, background, margin and heading. Not to be put into a page
    /// as text, where its style sheet would hold for the other charts as well.
    Standalone,
}

/// How a chart is to be drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// Where it will be seen.
    pub look: Look,
    /// Width in units of a pixel; text is 12 of them high. Brought into 280 to 2000.
    pub width: f64,
}

impl Frame {
    /// The width that fits a page of text and a sheet of paper.
    pub const WIDE: f64 = 720.0;
    /// The width that fits a telephone.
    pub const NARROW: f64 = 360.0;

    /// In a page, this wide.
    pub const fn inline(width: f64) -> Self {
        Self { look: Look::Inline, width }
    }

    /// As a file, [`Frame::WIDE`].
    pub const fn standalone() -> Self {
        Self { look: Look::Standalone, width: Self::WIDE }
    }

    fn width(self) -> f64 {
        if self.width.is_finite() { self.width.clamp(280.0, 2000.0) } else { Self::WIDE }
    }
}

/// Why data cannot be drawn. The caller's fault, always.
#[derive(Clone, Debug, PartialEq)]
pub enum Error {
    /// A value is not a number, infinite, or beyond 1e300.
    NotFinite {
        /// The name of the series, contender or axis.
        of: String,
        /// The value.
        value: f64,
    },
    /// A percentile below 0 or above 100.
    NotAPercentile {
        /// The name of the series or axis.
        of: String,
        /// The value.
        value: f64,
    },
}

impl std::fmt::Display for Error {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotFinite { of, value } => {
                write!(out, "`{of}` has {value}, which cannot be drawn")
            }
            Self::NotAPercentile { of, value } => {
                write!(out, "`{of}` has {value}, which is not a percentile (0 to 100)")
            }
        }
    }
}

impl std::error::Error for Error {}

/// What every value must be.
fn check(of: &str, value: f64) -> Result<(), Error> {
    const MAX: f64 = 1e300;
    if value.is_finite() && value.abs() <= MAX {
        Ok(())
    } else {
        Err(Error::NotFinite { of: of.to_owned(), value })
    }
}

/// A count as a number to reckon with; exact below 2^32, and no chart has more of anything.
fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
