//! The deployed template, which the embedded tables and the functions' policies are read from.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::Value;

use super::error::EmbeddedError;

/// The embedded tables are made from the deployed template, so they cannot differ from it.
const TEMPLATE: &str = include_str!("../../../../template.yaml");

/// The template. It is read once, since tests create thousands of databases.
///
/// # Errors
/// [`EmbeddedError`].
pub fn template() -> Result<&'static serde_yaml_ng::Value, EmbeddedError> {
    static READ: OnceLock<serde_yaml_ng::Value> = OnceLock::new();
    if let Some(template) = READ.get() {
        return Ok(template);
    }
    let template = serde_yaml_ng::from_str(TEMPLATE)
        .map_err(|error| EmbeddedError::Template(error.to_string()))?;
    Ok(READ.get_or_init(|| template))
}

/// The partition key of each table, by the table's logical id.
pub(crate) fn partition_keys() -> Result<BTreeMap<String, String>, EmbeddedError> {
    let key = |properties: &Value| {
        let schema = properties["KeySchema"].as_array()?;
        let hash = schema.iter().find(|key| key["KeyType"] == "HASH")?;
        Some(hash["AttributeName"].as_str()?.to_owned())
    };
    let tables = template_tables()?.into_iter();
    Ok(tables.filter_map(|(name, properties)| Some((name, key(&properties)?))).collect())
}

/// The DynamoDB tables of the template: logical ids and properties.
pub(super) fn template_tables() -> Result<Vec<(String, Value)>, EmbeddedError> {
    let template = template()?;
    let resources = template
        .get("Resources")
        .and_then(serde_yaml_ng::Value::as_mapping)
        .ok_or_else(|| EmbeddedError::Template("no Resources".to_owned()))?;
    let mut tables = Vec::new();
    for (name, resource) in resources {
        let kind = resource.get("Type").and_then(serde_yaml_ng::Value::as_str);
        let (Some("AWS::DynamoDB::Table"), Some(name), Some(properties)) =
            (kind, name.as_str(), resource.get("Properties"))
        else {
            continue;
        };
        tables.push((name.to_owned(), to_json(properties)));
    }
    Ok(tables)
}

/// YAML as JSON. Intrinsic functions (`!Ref …`) become null, since no key or index of a table uses
/// them.
fn to_json(value: &serde_yaml_ng::Value) -> Value {
    use serde_yaml_ng::Value as Yaml;
    match value {
        Yaml::Null | Yaml::Tagged(_) => Value::Null,
        Yaml::Bool(truth) => Value::Bool(*truth),
        Yaml::Number(number) => number.as_i64().map_or(Value::Null, Value::from),
        Yaml::String(text) => Value::String(text.clone()),
        Yaml::Sequence(items) => items.iter().map(to_json).collect(),
        Yaml::Mapping(members) => members
            .iter()
            .filter_map(|(name, value)| Some((name.as_str()?.to_owned(), to_json(value))))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}
