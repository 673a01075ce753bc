//! `trts_query`: the shape of an operator's result, and the workspace that it needs.

use std::{ptr, slice};

use tensorrt_scatter::{Index, IndexType, ScalarType, Shape, cpu, gpu};

use super::{
    descriptor::{Descriptor, TrtsTensor},
    operators,
    options::{Options, TrtsOptions},
    status::{Failure, Status, guard},
    target::{Target, TrtsTarget},
    tensors::Inputs,
    words::{numbered, operator_constant},
};
use crate::operators::{Declaration, MAX_INPUTS, OPERATORS, check_countable};

/// `trts_requirements`.
#[repr(C)]
pub struct TrtsRequirements {
    struct_size: usize,
    workspace_bytes: usize,
    dim_size: i64,
    rank: i32,
    shape: [i64; Shape::MAX_RANK],
}

/// `TRTS_QUERY_WORKSPACE_BYTES`: the bytes of workspace that a query needs to read an index on a device.
const LOOK_BYTES: usize = 8;

/// See the header.
///
/// # Safety
/// Each pointer must be null, or point to what the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trts_query(
    operator: i32,
    src: *const TrtsTensor,
    index: *const TrtsTensor,
    base: *const TrtsTensor,
    options: *const TrtsOptions,
    target: *const TrtsTarget,
    requirements: *mut TrtsRequirements,
) -> Status {
    let inputs = declaration(operator).map_or([ptr::null(); MAX_INPUTS], |of| placed(of, src, index, base));
    let count = declaration(operator).map_or(0, |declaration| declaration.inputs.len());
    if let Some(declaration) = declaration(operator).filter(|declaration| !is_asked_by_three(declaration)) {
        return guard(|| {
            let (operator, names) = (operator_constant(declaration), names(declaration));
            Err(Failure::invalid(format!("{operator} has the inputs {names}: give them to trts_query_inputs()")))
        });
    }
    // SAFETY: the caller's promise.
    unsafe { query(operator, &inputs[..count], options, target, requirements) }
}

/// Whether an operator needs no inputs but those of `trts_query`.
fn is_asked_by_three(declaration: &Declaration) -> bool {
    let (src, index) = (declaration.src(), declaration.index());
    let others = declaration.inputs.iter().enumerate().filter(|&(at, _)| Some(at) != src && at != index);
    { others }.all(|(_, input)| input.is_optional)
}

/// The names of an operator's inputs.
fn names(declaration: &Declaration) -> String {
    declaration.inputs.iter().map(|input| input.name).collect::<Vec<_>>().join(", ")
}

/// What `trts_query` was given, in the declaration's order. An operator without src or base ignores it.
fn placed(
    declaration: &Declaration,
    src: *const TrtsTensor,
    index: *const TrtsTensor,
    base: *const TrtsTensor,
) -> [*const TrtsTensor; MAX_INPUTS] {
    let mut inputs = [ptr::null(); MAX_INPUTS];
    inputs[declaration.index()] = index;
    for (position, given) in [(declaration.src(), src), (declaration.base(), base)] {
        if let Some(position) = position {
            inputs[position] = given;
        }
    }
    inputs
}

/// See the header.
///
/// # Safety
/// Each pointer must be null, or point to what the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trts_query_inputs(
    operator: i32,
    inputs: *const *const TrtsTensor,
    input_count: usize,
    options: *const TrtsOptions,
    target: *const TrtsTarget,
    requirements: *mut TrtsRequirements,
) -> Status {
    let inputs = if inputs.is_null() {
        &[]
    } else {
        // A longer array has more inputs than any operator, and is refused after its first elements.
        // SAFETY: the caller's promise.
        unsafe { slice::from_raw_parts(inputs, input_count.min(MAX_INPUTS)) }
    };
    // SAFETY: the caller's promise.
    unsafe { query(operator, inputs, options, target, requirements) }
}

/// The operator with this number.
fn declaration(operator: i32) -> Option<&'static Declaration> {
    OPERATORS.get(usize::try_from(operator).ok()?)
}

