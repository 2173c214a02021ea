//! Charts of ordinary data, and of data that nobody expects.

use super::*;

fn axis(scale: Scale) -> Axis {
    Axis::new("x", scale, Unit::Plain)
}

fn chart(x: Scale, y: Scale, points: Vec<Point>) -> LineChart {
    LineChart {
        title: "title".into(),
        description: "description".into(),
        x: axis(x),
        y: axis(y),
        series: vec![Series { name: "name".into(), points }],
        spans: Vec::new(),
        weak: "weak".into(),
    }
}

fn drawn(chart: &LineChart) -> String {
    let svg = chart.svg(Frame::standalone()).expect("can be drawn");
    assert!(chart.svg(Frame::inline(Frame::NARROW)).is_ok());
    well_formed(&svg);
    svg
}

/// Elements are nested rightly, and no number in the drawing is none.
fn well_formed(svg: &str) {
    let mut open = Vec::new();
    let mut rest = svg;
    while let Some(start) = rest.find('<') {
        let end = rest[start..].find('>').expect("an element ends") + start;
        let element = &rest[start + 1..end];
        if let Some(name) = element.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{svg}");
        } else if !element.ends_with('/') {
            open.push(element.split_whitespace().next().expect("an element has a name"));
        }
        assert!(!element.contains("NaN") && !element.contains("inf"), "{element}");
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty() && svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
}

/// The labels in a drawing, in their order.
fn labels(svg: &str) -> Vec<&str> {
    let texts = svg.split("<text ").skip(1);
    texts.filter_map(|text| text.split_once('>')?.1.split_once('<').map(|(text, _)| text)).collect()
}

#[test]
fn odd_data_is_drawn() {
    let many: Vec<f64> = (0..100).map(f64::from).collect();
    let cases: [&[f64]; 8] = [
        &[],
        &[7.0],
        &[5.0, 5.0, 5.0],
        &[0.0, 0.0],
        &[-1e300, 1e300],
        &[1e300, 1e-300],
        &[-3.0, -2.0],
        &many,
    ];
    for scale in [Scale::Linear, Scale::Log] {
        for values in cases {
            let vertical = values.iter().enumerate();
            let points = vertical.map(|(at, value)| Point::new(number(at), *value)).collect();
            drawn(&chart(scale, scale, points));
            let points = values.iter().map(|value| Point::new(*value, *value)).collect();
            drawn(&chart(scale, scale, points));
        }
    }
    for percentile in [0.0, 50.0, 99.999_999_999_9, 100.0] {
        drawn(&chart(Scale::Nines, Scale::Log, vec![Point::new(percentile, 1.0)]));
    }
    drawn(&chart(Scale::Nines, Scale::Log, Vec::new()));
}

#[test]
fn what_is_no_number_is_refused() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX] {
        for point in [Point::new(value, 1.0), Point::new(1.0, value)] {
            let error = chart(Scale::Linear, Scale::Log, vec![point]).svg(Frame::standalone());
            assert!(matches!(error, Err(Error::NotFinite { of, .. }) if of == "name"), "{value}");
        }
    }
    for percentile in [-0.1, 100.1] {
        let points = vec![Point::new(percentile, 1.0)];
        let error = chart(Scale::Nines, Scale::Log, points).svg(Frame::standalone());
        let expected = Error::NotAPercentile { of: "x".into(), value: percentile };
        assert_eq!(error, Err(expected.clone()));
        assert!(expected.to_string().contains("0 to 100"));
    }
    let mut bars = bars(1, 1);
    bars.groups[0].bars[0] = Some(Bar { median: 1.0, min: f64::NAN, max: 1.0 });
    assert!(matches!(bars.svg(Frame::standalone()), Err(Error::NotFinite { .. })));
}

#[test]
fn every_text_is_escaped() {
    let nasty = "</text><script>alert('\"&\u{1}')</script>".to_owned();
    let mut line = chart(Scale::Linear, Scale::Linear, vec![Point::new(0.0, 1.0)]);
    line.series[0].points.push(Point { x: 1.0, y: Some(2.0), weak: true });
    line.spans.push(Span { from: 0.0, to: 1.0, name: nasty.clone() });
    for text in [&mut line.title, &mut line.description, &mut line.weak, &mut line.x.title] {
        nasty.clone_into(text);
    }
    nasty.clone_into(&mut line.y.title);
    nasty.clone_into(&mut line.series[0].name);
    let mut bars = bars(1, 1);
    bars.groups.push(Group { name: nasty.clone(), bars: vec![None] });
    for text in [&mut bars.title, &mut bars.description, &mut bars.missing, &mut bars.axis.title] {
        nasty.clone_into(text);
    }
    nasty.clone_into(&mut bars.contenders[0].name);
    for svg in [drawn(&line), bars.svg(Frame::standalone()).expect("can be drawn")] {
        assert!(!svg.contains("<script") && !svg.contains('\u{1}'), "{svg}");
        assert!(svg.contains("&lt;script&gt;alert(&#39;&quot;&amp;\u{fffd}&#39;)"), "{svg}");
        well_formed(&svg);
    }
}

