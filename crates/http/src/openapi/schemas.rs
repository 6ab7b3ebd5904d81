//! The schemas of all bodies, made as strict as the code that reads and writes them.

use serde_json::{Map, Value, json};
use utoipa::{
    ToSchema,
    openapi::{RefOr, Schema},
};

/// Whether a body comes in or goes out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// What may be null may also be absent.
    Request,
    /// What may be null is there all the same.
    Answer,
}

/// Every schema the document refers to.
pub(super) struct Schemas {
    components: Map<String, Value>,
    decimals: usize,
}

impl Schemas {
    pub(super) fn new(decimals: usize) -> Self {
        Self {
            components: Map::new(),
            decimals,
        }
    }

    /// A reference to the schema of a type, which is kept with all that it refers to.
    pub(super) fn refer<T: ToSchema>(&mut self, direction: Direction) -> Value {
        let mut found: Vec<(String, RefOr<Schema>)> = vec![(T::name().into(), T::schema())];
        T::schemas(&mut found);
        for (name, schema) in found {
            let mut schema = serde_json::to_value(schema).unwrap_or_default();
            self.tighten(&mut schema, direction);
            self.components.insert(name, schema);
        }
        json!({"$ref": format!("#/components/schemas/{}", T::name())})
    }

    /// The schema of a page of these items.
    pub(super) fn list_of<T: ToSchema>(&mut self, direction: Direction) -> Value {
        let item = self.refer::<T>(direction);
        let next = json!({"type": ["string", "null"], "description": "The `cursor` to go on with; null at the end"});
        json!({
            "type": "object",
            "properties": {"items": {"type": "array", "items": item}, "next_cursor": next},
            "required": ["items", "next_cursor"],
            "additionalProperties": false,
        })
    }

    pub(super) fn into_components(self) -> Map<String, Value> {
        self.components
    }

    /// Objects have the fields they name and no others; amounts have the currency's decimals; and
    /// how wide Rust's numbers are is nobody's business.
    fn tighten(&self, schema: &mut Value, direction: Direction) {
        let format = schema["format"].as_str().unwrap_or_default();
        if format.starts_with("int") || format == "double" {
            schema.as_object_mut().and_then(|schema| schema.remove("format"));
        }
        if schema["type"] == "number" {
            let unit = 10_f64.powi(-i32::try_from(self.decimals).unwrap_or(0));
            schema["multipleOf"] = if self.decimals == 0 { json!(1) } else { json!(unit) };
        }
        if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            for property in properties.values_mut() {
                self.tighten(property, direction);
            }
            if direction == Direction::Answer {
                let always = properties.iter().filter(|(_, property)| may_be_null(property));
                let always: Vec<Value> = always.map(|(name, _)| json!(name)).collect();
                require(schema, always);
            }
            schema["additionalProperties"] = json!(false);
        }
        if let Some(items) = schema.get_mut("items") {
            self.tighten(items, direction);
        }
    }
}

fn may_be_null(schema: &Value) -> bool {
    let null = json!("null");
    let alternatives = schema["oneOf"].as_array();
    schema["type"].as_array().is_some_and(|types| types.contains(&null))
        || alternatives.is_some_and(|alternatives| alternatives.iter().any(|one| one["type"] == null))
}

fn require(schema: &mut Value, names: Vec<Value>) {
    match schema["required"].as_array_mut() {
        Some(required) => required.extend(names),
        None if names.is_empty() => {}
        None => schema["required"] = Value::Array(names),
    }
}
