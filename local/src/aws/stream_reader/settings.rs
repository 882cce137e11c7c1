//! The settings of event source mappings of streams, read from `template.yaml`.

use std::time::Duration;

use serde_yaml_ng::Value as Yaml;

use super::filter::Pattern;
use crate::aws::embedded::{EmbeddedError, StreamReader, stream_readers, streamed_tables};

/// Lambda's defaults.
const BATCH_SIZE: usize = 100;
const TIMEOUT: Duration = Duration::from_secs(3);

/// How one function reads the stream of one table.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamReaderSettings {
    /// The logical id of the function.
    pub function: String,
    /// The logical id of the table.
    pub table: String,
    /// The attributes of the table's key.
    pub keys: Vec<String>,
    pub batch_size: usize,
    /// How long a batch that is not full waits for more changes.
    pub window: Duration,
    /// A new reader begins with the oldest change that is kept, not with the next one.
    pub from_oldest: bool,
    /// A change that matches none of them is left out. Without any, no change is left out.
    pub(super) filters: Vec<Pattern>,
    /// How often a batch is tried again; `None`: as long as it is young enough.
    pub retries_max: Option<u32>,
    /// Changes that were read so long ago are given up.
    pub age_max: Option<Duration>,
    /// A failed batch is split in two.
    pub bisects: bool,
    /// The function's answer names the changes that failed.
    pub reports_failures: bool,
    /// The time-out of the function.
    pub timeout: Duration,
}

impl StreamReaderSettings {
    /// Those of all functions.
    ///
    /// # Errors
    /// [`EmbeddedError::Template`] when this module does not understand a setting.
    pub fn of_template() -> Result<Vec<Self>, EmbeddedError> {
        stream_readers()?.iter().map(Self::of).collect()
    }

    fn of(reader: &StreamReader) -> Result<Self, EmbeddedError> {
        let StreamReader { function, table, function_properties, properties } = reader;
        let fault = |fault: String| {
            EmbeddedError::Template(format!("{function}: the stream of {table}: {fault}"))
        };
        let streamed = streamed_tables()?.into_iter().find(|streamed| streamed.name == *table);
        let streamed = streamed.ok_or_else(|| fault("the table has no stream".to_owned()))?;
        let timeout = whole_number("Timeout", &function_properties["Timeout"]).map_err(fault)?;
        let mut settings = Self {
            function: function.clone(),
            table: table.clone(),
            keys: streamed.keys,
            batch_size: BATCH_SIZE,
            window: Duration::ZERO,
            from_oldest: true,
            filters: vec![],
            retries_max: None,
            age_max: None,
            bisects: false,
            reports_failures: false,
            timeout: timeout.map_or(TIMEOUT, Duration::from_secs),
        };
        for (name, value) in *properties {
            settings.read(name.as_str().unwrap_or_default(), value).map_err(fault)?;
        }
        Ok(settings)
    }

    fn read(&mut self, name: &str, value: &Yaml) -> Result<(), String> {
        let number = || whole_number(name, value);
        let truth = || value.as_bool().ok_or_else(|| format!("{name} must be true or false"));
        match name {
            // With one reader the changes of one item stay in order as well, and what is given up is
            // in the log.
            "Stream" | "ParallelizationFactor" | "DestinationConfig" => {}
            "StartingPosition" => {
                self.from_oldest = match value.as_str() {
                    Some("TRIM_HORIZON") => true,
                    Some("LATEST") => false,
                    _ => return Err("StartingPosition must be TRIM_HORIZON or LATEST".to_owned()),
                };
            }
            "BatchSize" => {
                let size = number()?.and_then(|size| usize::try_from(size).ok());
                self.batch_size = size.filter(|size| *size > 0).ok_or("BatchSize is too small")?;
            }
            "MaximumBatchingWindowInSeconds" => {
                self.window = Duration::from_secs(number()?.unwrap_or(0));
            }
            "MaximumRetryAttempts" => {
                self.retries_max = number()?.and_then(|retries| u32::try_from(retries).ok());
            }
            "MaximumRecordAgeInSeconds" => self.age_max = number()?.map(Duration::from_secs),
            "BisectBatchOnFunctionError" => self.bisects = truth()?,
            "FunctionResponseTypes" => {
                let types: Vec<&str> = texts(value);
                self.reports_failures = types.contains(&"ReportBatchItemFailures");
            }
            "FilterCriteria" => {
                let filters = value["Filters"].as_sequence().into_iter().flatten();
                let patterns = filters.map(|filter| {
                    Pattern::read(filter["Pattern"].as_str().ok_or("a filter has no Pattern")?)
                });
                self.filters = patterns.collect::<Result<_, String>>()?;
            }
            other => return Err(format!("the local stack does not know the setting {other}")),
        }
        Ok(())
    }
}

/// A number of the template; `None` when it is absent, or -1, which means no limit.
fn whole_number(name: &str, value: &Yaml) -> Result<Option<u64>, String> {
    match value {
        Yaml::Null => Ok(None),
        Yaml::Number(number) if number.as_i64() == Some(-1) => Ok(None),
        Yaml::Number(number) if number.is_u64() => Ok(number.as_u64()),
        Yaml::Number(_)
        | Yaml::Bool(_)
        | Yaml::String(_)
        | Yaml::Sequence(_)
        | Yaml::Mapping(_)
        | Yaml::Tagged(_) => Err(format!("{name} must be a whole number")),
    }
}

fn texts(value: &Yaml) -> Vec<&str> {
    value.as_sequence().into_iter().flatten().filter_map(Yaml::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_planner_reads_the_changes_of_schedules() {
        let all = StreamReaderSettings::of_template().expect("the template's mappings");
        let planner = all.iter().find(|reader| reader.function == "PlannerFunction");
        let planner = planner.expect("the planner reads a stream");
        assert_eq!(planner.table, "CatalogTable");
        assert_eq!(planner.keys, ["kind", "name"]);
        assert_eq!(planner.batch_size, 10);
        assert!(planner.from_oldest && planner.reports_failures && !planner.bisects);
        assert_eq!(planner.age_max, Some(Duration::from_secs(3600)));
        assert_eq!(planner.timeout, Duration::from_secs(60));
        let of_kind = |kind: &str| {
            let record = serde_json::json!({ "dynamodb": { "Keys": { "kind": { "S": kind } } } });
            planner.filters[0].matches(Some(&record))
        };
        assert!(of_kind("schedule") && !of_kind("template"));
    }

    #[test]
    fn a_setting_that_the_local_stack_does_not_know_is_an_error() {
        let mut settings = StreamReaderSettings::of_template().expect("mappings").remove(0);
        let error =
            settings.read("TumblingWindowInSeconds", &Yaml::from(60)).expect_err("an error");
        assert!(error.contains("TumblingWindowInSeconds"), "{error}");
        assert!(settings.read("BatchSize", &Yaml::from(0)).is_err());
        assert!(settings.read("BatchSize", &Yaml::from("many")).is_err());
        assert_eq!(settings.read("MaximumRetryAttempts", &Yaml::from(-1)), Ok(()));
        assert_eq!(settings.retries_max, None, "-1 means no limit");
    }
}