#[test]
fn a_drawing_is_bounded_and_keeps_the_peak() {
    let value = |at: u32| if at == 77_777 { 1e6 } else { f64::from(at % 100) };
    let points = (0..100_000).map(|at| Point::new(f64::from(at), value(at))).collect();
    let svg = drawn(&chart(Scale::Linear, Scale::Linear, points));
    assert!(svg.len() < 40_000, "{} bytes", svg.len());
    // The peak sets the axis, and the line gets there: its place is the top of the grid.
    let top = svg.lines().rfind(|line| line.contains("class=\"grid\""));
    let top = top.and_then(|line| line.split_once("d=\"M")?.1.split_once('L')?.0.split_once(' '));
    let top: f64 = top.expect("there is a grid").1.parse().expect("a number");
    let line = svg.lines().find(|line| line.contains("\"line s0\"")).expect("there is a line");
    let path = line.split_once("d=\"M").expect("a path").1.trim_end_matches("\"/>");
    let heights = path.split('L').filter_map(|place| place.split_once(' ')?.1.parse::<f64>().ok());
    let highest = heights.fold(f64::INFINITY, f64::min);
    assert!((highest - top).abs() < 1.0, "{highest} and {top}");
}

#[test]
fn thinning_keeps_order_gaps_and_extremes() {
    let mut points: Vec<Point> = (0..5000).map(|at| Point::new(f64::from(at), 1.0)).collect();
    points[4321].y = Some(9.0);
    points[1234].y = Some(-9.0);
    for point in &mut points[2000..3000] {
        point.y = None;
    }
    let kept = thin::thin(&points);
    assert!(kept.len() <= thin::POINTS_MAX);
    assert!(kept.windows(2).all(|pair| pair[0].x < pair[1].x));
    assert!(kept.iter().any(|point| point.y == Some(9.0)));
    assert!(kept.iter().any(|point| point.y == Some(-9.0)));
    assert!(kept.iter().any(|point| point.y.is_none()));
}

#[test]
fn a_gap_cuts_the_line_and_a_weak_point_greys_it() {
    let mut points: Vec<Point> = (0..6).map(|at| Point::new(f64::from(at), 1.0)).collect();
    points[2].y = None;
    points[5].weak = true;
    let svg = drawn(&chart(Scale::Linear, Scale::Linear, points));
    let strokes = |class: &str| {
        svg.lines().filter(|line| line.contains(&format!("<path class=\"{class}\""))).count()
    };
    // Each has one more in the legend, which is there because of the weak point.
    assert_eq!((strokes("line s0"), strokes("line weak")), (2 + 1, 1 + 1));
    assert!(svg.contains("<title>name: 1 @ 5 (x) (weak)</title>"), "{svg}");
    assert!(labels(&svg).contains(&"weak"));
}

#[test]
fn ticks_are_round() {
    let ticks = |scale, low: f64, high: f64| {
        let axis = Axis::new("", scale, Unit::Microseconds);
        let range = scale::Range::new(&axis, [low, high].into_iter(), true).expect("numbers");
        range.ticks(6.0).into_iter().map(|tick| tick.label).collect::<Vec<_>>()
    };
    assert_eq!(
        ticks(Scale::Linear, 3.0, 970.0),
        ["0", "200 µs", "400 µs", "600 µs", "800 µs", "1 ms"]
    );
    assert_eq!(ticks(Scale::Log, 3.0, 40.0), ["2 µs", "5 µs", "10 µs", "20 µs", "50 µs"]);
    assert_eq!(ticks(Scale::Log, 0.9, 9e6).first().map(String::as_str), Some("1 µs"));
    let axis = Axis::new("", Scale::Nines, Unit::Percent);
    let range = scale::Range::new(&axis, [50.0, 99.95].into_iter(), false).expect("percentiles");
    let labels: Vec<_> = range.ticks(6.0).into_iter().map(|tick| tick.label).collect();
    assert_eq!(labels, ["0 %", "50 %", "90 %", "99 %", "99.9 %"]);
    let places: Vec<f64> = [90.0, 99.0, 99.9].iter().map(|value| range.place(*value)).collect();
    assert!((places[1] - places[0] - (places[2] - places[1])).abs() < 1e-9, "{places:?}");
}

#[test]
fn values_are_written_as_people_read_them() {
    let cases = [
        (Unit::Count, 0.0, "0"),
        (Unit::Count, 197_123.0, "197k"),
        (Unit::Count, 999_999.0, "1M"),
        (Unit::Count, 1500.0, "1.5k"),
        (Unit::Microseconds, 0.25, "250 ns"),
        (Unit::Microseconds, 4.25, "4.25 µs"),
        (Unit::Microseconds, 1234.0, "1.23 ms"),
        (Unit::Microseconds, 5e6, "5 s"),
        (Unit::Microseconds, 9e9, "9000 s"),
        (Unit::Bytes, 4096.0, "4 KiB"),
        (Unit::Percent, 99.999, "99.999 %"),
        (Unit::Plain, -0.25, "-0.25"),
        (Unit::Plain, 1e300, "1.00e300"),
    ];
    for (unit, value, expected) in cases {
        assert_eq!(unit.text(value), expected, "{unit:?} {value}");
    }
}

