//! Addresses and sockets: reading them, resolving them, binding them, and knowing who holds them.
//!
//! Nothing here knows a protocol or a concurrency model.

pub mod duration;
pub mod holder;
pub mod listen;
pub mod resolve;
pub mod service_address;
pub mod url;

/// The nearest of `names` to `wrong`, when one is near enough to be what was meant: at most two
/// edits (insert, delete, replace, swap of neighbours), and fewer than half of its letters.
pub fn nearest_name<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    names
        .into_iter()
        .map(|name| (edit_distance(wrong, name), name))
        .filter(|(distance, name)| *distance <= 2 && distance * 2 < name.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Optimal string alignment distance. Bounded: names longer than 64 characters count as far away.
fn edit_distance(left: &str, right: &str) -> usize {
    const LONGEST: usize = 64;
    let left: Vec<char> = left.chars().take(LONGEST + 1).collect();
    let right: Vec<char> = right.chars().take(LONGEST + 1).collect();
    if left.len() > LONGEST || right.len() > LONGEST {
        return usize::MAX / 2;
    }
    let mut rows = vec![vec![0; right.len() + 1]; left.len() + 1];
    for (column, cell) in rows[0].iter_mut().enumerate() {
        *cell = column;
    }
    for i in 1..=left.len() {
        rows[i][0] = i;
        for j in 1..=right.len() {
            let replace = rows[i - 1][j - 1] + usize::from(left[i - 1] != right[j - 1]);
            let mut best = replace.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            let swapped =
                i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1];
            if swapped {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_names() {
        let names = ["echo", "count", "discard", "chargen"];
        assert_eq!(nearest_name("ehco", names), Some("echo"));
        assert_eq!(nearest_name("cuont", names), Some("count"));
        assert_eq!(nearest_name("counter", names), Some("count"));
        assert_eq!(nearest_name("http", names), None);
        assert_eq!(nearest_name(&"x".repeat(100_000), names), None);
    }
}
