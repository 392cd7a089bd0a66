//! Tables in Markdown, and the places in documents that they are written to.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::{fs, io};

/// A table whose first columns are text, and the others numbers.
#[must_use]
pub fn table(head: &[String], texts: usize, rows: impl Iterator<Item = Vec<String>>) -> String {
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
#[must_use]
pub fn grouped(value: f64) -> String {
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

/// The place and time of a measurement, and the command that repeats it. `tools` are asked for their versions.
#[must_use]
pub fn origin(command: &str, tools: &[&str]) -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let git = ["git", "-C", env!("CARGO_MANIFEST_DIR")];
    let commit = said(&[&git[..], &["describe", "--always", "--dirty"]].concat());
    let said_by_tools = tools.iter().map(|tool| match *tool {
        "node" => format!("Node.js {}", said(&["node", "--version"])),
        tool => said(&[tool, "--version"]),
    });
    format!(
        "`{command}`, {}, commit {commit}: {cores} cores of {}, {} {}{}.",
        said(&["date", "+%F"]),
        model.map_or("an unknown model", |(_, model)| model),
        said(&["uname", "-s"]),
        said(&["uname", "-r"]),
        said_by_tools.fold(String::new(), |text, tool| text + ", " + &tool),
    )
}

/// Puts a text between the two comments that hold this place in a file.
///
/// # Errors
///
/// Errors of the file system, or that the file has no such place.
pub fn replace_in(file: &Path, place: &str, text: &str) -> io::Result<()> {
    let old = fs::read_to_string(file)?;
    let Some(new) = replaced(&old, place, text) else {
        let message = format!("{} has no place for {place}", file.display());
        return Err(io::Error::other(message));
    };
    fs::write(file, new)
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

/// The first line that a command prints, or that there is no such command.
fn said(line: &[&str]) -> String {
    let [program, arguments @ ..] = line else {
        return String::new();
    };
    let output = Command::new(program).args(arguments).output();
    match output {
        Ok(output) if output.status.success() => {
            let text = String::from_utf8_lossy(&output.stdout);
            text.lines().next().unwrap_or_default().to_owned()
        }
        _ => format!("no {program}"),
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
        assert_eq!(replaced(document, "x", "new\n").as_deref(), Some(expected));
        assert_eq!(replaced(expected, "x", "new\n").as_deref(), Some(expected));
        assert_eq!(replaced(document, "z", "new\n"), None);
    }

    #[test]
    fn a_table_has_texts_on_the_left_and_numbers_on_the_right() {
        let head = ["a", "b"].map(str::to_owned);
        let rows = [vec!["x".to_owned(), "1".to_owned()]];
        let expected = "| a | b |\n| --- | ---: |\n| x | 1 |\n";
        assert_eq!(table(&head, 1, rows.into_iter()), expected);
    }
}
