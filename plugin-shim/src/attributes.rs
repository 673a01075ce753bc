//! The attributes of a plugin: their declarations, and the values that fields or an engine file give.

use std::{ffi::CStr, fmt::Write};

use crate::{abi::Field, message::Refusal};

/// The type of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An INT32. An INT64 is taken too if its value fits.
    Int,
    /// A FLOAT64. A FLOAT32, ONNX's type, is taken too.
    Float,
    /// A text.
    Text,
}

/// An attribute that an operator takes. Every attribute may be left out; the operator has a default.
#[derive(Debug, PartialEq)]
pub(crate) struct Attribute {
    pub(crate) name: &'static CStr,
    pub(crate) kind: Kind,
}

/// An attribute's value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Int(i32),
    Float(f64),
    Text(String),
}

impl Value {
    /// The value as a field, which points into `self`.
    pub(crate) fn as_field(&self, name: &'static CStr) -> Field {
        let (data, field_type, length): (*const u8, _, _) = match self {
            Self::Int(value) => (std::ptr::from_ref(value).cast(), field_type::INT32, 1),
            Self::Float(value) => (std::ptr::from_ref(value).cast(), field_type::FLOAT64, 1),
            // The text was read from a field, whose length is an i32.
            Self::Text(value) => (value.as_ptr(), field_type::CHAR, value.len() as i32),
        };
        Field { name: name.as_ptr(), data, field_type, length }
    }
}

/// The attributes that a layer was given.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Attributes(Vec<(&'static Attribute, Value)>);

/// The maximum length of a text. It is far above the longest text that an attribute takes.
const MAX_TEXT: usize = 64;

/// `nvinfer1::PluginFieldType`.
pub(crate) mod field_type {
    pub(crate) const FLOAT32: i32 = 1;
    pub(crate) const FLOAT64: i32 = 2;
    pub(crate) const INT32: i32 = 5;
    pub(crate) const CHAR: i32 = 6;
    pub(crate) const INT64: i32 = 10;
}

impl Attribute {
    fn text_name(&self) -> &'static str {
        self.name.to_str().unwrap_or_default()
    }

    /// How a creator declares the attribute: a name and a type without a value.
    pub(crate) fn declaration(&self) -> Field {
        let field_type = match self.kind {
            Kind::Int => field_type::INT32,
            Kind::Float => field_type::FLOAT64,
            Kind::Text => field_type::CHAR,
        };
        // A number has length 1. A text has any length, which is declared as 0.
        let length = i32::from(self.kind != Kind::Text);
        Field { name: self.name.as_ptr(), data: std::ptr::null(), field_type, length }
    }
}

impl Attributes {
    /// Reads the fields that TensorRT hands to a creator.
    ///
    /// # Safety
    /// Each field's name must be null or end in a NUL, and its data be null or hold `length` values of its type.
    pub(crate) unsafe fn from_fields(known: &'static [Attribute], fields: &[Field]) -> Result<Self, Refusal> {
        let mut attributes = Self::default();
        for field in fields {
            if field.name.is_null() {
                return Err(Refusal::new("an attribute without a name was given"));
            }
            // SAFETY: the caller's promise.
            let name = unsafe { CStr::from_ptr(field.name) };
            let attribute = find(known, name.to_bytes())?;
            // SAFETY: the caller's promise.
            let value = unsafe { read(attribute, field) }?;
            attributes.add(attribute, value)?;
        }
        Ok(attributes)
    }

    /// Adds an attribute by name.
    pub(crate) fn insert(&mut self, known: &'static [Attribute], name: &[u8], value: Value) -> Result<(), Refusal> {
        let attribute = find(known, name)?;
        match (attribute.kind, &value) {
            (Kind::Int, Value::Int(_)) | (Kind::Float, Value::Float(_)) | (Kind::Text, Value::Text(_)) => {
                self.add(attribute, value)
            }
            _ => Err(Refusal::new(format!("attribute {} has a value of another type", attribute.text_name()))),
        }
    }

    fn add(&mut self, attribute: &'static Attribute, value: Value) -> Result<(), Refusal> {
        if self.0.iter().any(|(given, _)| given.name == attribute.name) {
            return Err(Refusal::new(format!("attribute {} was given twice", attribute.text_name())));
        }
        self.0.push((attribute, value));
        Ok(())
    }

