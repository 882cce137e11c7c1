//! The progress bars of the demo.

use indicatif::{ProgressBar, ProgressStyle};

pub(super) fn bar(length: usize, label: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix:11} {bar:40.cyan} {pos:>4}/{len} {elapsed}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(u64::try_from(length).unwrap_or(0)).with_style(style).with_prefix(label)
}
