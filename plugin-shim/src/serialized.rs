//! A plugin as an engine file keeps it.
//!
//! A V3 plugin is kept by TensorRT as fields: the attributes that were given, by name, and `format_version`. A V2 plugin
//! is kept as bytes of this library's own, all numbers being little-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 4 | "TRTS" |
//! | 2 | format version, 2 |
//! | 1 + n | length and text of the plugin's name |
//! | 1 | number of inputs, 0 where the plugin was never configured |
//! | per input: 1 | its `nvinfer1::DataType`, 255 where it is not known (not there in format version 1) |
//! | 1 | number of attributes |
//! | per attribute: 1 + n | length and text of its name |
//! | 1 | kind: 0 INT32, 1 text, 2 FLOAT64 (format version 1: 0 and 1 alone) |
//! | 4, or 4 + n, or 8 | the INT32, or length and text, or the FLOAT64 |
//! | 4 | CRC-32 (IEEE 802.3) of everything before |
//!
//! A later version of this library reads every format version that an earlier one wrote.

use std::ffi::CStr;

use crate::{
    attributes::{Attribute, Attributes, Kind, Value},
    bridge::Field,
    message::Refusal,
    plugin::NotedInputs,
};

const MAGIC: &[u8; 4] = b"TRTS";
const FORMAT_VERSION: u16 = 2;
/// The version before input types and FLOAT64 attributes.
const FIRST_FORMAT_VERSION: u16 = 1;
const KIND_INT: u8 = 0;
const KIND_TEXT: u8 = 1;
const KIND_FLOAT: u8 = 2;
const UNKNOWN_TYPE: u8 = u8::MAX;
const CHECKSUM_BYTES: usize = size_of::<u32>();

/// The field beside the attributes in which a V3 plugin says how it was kept.
const FORMAT_VERSION_FIELD: Attribute = Attribute { name: c"format_version", kind: Kind::Int };
static FORMAT_VERSION_VALUE: Value = Value::Int(FORMAT_VERSION as i32);

/// A V3 plugin as fields, which point into `attributes`.
pub(crate) fn write_fields(attributes: &Attributes) -> Vec<Field> {
    let mut fields = vec![FORMAT_VERSION_VALUE.as_field(FORMAT_VERSION_FIELD.name)];
    fields.extend(attributes.as_fields());
    fields
}

/// Reads the fields of a network's layer, or those that [`write_fields`] wrote.
///
/// # Safety
/// That of [`Attributes::from_fields`].
pub(crate) unsafe fn read_fields(known: &'static [Attribute], fields: &[Field]) -> Result<Attributes, Refusal> {
    static VERSION: [Attribute; 1] = [FORMAT_VERSION_FIELD];
    // SAFETY: the caller's promise.
    let is_version =
        |field: &Field| !field.name.is_null() && unsafe { CStr::from_ptr(field.name) } == FORMAT_VERSION_FIELD.name;
    let (version, attributes): (Vec<_>, Vec<_>) = fields.iter().cloned().partition(is_version);
    // SAFETY: the caller's promise.
    let version = unsafe { Attributes::from_fields(&VERSION, &version) }?.int(FORMAT_VERSION_FIELD.name);
    if let Some(given) = version.filter(|&given| !u16::try_from(given).is_ok_and(is_known)) {
        return Err(wrong_version(given));
    }
    // SAFETY: the caller's promise.
    unsafe { Attributes::from_fields(known, &attributes) }
}

fn is_known(version: u16) -> bool {
    (FIRST_FORMAT_VERSION..=FORMAT_VERSION).contains(&version)
}

fn wrong_version(given: i32) -> Refusal {
    Refusal::new(format!(
        "the engine holds format version {given} of this plugin, and this library reads {FIRST_FORMAT_VERSION} to \
         {FORMAT_VERSION}; use the library version that built the engine, or build it anew"
    ))
}

