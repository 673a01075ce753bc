//! `IPluginCreatorV3One` and `IPluginV3` with its capabilities, of TensorRT 10 to 11, called by slot.

use std::ffi::{CStr, c_char, c_void};

use super::{
    Field, FieldCollection, Object,
    prepared::Prepared,
    tensors::{Builder, Desc, Dims, DimsExprs, Tensor, descs},
    text,
};
use crate::call;

/// `nvinfer1::InterfaceInfo`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct InterfaceInfo {
    kind: *const c_char,
    major: i32,
    minor: i32,
}

/// What a versioned interface says it is: "PLUGIN 1.0".
pub fn interface(object: Object) -> String {
    assert_eq!(call!(object, 0 => fn() -> i32), 0, "APILanguage::kCPP");
    let info = call!(object, 1 => fn() -> InterfaceInfo);
    format!("{} {}.{}", text(info.kind), info.major, info.minor)
}

/// `nvinfer1::TensorRTPhase`.
#[derive(Clone, Copy)]
#[repr(i32)]
pub enum Phase {
    Build = 0,
    Runtime = 1,
}

#[derive(Clone, Copy)]
pub struct Creator(pub Object);

impl Creator {
    pub fn create(self, layer: &CStr, fields: &[Field], phase: Phase) -> Option<Plugin> {
        let collection = FieldCollection::new(fields);
        self.create_of(layer, &collection, phase)
    }
    pub fn create_of(self, layer: &CStr, collection: *const FieldCollection, phase: Phase) -> Option<Plugin> {
        Plugin::of(
            call!(self.0, 4 => fn(*const c_char, *const FieldCollection, i32) -> Object, layer.as_ptr(), collection, phase as i32),
        )
    }
    pub fn fields(self) -> &'static [Field] {
        FieldCollection::read(call!(self.0, 5 => fn() -> *const FieldCollection))
    }
    pub fn name(self) -> &'static str {
        text(call!(self.0, 6 => fn() -> *const c_char))
    }
    pub fn version(self) -> &'static str {
        text(call!(self.0, 7 => fn() -> *const c_char))
    }
    pub fn namespace(self) -> &'static str {
        text(call!(self.0, 8 => fn() -> *const c_char))
    }
}

/// `nvinfer1::DynamicPluginTensorDesc`.
#[repr(C)]
struct DynamicDesc {
    desc: Desc<i64>,
    min: Dims<i64>,
    max: Dims<i64>,
    opt: Dims<i64>,
}

fn dynamic(tensors: &[Tensor], max: &[Tensor]) -> Vec<DynamicDesc> {
    descs(tensors)
        .into_iter()
        .zip(max)
        .map(|(desc, max)| DynamicDesc {
            desc,
            min: Dims::new(&max.dims),
            max: Dims::new(&max.dims),
            opt: Dims::new(&max.dims),
        })
        .collect()
}

/// A plugin, deleted when dropped.
pub struct Plugin {
    object: Object,
    core: Object,
    build: Object,
    runtime: Object,
}

