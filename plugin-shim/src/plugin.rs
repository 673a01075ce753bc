//! The state of the plugin classes: an operator, and the answers to TensorRT's questions about it.

mod device;
mod prepared;

use std::{
    ffi::{CStr, CString, c_char},
    sync::{Arc, Mutex, PoisonError},
};

use device::LoadedKernels;
use prepared::{LastPrepared, Prepared};

use crate::{
    abi::{DimSource, Field, OutputShape, SizeOrigin, TensorDesc},
    attributes::Attributes,
    backend::Plan,
    message::{Refusal, Who, guard, owned},
    noted_inputs::{NotedInputs, SharedInputs},
    operators::{Declaration, Operator, Shapes, Signature, VERSION, shape_tensor},
    serialized,
    tensor::{DataType, LINEAR, Port},
};

/// A layer of a network: an operator with its attributes.
pub(crate) struct Plugin {
    declaration: &'static Declaration,
    operator: Arc<dyn Operator>,
    attributes: Attributes,
    loaded: Arc<LoadedKernels>,
    /// The number and types of the inputs, as far as TensorRT has told them: enqueue is not told the number, and
    /// `initialize` is not told the types.
    inputs: SharedInputs,
    /// The inputs that [`Plugin::serialized_size`] has counted last.
    sized: Mutex<Option<NotedInputs>>,
    prepared: LastPrepared,
    layer: CString,
    plugin_namespace: CString,
}

impl Plugin {
    /// A plugin of an operator with these attributes. `inputs` is what an engine file knew of the layer's inputs.
    pub(crate) fn new(
        declaration: &'static Declaration,
        operator: Box<dyn Operator>,
        attributes: Attributes,
        inputs: NotedInputs,
        layer: &CStr,
        plugin_namespace: &CStr,
    ) -> Result<Self, Refusal> {
        let plugin = Self {
            declaration,
            operator: operator.into(),
            attributes,
            loaded: Arc::default(),
            inputs: SharedInputs::new(inputs),
            sized: Mutex::default(),
            prepared: LastPrepared::default(),
            layer: layer.to_owned(),
            plugin_namespace: plugin_namespace.to_owned(),
        };
        if inputs.count() != 0 {
            plugin.signature().check_input_count(inputs.count().into())?;
        }
        Ok(plugin)
    }

    pub(crate) fn name(&self) -> *const c_char {
        self.declaration.plugin.as_ptr()
    }

    pub(crate) fn version(&self) -> *const c_char {
        VERSION.as_ptr()
    }

    pub(crate) fn plugin_namespace(&self) -> *const c_char {
        self.plugin_namespace.as_ptr()
    }

    /// # Safety
    /// `plugin_namespace` must be null or end in a NUL.
    pub(crate) unsafe fn set_namespace(&mut self, plugin_namespace: *const c_char) {
        // SAFETY: the caller's promise.
        self.plugin_namespace = unsafe { owned(plugin_namespace) };
    }

    /// A copy of the plugin. Copies share the operator, and remember together which kernels are loaded.
    pub(crate) fn duplicate(&self) -> Result<Box<Self>, Refusal> {
        self.guard(|| {
            Ok(Box::new(Self {
                declaration: self.declaration,
                operator: Arc::clone(&self.operator),
                attributes: self.attributes.clone(),
                loaded: Arc::clone(&self.loaded),
                inputs: SharedInputs::new(self.inputs.get()),
                sized: Mutex::default(),
                prepared: LastPrepared::default(),
                layer: self.layer.clone(),
                plugin_namespace: self.plugin_namespace.clone(),
            }))
        })
    }

    /// The fields that an engine file keeps of a V3 plugin. They point into the plugin.
    pub(crate) fn fields(&self) -> Vec<Field> {
        serialized::write_fields(&self.attributes)
    }

    /// The bytes that [`Plugin::serialize`] writes until this is asked again.
    pub(crate) fn serialized_size(&self) -> usize {
        let inputs = self.inputs.get();
        *self.sized.lock().unwrap_or_else(PoisonError::into_inner) = Some(inputs);
        self.serialized(inputs).len()
    }