/// # Safety
/// Each pointer must be null, or point to what the header says.
unsafe fn query(
    operator: i32,
    inputs: &[*const TrtsTensor],
    options: *const TrtsOptions,
    target: *const TrtsTarget,
    requirements: *mut TrtsRequirements,
) -> Status {
    guard(|| {
        let declaration = declaration(operator).ok_or_else(|| {
            let constants = OPERATORS.iter().map(operator_constant).zip(0..);
            Failure::invalid(format!("operator is {operator}; expected {}", numbered(constants)))
        })?;
        if inputs.len() > declaration.inputs.len() {
            let (operator, names) = (operator_constant(declaration), names(declaration));
            return Err(Failure::invalid(format!("{operator} was given more inputs than it has: {names}")));
        }
        // SAFETY: the caller's promise.
        let (requirements, mut query) = unsafe {
            let query = Query {
                inputs: Inputs::read(declaration, inputs)?,
                options: Options::new(options)?,
                target: Target::new(target)?,
            };
            (writable(requirements)?, query)
        };
        query.options.check_reduce(declaration)?;
        query.inputs.check_types()?;
        // SAFETY: the caller's promise.
        let found = unsafe { operators::answer(&mut query)? };
        let dims = found.shape.dims();
        requirements.workspace_bytes = found.workspace_bytes;
        // Sizes fit an isize.
        requirements.dim_size = found.dim_size.map_or(-1, |size| size as i64);
        requirements.rank = dims.len() as i32;
        requirements.shape.iter_mut().zip(dims).for_each(|(to, &size)| *to = size as i64);
        Ok(())
    })
}

/// # Safety
/// `requirements` must be null or valid for reads and writes of as many bytes as its first field says.
unsafe fn writable<'a>(requirements: *mut TrtsRequirements) -> Result<&'a mut TrtsRequirements, Failure> {
    if requirements.is_null() {
        return Err(Failure::invalid("requirements is a null pointer"));
    }
    // SAFETY: the caller's promise.
    let given = unsafe { requirements.cast::<usize>().read() };
    if given < size_of::<TrtsRequirements>() {
        return Err(Failure::invalid(format!(
            "struct_size of trts_requirements is {given}; set it to sizeof(trts_requirements), {}",
            size_of::<TrtsRequirements>()
        )));
    }
    // SAFETY: the caller's promise, of enough bytes as was just checked.
    Ok(unsafe { &mut *requirements })
}

/// What a query was given.
pub(super) struct Query {
    pub(super) inputs: Inputs,
    pub(super) options: Options,
    target: Target,
}

/// What a query is answered.
pub(super) struct Answer {
    shape: Shape,
    workspace_bytes: usize,
    dim_size: Option<usize>,
}

impl Query {
    /// The shape of src, in the operators that have it.
    pub(super) fn src(&self) -> Shape {
        self.src_tensor().shape
    }

    fn src_tensor(&self) -> &Descriptor {
        self.inputs.src().expect("the operator has src")
    }

    /// The shape of the index or indptr.
    pub(super) fn index(&self) -> Shape {
        self.inputs.index().shape
    }

    /// The shape of base, where it is given.
    pub(super) fn base(&self) -> Option<Shape> {
        self.inputs.base().map(|base| base.shape)
    }

    /// The shape of an input that every call has.
    pub(super) fn input(&self, name: &str) -> Shape {
        self.optional_input(name).expect("a required input was read")
    }

    /// The shape of an input that a call may lack.
    pub(super) fn optional_input(&self, name: &str) -> Option<Shape> {
        self.inputs.named(name).map(|input| input.shape)
    }

    /// The type of src, in the operators that have it.
    pub(super) fn scalar(&self) -> ScalarType {
        self.src_tensor().scalar
    }

    /// The answer for a result of this shape. `axis` is the axis of src that becomes groups, if the operator has
    /// groups; without src, it is the index's.
    pub(super) fn found(
        &self,
        shape: &Shape,
        workspace_bytes: impl FnOnce() -> usize,
        axis: Option<usize>,
    ) -> Result<Answer, Failure> {
        let dim_size = axis.map(|axis| self.options.dim_size.unwrap_or(shape.dims()[axis]));
        let elements = self.inputs.elements().shape;
        let groups = axis.zip(dim_size).map(|(axis, size)| elements.with_axis(axis, size)).transpose()?;
        check_countable([Some(elements), Some(*shape), groups].into_iter().flatten())
            .map_err(|refusal| Failure::invalid(refusal.to_string()))?;
        let workspace_bytes = match self.target {
            Target::Cpu => 0,
            Target::Cuda(_) => workspace_bytes().max(LOOK_BYTES),
        };
        Ok(Answer { shape: *shape, workspace_bytes, dim_size })
    }

