//! Faults of JSON bodies, made systematically: each field of a valid body gets each fault that a
//! field of its kind can have.

use serde_json::{Map, Value, json};

/// What a field holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Number,
    Flag,
    /// A text, a number or a flag.
    Scalar,
    List,
    /// An object whose fields are known.
    Object,
    /// An object with members of the client's own.
    Map,
}

pub struct Field {
    /// Where the field is in the valid body.
    pointer: String,
    kind: Kind,
    is_required: bool,
    /// Values of the right type that are wrong.
    wrong: Vec<Value>,
    /// A part of a list has no name, so it can be neither missing nor there twice.
    is_in_list: bool,
}

pub struct Fault {
    pub name: String,
    pub body: String,
    pub status: u16,
    /// The path of the field at fault.
    pub field: String,
}

impl Field {
    pub fn of(kind: Kind, pointer: &str) -> Self {
        Self {
            pointer: pointer.to_owned(),
            kind,
            is_required: false,
            wrong: vec![],
            is_in_list: false,
        }
    }

    pub fn required(self) -> Self {
        Self { is_required: true, ..self }
    }

    pub fn wrong(self, values: &[Value]) -> Self {
        Self { wrong: values.to_vec(), ..self }
    }

    /// It is itself an item of a list.
    pub fn in_list(self) -> Self {
        Self { is_in_list: true, ..self }
    }

    /// The same field of an item of a list.
    pub fn of_item(self, index: usize) -> Self {
        Self { pointer: format!("/{index}{}", self.pointer), ..self }
    }
}

/// Every fault of every field. `base` is valid, and has each field.
pub fn faults(base: &Value, fields: &[Field]) -> Vec<Fault> {
    let mut faults = vec![];
    for field in fields {
        assert!(base.pointer(&field.pointer).is_some(), "{} is not in {base}", field.pointer);
        faults.extend(of_values(base, field));
        faults.extend(of_shape(base, field));
    }
    faults
}

/// The faults of the body as a whole, where it must be an object.
pub fn faults_of_object(base: &Value) -> Vec<Fault> {
    let of = |body: &Value, field: &str| Fault {
        name: shortened(body),
        body: body.to_string(),
        status: 422,
        field: field.to_owned(),
    };
    let mut unknown = base.clone();
    unknown["extra"] = json!(1);
    [json!(7), json!("x"), json!(true), json!(null)]
        .iter()
        .map(|body| of(body, "body"))
        .chain([of(&unknown, "extra")])
        .collect()
}

/// The field with another value.
fn of_values(base: &Value, field: &Field) -> Vec<Fault> {
    let types = match field.kind {
        Kind::Text => vec![json!(7), json!(1.5), json!(true), json!([]), json!({}), json!(["x"])],
        Kind::Number => vec![json!("1"), json!(true), json!([]), json!({}), json!(1.5), json!(-1)],
        Kind::Flag => vec![json!("true"), json!(1), json!([]), json!({})],
        Kind::Scalar => vec![json!([]), json!({}), json!(["x"]), Value::Null],
        Kind::List => vec![json!("x"), json!(7), json!(true), json!({})],
        Kind::Object | Kind::Map => {
            // Serde's own readers take a list of an object's values for the object.
            let object = base.pointer(&field.pointer).and_then(Value::as_object);
            let values: Value = object.expect("an object").values().cloned().collect();
            vec![json!("x"), json!(7), json!(true), json!([]), values]
        }
    };
    let nulls = field.is_required.then_some(Value::Null);
    let values = types.iter().chain(&field.wrong).chain(&nulls);
    let of_value = values.map(|value| Fault {
        name: format!("{} is {}", field.pointer, shortened(value)),
        body: with(base, &field.pointer, value).to_string(),
        status: 422,
        field: path(&field.pointer),
    });
    of_value.collect()
}

/// The field missing, twice, nested too deeply, too large a number, or with an unknown member.
fn of_shape(base: &Value, field: &Field) -> Vec<Fault> {
    let Field { pointer, kind, is_required, is_in_list, .. } = field;
    let fault = |name: &str, body: String, status, field: String| Fault {
        name: format!("{pointer} is {name}"),
        body,
        status,
        field,
    };
    let place = path(pointer);
    let nested = (0..40).fold(json!(1), |inner, _| json!([inner]));
    let mut faults = vec![
        fault("nested", with(base, pointer, &nested).to_string(), 400, format!("{place}*")),
        fault("huge", with(base, pointer, &json!(1e300)).to_string(), 400, place.clone()),
    ];
    if !is_in_list {
        faults.push(fault("there twice", twice(base, pointer), 400, place.clone()));
    }
    if *is_required {
        faults.push(fault("missing", without(base, pointer).to_string(), 422, place.clone()));
    }
    if *kind == Kind::Object {
        let mut object = base.pointer(pointer).cloned().unwrap_or_default();
        object["extra"] = json!(1);
        let body = with(base, pointer, &object).to_string();
        faults.push(fault("with a member extra", body, 422, format!("{place}.extra")));
    }
    faults
}

/// The body with another value at a place.
pub fn with(base: &Value, pointer: &str, value: &Value) -> Value {
    let mut body = base.clone();
    *body.pointer_mut(pointer).expect("a place") = value.clone();
    body
}

/// The body without a member.
pub fn without(base: &Value, pointer: &str) -> Value {
    let mut body = base.clone();
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    match body.pointer_mut(parent) {
        Some(Value::Object(members)) => members.remove(name),
        _ => panic!("{pointer} is no member"),
    };
    body
}

/// The body as a text in which one member is there twice.
fn twice(base: &Value, pointer: &str) -> String {
    const MARK: &str = "the-second-of-two";
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    let mut body = base.clone();
    let members = body.pointer_mut(parent).and_then(Value::as_object_mut);
    let Some(members) = members else { panic!("{pointer} is no member") };
    let value = members[name].clone();
    let renamed: Map<String, Value> = [(MARK.to_owned(), value)].into_iter().collect();
    members.extend(renamed);
    body.to_string().replace(MARK, name)
}

/// `/steps/1/template` is `steps[1].template`.
fn path(pointer: &str) -> String {
    pointer.split('/').skip(1).fold(String::new(), |path, step| {
        if step.bytes().all(|byte| byte.is_ascii_digit()) {
            format!("{path}[{step}]")
        } else if path.is_empty() {
            step.to_owned()
        } else {
            format!("{path}.{step}")
        }
    })
}

/// A value as a test's output can show it.
fn shortened(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() > 60 {
        format!("{}…", text.chars().take(60).collect::<String>())
    } else {
        text
    }
}
