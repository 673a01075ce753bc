//! The tensors of a call, checked after the operator's declaration, and handed over as the Rust API takes them.

use std::borrow::Cow;

use tensorrt_scatter::{
    Error, Index, IndexType, Scalar, ScalarType, TensorView, TensorViewMut, Weight,
    gpu::{DeviceTensor, DeviceWeight, Gpu},
};

use super::{
    descriptor::{Descriptor, TrtsTensor},
    status::Failure,
    words::{alternatives, type_constant},
};
use crate::operators::{Content, Declaration, MAX_INPUTS, Role};

/// A parameter by its name in the header, and what it was given.
pub(super) type Given = (&'static str, *const TrtsTensor);

/// The inputs of a call, in the declaration's order. Those that may be left out may not be there.
pub(super) struct Inputs {
    pub(super) declaration: &'static Declaration,
    tensors: [Option<Descriptor>; MAX_INPUTS],
}

impl Inputs {
    /// # Safety
    /// That of [`Descriptor::optional`], for each of `given`.
    pub(super) unsafe fn read(declaration: &'static Declaration, given: &[*const TrtsTensor]) -> Result<Self, Failure> {
        let mut tensors = [None; MAX_INPUTS];
        for (at, input) in declaration.inputs.iter().enumerate() {
            let tensor = given.get(at).copied().unwrap_or(std::ptr::null());
            // SAFETY: the caller's promise.
            tensors[at] = unsafe {
                if input.is_optional {
                    Descriptor::optional(input.name, tensor)?
                } else {
                    Some(Descriptor::required(input.name, tensor)?)
                }
            };
        }
        Ok(Self { declaration, tensors })
    }

    /// An input by its position in the declaration.
    fn get(&self, input: usize) -> Option<&Descriptor> {
        self.tensors.get(input)?.as_ref()
    }

    /// An input that every call has, by its position.
    fn required(&self, input: usize) -> &Descriptor {
        self.get(input).expect("a required input was read")
    }

    /// src, in the operators that have it.
    pub(super) fn src(&self) -> Option<&Descriptor> {
        self.declaration.src().map(|src| self.required(src))
    }

    /// The first index or indptr.
    pub(super) fn index(&self) -> &Descriptor {
        self.required(self.declaration.index())
    }

    /// The tensor whose elements the operator takes together: src, or else the index.
    pub(super) fn elements(&self) -> &Descriptor {
        self.src().unwrap_or(self.index())
    }

    /// An input by its name; None for one that was left out.
    pub(super) fn named(&self, name: &str) -> Option<&Descriptor> {
        self.get(self.declaration.inputs.iter().position(|input| input.name == name).expect("a declared input"))
    }

    /// base, where the operator has one and it was given.
    pub(super) fn base(&self) -> Option<&Descriptor> {
        self.get(self.declaration.base()?)
    }

    fn with_roles(&self) -> impl Iterator<Item = (Role, &Descriptor)> {
        let roles = self.declaration.inputs.iter().map(|input| input.role);
        roles.zip(&self.tensors).filter_map(|(role, tensor)| Some((role, tensor.as_ref()?)))
    }

    /// Refuses types that the operator does not take. Returns the type of the values, in the operators that have any,
    /// and that of the indices.
    pub(super) fn check_types(&self) -> Result<(Option<ScalarType>, IndexType), Failure> {
        let (values, index) = (self.elements(), self.index());
        if let Some(types) = self.declaration.value_types()
            && !types.contains(values.scalar)
        {
            let taken = ScalarType::ALL.into_iter().filter(|&scalar| types.contains(scalar)).map(type_constant);
            return Err(Failure::invalid(format!(
                "src is of type {}; {} takes {}",
                type_constant(values.scalar),
                self.declaration.function(),
                alternatives(taken)
            )));
        }
        let index_type = index.index_type()?;
        for (role, tensor) in self.with_roles() {
            match role {
                Role::Values(_) | Role::Base | Role::Destination => tensor.check_same_type(values)?,
                Role::Index => tensor.check_same_type(index)?,
                Role::Weight => tensor.check_weight_type(values)?,
            }
        }
        Ok((self.src().map(|src| src.scalar), index_type))
    }
}

/// The tensors of a call that writes.
pub(super) struct Tensors {
    inputs: Inputs,
    outputs: [Option<Descriptor>; MAX_OUTPUTS],
}

/// More outputs than any operator has.
const MAX_OUTPUTS: usize = 4;

impl Tensors {
    /// Reads what a function was given, by the header's names. A destination is no parameter: it is the output itself.
    ///
    /// # Safety
    /// That of [`Descriptor::optional`], for each of what is given.
    pub(super) unsafe fn read(
        declaration: &'static Declaration,
        inputs: &[Given],
        outputs: &[Given],
    ) -> Result<Self, Failure> {
        let find = |given: &[Given], name: &str| {
            given.iter().find_map(|&(parameter, tensor)| (parameter == name).then_some(tensor))
        };
        let mut given = [std::ptr::null(); MAX_INPUTS];
        for (to, input) in given.iter_mut().zip(declaration.inputs) {
            *to = find(inputs, input.name).unwrap_or(std::ptr::null());
        }
        // SAFETY: the caller's promise.
        let inputs = unsafe { Inputs::read(declaration, &given)? };
        let mut written = [None; MAX_OUTPUTS];
        for (to, output) in written.iter_mut().zip(declaration.outputs) {
            let tensor = find(outputs, output.name).expect("every output is a parameter");
            // SAFETY: the caller's promise.
            *to = unsafe {
                match output.content {
                    Content::Values | Content::Indices => Some(Descriptor::required(output.name, tensor)?),
                    Content::Positions => Descriptor::optional(output.name, tensor)?,
                }
            };
        }
        Ok(Self { inputs, outputs: written })
    }

    /// Checks all that the Rust API takes for granted: types, data, and which memory may be which. Returns the types
    /// that [`Inputs::check_types`] returns.
    pub(super) fn check(&self) -> Result<(Option<ScalarType>, IndexType), Failure> {
        let Self { inputs, outputs } = self;
        inputs.tensors.iter().chain(outputs).flatten().try_for_each(Descriptor::check_data)?;
        let types = inputs.check_types()?;
        for (at, (output, declared)) in outputs.iter().zip(inputs.declaration.outputs).enumerate() {
            let Some(output) = output else { continue };
            output.check_same_type(match declared.content {
                Content::Values => inputs.elements(),
                Content::Positions | Content::Indices => inputs.index(),
            })?;
            for (role, input) in inputs.with_roles() {
                // A reduction may start from what it overwrites.
                if role == Role::Base && declared.content == Content::Values && output.is_same_memory(input) {
                    continue;
                }
                output.check_apart(input)?;
            }
            outputs[..at].iter().flatten().try_for_each(|other| output.check_apart(other))?;
        }
        Ok(types)
    }

    /// An input that every call has.
    pub(super) fn input(&self, name: &str) -> &Descriptor {
        self.inputs.named(name).expect("a required input was read")
    }

    /// An input that a call may lack.
    pub(super) fn optional_input(&self, name: &str) -> Option<&Descriptor> {
        self.inputs.named(name)
    }

    /// An output that every call has.
    pub(super) fn output(&self, name: &str) -> &Descriptor {
        self.optional_output(name).expect("a required output was read")
    }

    /// An output that a call may lack.
    pub(super) fn optional_output(&self, name: &str) -> Option<&Descriptor> {
        let declared = self.inputs.declaration.outputs.iter();
        let at = { declared }.position(|output| output.name == name).expect("a declared output");
        self.outputs[at].as_ref()
    }

    /// base on the CPU, where there is one; a copy of it where it is an output, which is written to while base is read.
    ///
    /// # Safety
    /// That of [`Descriptor::view`].
    pub(super) unsafe fn base_on_host<T: Scalar>(&self, name: &str) -> Result<Option<HostBase<'_, T>>, Failure> {
        let Some(base) = self.optional_input(name) else { return Ok(None) };
        // SAFETY: the caller's promise.
        let view = unsafe { base.view::<T>()? };
        let is_output = self.outputs.iter().flatten().any(|output| output.is_same_memory(base));
        let data = if is_output { Cow::Owned(view.to_tensor()?.into_data()) } else { Cow::Borrowed(view.data()) };
        Ok(Some(HostBase { dims: base.shape.dims(), data }))
    }

    /// The weights on the CPU, where there are any.
    ///
    /// # Safety
    /// That of [`Descriptor::view`].
    pub(super) unsafe fn weight_on_host<'a, T: Scalar>(&self, name: &str) -> Result<Option<Weight<'a, T>>, Failure> {
        // SAFETY: the caller's promise.
        self.optional_input(name).map(|weight| unsafe { host_weight(weight) }).transpose()
    }

    /// The scores on the CPU.
    ///
    /// # Safety
    /// That of [`Descriptor::view`].
    pub(super) unsafe fn score_on_host<'a, T: Scalar>(&self, name: &str) -> Result<Weight<'a, T>, Failure> {
        // SAFETY: the caller's promise.
        unsafe { host_weight(self.input(name)) }
    }

    /// The weights on a device, where there are any.
    ///
    /// # Safety
    /// That of [`Descriptor::on_device`].
    pub(super) unsafe fn weight_on_device<T: Scalar>(&self, gpu: &Gpu, name: &str) -> Option<WeightOnDevice<T>> {
        // SAFETY: the caller's promise.
        self.optional_input(name).map(|weight| unsafe { WeightOnDevice::new(weight, gpu) })
    }

    /// The scores on a device.
    ///
    /// # Safety
    /// That of [`Descriptor::on_device`].
    pub(super) unsafe fn score_on_device<T: Scalar>(&self, gpu: &Gpu, name: &str) -> WeightOnDevice<T> {
        // SAFETY: the caller's promise.
        unsafe { WeightOnDevice::new(self.input(name), gpu) }
    }

    /// An output of positions on the CPU, where it is wanted.
    ///
    /// # Safety
    /// That of [`Descriptor::view_mut`].
    pub(super) unsafe fn positions_on_host<'a, I: Index>(
        &self,
        name: &str,
    ) -> Result<Option<TensorViewMut<'a, I>>, Failure> {
        // SAFETY: the caller's promise.
        self.optional_output(name).map(|output| unsafe { output.view_mut() }).transpose()
    }
}