    /// Whether the number of groups has to be read from the index.
    pub(super) fn index_decides(&self) -> bool {
        self.options.dim_size.is_none() && self.base().is_none()
    }

    /// The number of groups in the index; 0 if src has no elements, as in torch_scatter.
    ///
    /// # Safety
    /// That of [`answer`](operators::answer).
    pub(super) unsafe fn used_group_count(&mut self) -> Result<usize, Failure> {
        // SAFETY: the caller's promise.
        if self.src().element_count() == 0 { Ok(0) } else { unsafe { self.group_count() } }
    }

    /// The number of groups in the index.
    ///
    /// # Safety
    /// That of [`answer`](operators::answer).
    pub(super) unsafe fn group_count(&mut self) -> Result<usize, Failure> {
        // SAFETY: the caller's promise.
        unsafe { self.group_count_in(*self.inputs.index()) }
    }

    /// The number of groups in an input that every call has.
    ///
    /// # Safety
    /// That of [`answer`](operators::answer).
    pub(super) unsafe fn group_count_of(&mut self, name: &str) -> Result<usize, Failure> {
        let input = *self.inputs.named(name).expect("a required input was read");
        // SAFETY: the caller's promise.
        unsafe { self.group_count_in(input) }
    }

    /// # Safety
    /// That of [`answer`](operators::answer).
    unsafe fn group_count_in(&mut self, index: Descriptor) -> Result<usize, Failure> {
        unsafe fn count<I: Index>(index: &Descriptor, target: &mut Target) -> Result<usize, Failure> {
            // SAFETY: the caller's promise.
            unsafe {
                match target {
                    Target::Cpu => Ok(cpu::group_count(&index.view::<I>()?)),
                    Target::Cuda(cuda) => {
                        let index = index.on_device::<I>(cuda.stream.gpu());
                        Ok(gpu::group_count(&cuda.stream, &index, &mut cuda.workspace)?)
                    }
                }
            }
        }
        index.check_data()?;
        // SAFETY: the caller's promise.
        unsafe {
            match index.index_type()? {
                IndexType::I32 => count::<i32>(&index, &mut self.target),
                IndexType::I64 => count::<i64>(&index, &mut self.target),
            }
        }
    }

    /// The last element of indptr, which is the length of gather_csr's result; 0 if indptr has no elements.
    ///
    /// # Safety
    /// That of [`answer`](operators::answer).
    pub(super) unsafe fn last_element(&self) -> Result<usize, Failure> {
        unsafe fn value<I: Index>(element: &Descriptor, target: &Target) -> Result<i64, Failure> {
            // SAFETY: the caller's promise.
            unsafe {
                Ok(match target {
                    Target::Cpu => element.view::<I>()?.data()[0].to_i64(),
                    Target::Cuda(cuda) => {
                        element.on_device::<I>(cuda.stream.gpu()).to_host(&cuda.stream)?.data()[0].to_i64()
                    }
                })
            }
        }
        let index = *self.inputs.index();
        index.check_data()?;
        let Some(last) = index.last_element() else { return Ok(0) };
        // SAFETY: the caller's promise.
        let last = unsafe {
            match index.index_type()? {
                IndexType::I32 => value::<i32>(&last, &self.target)?,
                IndexType::I64 => value::<i64>(&last, &self.target)?,
            }
        };
        // gather_csr itself refuses a negative element.
        Ok(usize::try_from(last).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operators::Id;

    #[test]
    fn a_query_puts_its_tensors_where_the_operator_has_them() {
        let [src, index, base] = [1, 2, 3].map(|address| ptr::without_provenance::<TrtsTensor>(8 * address));
        let null = ptr::null();
        let placed = |declaration| placed(declaration, src, index, base)[..4].to_vec();
        assert_eq!(placed(Declaration::of(Id::Scatter)), [src, index, base, null]);
        assert_eq!(placed(Declaration::of(Id::Softmax)), [src, index, null, null]);
        // Its third input is an indptr, which base must not be taken for.
        assert_eq!(placed(Declaration::of(Id::GatherSegmentCsr)), [src, index, null, null]);
        // It has no src.
        assert_eq!(placed(Declaration::of(Id::GroupIndex)), [index, null, null, null]);
    }
}
