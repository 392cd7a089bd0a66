//! Checks of the visible form of values that hold secrets.

use std::fmt::Debug;

/// The formatted text, and the secrets that must not be in it.
#[derive(Default)]
pub(super) struct Shown {
    texts: Vec<String>,
    pub(super) secrets: Vec<String>,
}

impl Shown {
    /// Formats a value. Each part of it must leave a trace.
    pub(super) fn add(&mut self, value: &impl Debug) {
        let (text, lines) = (format!("{value:?}"), format!("{value:#?}"));
        assert!(!text.is_empty() && format!("{value:-?}").len() >= text.len().min(8));
        for line in lines.lines() {
            let part = line.trim_start();
            assert!(part != "," && !part.ends_with(": ,"), "{line} in {lines}");
        }
        self.texts.extend([text, lines]);
    }

    /// Adds a text that somebody could see.
    pub(super) fn add_text(&mut self, text: String) {
        self.texts.push(text);
    }

    pub(super) fn secret(&mut self, secret: &str) {
        assert!(secret.len() >= 8, "{secret}");
        self.secrets.push(secret.to_owned());
    }

    pub(super) fn check(&self) {
        assert!(!self.texts.is_empty() && !self.secrets.is_empty());
        for secret in &self.secrets {
            for text in &self.texts {
                assert!(!text.contains(secret), "{secret} in {text}");
            }
        }
    }
}

/// The quoted text after a name in JSON.
pub(super) fn member(text: &str, name: &str) -> String {
    let start = text.find(&format!("\"{name}\":\"")).expect("the member") + name.len() + 4;
    text[start..].split('"').next().unwrap().to_owned()
}