    /// Writes what an engine file keeps of a V2 plugin. Inputs that TensorRT has told of since it asked for the size
    /// are left out, since there is no room for them.
    ///
    /// # Safety
    /// `buffer` must point to [`Plugin::serialized_size`] bytes.
    pub(crate) unsafe fn serialize(&self, buffer: *mut u8) {
        let sized = *self.sized.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = self.serialized(sized.unwrap_or_else(|| self.inputs.get()));
        // SAFETY: the caller's promise.
        unsafe { buffer.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
    }

    fn serialized(&self, inputs: NotedInputs) -> Vec<u8> {
        serialized::write(&self.declaration.plugin.to_string_lossy(), inputs, &self.attributes)
    }

    pub(crate) fn output_count(&self) -> i32 {
        // An operator has a few outputs.
        self.signature().outputs().len() as i32
    }

    /// The number of inputs; 0 until TensorRT has told it.
    pub(crate) fn input_count(&self) -> i32 {
        self.inputs.get().count().into()
    }

    /// The type of an output. A wrong input type is logged: V2's interface has no way to return an error here.
    pub(crate) fn output_type(&self, output: i32, inputs: &[i32]) -> i32 {
        let port = usize::try_from(output).ok().and_then(|output| self.signature().outputs().get(output));
        let checked = self.guard(|| {
            self.check_input_types(inputs)?;
            port.ok_or_else(|| self.no_output(output))
        });
        checked.ok().or(port).map_or(DataType::Float as i32, |port| port.data_type(inputs))
    }

    /// Whether the operator takes inputs of these types and has this number of outputs.
    pub(crate) fn check_types(&self, inputs: &[i32], outputs: i32) -> bool {
        self.guard(|| {
            self.check_input_types(inputs)?;
            self.check_output_count(outputs)
        })
        .is_ok()
    }

    fn check_input_types(&self, inputs: &[i32]) -> Result<(), Refusal> {
        self.note_inputs(inputs.len())?;
        self.signature().inputs().iter().zip(inputs).try_for_each(|(port, &given)| port.check_type(given, inputs))
    }

    /// The shape of an output, from sizes that may not be known yet. `shape_inputs` are shape tensors: the sizes in the
    /// description of one are its values.
    pub(crate) fn output_shape(&self, output: i32, inputs: &[TensorDesc], shape_inputs: &[TensorDesc]) -> OutputShape {
        const NONE: DimSource = DimSource { origin: SizeOrigin::Constant, input: -1, axis: -1, size: 0 };
        let mut shape = OutputShape { rank: -1, dims: [NONE; 8] };
        let sources = self.guard(|| {
            if !(0..self.output_count()).contains(&output) {
                return Err(self.no_output(output));
            }
            self.note_inputs(inputs.len())?;
            let values: Vec<_> = shape_inputs.iter().map(|desc| desc.rank).collect();
            self.signature().check_shape_inputs(&values)?;
            let output = output as usize;
            let is_groups = self.signature().is_groups_output(output);
            // The shape of the output `groups` does not depend on the inputs, but they are checked all the same.
            let sources = self.operator.out_sizes(if is_groups { 0 } else { output }, &self.sizes(inputs)?)?;
            // If all sizes are known, planning checks the rest.
            self.plan_if_known(inputs, &[])?;
            Ok(if is_groups { vec![shape_tensor()] } else { sources })
        });
        if let Ok(sources) = sources {
            shape.rank = sources.len() as i32;
            shape.dims[..sources.len()].copy_from_slice(&sources);
        }
        shape
    }

    /// Whether a tensor may have the type and format of its description, given those of the tensors before it. TensorRT
    /// tries every combination here, so the answer "no" is not logged.
    pub(crate) fn supports(&self, position: i32, tensors: &[TensorDesc], inputs: i32, outputs: i32) -> bool {
        let counts = self.guard(|| {
            let inputs = usize::try_from(inputs).unwrap_or(0);
            self.note_inputs(inputs)?;
            self.check_output_count(outputs)?;
            let position = usize::try_from(position).ok().filter(|&position| position < tensors.len());
            position.map(|position| (position, inputs)).ok_or_else(|| {
                Refusal::new(format!("TensorRT asked about a tensor that is none of the layer's {}", tensors.len()))
            })
        });
        let Ok((position, inputs)) = counts else { return false };
        let ports = self.signature().inputs()[..inputs].iter().chain(self.signature().outputs());
        let Some((port, tensor)) = ports.zip(tensors).nth(position) else { return false };
        let types = data_types(&tensors[..position.min(inputs)]);
        tensor.format == LINEAR && port.check_type(tensor.data_type, &types).is_ok()
    }

    /// Checks types, formats, ranks and, if they are known, shapes. Returns whether they fit.
    pub(crate) fn configure(&self, inputs: &[TensorDesc], outputs: &[TensorDesc]) -> bool {
        self.guard(|| {
            let prepared = self.prepare(inputs, outputs)?;
            *self.prepared.lock() = prepared;
            Ok(())
        })
        .is_ok()
    }

    /// Checks types, formats and shapes, and plans the work; None if a size is not known yet.
    fn prepare(&self, inputs: &[TensorDesc], outputs: &[TensorDesc]) -> Result<Option<Prepared>, Refusal> {
        let plan = self.check(inputs, outputs)?;
        Ok(plan.map(|plan| Prepared::new(inputs, outputs, plan, self.element_types(inputs))))
    }

    fn check(&self, inputs: &[TensorDesc], outputs: &[TensorDesc]) -> Result<Option<Box<dyn Plan>>, Refusal> {
        let types = data_types(inputs);
        self.check_input_types(&types)?;
        self.inputs.note_types(&types);
        self.check_output_count(outputs.len() as i32)?;
        for (port, desc) in self.named(inputs).chain(self.signature().outputs().iter().zip(outputs)) {
            if desc.format != LINEAR {
                return Err(Refusal::new(format!(
                    "{} has TensorFormat {}; expected kLINEAR (0)",
                    port.name, desc.format
                )));
            }
        }
        self.operator.out_sizes(0, &self.sizes(inputs)?)?;
        let plan = self.plan_if_known(inputs, outputs)?;
        for (output, (port, desc)) in self.signature().outputs().iter().zip(outputs).enumerate() {
            port.check_type(desc.data_type, &types)?;
            if let (Some(plan), Some(given)) = (&plan, desc.shape(port.name)?)
                && !self.signature().is_groups_output(output)
                && given != *plan.out_shape(output)
            {
                let expected = plan.out_shape(output);
                return Err(Refusal::new(format!("{} has shape {given}; expected {expected}", port.name)));
            }
        }
        Ok(plan)
    }

    /// Remembers the number of inputs. Refuses a number that the operator cannot have.
    fn note_inputs(&self, inputs: usize) -> Result<(), Refusal> {
        self.signature().check_input_count(inputs)?;
        self.inputs.note_count(inputs as u8);
        Ok(())
    }

    fn check_output_count(&self, outputs: i32) -> Result<(), Refusal> {
        if outputs == self.output_count() {
            return Ok(());
        }
        let names: Vec<_> = self.signature().outputs().iter().map(|port| port.name).collect();
        Err(Refusal::new(format!("{outputs} outputs were asked for; there are: {}", names.join(", "))))
    }

    fn no_output(&self, output: i32) -> Refusal {
        Refusal::new(format!("there is no output {output}; there are {}", self.output_count()))
    }

    fn signature(&self) -> &Signature {
        self.operator.signature()
    }

    fn named<'a>(&'a self, inputs: &'a [TensorDesc]) -> impl Iterator<Item = (&'a Port, &'a TensorDesc)> {
        self.signature().inputs().iter().zip(inputs)
    }