/// What a reduction starts from.
pub(super) struct HostBase<'a, T: Scalar> {
    dims: &'a [usize],
    data: Cow<'a, [T]>,
}

impl<T: Scalar> HostBase<'_, T> {
    pub(super) fn view(&self) -> Result<TensorView<'_, T>, Error> {
        TensorView::new(self.dims, &self.data)
    }
}

/// Weights or scores of a type that was checked.
///
/// # Safety
/// That of [`Descriptor::view`].
unsafe fn host_weight<'a, T: Scalar>(given: &Descriptor) -> Result<Weight<'a, T>, Failure> {
    // SAFETY: the caller's promise.
    Ok(unsafe { if given.scalar == T::TYPE { Weight::Same(given.view()?) } else { Weight::Float32(given.view()?) } })
}

/// Weights or scores in device memory.
pub(super) enum WeightOnDevice<T> {
    /// Of src's type.
    Same(DeviceTensor<T>),
    /// Of type float32, beside 16-bit floats.
    Float32(DeviceTensor<f32>),
}

impl<T: Scalar> WeightOnDevice<T> {
    /// # Safety
    /// That of [`Descriptor::on_device`].
    unsafe fn new(given: &Descriptor, gpu: &Gpu) -> Self {
        // SAFETY: the caller's promise.
        unsafe {
            if given.scalar == T::TYPE { Self::Same(given.on_device(gpu)) } else { Self::Float32(given.on_device(gpu)) }
        }
    }

