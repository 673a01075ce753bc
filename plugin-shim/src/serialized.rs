//! Plugins in engine files.
//!
//! TensorRT writes a V3 plugin as fields: the given attributes, by name, and `format_version`. A V2 plugin writes bytes
//! of this format; all numbers are little-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 4 | "TRTS" |
//! | 2 | format version, 2 |
//! | 1 + n | length and text of the plugin's name |
//! | 1 | number of inputs; 0 if the plugin was never configured |
//! | per input: 1 | its `nvinfer1::DataType`, or 255 if it is not known (format version 1 does not have it) |
//! | 1 | number of attributes |
//! | per attribute: 1 + n | length and text of its name |
//! | 1 | kind: 0 INT32, 1 text, 2 FLOAT64 (format version 1 has only 0 and 1) |
//! | 4, or 4 + n, or 8 | the INT32, or length and text, or the FLOAT64 |
//! | 4 | CRC-32 (IEEE 802.3) of everything before |
//!
//! A later version of this library reads every format version that an earlier one wrote.

use std::ffi::CStr;

use crate::{
    abi::Field,
    attributes::{Attribute, Attributes, Kind, Value},
    message::Refusal,
    noted_inputs::NotedInputs,
};

const MAGIC: &[u8; 4] = b"TRTS";
const FORMAT_VERSION: u16 = 2;
/// The version that has neither input types nor FLOAT64 attributes.
const FIRST_FORMAT_VERSION: u16 = 1;
const KIND_INT: u8 = 0;
const KIND_TEXT: u8 = 1;
const KIND_FLOAT: u8 = 2;
const UNKNOWN_TYPE: u8 = u8::MAX;
const CHECKSUM_BYTES: usize = size_of::<u32>();

/// The field with the format version of a V3 plugin.
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
    // The library's own tables have names and numbers of attributes far below 256.
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

/// Reads a V2 plugin. Returns what is known of its inputs, and its attributes.
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

/// The plugin's name, what is known of the inputs, and values by name; None if a length in the bytes does not fit the
/// rest.
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

/// CRC-32 (IEEE 802.3), one bit at a time: the input has about a hundred bytes.
fn crc32(bytes: &[u8]) -> u32 {
    const REVERSED_POLYNOMIAL: u32 = 0xEDB8_8320;
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (REVERSED_POLYNOMIAL & (crc & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests;
