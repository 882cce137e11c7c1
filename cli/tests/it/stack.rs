//! The stack of `cargo xtask serve`, in this process.

use std::path::Path;
use std::time::Duration;

use alimi::domain::HoursConfig;
use alimi::domain::hours::Window;
use alimi_catalog::CatalogFile;
use alimi_local::serve::{LocalStack, LocalStackSettings, Ports, StartCatalog};
use alimi_local::simulator::SimulatorSettings;

pub(crate) const EXAMPLE: &str = include_str!("../../../examples/teacher-onboarding/catalog.yaml");

/// The example's stack, in which scheduled messages may leave at any hour.
pub(crate) async fn with_example() -> LocalStack {
    let mut catalog = CatalogFile::read(EXAMPLE).expect("the example");
    let day = Window::new("00:00", "24:00").expect("a window");
    catalog.hours = Some(HoursConfig { scheduled: day, advertising: day });
    start(catalog).await
}

/// A stack without any document.
pub(crate) async fn empty() -> LocalStack {
    start(CatalogFile::default()).await
}

async fn start(catalog: CatalogFile) -> LocalStack {
    let settings = LocalStackSettings {
        catalog: StartCatalog::Always(catalog),
        simulator: SimulatorSettings::default(),
        ports: Ports::default(),
        sweep_every: Duration::from_secs(10),
        data_dir: None,
    };
    LocalStack::start(settings).await.expect("the stack starts")
}

/// Writes a file, and returns its path as a word.
pub(crate) fn file(folder: &Path, content: &str) -> String {
    let path = folder.join("catalog.yaml");
    std::fs::write(&path, content).expect("a file");
    path.to_str().expect("a path").to_owned()
}
