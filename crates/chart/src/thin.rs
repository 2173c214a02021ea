//! Fewer points with the same outline: of each slice of the x axis the lowest and the highest stay.
//!
//! A peak that lasted one interval of ten thousand is still seen; a mean would have lost it.

use crate::Point;

/// Points of one series in a drawing: more cannot be told apart on 720 units.
pub(crate) const POINTS_MAX: usize = 360;

/// At most [`POINTS_MAX`] points (gaps not counted) of those given, in their order.
pub(crate) fn thin(points: &[Point]) -> Vec<&Point> {
    if points.len() <= POINTS_MAX {
        return points.iter().collect();
    }
    let slice = points.len().div_ceil(POINTS_MAX / 2);
    points.chunks(slice).flat_map(extremes).collect()
}

/// The lowest and the highest point of a slice, in their order; a gap, when there is nothing else.
fn extremes(slice: &[Point]) -> Vec<&Point> {
    let order = |a: &f64, b: &f64| a.total_cmp(b);
    let values = || slice.iter().enumerate().filter_map(|(index, point)| Some((index, point.y?)));
    let low = values().min_by(|a, b| order(&a.1, &b.1));
    let high = values().max_by(|a, b| order(&a.1, &b.1));
    match (low, high) {
        (Some((low, _)), Some((high, _))) if low != high => {
            vec![&slice[low.min(high)], &slice[low.max(high)]]
        }
        (Some((only, _)), _) => vec![&slice[only]],
        _ => slice.first().into_iter().collect(),
    }
}
