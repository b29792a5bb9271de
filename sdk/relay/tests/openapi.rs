//! The `OpenAPI` document, against the routes and the answers.

mod support;

use std::sync::Arc;

use glasslink_protocol::{ClientMessage, FrameIndex, RelayMessage, StreamId};
use glasslink_relay::Relay;
use serde_json::{Map, Value};
use support::engine::FakeEngine;
use support::http::{ask, get};
use support::{Client, eventually, hello, stream};

/// Where an answer is not as the schema says; the part of JSON Schema that the document uses.
fn faults(document: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let schema = match schema["$ref"].as_str() {
        Some(reference) => &document[reference.trim_start_matches("#/components/schemas/")],
        None => schema,
    };
    let fault = |what: String| vec![format!("{at}: {what}, and is {value}")];
    if let Some(any) = schema["oneOf"].as_array() {
        let fitting = any.iter().filter(|one| faults(document, one, value, at).is_empty()).count();
        return if fitting == 1 { Vec::new() } else { fault(format!("fits {fitting} of oneOf")) };
    }
    if let Some(wanted) = schema.get("const") {
        return if wanted == value { Vec::new() } else { fault(format!("must be {wanted}")) };
    }
    if schema["enum"].as_array().is_some_and(|all| !all.contains(value)) {
        return fault("is none of the enum".into());
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let kinds = match &schema["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => return fault("has no type".into()),
    };
    if !kinds.contains(&kind) {
        return fault(format!("must be {kinds:?}"));
    }
    let mut found = Vec::new();
    if let Some(object) = value.as_object() {
        let nothing = Map::new();
        let properties = schema["properties"].as_object().unwrap_or(&nothing);
        for name in schema["required"].as_array().into_iter().flatten() {
            if !object.contains_key(name.as_str().unwrap()) {
                found.push(format!("{at}: {name} is missing"));
            }
        }
        for (name, value) in object {
            match properties.get(name) {
                Some(schema) => found.extend(faults(document, schema, value, &format!("{at}.{name}"))),
                None if schema["additionalProperties"] == false => {
                    found.push(format!("{at}: {name} is not told of"));
                }
                None => {}
            }
        }
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        if schema.get("items").is_some() {
            found.extend(faults(document, &schema["items"], item, &format!("{at}[{index}]")));
        }
    }
    found
}

#[test]
fn the_checker_finds_what_is_wrong() {
    let schema = serde_json::json!({
        "type": "object", "required": ["a"], "additionalProperties": false,
        "properties": { "a": { "type": "array", "items": { "type": "integer" } } },
    });
    let wrong = |value: Value| faults(&Value::Null, &schema, &value, "it").len();
    assert_eq!(wrong(serde_json::json!({ "a": [1, 2] })), 0);
    assert_eq!(wrong(serde_json::json!({ "a": [1, "2"] })), 1);
    assert_eq!(wrong(serde_json::json!({ "b": 1 })), 2);
    assert_eq!(wrong(serde_json::json!([])), 1);
}

#[tokio::test]
async fn every_operation_answers_as_the_document_says() {
    let folder = tempfile::tempdir().unwrap();
    let relay =
        Relay::builder().engine(Arc::new(FakeEngine::default())).data(folder.path()).start().await.unwrap();
    let address = relay.local_addr();
    let mut client = Client::plain(&relay.url()).await;
    client.greet(hello(1)).await;
    client.say(&ClientMessage::Open(stream(1, 0))).await;
    client.audio(1, 0, 200).await;
    client.say(&ClientMessage::End { stream: StreamId(1), at: FrameIndex(200) }).await;
    client.until(|message| matches!(message, RelayMessage::Ended { .. })).await;
    client.until(|message| matches!(message, RelayMessage::Transcript { number, .. } if number.0 == 2)).await;
    let id = "00000000000000000000000000000001";
    eventually("both events are there", async || {
        let events = get(address, &format!("/v1/sessions/{id}/events")).await.json();
        (events["next"] == 2).then_some(())
    })
    .await;

    let document = get(address, "/v1/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    let schemas = &document["components"]["schemas"];
    let mut checked = 0;
    // Deletions last.
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            operations.push((method.to_uppercase(), path.clone(), operation.clone()));
        }
    }
    operations.sort_by_key(|(method, ..)| method == "DELETE");
    for (method, path, operation) in &operations {
        let real = path.replace("{id}", id);
        let mut requests = vec![(real.clone(), String::new())];
        if path.contains("{id}") {
            requests.push((path.replace("{id}", &"f".repeat(32)), String::new()));
            requests.push((path.replace("{id}", "%00..%2f"), String::new()));
        }
        for parameter in operation["parameters"].as_array().unwrap() {
            if parameter["in"] == "query" {
                requests.push((
                    format!("{real}?{}=%F0%9F%A6%84", parameter["name"].as_str().unwrap()),
                    String::new(),
                ));
            }
        }
        let types = operation["responses"]["200"]["content"].as_object();
        for name in types.into_iter().flat_map(Map::keys).filter(|name| *name != "text/event-stream") {
            requests.push((real.clone(), format!("Accept: {name}\r\n")));
        }
        requests.push((real.clone(), "Accept: image/webp\r\n".into()));
        for (target, headers) in requests {
            let answer = ask(address, method, &target, &headers).await;
            let told = &operation["responses"][answer.status.to_string()];
            assert!(told.is_object(), "{method} {target} {headers}: {} is not told of", answer.status);
            let Some(content) = told.get("content") else {
                assert!(answer.body.is_empty());
                continue;
            };
            let media_type = answer.header("content-type").unwrap().split(';').next().unwrap().to_owned();
            assert!(content[&media_type].is_object(), "{method} {target}: {media_type} is not told of");
            if media_type == "application/json" {
                let wrong = faults(schemas, &content[&media_type]["schema"], &answer.json(), &target);
                assert!(wrong.is_empty(), "{wrong:#?}");
                checked += 1;
            }
        }
    }
    assert!(checked > 30, "{checked}");
}
