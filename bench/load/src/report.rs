//! The tables, in Markdown.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use load::{Result, fault};

use crate::run::Times;
use crate::server::Server;
use crate::workload::Workload;

/// The figure of one server in one row; `None` where it cannot be measured.
pub(crate) type Figure = Option<f64>;

/// Instructions for an operation, and bytes for an idle client, with the ratios of the first server to the others.
pub(crate) fn costs(servers: &[&Server], rows: &[(&Workload, Vec<Figure>)]) -> String {
    let (ours, others) = match servers {
        [ours, others @ ..] => (ours.title, others),
        [] => return String::new(),
    };
    let mut head = vec!["workload".to_owned(), "operation".to_owned()];
    head.extend(servers.iter().map(|server| server.title.to_owned()));
    head.extend(
        others
            .iter()
            .map(|other| format!("{ours} / {}", other.title)),
    );
    let rows = rows.iter().map(|(workload, figures)| {
        let unit = if workload.is_idle() { " B" } else { "" };
        let mut cells = vec![format!("`{}`", workload.name), workload.title.to_owned()];
        let cell = |value: f64| grouped(value) + unit;
        cells.extend(
            figures
                .iter()
                .map(|figure| figure.map_or("–".to_owned(), cell)),
        );
        let first = figures.first().copied().flatten();
        let ratio = |other: &Figure| Some(format!("{:.2}", first? / (*other)?));
        cells.extend(
            figures
                .iter()
                .skip(1)
                .map(|other| ratio(other).unwrap_or("–".to_owned())),
        );
        cells
    });
    table(&head, 2, rows)
}

/// Rates, CPU time and latencies.
pub(crate) fn times(rows: &[(&Workload, &Server, Times)]) -> String {
    let head = [
        "workload",
        "server",
        "operations/s",
        "CPU µs",
        "p50 µs",
        "p99 µs",
        "p99.9 µs",
        "generator busy",
    ];
    let rows = rows.iter().map(|(workload, server, times)| {
        let [p50, p99, p999] = times.latencies.map(|latency| grouped(micros(latency)));
        vec![
            format!("`{}`", workload.name),
            server.title.to_owned(),
            grouped(times.per_second),
            format!("{:.2}", micros(times.cpu)),
            p50,
            p99,
            p999,
            format!("{:.0} %", times.generator * 100.0),
        ]
    });
    table(&head.map(str::to_owned), 2, rows)
}

/// Where and when the figures were measured, and how to measure them again.
pub(crate) fn origin(command: &str) -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "`{command}`, {}, commit {}: {cores} cores of {}, {} {}, {}, {}, Node.js {}.",
        said(&["date", "+%F"]),
        said(&[
            "git",
            "-C",
            env!("CARGO_MANIFEST_DIR"),
            "describe",
            "--always",
            "--dirty"
        ]),
        model.map_or("an unknown model", |(_, model)| model),
        said(&["uname", "-s"]),
        said(&["uname", "-r"]),
        said(&["rustc", "--version"]),
        said(&["valgrind", "--version"]),
        said(&["node", "--version"]),
    )
}

/// Puts a text between the two comments that hold this place in a file.
pub(crate) fn replace_in(file: &Path, place: &str, text: &str) -> Result<()> {
    let old = fs::read_to_string(file)?;
    let Some(new) = replaced(&old, place, text) else {
        return fault(format!("{} has no place for {place}", file.display()));
    };
    Ok(fs::write(file, new)?)
}

fn replaced(document: &str, place: &str, text: &str) -> Option<String> {
    let (begin, end) = (
        format!("<!-- {place} -->\n"),
        format!("<!-- end of {place} -->\n"),
    );
    let (before, rest) = document.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{text}\n{end}{after}"))
}

/// A table whose first columns are text, and the others numbers.
fn table(head: &[String], texts: usize, rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut lines = String::new();
    let mut line = |cells: &[String]| {
        lines.push_str("| ");
        lines.push_str(&cells.join(" | "));
        lines.push_str(" |\n");
    };
    line(head);
    let rule = |index| if index < texts { "---" } else { "---:" };
    line(
        &(0..head.len())
            .map(|index| rule(index).to_owned())
            .collect::<Vec<_>>(),
    );
    rows.for_each(|cells| line(&cells));
    lines
}

/// A whole number with its thousands apart.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        // Writing to a string does not fail.
        let _written = write!(text, "{digit}");
    }
    text
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// The first line that a command prints, or that there is no such command.
fn said(line: &[&str]) -> String {
    let output = Command::new(line[0]).args(&line[1..]).output();
    match output {
        Ok(output) if output.status.success() => {
            let text = String::from_utf8_lossy(&output.stdout);
            text.lines().next().unwrap_or_default().to_owned()
        }
        _ => format!("no {}", line[0]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        let numbers = [0.4, 999.0, 1000.0, 25_512.3, 1_234_567.0].map(grouped);
        assert_eq!(numbers, ["0", "999", "1,000", "25,512", "1,234,567"]);
    }

    #[test]
    fn only_the_text_between_the_comments_is_replaced() {
        let document = "a\n<!-- x -->\nold\n<!-- end of x -->\nb\n<!-- y -->\n<!-- end of y -->\n";
        let expected =
            "a\n<!-- x -->\n\nnew\n\n<!-- end of x -->\nb\n<!-- y -->\n<!-- end of y -->\n";
        assert_eq!(replaced(document, "x", "new\n").unwrap(), expected);
        assert_eq!(replaced(expected, "x", "new\n").unwrap(), expected);
        assert_eq!(replaced(document, "z", "new\n"), None);
    }

    #[test]
    fn ratios_are_of_the_first_server_to_each_other() {
        let servers: Vec<_> = crate::server::SERVERS.iter().take(3).collect();
        let workload = &crate::workload::WORKLOADS[0];
        let text = costs(
            &servers,
            &[(workload, vec![Some(3000.0), Some(2000.0), None])],
        );
        assert!(
            text.ends_with("| 3,000 | 2,000 | – | 1.50 | – |\n"),
            "{text}"
        );
    }
}
