//! The document against the service: what it says is there, and what is there it says.

use crate::house::{House, OPERATOR};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Every operation of a document, as `GET /path`.
pub fn operations(document: &Value) -> BTreeSet<String> {
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().keys();
        methods.map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    operations.collect()
}

fn document() -> Value {
    serde_json::from_str(&frontrow_http::openapi_json()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_paths_and_methods_served_are_those_documented() {
    let house = House::open().await;
    let served: Value = house.get("/openapi.json").expect(200).await;
    let document = document();
    assert_eq!(served, document);
    let mut methods: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let operations = operations(&document);
    for operation in &operations {
        let (method, path) = operation.split_once(' ').unwrap();
        methods.entry(path).or_default().insert(method.to_owned());
    }
    for (path, documented) in methods {
        let concrete = path.replace(['{', '}'], "");
        let options = house.request(reqwest::Method::OPTIONS, &concrete).send().await;
        assert_eq!(options.status, 204, "{path}");
        let allowed = options.header("allow").split(", ").map(str::to_owned);
        let mut allowed: BTreeSet<String> = allowed.collect();
        allowed.remove("OPTIONS");
        assert_eq!(allowed.remove("HEAD"), documented.contains("GET"), "{path}");
        assert_eq!(allowed, documented, "{path}");
        let refused = house.request(reqwest::Method::PUT, &concrete).send().await;
        assert_eq!(
            (refused.status.as_u16(), refused.code().as_str()),
            (405, "method_not_allowed"),
            "{path}"
        );
        assert_eq!(refused.header("allow"), options.header("allow"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_documented_is_not_there() {
    let house = House::open().await;
    for path in [
        "/",
        "/v1",
        "/v1/users/",
        "/v1/concerts/",
        "/v2/concerts",
        "/docs/no-such-file",
        "/v1//concerts",
    ] {
        let problem = house.get(path).refused(404, "not_found").await;
        assert_eq!(problem["instance"], path);
    }
}

#[test]
fn every_example_fits_its_schema() {
    let document = document();
    let mut checked = 0;
    visit_contents(&document["paths"], &mut |content| {
        let examples = content["examples"].as_object().into_iter().flatten();
        let examples = examples
            .map(|(_, example)| &example["value"])
            .chain(content.get("example"));
        for example in examples {
            let wrong = misfit(&document, &content["schema"], example);
            assert_eq!(wrong, None, "{example:#} does not fit {:#}", content["schema"]);
            checked += 1;
        }
    });
    assert!(checked > 200, "only {checked} examples were found");
}

#[test]
fn every_reference_leads_somewhere_and_every_schema_is_referred_to() {
    let document = document();
    let text = document.to_string();
    for (name, _) in document["components"]["schemas"].as_object().unwrap() {
        assert!(
            text.contains(&format!("\"#/components/schemas/{name}\"")),
            "{name} is not used"
        );
    }
    let mut rest = text.as_str();
    while let Some(at) = rest.find("#/components/schemas/") {
        rest = &rest[at..];
        let end = rest.find('"').unwrap();
        assert!(document.pointer(&rest[1..end]).is_some(), "{}", &rest[..end]);
        rest = &rest[end..];
    }
}

#[test]
fn every_operation_says_how_it_fails() {
    let document = document();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap();
            assert!(
                responses.keys().any(|status| status.starts_with(['2', '3'])),
                "{method} {path}"
            );
            assert!(responses.contains_key("500"), "{method} {path}");
            for (status, response) in responses.iter().filter(|(status, _)| status.as_str() >= "400") {
                let content = &response["content"]["application/problem+json"];
                assert!(content["examples"].is_object(), "{method} {path} {status}");
            }
        }
    }
}

/// Every body that an operator's call takes is as strict as its schema: each field that is
/// required is missed, and one that nobody knows is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_body_takes_the_fields_of_its_schema_and_no_others() {
    let house = House::open().await;
    let (_, place) = house.insider(&house.concert().await).await;
    let document = document();
    let mut bodies = 0;
    for operation in operations(&document) {
        let (method, path) = operation.split_once(' ').unwrap();
        let described = &document["paths"][path][method.to_lowercase()];
        let content = &described["requestBody"]["content"]["application/json"];
        if content.is_null() {
            continue;
        }
        bodies += 1;
        let schema = resolve(&document, &content["schema"]);
        let call = |body: &Value| {
            let request = house.request(method.parse().unwrap(), &path.replace(['{', '}'], ""));
            request.bearer(OPERATOR).queue(&place).json(body)
        };
        let mut unknown = content["example"].clone();
        unknown["surprise"] = json!(1);
        let problem = call(&unknown).refused(422, "validation_failed").await;
        assert_eq!(
            problem["detail"], "surprise: is not a field of this request",
            "{operation}"
        );
        for field in schema["required"].as_array().into_iter().flatten() {
            let field = field.as_str().unwrap();
            let mut without = content["example"].clone();
            without.as_object_mut().unwrap().remove(field);
            let answer = call(&without).send().await;
            let (code, missed) = match field {
                "amount" => ("invalid_amount", String::new()),
                _ => ("validation_failed", format!("{field}: is missing")),
            };
            assert_eq!(answer.code(), code, "{operation} without {field}: {}", answer.body);
            assert!(
                answer.body.contains(&missed),
                "{operation} without {field}: {}",
                answer.body
            );
        }
        let accepted = call(&content["example"]).send().await;
        let shapes = ["malformed_request", "validation_failed", "unsupported_media_type"];
        assert!(
            !shapes.contains(&accepted.code().as_str()),
            "{operation}: {}",
            accepted.body
        );
    }
    assert_eq!(bodies, 10);
}

/// Calls back for every media type of every body.
fn visit_contents(value: &Value, see: &mut impl FnMut(&Value)) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                if name == "content" {
                    value
                        .as_object()
                        .into_iter()
                        .flatten()
                        .for_each(|(_, content)| see(content));
                } else {
                    visit_contents(value, see);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| visit_contents(item, see)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => document.pointer(&reference[1..]).unwrap(),
        None => schema,
    }
}

/// What about a value does not fit a schema, as far as our schemas go.
pub fn misfit(document: &Value, schema: &Value, value: &Value) -> Option<String> {
    let schema = resolve(document, schema);
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    };
    if !types.is_empty() && !types.iter().any(|kind| is_a(kind, value)) {
        return Some(format!("{value} is none of {types:?}"));
    }
    if let Some(words) = schema["enum"].as_array().filter(|words| !words.contains(value)) {
        return Some(format!("{value} is none of {words:?}"));
    }
    if let Some(all) = schema["allOf"].as_array() {
        return all.iter().find_map(|one| misfit(document, one, value));
    }
    if let Some(either) = schema["oneOf"].as_array() {
        let fitting = either
            .iter()
            .filter(|one| misfit(document, one, value).is_none())
            .count();
        return (fitting != 1).then(|| format!("{value} fits {fitting} alternatives"));
    }
    if schema["minimum"].as_f64() > value.as_f64() && value.is_number() {
        return Some(format!("{value} is too little"));
    }
    let items = value.as_array().into_iter().flatten();
    items
        .map(|item| misfit(document, &schema["items"], item))
        .find(Option::is_some)
        .flatten()
        .or_else(|| misfit_fields(document, schema, value))
}

fn misfit_fields(document: &Value, schema: &Value, value: &Value) -> Option<String> {
    let object = value.as_object()?;
    let required = schema["required"].as_array().into_iter().flatten();
    for name in required.filter_map(Value::as_str) {
        if !object.contains_key(name) {
            return Some(format!("{name} is missing"));
        }
    }
    for (name, field) in object {
        match schema["properties"].get(name) {
            Some(property) => {
                if let Some(wrong) = misfit(document, property, field) {
                    return Some(format!("{name}: {wrong}"));
                }
            }
            None if schema["additionalProperties"] == false => return Some(format!("{name} is unknown")),
            None => {}
        }
    }
    None
}

fn is_a(kind: &str, value: &Value) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("a type we never use: {other}"),
    }
}
