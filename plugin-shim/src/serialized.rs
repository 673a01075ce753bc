//! A V2 plugin as an engine file keeps it.
//!
//! All numbers are little-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 4 | "TRTS" |
//! | 2 | format version, 1 |
//! | 1 + n | length and text of the plugin's name |
//! | 1 | number of inputs, 0 where the plugin was never configured |
//! | 1 | number of attributes |
//! | per attribute: 1 + n | length and text of its name |
//! | 1 | kind: 0 INT32, 1 text |
//! | 4, or 4 + n | the INT32, or length and text |
//! | 4 | CRC-32 (IEEE 802.3) of everything before |
//!
//! A later version of this library reads every format version that an earlier one wrote.

use crate::{
    attributes::{Attribute, Attributes, Value},
    message::Refusal,
};

const MAGIC: &[u8; 4] = b"TRTS";
const FORMAT_VERSION: u16 = 1;
const KIND_INT: u8 = 0;
const KIND_TEXT: u8 = 1;
const CHECKSUM_BYTES: usize = size_of::<u32>();

/// Writes a plugin.
pub(crate) fn write(plugin: &str, inputs: u8, attributes: &Attributes) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(FORMAT_VERSION.to_le_bytes());
    write_name(&mut bytes, plugin.as_bytes());
    bytes.push(inputs);
    // Names and numbers of attributes are this library's own tables', far below 256.
    bytes.push(attributes.iter().count() as u8);
    for (name, value) in attributes.iter() {
        write_name(&mut bytes, name.to_bytes());
        match value {
            Value::Int(value) => {
                bytes.push(KIND_INT);
                bytes.extend(value.to_le_bytes());
            }
            Value::Text(text) => {
                bytes.push(KIND_TEXT);
                bytes.extend((text.len() as u32).to_le_bytes());
                bytes.extend(text.as_bytes());
            }
        }
    }
    bytes.extend(crc32(&bytes).to_le_bytes());
    bytes
}

fn write_name(bytes: &mut Vec<u8>, name: &[u8]) {
    bytes.push(name.len() as u8);
    bytes.extend(name);
}

/// Reads a plugin: the number of its inputs and its attributes.
pub(crate) fn read(plugin: &str, known: &'static [Attribute], bytes: &[u8]) -> Result<(u8, Attributes), Refusal> {
    let length = bytes.len();
    let damaged =
        |what: &str| Refusal::new(format!("the engine's {length} bytes for this plugin {what}; build the engine anew"));
    let (content, checksum) = bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or_else(|| damaged("are too few"))?;
    let mut rest = content;
    if take(&mut rest) != Some(*MAGIC) {
        return Err(damaged("are not this library's"));
    }
    match take(&mut rest).map(u16::from_le_bytes) {
        Some(FORMAT_VERSION) => {}
        Some(version) => {
            return Err(Refusal::new(format!(
                "the engine holds format version {version} of this plugin, and this library reads {FORMAT_VERSION}; \
                 use the library version that built the engine, or build it anew"
            )));
        }
        None => return Err(damaged("are too few")),
    }
    if crc32(content) != u32::from_le_bytes(*checksum) {
        return Err(damaged("are damaged (wrong checksum)"));
    }
    let parsed = (|| {
        let name = take_slice_u8(&mut rest)?;
        let [inputs, count] = take(&mut rest)?;
        let mut attributes = Vec::new();
        for _ in 0..count {
            let name = take_slice_u8(&mut rest)?;
            let value = match take(&mut rest)? {
                [KIND_INT] => Value::Int(i32::from_le_bytes(take(&mut rest)?)),
                [KIND_TEXT] => {
                    let length = u32::from_le_bytes(take(&mut rest)?);
                    let text = rest.split_off(..usize::try_from(length).ok()?)?;
                    Value::Text(str::from_utf8(text).ok()?.to_owned())
                }
                _ => return None,
            };
            attributes.push((name, value));
        }
        rest.is_empty().then_some((name, inputs, attributes))
    })();
    let (name, inputs, values) = parsed.ok_or_else(|| damaged("do not hold what they say"))?;
    if name != plugin.as_bytes() {
        return Err(Refusal::new(format!(
            "the engine's bytes are of plugin \"{}\", not of {plugin}",
            name.escape_ascii()
        )));
    }
    let mut attributes = Attributes::default();
    for (name, value) in values {
        attributes.insert(known, name, value)?;
    }
    Ok((inputs, attributes))
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    rest.split_off(..N)?.try_into().ok()
}

fn take_slice_u8<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let [length] = take(rest)?;
    rest.split_off(..length.into())
}

/// The CRC of Ethernet and zip; bit by bit, for a hundred bytes at a time.
fn crc32(bytes: &[u8]) -> u32 {
    const REVERSED_POLYNOMIAL: u32 = 0xEDB8_8320;
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (REVERSED_POLYNOMIAL & (crc & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::Kind;

    static KNOWN: [Attribute; 2] =
        [Attribute { name: c"dim", kind: Kind::Int }, Attribute { name: c"reduce", kind: Kind::Text }];

    fn some() -> Attributes {
        let mut attributes = Attributes::default();
        attributes.insert(&KNOWN, b"dim", Value::Int(-2)).unwrap();
        attributes.insert(&KNOWN, b"reduce", Value::Text("max".to_owned())).unwrap();
        attributes
    }

    /// With the checksum made right again.
    fn resealed(mut content: Vec<u8>) -> Vec<u8> {
        content.extend(crc32(&content).to_le_bytes());
        content
    }

    #[test]
    fn the_checksum_is_the_published_one() {
        // The check value of CRC-32/ISO-HDLC.
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn what_is_written_reads_back() {
        assert_eq!(read("P", &KNOWN, &write("P", 3, &some())).unwrap(), (3, some()));
    }

    #[test]
    fn version_1_reads_for_ever() {
        let mut bytes =
            b"TRTS\x01\x00\x01P\x02\x02\x03dim\x00\xfe\xff\xff\xff\x06reduce\x01\x03\x00\x00\x00max".to_vec();
        bytes.extend(0x0D4D_0096_u32.to_le_bytes());
        assert_eq!(read("P", &KNOWN, &bytes).unwrap(), (2, some()));
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_refused() {
        let bytes = write("P", 3, &some());
        for length in 0..bytes.len() {
            assert!(read("P", &KNOWN, &bytes[..length]).is_err(), "cut to {length}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(read("P", &KNOWN, &flipped).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn lengths_are_checked_even_under_a_right_checksum() {
        let bytes = write("P", 3, &some());
        let content = &bytes[..bytes.len() - CHECKSUM_BYTES];
        for length in 0..content.len() {
            assert!(read("P", &KNOWN, &resealed(content[..length].to_vec())).is_err(), "cut to {length}");
        }
        for position in 0..content.len() {
            let mut changed = content.to_vec();
            changed[position] = 0xff;
            // Any answer will do, but there must be one.
            let _ = read("P", &KNOWN, &resealed(changed));
        }
        assert!(read("P", &KNOWN, &resealed([content, b"x"].concat())).is_err());
    }

    #[test]
    fn another_plugins_bytes_are_refused() {
        assert!(read("Q", &KNOWN, &write("P", 3, &some())).unwrap_err().to_string().contains("not of Q"));
    }
}