impl Plugin {
    fn of(object: Object) -> Option<Self> {
        if object.is_null() {
            return None;
        }
        assert_eq!(interface(object), "PLUGIN 1.0");
        let capability = |number: i32| call!(object, 4 => fn(i32) -> Object, number);
        let plugin = Self { object, core: capability(0), build: capability(1), runtime: capability(2) };
        assert_eq!(interface(plugin.core), "PLUGIN_V3ONE_CORE 1.0");
        assert_eq!(interface(plugin.build), "PLUGIN_V3ONE_BUILD 1.0");
        assert_eq!(interface(plugin.runtime), "PLUGIN_V3ONE_RUNTIME 1.0");
        assert!(capability(3).is_null(), "there is no fourth capability");
        Some(plugin)
    }
    pub fn duplicate(&self) -> Self {
        Self::of(call!(self.object, 5 => fn() -> Object)).expect("a clone")
    }
    pub fn name(&self) -> &str {
        text(call!(self.core, 4 => fn() -> *const c_char))
    }
    pub fn version(&self) -> &str {
        text(call!(self.core, 5 => fn() -> *const c_char))
    }
    pub fn namespace(&self) -> &str {
        text(call!(self.core, 6 => fn() -> *const c_char))
    }
    pub fn configure(&self, inputs: &[Tensor], outputs: &[Tensor]) -> i32 {
        let (inputs, outputs) = (dynamic(inputs, inputs), dynamic(outputs, outputs));
        call!(
            self.build, 4 => fn(*const DynamicDesc, i32, *const DynamicDesc, i32) -> i32,
            inputs.as_ptr(), inputs.len() as i32, outputs.as_ptr(), outputs.len() as i32
        )
    }
    pub fn output_types(&self, inputs: &[i32], outputs: usize) -> Option<Vec<i32>> {
        let mut types = vec![-7; outputs];
        let status = call!(
            self.build, 5 => fn(*mut i32, i32, *const i32, i32) -> i32,
            types.as_mut_ptr(), outputs as i32, inputs.as_ptr(), inputs.len() as i32
        );
        (status == 0).then_some(types)
    }
    pub fn output_shapes(&self, inputs: &[DimsExprs], outputs: usize) -> Option<Vec<DimsExprs>> {
        self.output_shapes_with(inputs, &[], outputs)
    }
    /// The same for a layer with shape tensors.
    pub fn output_shapes_with(
        &self,
        inputs: &[DimsExprs],
        shape_inputs: &[DimsExprs],
        outputs: usize,
    ) -> Option<Vec<DimsExprs>> {
        let builder = Builder::new::<i64>();
        let mut shapes = vec![DimsExprs::unset(); outputs];
        let status = call!(
            self.build, 6 => fn(*const DimsExprs, i32, *const DimsExprs, i32, *mut DimsExprs, i32, Object) -> i32,
            inputs.as_ptr(), inputs.len() as i32, shape_inputs.as_ptr(), shape_inputs.len() as i32,
            shapes.as_mut_ptr(), outputs as i32, builder.object()
        );
        (status == 0).then_some(shapes)
    }
    pub fn supports(&self, position: usize, tensors: &[Tensor], inputs: usize) -> bool {
        let descs = dynamic(tensors, tensors);
        call!(
            self.build, 7 => fn(i32, *const DynamicDesc, i32, i32) -> bool,
            position as i32, descs.as_ptr(), inputs as i32, (tensors.len() - inputs) as i32
        )
    }
    pub fn output_count(&self) -> i32 {
        call!(self.build, 8 => fn() -> i32)
    }
    /// The workspace for inputs whose sizes are `inputs`' while building, and at most `max`'s.
    pub fn workspace_size(&self, inputs: &[Tensor], max: &[Tensor], outputs: &[Tensor]) -> usize {
        let (inputs, outputs) = (dynamic(inputs, max), dynamic(outputs, outputs));
        call!(
            self.build, 9 => fn(*const DynamicDesc, i32, *const DynamicDesc, i32) -> usize,
            inputs.as_ptr(), inputs.len() as i32, outputs.as_ptr(), outputs.len() as i32
        )
    }
    pub fn tactic_count(&self) -> i32 {
        call!(self.build, 11 => fn() -> i32)
    }
    pub fn timing_cache_id(&self) -> *const c_char {
        call!(self.build, 12 => fn() -> *const c_char)
    }
    pub fn format_combination_limit(&self) -> i32 {
        call!(self.build, 13 => fn() -> i32)
    }
    pub fn set_tactic(&self, tactic: i32) -> i32 {
        call!(self.runtime, 4 => fn(i32) -> i32, tactic)
    }
    pub fn shape_change(&self, inputs: &[Tensor], outputs: &[Tensor]) -> i32 {
        let (inputs, outputs) = (descs::<i64>(inputs), descs::<i64>(outputs));
        call!(
            self.runtime, 5 => fn(*const Desc<i64>, i32, *const Desc<i64>, i32) -> i32,
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
    pub fn enqueue_prepared(&self, prepared: &Prepared<i64>) -> i32 {
        call!(
            self.runtime, 6 => fn(*const Desc<i64>, *const Desc<i64>, *const u64, *const u64, u64, *mut c_void) -> i32,
            prepared.inputs.as_ptr(), prepared.outputs.as_ptr(), prepared.input_addresses.as_ptr(),
            prepared.output_addresses.as_ptr(), prepared.workspace, prepared.stream
        )
    }
    pub fn attach(&self) -> Self {
        Self::of(call!(self.runtime, 7 => fn(Object) -> Object, std::ptr::null_mut())).expect("a plugin for a context")
    }
    pub fn fields_to_serialize(&self) -> *const FieldCollection {
        call!(self.runtime, 8 => fn() -> *const FieldCollection)
    }
}

impl Drop for Plugin {
    fn drop(&mut self) {
        // The deleting destructor.
        call!(self.object, 3 => fn());
    }
}
