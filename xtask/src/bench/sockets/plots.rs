//! The pictures of the report, drawn by `colok-chart` from the rows of the tables.
//!
//! A picture is made of what was measured; a task that was left out has none.

use colok_chart::{
    Axis, Bar, BarChart, Contender as ChartContender, Frame, Group, LineChart, Point, Scale,
    Series, Unit,
};

use super::{
    super::Picture,
    columns::{COST, RATE},
    rounds::{Entry, Row},
    servers::Server,
    tables::{line, samples, spread},
    trial::Contender,
};

/// The servers of the line over connections: one of a kind, as many as have a style of their own.
const LINES: [Server; 6] = [
    Server::ColokUring,
    Server::ColokEvents,
    Server::CEpoll,
    Server::TokioOne,
    Server::Compio,
    Server::Go,
];

/// Every picture that the rows are enough for.
pub(super) fn pictures(entries: &[Entry]) -> Result<Vec<Picture>, String> {
    let cost = "user and system time of the server per message";
    let bars = [
        ("cost", "What a message costs the server", cost, Unit::Microseconds, COST, "echo"),
        ("rate", "Messages in a second", "messages per second", Unit::Count, RATE, "echo"),
        ("udp", "What a datagram costs the server", cost, Unit::Microseconds, COST, "udp"),
        ("idle", "Memory of an idle connection", "PSS per connection", Unit::Bytes, COST, "idle"),
    ];
    let mut pictures = Vec::new();
    for (name, title, axis, unit, figure, group) in bars {
        let chosen = entries.iter().filter(|entry| entry.task.group == group && is_shown(entry));
        let chart = bar_chart(title, axis, unit, figure, &chosen.collect::<Vec<_>>());
        if chart.groups.iter().any(|group| group.bars.iter().any(Option::is_some)) {
            pictures.push(drawn(name, title, chart.svg(Frame::standalone()))?);
        }
    }
    let chart = line_chart(entries);
    if chart.series.iter().any(|series| series.points.len() > 1) {
        let svg = chart.svg(Frame::standalone());
        pictures.insert(pictures.len().min(2), drawn("connections", &chart.title, svg)?);
    }
    Ok(pictures)
}

fn drawn(
    name: &str,
    title: &str,
    svg: Result<String, colok_chart::Error>,
) -> Result<Picture, String> {
    let svg = svg.map_err(|error| format!("the picture `{name}` cannot be drawn: {error}"))?;
    Ok(Picture { name: format!("sockets-{name}.svg"), about: title.to_owned(), svg })
}

/// Of the echo tasks a few that differ in kind; all in one picture would be a wall.
fn is_shown(entry: &Entry) -> bool {
    entry.task.group != "echo"
        || ["echo-1x64", "echo-64x64", "echo-512x1k"].contains(&entry.task.name.as_str())
}

fn bar_chart(title: &str, axis: &str, unit: Unit, figure: usize, entries: &[&Entry]) -> BarChart {
    let mut contenders: Vec<Contender> = Vec::new();
    for (contender, row) in entries.iter().flat_map(|entry| &entry.rows) {
        if samples(row).is_some() && !contenders.contains(contender) {
            contenders.push(*contender);
        }
    }
    let groups = entries.iter().map(|entry| Group {
        name: if entries.len() == 1 { String::new() } else { entry.task.title() },
        bars: contenders.iter().map(|contender| bar(entry, *contender, figure)).collect(),
    });
    let groups: Vec<_> = groups.collect();
    let named = contenders.iter().map(|contender| ChartContender {
        name: contender.name().to_owned(),
        emphasis: contender.is_ours(),
    });
    BarChart {
        title: title.to_owned(),
        description: format!("{title}: median of the rounds, whiskers from smallest to largest."),
        axis: Axis::new(axis, Scale::Linear, unit),
        contenders: named.collect(),
        groups,
        missing: "not measured".to_owned(),
    }
}

fn bar(entry: &Entry, contender: Contender, figure: usize) -> Option<Bar> {
    let row = row(entry, contender)?;
    let spread = spread(samples(row)?, figure)?;
    // Noise can make the memory of a connection come out below nothing.
    let [median, min, max] = [spread.median, spread.min, spread.max].map(|value| value.max(0.0));
    Some(Bar { median, min, max })
}

fn row(entry: &Entry, contender: Contender) -> Option<&Row> {
    entry.rows.iter().find(|(one, _)| *one == contender).map(|(_, row)| row)
}

fn line_chart(entries: &[Entry]) -> LineChart {
    let title = "What a message costs the server as connections grow";
    let loads = line(entries);
    let series = LINES.iter().map(|&server| {
        let points = loads.iter().filter_map(|&(connections, entry)| {
            let bar = bar(entry, Contender::Server(server), COST)?;
            Some(Point::new(f64::from(connections), bar.median))
        });
        Series { name: server.name().to_owned(), points: points.collect() }
    });
    let mut x = Axis::new("connections", Scale::Log, Unit::Plain);
    x.ticks = loads.iter().map(|(connections, _)| f64::from(*connections)).collect();
    LineChart {
        title: title.to_owned(),
        description: format!(
            "{title}: user and system time per message of 64 B, one on the way on each \
             connection; medians."
        ),
        x,
        y: Axis::new("per message", Scale::Linear, Unit::Microseconds),
        series: series.filter(|series| !series.points.is_empty()).collect(),
        spans: Vec::new(),
        weak: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::{Extent, tasks};
    use super::*;

    fn entries(names: &[&str]) -> Vec<Entry> {
        let tasks = tasks(Extent::Usual).into_iter();
        let chosen = tasks.filter(|task| names.contains(&task.name.as_str()));
        let rows = |cost: f64| {
            let sample = vec![Some(cost), Some(1e6 / cost), None, None, None];
            vec![
                (Contender::Server(Server::ColokEvents), Row::Measured(vec![sample.clone()])),
                (Contender::Server(Server::CEpoll), Row::Measured(vec![sample])),
                (Contender::Server(Server::Go), Row::Skipped("not installed".to_owned())),
            ]
        };
        chosen
            .zip(1_i32..)
            .map(|(task, cost)| Entry { task, rows: rows(f64::from(cost)) })
            .collect()
    }

    #[test]
    fn every_picture_is_made_of_what_was_measured() {
        let all = entries(&["echo-1x64", "echo-64x64", "echo-4096x64", "udp-1x64", "idle"]);
        let pictures = pictures(&all).unwrap();
        let names: Vec<_> = pictures.iter().map(|picture| picture.name.as_str()).collect();
        let expected = [
            "sockets-cost.svg",
            "sockets-rate.svg",
            "sockets-connections.svg",
            "sockets-udp.svg",
            "sockets-idle.svg",
        ];
        assert_eq!(names, expected);
        assert!(pictures.iter().all(|picture| picture.svg.starts_with("<svg")));
        let rate = &pictures[1].svg;
        assert!(rate.contains("c-epoll") && !rate.contains(">go<"), "{rate}");
    }

    #[test]
    fn the_line_goes_over_connections_and_nothing_is_no_picture() {
        let chart = line_chart(&entries(&["echo-4096x64", "echo-1x64", "echo-64x1k"]));
        let points = &chart.series[0].points;
        assert_eq!(points.iter().map(|point| point.x).collect::<Vec<_>>(), [1.0, 4096.0]);
        assert_eq!(chart.series.len(), 2);
        assert_eq!(pictures(&[]).unwrap(), []);
    }
}
