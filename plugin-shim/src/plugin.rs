//! What the plugin classes hold: an operator, and TensorRT's questions about it answered.

use std::{
    ffi::{CStr, CString, c_char, c_void},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use tensorrt_scatter::Shape;

use crate::{
    attributes::Attributes,
    bridge::{DimSource, Field, OutputShape, TensorDesc},
    creator::{Who, owned},
    message::{Refusal, guard},
    operators::{Buffers, Operator, Plan, Row, VERSION},
    serialized,
    tensor::{DataType, LINEAR, Port},
};

/// An operator with its attributes, as a layer of a network.
pub(crate) struct Plugin {
    row: &'static Row,
    operator: Arc<dyn Operator>,
    attributes: Attributes,
    /// How many inputs the layer has, 0 until TensorRT tells: enqueue is not told.
    inputs: AtomicU8,
    layer: CString,
    plugin_namespace: CString,
}

impl Plugin {
    /// A plugin of the operator that `attributes` make; `inputs` is 0 where their number is not known yet.
    pub(crate) fn new(
        row: &'static Row,
        operator: Box<dyn Operator>,
        attributes: Attributes,
        inputs: u8,
        layer: &CStr,
        plugin_namespace: &CStr,
    ) -> Result<Self, Refusal> {
        let plugin = Self {
            row,
            operator: operator.into(),
            attributes,
            inputs: AtomicU8::new(0),
            layer: layer.to_owned(),
            plugin_namespace: plugin_namespace.to_owned(),
        };
        if inputs != 0 {
            plugin.note_inputs(inputs.into())?;
        }
        Ok(plugin)
    }

    pub(crate) fn name(&self) -> *const c_char {
        self.row.name.as_ptr()
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

    /// A second plugin like this one.
    pub(crate) fn duplicate(&self) -> Result<Box<Self>, Refusal> {
        self.guard(|| {
            Ok(Box::new(Self {
                row: self.row,
                operator: Arc::clone(&self.operator),
                attributes: self.attributes.clone(),
                inputs: AtomicU8::new(self.inputs.load(Ordering::Relaxed)),
                layer: self.layer.clone(),
                plugin_namespace: self.plugin_namespace.clone(),
            }))
        })
    }

    /// The attributes as fields, which live as long as the plugin.
    pub(crate) fn fields(&self) -> Vec<Field> {
        self.attributes.as_fields()
    }

    pub(crate) fn serialized_size(&self) -> usize {
        self.serialized().len()
    }

    /// # Safety
    /// `buffer` must point to [`Plugin::serialized_size`] bytes.
    pub(crate) unsafe fn serialize(&self, buffer: *mut u8) {
        let bytes = self.serialized();
        // SAFETY: the caller's promise.
        unsafe { buffer.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
    }

    fn serialized(&self) -> Vec<u8> {
        serialized::write(&self.row.name.to_string_lossy(), self.inputs.load(Ordering::Relaxed), &self.attributes)
    }

    pub(crate) fn output_count(&self) -> i32 {
        // A handful.
        self.operator.outputs().len() as i32
    }

    /// How many inputs the layer has; 0 until TensorRT has told.
    pub(crate) fn input_count(&self) -> i32 {
        self.inputs.load(Ordering::Relaxed).into()
    }

    /// The type of an output. A refusal is logged; V2 has no way to return one.
    pub(crate) fn output_type(&self, output: i32, inputs: &[i32]) -> i32 {
        let port = usize::try_from(output).ok().and_then(|output| self.operator.outputs().get(output));
        let checked = self.guard(|| {
            self.check_input_types(inputs)?;
            port.ok_or_else(|| self.no_output(output))
        });
        checked.ok().or(port).map_or(DataType::Float as i32, |port| port.data_type(inputs))
    }

    /// Whether the inputs' types are taken and the number of outputs is right.
    pub(crate) fn check_types(&self, inputs: &[i32], outputs: i32) -> bool {
        self.guard(|| {
            self.check_input_types(inputs)?;
            self.check_output_count(outputs)
        })
        .is_ok()
    }

    fn check_input_types(&self, inputs: &[i32]) -> Result<(), Refusal> {
        self.note_inputs(inputs.len())?;
        self.operator.inputs().iter().zip(inputs).try_for_each(|(port, &given)| port.check_type(given, inputs))
    }

    /// The shape of an output, of sizes that may not be known yet.
    pub(crate) fn output_shape(&self, output: i32, inputs: &[TensorDesc]) -> OutputShape {
        const NONE: DimSource = DimSource { input: -1, axis: -1, size: 0 };
        let mut shape = OutputShape { rank: -1, dims: [NONE; 8] };
        let sources = self.guard(|| {
            if !(0..self.output_count()).contains(&output) {
                return Err(self.no_output(output));
            }
            self.note_inputs(inputs.len())?;
            let sizes = self.named(inputs).map(|(port, desc)| desc.sizes(port.name)).collect::<Result<Vec<_>, _>>()?;
            let sources = self.operator.output_shape(&sizes)?;
            // Whatever more the sizes tell when all are known.
            self.plan_if_known(inputs)?;
            Ok(sources)
        });
        if let Ok(sources) = sources {
            shape.rank = sources.len() as i32;
            shape.dims[..sources.len()].copy_from_slice(&sources);
        }
        shape
    }

    /// Whether a tensor may have the type and format it is described with, given those before it. TensorRT
    /// tries every combination here, so a mere no is not logged.
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
        let ports = self.operator.inputs()[..inputs].iter().chain(self.operator.outputs());
        let Some((port, tensor)) = ports.zip(tensors).nth(position) else { return false };
        let types: Vec<_> = tensors[..position.min(inputs)].iter().map(|desc| desc.data_type).collect();
        tensor.format == LINEAR && port.check_type(tensor.data_type, &types).is_ok()
    }

    /// Whether types, formats, ranks and, as far as they are known, shapes fit.
    pub(crate) fn configure(&self, inputs: &[TensorDesc], outputs: &[TensorDesc]) -> bool {
        self.guard(|| self.check(inputs, outputs).map(drop)).is_ok()
    }

    fn check(&self, inputs: &[TensorDesc], outputs: &[TensorDesc]) -> Result<Option<Box<dyn Plan>>, Refusal> {
        let types: Vec<_> = inputs.iter().map(|desc| desc.data_type).collect();
        self.check_input_types(&types)?;
        self.check_output_count(outputs.len() as i32)?;
        for (port, desc) in self.named(inputs).chain(self.operator.outputs().iter().zip(outputs)) {
            if desc.format != LINEAR {
                return Err(Refusal::new(format!(
                    "{} has TensorFormat {}; expected kLINEAR (0)",
                    port.name, desc.format
                )));
            }
        }
        let sizes = self.named(inputs).map(|(port, desc)| desc.sizes(port.name)).collect::<Result<Vec<_>, _>>()?;
        self.operator.output_shape(&sizes)?;
        let plan = self.plan_if_known(inputs)?;
        for (port, desc) in self.operator.outputs().iter().zip(outputs) {
            port.check_type(desc.data_type, &types)?;
            if let (Some(plan), Some(given)) = (&plan, desc.shape(port.name)?)
                && given != plan.out_shape()
            {
                return Err(Refusal::new(format!("{} has shape {given}; expected {}", port.name, plan.out_shape())));
            }
        }
        Ok(plan)
    }

    /// The bytes of workspace for these shapes and all that are no larger; 0 where they do not fit, which
    /// enqueue then refuses too.
    pub(crate) fn workspace_size(&self, inputs: &[TensorDesc]) -> usize {
        self.guard(|| {
            self.note_inputs(inputs.len())?;
            let shapes = self.shapes(inputs)?.ok_or_else(|| {
                Refusal::new("the workspace depends on the inputs' sizes, and TensorRT has not told the largest")
            })?;
            self.operator.workspace_bytes(&shapes)
        })
        .unwrap_or(0)
    }

    /// Loads the kernels ahead of the first enqueue, which a stream capture may forbid to. Not being able to,
    /// as where an engine is built for another machine, is for enqueue to report.
    pub(crate) fn load_kernels(&self, inputs: &[TensorDesc]) {
        let types: Vec<_> = inputs.iter().filter_map(|desc| DataType::of(desc.data_type)).collect();
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.operator.load_kernels(&types)));
    }

    /// Gives the work to TensorRT's stream.
    ///
    /// # Safety
    /// TensorRT's promises: the addresses are those of the described tensors and of the workspace asked for,
    /// the stream is of the current context.
    pub(crate) unsafe fn enqueue(
        &self,
        inputs: &[TensorDesc],
        outputs: &[TensorDesc],
        input_addresses: &[u64],
        output_addresses: &[u64],
        workspace: usize,
        stream: usize,
    ) -> bool {
        self.guard(|| {
            let plan = self.check(inputs, outputs)?.ok_or_else(|| Refusal::new("an input's size is -1 in enqueue"))?;
            if input_addresses.len() != inputs.len() || output_addresses.len() != outputs.len() {
                return Err(Refusal::new("enqueue was given no addresses"));
            }
            let types: Vec<_> = inputs.iter().filter_map(|desc| DataType::of(desc.data_type)).collect();
            let buffers = Buffers {
                inputs: input_addresses,
                input_types: &types,
                outputs: output_addresses,
                workspace: workspace as u64,
                stream: stream as *mut c_void,
            };
            // SAFETY: the caller's promise, for the shapes and types that were checked above.
            unsafe { plan.enqueue(&buffers) }
        })
        .is_ok()
    }

    /// Refuses a number of inputs that the operator cannot have, and remembers one that it can.
    fn note_inputs(&self, inputs: usize) -> Result<(), Refusal> {
        let (required, all) = (self.operator.required_inputs(), self.operator.inputs());
        if !(required..=all.len()).contains(&inputs) {
            let name = |port: &Port| port.name;
            return Err(Refusal::new(format!(
                "{inputs} inputs were given; expected {}{}",
                all[..required].iter().map(name).collect::<Vec<_>>().join(", "),
                all[required..].iter().map(|port| format!(" and optionally {}", port.name)).collect::<String>(),
            )));
        }
        self.inputs.store(inputs as u8, Ordering::Relaxed);
        Ok(())
    }

    fn check_output_count(&self, outputs: i32) -> Result<(), Refusal> {
        if outputs == self.output_count() {
            return Ok(());
        }
        let names: Vec<_> = self.operator.outputs().iter().map(|port| port.name).collect();
        Err(Refusal::new(format!("{outputs} outputs were asked for; there are: {}", names.join(", "))))
    }

    fn no_output(&self, output: i32) -> Refusal {
        Refusal::new(format!("there is no output {output}; there are {}", self.output_count()))
    }

    fn named<'a>(&self, inputs: &'a [TensorDesc]) -> impl Iterator<Item = (&'static Port, &'a TensorDesc)> {
        self.operator.inputs().iter().zip(inputs)
    }

    /// The inputs' shapes, if every size is known.
    fn shapes(&self, inputs: &[TensorDesc]) -> Result<Option<Vec<Shape>>, Refusal> {
        self.named(inputs).map(|(port, desc)| desc.shape(port.name)).collect()
    }

    fn plan_if_known(&self, inputs: &[TensorDesc]) -> Result<Option<Box<dyn Plan>>, Refusal> {
        self.shapes(inputs)?.map(|shapes| self.operator.plan(&shapes)).transpose()
    }

    fn guard<T>(&self, work: impl FnOnce() -> Result<T, Refusal>) -> Result<T, Refusal> {
        guard(&Who { plugin: self.row.name, layer: &self.layer }, work)
    }
}
