//! Messages byte by byte, for those that no proxy may send. Protobuf has two shapes that matter here: numbers and bytes.

use bytes::BytesMut;
use nws_protocol::{
    frame::put_length,
    wire::{Control, Data},
};

/// A number that is as long as it must be, or longer.
fn varint(dst: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        dst.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    dst.push((value & 0x7f) as u8);
}

/// A field that holds a number.
pub(crate) fn number(field: u32, value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    varint(&mut bytes, u64::from(field) << 3);
    varint(&mut bytes, value);
    bytes
}

/// A field that holds bytes, text or a message.
pub(crate) fn field(field: u32, value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    varint(&mut bytes, u64::from(field) << 3 | 2);
    varint(&mut bytes, value.len() as u64);
    bytes.extend_from_slice(value);
    bytes
}

/// A field that nobody knows, of both shapes.
pub(crate) fn unknown() -> Vec<u8> {
    [number(1999, 7), field(2000, b"of a later version")].concat()
}

/// With its length in front.
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    put_length(&mut bytes, message.len());
    bytes.extend_from_slice(message);
    bytes.to_vec()
}

/// A message of the control lane, framed.
pub(crate) fn control(message: &Control) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    message.encode(&mut bytes);
    bytes.to_vec()
}

/// A message of a data lane, framed.
pub(crate) fn data(message: &Data) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    message.encode(&mut bytes);
    bytes.to_vec()
}

/// Hello, field by field.
#[derive(Debug, Clone)]
pub(crate) struct HelloBytes {
    pub(crate) version: u64,
    pub(crate) instance_id: Vec<u8>,
    pub(crate) capabilities: Vec<Vec<u8>>,
    pub(crate) agent: Vec<u8>,
    pub(crate) max_frame_bytes: u64,
    pub(crate) more: Vec<u8>,
}

impl HelloBytes {
    pub(crate) fn new(instance_id: &[u8; 16]) -> Self {
        Self {
            version: 1,
            instance_id: instance_id.to_vec(),
            capabilities: Vec::new(),
            agent: b"nws conformance".to_vec(),
            max_frame_bytes: 1_049_600,
            more: Vec::new(),
        }
    }

    /// The message, without the length.
    pub(crate) fn message(&self) -> Vec<u8> {
        let mut hello = number(1, self.version);
        hello.extend(field(2, &self.instance_id));
        for name in &self.capabilities {
            hello.extend(field(3, name));
        }
        hello.extend(field(4, &self.agent));
        hello.extend(number(5, self.max_frame_bytes));
        hello.extend_from_slice(&self.more);
        field(1, &hello)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nws_protocol::{InstanceId, wire::Hello};

    #[test]
    fn a_hello_of_fields_is_the_hello_of_the_codec() {
        let bytes = HelloBytes::new(&[7; 16]).message();
        let hello = Hello {
            version: 1,
            instance_id: InstanceId::from_bytes([7; 16]),
            capabilities: Vec::new(),
            agent: "nws conformance".to_owned(),
            max_frame_bytes: 1_049_600,
        };
        assert_eq!(framed(&bytes), control(&Control::Hello(hello)));
    }

    #[test]
    fn ping_is_the_example_of_the_document() {
        assert_eq!(framed(&field(9, &number(1, 5))), [0x04, 0x4a, 0x02, 0x08, 0x05]);
    }
}
