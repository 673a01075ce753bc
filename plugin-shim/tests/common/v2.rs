//! `IPluginCreator` and `IPluginV2DynamicExt` of TensorRT 8.5 to 9, called by slot.

use std::ffi::{CStr, c_char, c_void};

use super::{
    Field, FieldCollection, Object,
    prepared::Prepared,
    tensors::{Builder, Desc, Dims, DimsExprs, Tensor, descs},
    text,
};
use crate::call;

#[derive(Clone, Copy)]
pub struct Creator(pub Object);

impl Creator {
    pub fn version_number(self) -> i32 {
        call!(self.0, 0 => fn() -> i32)
    }
    pub fn name(self) -> &'static str {
        text(call!(self.0, 1 => fn() -> *const c_char))
    }
    pub fn version(self) -> &'static str {
        text(call!(self.0, 2 => fn() -> *const c_char))
    }
    pub fn fields(self) -> &'static [Field] {
        FieldCollection::read(call!(self.0, 3 => fn() -> *const FieldCollection))
    }
    pub fn create(self, layer: &CStr, fields: &[Field]) -> Option<Plugin> {
        let collection = FieldCollection::new(fields);
        Plugin::of(call!(self.0, 4 => fn(*const c_char, &FieldCollection) -> Object, layer.as_ptr(), &collection))
    }
    pub fn deserialize(self, layer: &CStr, bytes: &[u8]) -> Option<Plugin> {
        Plugin::of(
            call!(self.0, 5 => fn(*const c_char, *const u8, usize) -> Object, layer.as_ptr(), bytes.as_ptr(), bytes.len()),
        )
    }
    pub fn set_namespace(self, namespace: &CStr) {
        call!(self.0, 6 => fn(*const c_char), namespace.as_ptr());
    }
    pub fn namespace(self) -> &'static str {
        text(call!(self.0, 7 => fn() -> *const c_char))
    }
}

/// `nvinfer1::DynamicPluginTensorDesc`.
#[repr(C)]
struct DynamicDesc {
    desc: Desc<i32>,
    min: Dims<i32>,
    max: Dims<i32>,
}

fn dynamic(tensors: &[Tensor]) -> Vec<DynamicDesc> {
    descs(tensors)
        .into_iter()
        .zip(tensors)
        .map(|(desc, tensor)| DynamicDesc { desc, min: Dims::new(&tensor.dims), max: Dims::new(&tensor.dims) })
        .collect()
}

/// A plugin, destroyed when dropped.
pub struct Plugin(Object);

impl Plugin {
    fn of(object: Object) -> Option<Self> {
        (!object.is_null()).then(|| Self(object))
    }
    pub fn version_number(&self) -> i32 {
        call!(self.0, 0 => fn() -> i32)
    }
    pub fn plugin_type(&self) -> &str {
        text(call!(self.0, 1 => fn() -> *const c_char))
    }
    pub fn version(&self) -> &str {
        text(call!(self.0, 2 => fn() -> *const c_char))
    }
    pub fn output_count(&self) -> i32 {
        call!(self.0, 3 => fn() -> i32)
    }
    pub fn initialize(&self) -> i32 {
        call!(self.0, 7 => fn() -> i32)
    }
    pub fn terminate(&self) {
        call!(self.0, 8 => fn());
    }
    pub fn serialized(&self) -> Vec<u8> {
        self.serialized_after(|| {})
    }
    /// The bytes. `between` runs between the call that asks for their number and the call that writes them.
    pub fn serialized_after(&self, between: impl FnOnce()) -> Vec<u8> {
        const GUARD: [u8; 16] = [0xA5; 16];
        let size = call!(self.0, 11 => fn() -> usize);
        between();
        let mut bytes = [vec![0; size], GUARD.to_vec()].concat();
        call!(self.0, 12 => fn(*mut u8), bytes.as_mut_ptr());
        assert_eq!(bytes.split_off(size), GUARD, "serialize wrote past its size");
        bytes
    }
    pub fn duplicate(&self) -> Self {
        Self::of(call!(self.0, 14 => fn() -> Object)).expect("a clone")
    }
    pub fn set_namespace(&self, namespace: &CStr) {
        call!(self.0, 15 => fn(*const c_char), namespace.as_ptr());
    }
    pub fn namespace(&self) -> &str {
        text(call!(self.0, 16 => fn() -> *const c_char))
    }
    pub fn output_type(&self, output: i32, inputs: &[i32]) -> i32 {
        call!(self.0, 19 => fn(i32, *const i32, i32) -> i32, output, inputs.as_ptr(), inputs.len() as i32)
    }
    pub fn output_shape(&self, output: i32, inputs: &[DimsExprs]) -> DimsExprs {
        let builder = Builder::new::<i32>();
        call!(
            self.0, 25 => fn(i32, *const DimsExprs, i32, Object) -> DimsExprs,
            output, inputs.as_ptr(), inputs.len() as i32, builder.object()
        )
    }
    pub fn supports(&self, position: usize, tensors: &[Tensor], inputs: usize) -> bool {
        let descs = descs::<i32>(tensors);
        call!(
            self.0, 26 => fn(i32, *const Desc<i32>, i32, i32) -> bool,
            position as i32, descs.as_ptr(), inputs as i32, (tensors.len() - inputs) as i32
        )
    }
    pub fn configure(&self, inputs: &[Tensor], outputs: &[Tensor]) {
        let (inputs, outputs) = (dynamic(inputs), dynamic(outputs));
        call!(
            self.0, 27 => fn(*const DynamicDesc, i32, *const DynamicDesc, i32),
            inputs.as_ptr(), inputs.len() as i32, outputs.as_ptr(), outputs.len() as i32
        );
    }
    pub fn workspace_size(&self, inputs: &[Tensor], outputs: &[Tensor]) -> usize {
        let (inputs, outputs) = (descs::<i32>(inputs), descs::<i32>(outputs));
        call!(
            self.0, 28 => fn(*const Desc<i32>, i32, *const Desc<i32>, i32) -> usize,
            inputs.as_ptr(), inputs.len() as i32, outputs.as_ptr(), outputs.len() as i32
        )
    }
    pub fn enqueue(
        &self,
        inputs: &[(Tensor, u64)],
        outputs: &[(Tensor, u64)],
        workspace: u64,
        stream: *mut c_void,
    ) -> i32 {
        self.enqueue_prepared(&Prepared::new(inputs, outputs, workspace, stream))
    }
    pub fn enqueue_prepared(&self, prepared: &Prepared<i32>) -> i32 {
        call!(
            self.0, 29 => fn(*const Desc<i32>, *const Desc<i32>, *const u64, *const u64, u64, *mut c_void) -> i32,
            prepared.inputs.as_ptr(), prepared.outputs.as_ptr(), prepared.input_addresses.as_ptr(),
            prepared.output_addresses.as_ptr(), prepared.workspace, prepared.stream
        )
    }
}

impl Drop for Plugin {
    fn drop(&mut self) {
        call!(self.0, 13 => fn());
    }
}