/// A V2 plugin as bytes.
pub(crate) fn write(plugin: &str, inputs: NotedInputs, attributes: &Attributes) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(FORMAT_VERSION.to_le_bytes());
    write_name(&mut bytes, plugin.as_bytes());
    bytes.push(inputs.count());
    bytes.extend((0..inputs.count()).map(|input| inputs.data_type(input).unwrap_or(UNKNOWN_TYPE)));
    // Names and numbers of attributes are this library's own tables', far below 256.
    bytes.push(attributes.iter().count() as u8);
    for (name, value) in attributes.iter() {
        write_name(&mut bytes, name.to_bytes());
        match value {
            Value::Int(value) => {
                bytes.push(KIND_INT);
                bytes.extend(value.to_le_bytes());
            }
            Value::Float(value) => {
                bytes.push(KIND_FLOAT);
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

/// Reads a V2 plugin: what is known of its inputs, and its attributes.
pub(crate) fn read(
    plugin: &str,
    known: &'static [Attribute],
    bytes: &[u8],
) -> Result<(NotedInputs, Attributes), Refusal> {
    let length = bytes.len();
    let damaged =
        |what: &str| Refusal::new(format!("the engine's {length} bytes for this plugin {what}; build the engine anew"));
    let (content, checksum) = bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or_else(|| damaged("are too few"))?;
    let mut rest = content;
    if take(&mut rest) != Some(*MAGIC) {
        return Err(damaged("are not this library's"));
    }
    let version = take(&mut rest).map(u16::from_le_bytes).ok_or_else(|| damaged("are too few"))?;
    if !is_known(version) {
        return Err(wrong_version(version.into()));
    }
    if crc32(content) != u32::from_le_bytes(*checksum) {
        return Err(damaged("are damaged (wrong checksum)"));
    }
    let parsed = parse(rest, version);
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

/// A name, what is known of the inputs, and values by name; None where the bytes do not hold what they say.
type Parsed<'a> = Option<(&'a [u8], NotedInputs, Vec<(&'a [u8], Value)>)>;

fn parse(mut rest: &[u8], version: u16) -> Parsed<'_> {
    let name = take_slice_u8(&mut rest)?;
    let [inputs] = take(&mut rest)?;
    let types = if version == FIRST_FORMAT_VERSION { &[] } else { rest.split_off(..usize::from(inputs))? };
    let [count] = take(&mut rest)?;
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
            [KIND_FLOAT] if version != FIRST_FORMAT_VERSION => Value::Float(f64::from_le_bytes(take(&mut rest)?)),
            _ => return None,
        };
        attributes.push((name, value));
    }
    let inputs = NotedInputs::new(inputs, types)?;
    rest.is_empty().then_some((name, inputs, attributes))
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

    static KNOWN: [Attribute; 3] = [
        Attribute { name: c"dim", kind: Kind::Int },
        Attribute { name: c"reduce", kind: Kind::Text },
        Attribute { name: c"eps", kind: Kind::Float },
    ];

    fn some() -> Attributes {
        let mut attributes = Attributes::default();
        attributes.insert(&KNOWN, b"dim", Value::Int(-2)).unwrap();
        attributes.insert(&KNOWN, b"reduce", Value::Text("max".to_owned())).unwrap();
        attributes
    }

    fn more() -> Attributes {
        let mut attributes = some();
        attributes.insert(&KNOWN, b"eps", Value::Float(0.1)).unwrap();
        attributes
    }

    /// FLOAT, INT32 and a type that was never told.
    fn inputs() -> NotedInputs {
        NotedInputs::new(3, &[0, 3, UNKNOWN_TYPE]).unwrap()
    }

    fn written() -> Vec<u8> {
        write("P", inputs(), &more())
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
        assert_eq!(read("P", &KNOWN, &written()).unwrap(), (inputs(), more()));
    }

    #[test]
    fn version_1_reads_for_ever() {
        let mut bytes =
            b"TRTS\x01\x00\x01P\x02\x02\x03dim\x00\xfe\xff\xff\xff\x06reduce\x01\x03\x00\x00\x00max".to_vec();
        bytes.extend(0x0D4D_0096_u32.to_le_bytes());
        assert_eq!(read("P", &KNOWN, &bytes).unwrap(), (NotedInputs::new(2, &[]).unwrap(), some()));
    }

    #[test]
    fn version_2_reads_for_ever() {
        let mut bytes = b"TRTS\x02\x00\x01P\x03\x00\x03\xff\x03\x03dim\x00\xfe\xff\xff\xff".to_vec();
        bytes.extend(b"\x06reduce\x01\x03\x00\x00\x00max");
        bytes.extend(b"\x03eps\x02\x9a\x99\x99\x99\x99\x99\xb9\x3f");
        assert_eq!(read("P", &KNOWN, &resealed(bytes)).unwrap(), (inputs(), more()));
    }

    #[test]
    fn a_float_under_version_1_is_refused() {
        let content = b"TRTS\x01\x00\x01P\x02\x01\x03eps\x02\x9a\x99\x99\x99\x99\x99\xb9\x3f".to_vec();
        assert!(read("P", &KNOWN, &resealed(content)).is_err());
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_refused() {
        let bytes = written();
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
        let bytes = written();
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
        assert!(read("Q", &KNOWN, &written()).unwrap_err().to_string().contains("not of Q"));
    }
}
