//! The tables, in Markdown.

use std::time::Duration;

use benchmarks::report::{grouped, table};

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

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

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