    /// The sizes of the inputs. -1 is a size that is not known yet.
    fn sizes<'a>(&'a self, inputs: &'a [TensorDesc]) -> Result<Vec<&'a [i64]>, Refusal> {
        self.named(inputs).map(|(port, desc)| desc.sizes(port.name)).collect()
    }

    /// The shapes; None if a size of the inputs is not known yet.
    fn shapes(&self, inputs: &[TensorDesc], outputs: &[TensorDesc]) -> Result<Option<Shapes>, Refusal> {
        let known: Option<Vec<_>> =
            self.named(inputs).map(|(port, desc)| desc.shape(port.name)).collect::<Result<_, _>>()?;
        let Some(mut inputs) = known else { return Ok(None) };
        inputs.truncate(self.signature().tensors(&inputs).len());
        let named = self.signature().outputs().iter().zip(outputs);
        let outputs: Vec<_> = named.map(|(port, desc)| desc.shape(port.name)).collect::<Result<_, _>>()?;
        let groups = match outputs.last() {
            Some(shape) if self.signature().tells_groups() => shape.map(|shape| shape.element_count()),
            _ => None,
        };
        let base = self.signature().base(&inputs).copied();
        Ok(Some(Shapes { inputs, base, outputs, groups }))
    }

    fn plan_if_known(&self, inputs: &[TensorDesc], outputs: &[TensorDesc]) -> Result<Option<Box<dyn Plan>>, Refusal> {
        match self.shapes(inputs, outputs)? {
            Some(shapes) => self.operator.plan(&shapes),
            None => Ok(None),
        }
    }

    fn guard<T>(&self, work: impl FnOnce() -> Result<T, Refusal>) -> Result<T, Refusal> {
        guard(&Who { plugin: self.declaration.plugin, layer: &self.layer }, work)
    }
}

fn data_types(tensors: &[TensorDesc]) -> Vec<i32> {
    tensors.iter().map(|desc| desc.data_type).collect()
}