/// The places of labels on the horizontal axis never touch, whatever the width.
#[test]
fn labels_of_the_horizontal_axis_do_not_touch() {
    let point = |at: u32| Point::new(f64::from(2_u32.pow(at)), 1.0);
    let mut log = chart(Scale::Log, Scale::Linear, (0..17).map(point).collect());
    log.x.ticks = (0..17).map(|at| f64::from(2_u32.pow(at))).collect();
    let nines = chart(Scale::Nines, Scale::Linear, vec![Point::new(99.999_999, 1.0)]);
    for chart in [log, nines] {
        for width in [280.0, 400.0, 720.0, 1500.0] {
            let svg = chart.svg(Frame::inline(width)).expect("can be drawn");
            let mut extents: Vec<(f64, f64)> = svg
                .lines()
                .filter(|line| line.contains("\"middle\" class=\"soft\""))
                .filter(|line| !line.contains(">x<"))
                .filter_map(|line| {
                    let x: f64 = line.split('"').nth(1)?.parse().ok()?;
                    let label = line.split_once('>')?.1.split_once('<')?.0;
                    let half = text::width(label, draw::TEXT_SIZE) / 2.0;
                    Some((x - half, x + half))
                })
                .collect();
            extents.sort_by(|a, b| a.0.total_cmp(&b.0));
            assert!(extents.len() >= 3, "{svg}");
            assert!(extents.windows(2).all(|pair| pair[0].1 < pair[1].0), "{width}: {extents:?}");
            assert!(extents.iter().all(|(left, right)| *left >= 0.0 && *right <= width));
        }
    }
}

fn bars(contenders: u32, groups: u32) -> BarChart {
    let bar = |at: u32| {
        let median = f64::from(at + 1) * 100.0;
        Some(Bar { median, min: median * 0.9, max: median * 1.2 })
    };
    let contender = |at: u32| Contender { name: format!("name {at}"), emphasis: at == 0 };
    let group =
        |at: u32| Group { name: format!("group {at}"), bars: (0..contenders).map(bar).collect() };
    BarChart {
        title: "bars".into(),
        description: "description".into(),
        axis: Axis::new("messages per second", Scale::Linear, Unit::Count),
        contenders: (0..contenders).map(contender).collect(),
        groups: (0..groups).map(group).collect(),
        missing: "not measured".into(),
    }
}

#[test]
fn bars_have_names_values_and_whiskers() {
    let mut chart = bars(3, 2);
    chart.groups[1].bars[2] = None;
    let svg = chart.svg(Frame::standalone()).expect("can be drawn");
    well_formed(&svg);
    let labels = labels(&svg);
    for label in ["bars", "group 0", "name 2", "300", "not measured", "messages per second"] {
        assert!(labels.contains(&label), "{label}: {labels:?}");
    }
    let count = |class: &str| svg.matches(&format!("class=\"{class}\"")).count();
    // A whisker is three strokes.
    assert_eq!((count("own"), count("bar"), count("whisker")), (2, 3, 15));
    assert!(svg.contains("<title>name 1: 200 (180 to 240)</title>"));
}

#[test]
fn odd_bars_are_drawn() {
    for (contenders, groups) in [(0, 0), (1, 0), (0, 1), (1, 1), (50, 50)] {
        well_formed(&bars(contenders, groups).svg(Frame::standalone()).expect("can be drawn"));
    }
    for value in [0.0, -5.0, 1e300] {
        let mut chart = bars(2, 1);
        chart.groups[0].bars = vec![Some(Bar { median: value, min: value, max: value })];
        let svg = chart.svg(Frame::inline(1.0)).expect("can be drawn");
        well_formed(&svg);
        assert!(labels(&svg).contains(&"not measured"));
    }
}

#[test]
fn a_page_and_a_file_differ_in_colours_only_by_where_they_come_from() {
    let chart = chart(Scale::Linear, Scale::Linear, vec![Point::new(0.0, 1.0)]);
    let inline = chart.svg(Frame::inline(f64::NAN)).expect("can be drawn");
    assert!(!inline.contains("<style>") && inline.contains("viewBox=\"0 0 720 "));
    assert!(!drawn(&chart).contains("var("));
    let sheet = stylesheet();
    for (at, _) in sheet.match_indices("var(") {
        let name = &sheet[at + 4..at + sheet[at..].find(')').expect("closed")];
        assert_eq!(sheet.matches(&format!("{name}:")).count(), 2, "{name} is light and dark");
    }
}
