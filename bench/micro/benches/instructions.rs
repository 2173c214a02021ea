//! Instructions of every path, counted by callgrind: `cargo xtask bench instructions` compares them
//! with those that are kept.

#![expect(missing_docs, reason = "what the macros make is for the harness alone")]

use std::hint::black_box;

use colok_micro::{ROUNDS, Work, paths};
use gungraun::Callgrind;
use gungraun::prelude::*;

macro_rules! harness {
    ($($module:ident: $($path:ident),+;)+) => {
        #[library_benchmark]
        $($(#[bench::$path(warm(colok_micro::$module::$path()))])+)+
        fn path(mut work: Work) -> Work {
            for _ in 0..ROUNDS {
                work();
            }
            black_box(work)
        }
    };
}

paths!(harness);

/// What happens once, such as the choice of instructions for this processor, is not counted.
fn warm(mut work: Work) -> Work {
    work();
    work
}

library_benchmark_group!(name = paths, benchmarks = path);
main!(
    // Caches are simulated at half the speed, and nobody asks for them.
    config = LibraryBenchmarkConfig::default().tool(Callgrind::with_args(["--cache-sim=no"]));
    library_benchmark_groups = paths
);