    pub(super) fn view(&self) -> DeviceWeight<'_, T> {
        match self {
            Self::Same(weight) => DeviceWeight::Same(weight),
            Self::Float32(weight) => DeviceWeight::Float32(weight),
        }
    }
}

#[cfg(test)]
mod tests {
    use tensorrt_scatter::ScalarType::{BF16, F16, F32, F64, I32, I64};

    use super::*;
    use crate::operators::Id;

    fn types(given: [Option<ScalarType>; 4]) -> Result<(Option<ScalarType>, IndexType), String> {
        let tensors = given.map(|scalar| scalar.map(TrtsTensor::without_elements));
        let pointers = tensors.each_ref().map(|tensor| tensor.as_ref().map_or(std::ptr::null(), std::ptr::from_ref));
        // SAFETY: the tensors are there.
        let inputs = unsafe { Inputs::read(Declaration::of(Id::GatherSegmentCsr), &pointers) };
        inputs.and_then(|inputs| inputs.check_types()).map_err(|failure| failure.text().to_owned())
    }

    #[test]
    fn four_named_inputs_are_checked_by_their_roles() {
        assert_eq!(types([F16, I64, I64, F16].map(Some)), Ok((Some(F16), IndexType::I64)));
        assert_eq!(types([F16, I32, I32, F32].map(Some)), Ok((Some(F16), IndexType::I32)));
        assert_eq!(types([I64, I32, I32, I64].map(Some)), Ok((Some(I64), IndexType::I32)));
        assert_eq!(types([Some(F64), Some(I64), Some(I64), None]), Ok((Some(F64), IndexType::I64)));
        let refused = [
            (
                [F16, I64, I64, BF16],
                "weight is of type TRTS_BFLOAT16; expected src's type, TRTS_FLOAT16, or TRTS_FLOAT32",
            ),
            ([F64, I64, I64, F32], "weight is of type TRTS_FLOAT32; expected src's type, TRTS_FLOAT64"),
            ([F16, I64, I32, F16], "indptr is of type TRTS_INT32; expected index's type, TRTS_INT64"),
            ([F16, F32, F32, F16], "index is of type TRTS_FLOAT32; expected TRTS_INT32 or TRTS_INT64"),
        ];
        for (given, message) in refused {
            assert_eq!(types(given.map(Some)).unwrap_err(), message);
        }
        let missing = types([Some(F16), Some(I64), None, Some(F16)]);
        assert_eq!(missing.unwrap_err(), "indptr is a null pointer");
    }
}
