//! Colours and type. The series' colours keep apart for the common kinds of colour blindness (after
//! Okabe and Ito, darkened for white paper and lightened for black), at 3:1 or more against the
//! ground; dash and marker say the same again.

use crate::Look;

/// How many series have a look of their own; then they start again.
pub(crate) const SERIES: usize = 6;

/// Names of colours with their value on a light and on a dark ground.
const COLOURS: [(&str, &str, &str); 14] = [
    ("ink", "#1b1f24", "#e8eaed"),
    ("soft", "#57606a", "#a3abb5"),
    ("axis", "#8c959f", "#6b7580"),
    ("grid", "#e3e6ea", "#2d333b"),
    ("shade", "#eef0f3", "#22272e"),
    ("weak", "#8c959f", "#7d8690"),
    ("ground", "#ffffff", "#14171a"),
    ("plain", "#a9b8c9", "#566779"),
    ("0", "#0067a8", "#58b4ec"),
    ("1", "#c04a00", "#ff9152"),
    ("2", "#007a58", "#35cc9f"),
    ("3", "#a0488a", "#e79cc9"),
    ("4", "#8a6a00", "#e8c547"),
    ("5", "#44505c", "#c3cad3"),
];

const DASHES: [&str; SERIES] = ["", "7 3", "2 3", "10 3 2 3", "5 2 1 2 1 2", "12 4"];

/// The style sheet for a page that holds charts with [`Look::Inline`]. Light, or dark when the
/// reader prefers that; paper is light. A page may set the `--chart-…` variables itself, later.
pub fn stylesheet() -> String {
    let variables = |dark: bool| {
        let pick = |(name, light, night): &(&str, &str, &str)| {
            format!("--chart-{name}:{}", if dark { *night } else { *light })
        };
        COLOURS.iter().map(pick).collect::<Vec<_>>().join(";")
    };
    format!(
        ":root{{{}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{}}}}}\n{}",
        variables(false),
        variables(true),
        rules(Look::Inline)
    )
}

/// The rules. In a file colours stand there as they are: not every program that shows SVG knows
/// variables.
pub(crate) fn rules(look: Look) -> String {
    let colour = |name: &str| match look {
        Look::Inline => format!("var(--chart-{name})"),
        Look::Standalone => {
            let found = COLOURS.iter().find(|(own, ..)| *own == name);
            found.map_or("#000", |(_, light, _)| light).to_owned()
        }
    };
    let mut rules = vec![
        ".chart{font:12px system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,\
         sans-serif}"
            .to_owned(),
        format!(".chart text{{fill:{}}}", colour("ink")),
        format!(".chart .soft{{fill:{}}}", colour("soft")),
        ".chart .head{font-size:16px;font-weight:600}.chart .group{font-weight:600}".to_owned(),
        format!(
            ".chart .ground{{fill:{}}}.chart .shade{{fill:{}}}",
            colour("ground"),
            colour("shade")
        ),
        format!(".chart .grid{{stroke:{};fill:none}}", colour("grid")),
        format!(".chart .axis,.chart .whisker{{stroke:{};fill:none}}", colour("axis")),
        format!(".chart .whisker{{stroke:{};stroke-width:1.5}}", colour("ink")),
        format!(".chart .rim{{stroke:{};stroke-width:4;fill:none}}", colour("ground")),
        ".chart .line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}"
            .to_owned(),
        ".chart .mark{stroke-width:1.5}.chart .touch{fill:transparent;stroke:none}".to_owned(),
        format!(".chart .bar{{fill:{}}}.chart .own{{fill:{}}}", colour("plain"), colour("0")),
    ];
    for (index, dash) in DASHES.iter().enumerate() {
        let own = colour(&index.to_string());
        rules.push(format!(
            ".chart .s{index}{{stroke:{own}}}.chart .mark.s{index}{{fill:{own};stroke:{}}}",
            colour("ground")
        ));
        if !dash.is_empty() {
            rules.push(format!(".chart .line.s{index}{{stroke-dasharray:{dash}}}"));
        }
    }
    rules.push(format!(
        ".chart .line.weak{{stroke:{0};stroke-dasharray:1 4}}\
         .chart .mark.weak{{fill:{1};stroke:{0}}}",
        colour("weak"),
        colour("ground")
    ));
    rules.join("\n")
}
