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

/// A table with a stream.
pub(crate) struct StreamedTable {
    /// The logical id.
    pub(crate) name: String,
    /// The key's attributes.
    pub(crate) keys: Vec<String>,
    /// Some function reads the stream.
    pub(crate) is_read: bool,
}

/// The tables of the template that have a stream with old and new images.
pub(crate) fn streamed_tables() -> Result<Vec<StreamedTable>, EmbeddedError> {
    let readers = stream_readers()?;
    let mut streamed = Vec::new();
    for (name, properties) in template_tables()? {
        let Some(stream) = properties.get("StreamSpecification") else { continue };
        if stream["StreamViewType"] != "NEW_AND_OLD_IMAGES" {
            let fault = "its stream has no NEW_AND_OLD_IMAGES, and the local stack has no other";
            return Err(EmbeddedError::Template(format!("{name}: {fault}")));
        }
        let schema = properties["KeySchema"].as_array().into_iter().flatten();
        let keys = schema.filter_map(|key| Some(key["AttributeName"].as_str()?.to_owned()));
        let is_read = readers.iter().any(|reader| reader.table == name);
        streamed.push(StreamedTable { keys: keys.collect(), name, is_read });
    }
    Ok(streamed)
}

/// An event source mapping of a function to the stream of a table.
pub(crate) struct StreamReader {
    /// The function's logical id.
    pub(crate) function: String,
    /// The table's logical id.
    pub(crate) table: String,
    /// The properties of the function.
    pub(crate) function_properties: &'static serde_yaml_ng::Value,
    /// The properties of the mapping.
    pub(crate) properties: &'static serde_yaml_ng::Mapping,
}

/// Every mapping of a function to a stream.
pub(crate) fn stream_readers() -> Result<Vec<StreamReader>, EmbeddedError> {
    let mut readers = Vec::new();
    for (function, resource) in resources()? {
        let Some(function) = function.as_str() else { continue };
        let events = resource["Properties"]["Events"].as_mapping().into_iter().flatten();
        for (_, event) in events.filter(|(_, event)| event["Type"] == "DynamoDB") {
            let fault = |fault: &str| {
                EmbeddedError::Template(format!("{function}: an event of a stream: {fault}"))
            };
            let properties = event["Properties"].as_mapping();
            let properties = properties.ok_or_else(|| fault("it has no Properties"))?;
            let table = match properties.get("Stream") {
                Some(serde_yaml_ng::Value::Tagged(stream)) if stream.tag == "GetAtt" => {
                    stream.value.as_str().and_then(|stream| stream.strip_suffix(".StreamArn"))
                }
                Some(_) | None => None,
            };
            readers.push(StreamReader {
                function: function.to_owned(),
                table: table.ok_or_else(|| fault("Stream is no !GetAtt of StreamArn"))?.to_owned(),
                function_properties: &resource["Properties"],
                properties,
            });
        }
    }
    Ok(readers)
}

fn resources() -> Result<&'static serde_yaml_ng::Mapping, EmbeddedError> {
    template()?
        .get("Resources")
        .and_then(serde_yaml_ng::Value::as_mapping)
        .ok_or_else(|| EmbeddedError::Template("no Resources".to_owned()))
}

/// The DynamoDB tables of the template: logical ids and properties.
pub(super) fn template_tables() -> Result<Vec<(String, Value)>, EmbeddedError> {
    let mut tables = Vec::new();
    for (name, resource) in resources()? {
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
