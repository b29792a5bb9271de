//! The part of protocol buffers that glasses speak: varints and length-delimited fields.

/// Builds a message. Zeros are written out, as the devices' own apps do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message(Vec<u8>);

/// One field of a message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    /// A fixed-width field, skipped.
    Fixed,
}

/// The bytes are not a protobuf message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadMessage;

impl Message {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn number(mut self, field: u32, value: u64) -> Self {
        self.varint(u64::from(field) << 3);
        self.varint(value);
        self
    }

    pub(crate) fn bytes(mut self, field: u32, value: &[u8]) -> Self {
        self.varint(u64::from(field) << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    pub(crate) fn text(self, field: u32, value: &str) -> Self {
        self.bytes(field, value.as_bytes())
    }

    pub(crate) fn message(self, field: u32, value: &Self) -> Self {
        self.bytes(field, &value.0)
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

/// A message that was read: its fields in order. The last of a repeated number wins, as in proto3.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields<'a>(Vec<(u32, Value<'a>)>);

impl<'a> Fields<'a> {
    pub(crate) fn read(mut bytes: &'a [u8]) -> Result<Self, BadMessage> {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let tag = varint(&mut bytes)?;
            let field = u32::try_from(tag >> 3).map_err(|_| BadMessage)?;
            let value = match tag & 7 {
                0 => Value::Number(varint(&mut bytes)?),
                1 => fixed(&mut bytes, 8)?,
                2 => {
                    let len = usize::try_from(varint(&mut bytes)?).map_err(|_| BadMessage)?;
                    Value::Bytes(take(&mut bytes, len)?)
                }
                5 => fixed(&mut bytes, 4)?,
                _ => return Err(BadMessage),
            };
            fields.push((field, value));
        }
        Ok(Self(fields))
    }

    /// A number; 0 where it is missing, as in proto3.
    pub(crate) fn number(&self, field: u32) -> u64 {
        self.last(field).map_or(0, |value| if let Value::Number(number) = value { number } else { 0 })
    }

    pub(crate) fn has(&self, field: u32) -> bool {
        self.last(field).is_some()
    }

    pub(crate) fn bytes(&self, field: u32) -> Option<&'a [u8]> {
        self.last(field).and_then(|value| if let Value::Bytes(bytes) = value { Some(bytes) } else { None })
    }

    pub(crate) fn message(&self, field: u32) -> Option<Self> {
        Self::read(self.bytes(field)?).ok()
    }

    /// Every occurrence of a repeated message.
    pub(crate) fn messages(&self, field: u32) -> impl Iterator<Item = Self> {
        self.0.iter().filter_map(move |&(number, value)| match value {
            Value::Bytes(bytes) if number == field => Self::read(bytes).ok(),
            _ => None,
        })
    }

    fn last(&self, field: u32) -> Option<Value<'a>> {
        self.0.iter().rev().find(|(number, _)| *number == field).map(|&(_, value)| value)
    }
}

fn fixed<'a>(bytes: &mut &'a [u8], len: usize) -> Result<Value<'a>, BadMessage> {
    take(bytes, len).map(|_| Value::Fixed)
}

fn take<'a>(bytes: &mut &'a [u8], len: usize) -> Result<&'a [u8], BadMessage> {
    let (head, rest) = bytes.split_at_checked(len).ok_or(BadMessage)?;
    *bytes = rest;
    Ok(head)
}

fn varint(bytes: &mut &[u8]) -> Result<u64, BadMessage> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(bytes, 1)?[0];
        value |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(BadMessage)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_missing_number_is_zero_and_the_last_one_wins() {
        let bytes = Message::new().number(1, 300).number(1, 7).text(2, "x").into_bytes();
        let fields = Fields::read(&bytes).unwrap();
        assert_eq!((fields.number(1), fields.number(9)), (7, 0));
        assert_eq!(fields.bytes(2), Some(b"x".as_slice()));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = Fields::read(&bytes);
        }

        #[test]
        fn numbers_come_back(field in 1_u32..536_870_911, value: u64) {
            let bytes = Message::new().number(field, value).into_bytes();
            prop_assert_eq!(Fields::read(&bytes).unwrap().number(field), value);
        }
    }
}