    fn get(&self, name: &CStr) -> Option<&Value> {
        self.0.iter().find_map(|(attribute, value)| (attribute.name == name).then_some(value))
    }

    /// The value of an INT32 attribute; None if it was not given.
    pub(crate) fn int(&self, name: &CStr) -> Option<i32> {
        match self.get(name)? {
            Value::Int(value) => Some(*value),
            Value::Float(_) | Value::Text(_) => None,
        }
    }

    /// The value of a FLOAT64 attribute; None if it was not given.
    pub(crate) fn float(&self, name: &CStr) -> Option<f64> {
        match self.get(name)? {
            Value::Float(value) => Some(*value),
            Value::Int(_) | Value::Text(_) => None,
        }
    }

    /// The value of a text attribute; None if it was not given.
    pub(crate) fn text(&self, name: &CStr) -> Option<&str> {
        match self.get(name)? {
            Value::Text(value) => Some(value),
            Value::Int(_) | Value::Float(_) => None,
        }
    }

    /// The names and values of the given attributes.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static CStr, &Value)> {
        self.0.iter().map(|(attribute, value)| (attribute.name, value))
    }

    /// The given attributes as fields, which point into `self`.
    pub(crate) fn as_fields(&self) -> Vec<Field> {
        self.iter().map(|(name, value)| value.as_field(name)).collect()
    }
}

fn find(known: &'static [Attribute], name: &[u8]) -> Result<&'static Attribute, Refusal> {
    known.iter().find(|attribute| attribute.name.to_bytes() == name).ok_or_else(|| {
        let mut text = format!("there is no attribute \"{}\"; expected", String::from_utf8_lossy(name));
        if known.is_empty() {
            text.push_str(" none");
        }
        for (position, attribute) in known.iter().enumerate() {
            let _ = write!(text, "{} {}", if position == 0 { "" } else { "," }, attribute.text_name());
        }
        Refusal::new(text)
    })
}

/// # Safety
/// The field's data must be null or hold `length` values of its type.
unsafe fn read(attribute: &Attribute, field: &Field) -> Result<Value, Refusal> {
    let name = attribute.text_name();
    let length = usize::try_from(field.length).unwrap_or(0);
    match (attribute.kind, field.field_type) {
        (Kind::Int, field_type::INT32 | field_type::INT64) if length == 1 && !field.data.is_null() => {
            // SAFETY: the data holds one value of the type; TensorRT does not promise alignment.
            let value = unsafe {
                if field.field_type == field_type::INT32 {
                    field.data.cast::<i32>().read_unaligned().into()
                } else {
                    field.data.cast::<i64>().read_unaligned()
                }
            };
            i32::try_from(value)
                .map(Value::Int)
                .map_err(|_| Refusal::new(format!("attribute {name} is {value}, which does not fit an INT32")))
        }
        (Kind::Float, field_type::FLOAT32 | field_type::FLOAT64) if length == 1 && !field.data.is_null() => {
            // SAFETY: as above.
            Ok(Value::Float(unsafe {
                if field.field_type == field_type::FLOAT32 {
                    field.data.cast::<f32>().read_unaligned().into()
                } else {
                    field.data.cast::<f64>().read_unaligned()
                }
            }))
        }
        (Kind::Text, field_type::CHAR) if length == 0 => Ok(Value::Text(String::new())),
        (Kind::Text, field_type::CHAR) if !field.data.is_null() && length <= MAX_TEXT => {
            // SAFETY: the data holds `length` characters.
            let bytes = unsafe { std::slice::from_raw_parts(field.data, length) };
            // The length decides where the text ends. Some callers count the terminating NUL.
            let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
            match std::str::from_utf8(bytes) {
                Ok(text) => Ok(Value::Text(text.to_owned())),
                Err(_) => Err(Refusal::new(format!("attribute {name} is \"{}\", not a text", bytes.escape_ascii()))),
            }
        }
        (kind, _) => {
            let expected = match kind {
                Kind::Int => "one INT32 (PluginFieldType 5)",
                Kind::Float => "one FLOAT32 or FLOAT64 (PluginFieldType 1 or 2)",
                Kind::Text => "a text (PluginFieldType 6) of at most 64 characters",
            };
            Err(Refusal::new(format!(
                "attribute {name} was given as {} values of PluginFieldType {}{}; expected {expected}",
                field.length,
                field.field_type,
                if field.data.is_null() { " without data" } else { "" },
            )))
        }
    }
}
