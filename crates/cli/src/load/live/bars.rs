//! A small histogram in block characters: how often which time was measured.

use super::super::figures::time;

/// Rows of the histogram; with eight heights each.
const ROWS: usize = 3;

/// Eighths of a cell, from empty to full; letters where blocks cannot be shown.
const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const LETTERS: [char; 9] = [' ', '.', '.', ':', ':', '|', '|', '#', '#'];

/// The histogram and the line of times under it, from buckets of an upper bound in microseconds
/// and a count. No line is wider than `columns`; nothing when there is nothing to show.
pub(super) fn lines(buckets: &[(f64, u64)], columns: usize, blocks: bool) -> Vec<String> {
    let most = buckets.iter().map(|(_, count)| *count).max().unwrap_or(0);
    if most == 0 || columns < buckets.len() {
        return Vec::new();
    }
    let wide = (columns / buckets.len()).min(3);
    let cells = if blocks { BLOCKS } else { LETTERS };
    let full = u64::try_from(ROWS * 8).unwrap_or(u64::MAX);
    // What happened at all can be seen.
    let height = |count: u64| {
        let height = u128::from(count) * u128::from(full) / u128::from(most);
        usize::try_from(height).unwrap_or(0).max(usize::from(count > 0))
    };
    let mut lines = Vec::new();
    for row in (0..ROWS).rev() {
        let cell = |(_, count): &(f64, u64)| {
            let eighths = height(*count).saturating_sub(row * 8).min(8);
            cells[eighths].to_string().repeat(wide)
        };
        lines.push(buckets.iter().map(cell).collect());
    }
    lines.push(axis(buckets, wide));
    lines
}

/// The times at the left end, in the middle and at the right end.
fn axis(buckets: &[(f64, u64)], wide: usize) -> String {
    let total = buckets.len() * wide;
    let label = |index: usize| buckets.get(index).map_or_else(String::new, |(us, _)| time(*us));
    let (left, middle, right) = (label(0), label(buckets.len() / 2), label(buckets.len() - 1));
    let mut line = left;
    for (text, end) in [(middle, total / 2 + 4), (right, total)] {
        let have = line.chars().count();
        let length = text.chars().count();
        if have + 2 + length <= end {
            line.push_str(&" ".repeat(end - have - length));
            line.push_str(&text);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_bar_is_full_and_the_lowest_can_be_seen() {
        let buckets = [(10.0, 0), (20.0, 1), (40.0, 500), (80.0, 1000)];
        let shown = lines(&buckets, 40, true);
        assert_eq!(shown[0], "         ███");
        assert_eq!(shown[1], "      ▄▄▄███");
        assert_eq!(shown[2], "   ▁▁▁██████");
        assert_eq!(shown.len(), 4);
        let letters = lines(&buckets, 40, false);
        assert!(letters.iter().all(|line| line.is_ascii()), "{letters:?}");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let buckets: Vec<(f64, u64)> = (0..24).map(|at| (2_f64.powi(at), 7)).collect();
        for columns in [10, 24, 39, 79, 200] {
            for line in lines(&buckets, columns, true) {
                assert!(line.chars().count() <= columns, "{columns}: {line}");
            }
        }
        assert!(lines(&buckets, 79, true)[3].ends_with("8.39 s"));
        assert!(lines(&[], 79, true).is_empty());
        assert!(lines(&[(1.0, 0)], 79, true).is_empty());
    }
}
