//! The kept figures: one JSON file in `docs/benchmarks` for each measurement.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::conditions::Conditions;
use crate::program::Failure;

#[derive(Serialize, Deserialize)]
pub struct Measured<T> {
    pub conditions: Conditions,
    pub figures: T,
}

pub struct Records {
    docs: PathBuf,
}

impl Records {
    /// Those in the workspace's `docs` folder.
    pub fn open() -> Result<Self, Failure> {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
        std::fs::create_dir_all(docs.join("benchmarks"))?;
        Ok(Self { docs })
    }

    pub fn page(&self) -> PathBuf {
        self.docs.join("benchmarks.md")
    }

    pub fn chart(&self, name: &str) -> PathBuf {
        self.docs.join("benchmarks").join(format!("{name}.svg"))
    }

    pub fn keep<T: Serialize>(
        &self,
        part: &str,
        conditions: Conditions,
        figures: T,
    ) -> Result<(), Failure> {
        let measured = Measured { conditions, figures };
        std::fs::write(self.data(part), serde_json::to_string_pretty(&measured)? + "\n")?;
        Ok(())
    }

    pub fn read<T: DeserializeOwned>(&self, part: &str) -> Result<Option<Measured<T>>, Failure> {
        match std::fs::read_to_string(self.data(part)) {
            Ok(text) => Ok(Some(serde_json::from_str(&text)?)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn data(&self, part: &str) -> PathBuf {
        self.docs.join("benchmarks").join(format!("{part}.json"))
    }
}
