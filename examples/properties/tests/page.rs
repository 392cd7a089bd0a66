//! The code in `docs/property-testing.md` is that of this project, so that it compiles and passes.

use std::fs;
use std::path::Path;

#[test]
fn each_example_of_the_page_is_in_a_file_of_the_project() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(project.join("../../docs/property-testing.md")).unwrap();
    let files = [
        "Cargo.toml",
        "fuzz/Cargo.toml",
        "src/lib.rs",
        "tests/round_trips.rs",
        "tests/hostile.rs",
        "tests/application.rs",
        "fuzz/fuzz_targets/bid.rs",
        "fuzz/fuzz_targets/hostile.rs",
    ];
    let files = files.map(|file| (file, fs::read_to_string(project.join(file)).unwrap()));
    let mut examples = 0;
    for block in page.split("\n```").skip(1).step_by(2) {
        let (language, code) = block.split_once('\n').unwrap();
        if !["rust", "toml"].contains(&language) {
            continue;
        }
        examples += 1;
        let is_there = files.iter().any(|(_, text)| text.contains(code.trim_end()));
        assert!(is_there, "this example of the page is in no file:\n{code}");
    }
    assert!(examples >= 6, "the page has {examples} examples");
}

/// The promise of the page: a property in ten lines, a fuzz target in five.
#[test]
fn the_first_property_has_ten_lines_and_the_fuzz_target_five() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lines = |file: &str, from: &str, to: Option<&str>| {
        let text = fs::read_to_string(project.join(file)).unwrap();
        let (_, code) = text.split_once(from).unwrap();
        let code = to.map_or(code, |to| code.split_once(to).unwrap().0);
        code.lines().filter(|line| !line.trim().is_empty()).count()
    };
    assert!(
        lines(
            "tests/round_trips.rs",
            "use auction::Bid;",
            Some("mod stack")
        ) <= 10
    );
    assert!(lines("fuzz/fuzz_targets/bid.rs", "#![no_main]", None) <= 5);
}
