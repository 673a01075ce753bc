//! The fields that TensorRT's creators make plugins of, in both generations.

use std::{ffi::CString, ptr};

use arbitrary::Unstructured;
use tensorrt_scatter::Reduce;

use crate::{
    choose,
    common::{CHAR, FLOAT32, FLOAT64, Field, FieldCollection, INT32, layers::PLUGINS, v3::Phase},
    tensors,
};

/// The names of all attributes, and other names.
const NAMES: [&str; 19] = [
    "dim",
    "dim_size",
    "reduce",
    "arg_type",
    "dim_size_input",
    "weight_input",
    "out_height",
    "out_width",
    "deterministic",
    "size",
    "eps",
    "unbiased",
    "combine",
    "heads",
    "negative_slope",
    "format_version",
    "",
    "DIM",
    "dim_size_",
];

/// Texts of attributes, and other texts. The names of the reductions are added.
const TEXTS: [&[u8]; 7] = [b"add", b"max\0", b"int32", b"int64", b"", b"\0", b"\xff\xfe"];

/// A field with the memory that it points to. The data holds as many values as the field says, as TensorRT promises.
struct Owned {
    name: Option<CString>,
    data: Option<Box<[u8]>>,
    field_type: i32,
    length: i32,
}

impl Owned {
    fn of(u: &mut Unstructured) -> Self {
        let name = match choose::up_to(u, 15) {
            0 => None,
            1 => CString::new(choose::bytes(u, 20)).ok(),
            _ => Some(CString::new(choose::one_of(u, &NAMES)).expect("no name has a NUL")),
        };
        let field_type = match choose::up_to(u, 7) {
            0 => choose::number_32(u),
            1 => i32::from(u.arbitrary::<i8>().unwrap_or(0)).rem_euclid(14) - 1,
            _ => choose::one_of(u, &[INT32, CHAR, FLOAT64, FLOAT32, INT64]),
        };
        if field_type == CHAR && !choose::one_in(u, 4) {
            let texts: Vec<_> = Reduce::ALL.iter().map(|reduce| reduce.name().as_bytes()).chain(TEXTS).collect();
            let text = choose::one_of(u, &texts);
            return Self { name, data: Some(text.into()), field_type, length: text.len() as i32 };
        }
        let length = match choose::up_to(u, 7) {
            0 => i32::from(u.arbitrary::<i16>().unwrap_or(0)),
            1 => choose::up_to(u, 80) as i32,
            _ => 1,
        };
        // The largest type has 8 bytes. A field of length 0 has no data, but it may have a pointer.
        let bytes = 8 * usize::try_from(length).unwrap_or(0);
        let value = choose::number(u).to_le_bytes();
        let fill = value.into_iter().cycle().take(bytes).collect();
        let data = if choose::one_in(u, 16) { None } else { Some(fill) };
        Self { name, data, field_type, length }
    }

    /// The field, which points into `self`.
    fn field(&self) -> Field {
        Field {
            name: self.name.as_ref().map_or(ptr::null(), |name| name.as_ptr()),
            data: self.data.as_ref().map_or(ptr::null(), |data| data.as_ptr().cast()),
            field_type: self.field_type,
            length: self.length,
        }
    }
}

/// `PluginFieldType::kINT64`.
const INT64: i32 = 10;

/// Creates one of the plugins from fields. What it serializes must make the same plugin again.
pub fn create(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let (is_v2, number) = (choose::one_in(&mut u, 2), choose::up_to(&mut u, PLUGINS.len() as u8 - 1));
    let owned: Vec<_> = (0..choose::up_to(&mut u, 8)).map(|_| Owned::of(&mut u)).collect();
    let fields: Vec<_> = owned.iter().map(Owned::field).collect();
    if is_v2 {
        let creator = tensors::creators_v2()[number];
        let Some(plugin) = creator.create(c"layer", &fields) else { return };
        let kept = plugin.serialized();
        let again = creator.deserialize(c"layer", &kept).expect("a plugin reads what it wrote");
        assert_eq!(again.serialized(), kept);
        drop(again);
        tensors::drive_v2(&mut u, creator, &plugin);
        return;
    }
    let creator = tensors::creators_v3()[number];
    let phase = if choose::one_in(&mut u, 2) { Phase::Runtime } else { Phase::Build };
    let mut collection = FieldCollection::new(&fields);
    if fields.is_empty() {
        collection.count = choose::one_of(&mut u, &[0, -1, i32::MIN]);
        collection.fields = ptr::null();
    }
    let collection =
        if fields.is_empty() && choose::one_in(&mut u, 2) { ptr::null() } else { ptr::from_ref(&collection) };
    let Some(plugin) = creator.create_of(c"layer", collection, phase) else { return };
    let kept = plugin.fields_to_serialize();
    let again = creator.create_of(c"layer", kept, Phase::Runtime).expect("a plugin reads what it wrote");
    let (kept, again_kept) = (FieldCollection::read(kept), FieldCollection::read(again.fields_to_serialize()));
    let values = |fields: &[Field]| -> Vec<_> {
        fields.iter().map(|field| (field.name().to_owned(), field.field_type, field.bytes().to_vec())).collect()
    };
    assert_eq!(values(again_kept), values(kept));
    drop(again);
    tensors::drive_v3(&mut u, &plugin);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attribute_is_tried() {
        for (plugin, attributes) in PLUGINS {
            for (attribute, _) in attributes {
                assert!(NAMES.contains(attribute), "{plugin:?}: {attribute}");
            }
        }
    }
}
