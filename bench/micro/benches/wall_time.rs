//! Wall time of every path, by criterion: `cargo bench --package colok-micro --bench wall_time`.

use std::time::Duration;

use colok_micro::{Work, paths};
use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    macro_rules! harness {
        ($($module:ident: $($path:ident),+;)+) => {
            $($(measure(&mut criterion, stringify!($path), colok_micro::$module::$path());)+)+
        };
    }
    paths!(harness);
    criterion.final_summary();
}

fn measure(criterion: &mut Criterion, path: &str, mut work: Work) {
    criterion.bench_function(path, |bencher| bencher.iter(&mut work));
}
