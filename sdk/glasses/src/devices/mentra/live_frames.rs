//! `23 23`, type, length, payload, `24 24`. Which end the length starts with differs between firmware versions.

use serde_json::{Value, json};

/// The type of a JSON payload.
const JSON: u8 = 0x30;
const LONGEST: usize = 512;

/// Which byte of a length comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endian {
    Big,
    Little,
}

pub(super) fn encode(json: &str, endian: Endian) -> Vec<u8> {
    let length = json.len() as u16;
    let length = match endian {
        Endian::Big => length.to_be_bytes(),
        Endian::Little => length.to_le_bytes(),
    };
    let mut frame = vec![0x23, 0x23, JSON, length[0], length[1]];
    frame.extend_from_slice(json.as_bytes());
    frame.extend_from_slice(&[0x24, 0x24]);
    frame
}

/// The JSON of a frame and how its length was written; of two readings the one that ends the frame.
pub(super) fn decode(frame: &[u8]) -> Result<(Value, Endian), &'static str> {
    let Some((&[0x23, 0x23, kind, a, b], rest)) = frame.split_first_chunk::<5>() else {
        return Err("a frame does not start with ##");
    };
    if kind != JSON {
        return Err("a frame of a type without use here");
    }
    let readings = [(Endian::Big, u16::from_be_bytes([a, b])), (Endian::Little, u16::from_le_bytes([a, b]))];
    let body = readings.into_iter().find_map(|(endian, length)| {
        let length = usize::from(length);
        let (body, end) = rest.split_at_checked(length)?;
        ((1..=LONGEST).contains(&length) && end == [0x24, 0x24]).then_some((body, endian))
    });
    let (body, endian) = body.ok_or("a frame's length does not reach its end")?;
    let value = serde_json::from_slice(body).map_err(|_| "a frame's payload is no JSON")?;
    Ok((value, endian))
}

/// A command of the Bluetooth chip. Its body is a JSON text within the JSON.
pub(super) fn chip(command: &str, body: Option<&Value>) -> String {
    // Written by hand, so that the fields keep the order the firmware's own apps use.
    let body = body.map_or_else(|| "{}".to_owned(), |body| Value::String(body.to_string()).to_string());
    format!(r#"{{"C":{},"B":{body}}}"#, json!(command))
}

/// A message to the system behind the chip; it wakes it.
pub(super) fn system(message: &Value) -> String {
    format!(r#"{{"C":{},"W":1}}"#, Value::String(message.to_string()))
}

/// A value that is JSON itself, or JSON in a string.
pub(super) fn unwrap(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => serde_json::from_str(text).ok(),
        Value::Null => None,
        other => Some(other.clone()),
    }
}
