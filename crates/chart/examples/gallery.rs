//! Writes one page with every kind of chart, from made-up data, to be looked at:
//! `cargo run -p colok-chart --example gallery > gallery.html`.

use colok_chart::{
    Axis, Bar, BarChart, Contender, Error, Frame, Group, LineChart, Point, Scale, Series, Span,
    Unit, escape, stylesheet,
};

fn main() -> Result<(), Error> {
    let charts = [rate(), latency(), curve(), cost()];
    let mut page = format!(
        "<!doctype html>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <style>{}\nbody{{background:var(--chart-ground);color:var(--chart-ink);max-width:720px;\
         margin:auto}}svg{{width:100%}}</style>\n",
        stylesheet()
    );
    for chart in charts {
        page.push_str(&chart.svg(Frame::inline(Frame::WIDE))?);
        page.push_str(&chart.svg(Frame::inline(Frame::NARROW))?);
    }
    page.push_str(&bars().svg(Frame::inline(Frame::WIDE))?);
    page.push_str(&bars().svg(Frame::inline(Frame::NARROW))?);
    // A chart that is a file has its own style sheet, so it is kept apart from the page.
    for file in [curve().svg(Frame::standalone())?, bars().svg(Frame::standalone())?] {
        let file = escape(&file);
        page.push_str("<iframe width=\"744\" height=\"520\" srcdoc=\"");
        page.push_str(&file);
        page.push_str("\"></iframe>\n");
    }
    println!("{page}");
    Ok(())
}

/// Noise that is the same every time.
fn noise(seed: u32) -> f64 {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12345);
    state ^= state >> 15;
    state = state.wrapping_mul(2_246_822_519);
    f64::from(state >> 8) / f64::from(1 << 24)
}

fn chart(title: &str, x: Axis, y: Axis, series: Vec<Series>) -> LineChart {
    LineChart {
        title: title.into(),
        description: "Made-up data.".into(),
        x,
        y,
        series,
        spans: Vec::new(),
        weak: "fewer than 10 samples beyond".into(),
    }
}

fn series(name: &str, points: Vec<Point>) -> Series {
    Series { name: name.into(), points }
}

fn rate() -> LineChart {
    let point = |at: u32| {
        let value = 190_000.0 + 20_000.0 * noise(at) - if at == 301 { 150_000.0 } else { 0.0 };
        Point::new(f64::from(at) / 10.0, value)
    };
    let x = Axis::new("seconds since the first message", Scale::Linear, Unit::Plain);
    let y = Axis::new("messages per second", Scale::Linear, Unit::Count);
    let mut chart = chart("Rate", x, y, vec![series("answered", (0..600).map(point).collect())]);
    chart.spans.push(Span { from: 0.0, to: 2.0, name: "warm-up".into() });
    chart
}

fn latency() -> LineChart {
    let line = |base: f64, spread: f64, seed: u32| {
        let point = |at: u32| Point::new(f64::from(at), base * (1.0 + spread * noise(at + seed)));
        (0..30).map(point).collect()
    };
    let x = Axis::new("seconds since the first message", Scale::Linear, Unit::Plain);
    let y = Axis::new("round trip (logarithmic)", Scale::Log, Unit::Microseconds);
    let lines = vec![
        series("median", line(280.0, 0.2, 1)),
        series("99th percentile", line(700.0, 0.5, 99)),
        series("largest", line(3000.0, 3.0, 999)),
    ];
    let mut chart = chart("Latency over time", x, y, lines);
    chart.spans.push(Span { from: 0.0, to: 2.0, name: "warm-up".into() });
    chart
}

fn curve() -> LineChart {
    let line = |base: f64, tail: f64| {
        let point = |at: u32| {
            let nines = f64::from(at) * 0.05;
            let percentile = 100.0 - 100.0 * 10_f64.powf(-nines);
            let y = base * (1.0 + nines * 0.4) + tail * nines.powi(6);
            Point { x: percentile, y: Some(y), weak: nines > 5.0 }
        };
        (0..=120).map(point).collect()
    };
    let x = Axis::new("percentile", Scale::Nines, Unit::Percent);
    let y = Axis::new("round trip (logarithmic)", Scale::Log, Unit::Microseconds);
    let lines =
        vec![series("service time", line(210.0, 0.1)), series("response time", line(230.0, 4.0))];
    chart("How long replies take", x, y, lines)
}

fn cost() -> LineChart {
    let line = |base: f64, slope: f64| {
        let point = |at: u32| Point::new(f64::from(4_u32.pow(at)), base + slope * f64::from(at));
        (0..8).map(point).collect()
    };
    let mut x = Axis::new("connections (logarithmic)", Scale::Log, Unit::Plain);
    x.ticks = (0..8).map(|at| f64::from(4_u32.pow(at))).collect();
    let y = Axis::new("processor time per message", Scale::Linear, Unit::Microseconds);
    let names = ["colok events", "plain C epoll", "tokio, one thread", "tokio", "go", "socat"];
    let slopes = [0.1, 0.12, 0.3, 0.5, 0.7, 1.1];
    let lines = names.into_iter().zip(slopes).map(|(name, slope)| series(name, line(4.0, slope)));
    chart("Cost per message", x, y, lines.collect())
}

fn bars() -> BarChart {
    let names = ["colok events", "colok uring", "plain C epoll", "tokio, one thread", "socat"];
    let bar = |at: u32, group: u32| {
        let median = 230_000.0 / (1.0 + f64::from(at) * 0.3 + f64::from(group));
        let spread = 0.1 * noise(at * 7 + group) * median;
        let bar = Bar { median, min: median - spread, max: median + spread * 0.6 };
        (at != 4 || group != 2).then_some(bar)
    };
    let group = |(index, name): (u32, &str)| Group {
        name: name.into(),
        bars: (0..5).map(|at| bar(at, index)).collect(),
    };
    let conditions = ["1 connection, 64 B", "64 connections, 64 B", "512 connections, 1 KiB"];
    BarChart {
        title: "TCP echo: messages per second, median of five rounds, whiskers smallest to \
                largest"
            .into(),
        description: "Made-up data.".into(),
        axis: Axis::new("messages per second", Scale::Linear, Unit::Count),
        contenders: names
            .iter()
            .map(|name| Contender { name: (*name).into(), emphasis: name.starts_with("colok") })
            .collect(),
        groups: (0..).zip(conditions).map(group).collect(),
        missing: "not measured".into(),
    }
}
