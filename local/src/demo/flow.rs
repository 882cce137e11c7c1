//! The example's flow and its file of people.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

/// The steps of every sequence.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Flow {
    pub(super) steps: Vec<FlowStep>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FlowStep {
    pub(super) template: String,
}

/// One line of the file of people.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) id: String,
    pub(super) phone: String,
    columns: BTreeMap<String, String>,
}

#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    #[error("flow.yaml cannot be read: {0}")]
    Flow(#[from] serde_yaml_ng::Error),
    /// A line of the file of people, counted from 1.
    #[error("line {line} of the file of people {must}")]
    Line { line: usize, must: &'static str },
}

impl Flow {
    pub(super) fn read(text: &str) -> Result<Self, FlowError> {
        Ok(serde_yaml_ng::from_str(text)?)
    }

    /// The body of the request that creates the sequence for one person.
    pub(super) fn sequence(&self, person: &Person) -> Value {
        let steps: Vec<Value> = self
            .steps
            .iter()
            .map(|step| json!({ "template": step.template, "variables": person.columns }))
            .collect();
        json!({ "to": { "id": person.id, "phone": person.phone }, "steps": steps })
    }
}

/// Reads the file of people: comma-separated values without quoting, after a line of column names.
pub(super) fn people(text: &str) -> Result<Vec<Person>, FlowError> {
    let mut lines = text.lines().enumerate();
    let fault = |line: usize, must| FlowError::Line { line: line + 1, must };
    let (_, head) = lines.next().ok_or_else(|| fault(0, "must name the columns"))?;
    let names: Vec<&str> = head.split(',').collect();
    lines
        .map(|(line, text)| {
            let values: Vec<&str> = text.split(',').collect();
            if values.len() != names.len() {
                return Err(fault(line, "must have as many values as there are columns"));
            }
            let columns: BTreeMap<String, String> = names
                .iter()
                .zip(values)
                .map(|(name, value)| ((*name).to_owned(), value.to_owned()))
                .collect();
            let column = |name: &str| columns.get(name).cloned();
            Ok(Person {
                id: column("id").ok_or_else(|| fault(0, "must name a column id"))?,
                phone: column("phone").ok_or_else(|| fault(0, "must name a column phone"))?,
                columns,
            })
        })
        .collect()
}

/// The line of column names, and the lines of the first people.
pub(super) fn first_lines(text: &str, people: usize) -> String {
    text.lines().take(people.saturating_add(1)).flat_map(|line| [line, "\n"]).collect()
}
