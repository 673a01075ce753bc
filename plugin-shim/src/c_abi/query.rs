//! What an operator will give, and needs: `trts_query`.

use tensorrt_scatter::{
    Composite, CompositePlan, Error, GatherPlan, Index, IndexType, ScatterPlan, SegmentPlan, Shape, cpu, gpu,
};

use super::{
    descriptor::{Descriptor, TrtsTensor},
    options::{Options, TrtsOptions},
    status::{Failure, Status, guard},
    target::{Target, TrtsTarget},
};

/// `trts_requirements`.
#[repr(C)]
pub struct TrtsRequirements {
    struct_size: usize,
    workspace_bytes: usize,
    dim_size: i64,
    rank: i32,
    shape: [i64; Shape::MAX_RANK],
}

/// Bytes of workspace that looking at an index takes: `TRTS_QUERY_WORKSPACE_BYTES`.
const LOOK_BYTES: usize = 8;

/// More elements than any address space has room for, few enough that no plan's count of bytes overflows.
const MAX_ELEMENTS: usize = 1 << 52;

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
    guard(|| {
        // SAFETY: the caller's promise.
        let (requirements, mut query) = unsafe {
            let query = Query {
                src: Descriptor::required("src", src)?,
                index: Descriptor::required("index", index)?,
                base: Descriptor::optional("base", base)?,
                options: Options::new(options)?,
                target: Target::new(target)?,
            };
            (writable(requirements)?, query)
        };
        query.index.index_type()?;
        // SAFETY: the caller's promise.
        let found = unsafe { query.answer(operator)? };
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

struct Query {
    src: Descriptor,
    index: Descriptor,
    base: Option<Descriptor>,
    options: Options,
    target: Target,
}

struct Answer {
    shape: Shape,
    workspace_bytes: usize,
    dim_size: Option<usize>,
}

impl Query {
    /// # Safety
    /// The data of the index, where it is not null, must be where the target says.
    unsafe fn answer(&mut self, operator: i32) -> Result<Answer, Failure> {
        // The header's numbers.
        // SAFETY: the caller's promise.
        unsafe {
            match operator {
                0 => self.scatter(),
                1 => self.segment_coo(),
                2 => self.segment_csr(),
                3 => self.gather_coo(),
                4 => self.gather_csr(),
                5..=8 => self.composite(Composite::ALL[operator as usize - 5]),
                _ => {
                    Err(Failure::invalid(format!("operator is {operator}; expected TRTS_SCATTER (0) to TRTS_STD (8)")))
                }
            }
        }
    }

    /// # Safety
    /// That of [`answer`](Self::answer), as for all below.
    unsafe fn scatter(&mut self) -> Result<Answer, Failure> {
        let (src, index, base) = (self.src.shape, self.index.shape, self.base.map(|base| base.shape));
        if self.index_decides() {
            // The shapes come first: a bad one is the better message.
            ScatterPlan::new(&src, &index, None, &self.options.scatter().dim_size(0))?;
            // SAFETY: the caller's promise.
            self.options.dim_size = Some(unsafe { self.used_group_count()? });
        }
        let plan = ScatterPlan::new(&src, &index, base.as_ref(), &self.options.scatter())?;
        let axis = src.axis(self.options.dim)?;
        self.found(plan.out_shape(), || plan.workspace_bytes(self.src.scalar), Some(axis))
    }

    /// # Safety
    /// See above.
    unsafe fn segment_coo(&mut self) -> Result<Answer, Failure> {
        let (src, index, base) = (self.src.shape, self.index.shape, self.base.map(|base| base.shape));
        if self.index_decides() {
            SegmentPlan::coo(&src, &index, None, &self.options.segment_coo().dim_size(0))?;
            // SAFETY: the caller's promise.
            self.options.dim_size = Some(unsafe { self.group_count()? });
        }
        let plan = SegmentPlan::coo(&src, &index, base.as_ref(), &self.options.segment_coo())?;
        self.found(plan.out_shape(), || plan.workspace_bytes(self.src.scalar), Some(index.rank() - 1))
    }

    fn segment_csr(&self) -> Result<Answer, Failure> {
        let plan = SegmentPlan::csr(&self.src.shape, &self.index.shape, &self.options.segment_csr())?;
        self.found(plan.out_shape(), || plan.workspace_bytes(self.src.scalar), None)
    }

    fn gather_coo(&self) -> Result<Answer, Failure> {
        let plan = GatherPlan::coo(&self.src.shape, &self.index.shape)?;
        self.found(plan.out_shape(), || 0, None)
    }

    /// # Safety
    /// See above.
    unsafe fn gather_csr(&mut self) -> Result<Answer, Failure> {
        let (src, indptr) = (self.src.shape, self.index.shape);
        let size = match (self.options.dim_size, self.base) {
            (Some(size), _) => size,
            (None, Some(out)) => out.shape.dims().get(indptr.rank().wrapping_sub(1)).copied().unwrap_or(0),
            (None, None) => {
                GatherPlan::csr(&src, &indptr, 0)?;
                // SAFETY: the caller's promise.
                unsafe { self.last_element()? }
            }
        };
        let plan = GatherPlan::csr(&src, &indptr, size)?;
        self.found(plan.out_shape(), || 0, Some(indptr.rank() - 1))
    }

    /// # Safety
    /// See above.
    unsafe fn composite(&mut self, composite: Composite) -> Result<Answer, Failure> {
        let (src, index, scalar) = (self.src.shape, self.index.shape, self.src.scalar);
        if !scalar.is_float() {
            return Err(Error::NotAFloat { given: scalar }.into());
        }
        if self.options.dim_size.is_none() {
            CompositePlan::new(composite, &src, &index, &self.options.composite().dim_size(0))?;
            // SAFETY: the caller's promise.
            self.options.dim_size = Some(unsafe { self.used_group_count()? });
        }
        let plan = CompositePlan::new(composite, &src, &index, &self.options.composite())?;
        self.found(plan.out_shape(), || plan.workspace_bytes(scalar), Some(src.axis(self.options.dim)?))
    }

    /// The answer for a result of that shape; `axis` is the one of src that becomes groups, where the operator has any.
    fn found(
        &self,
        shape: &Shape,
        workspace_bytes: impl FnOnce() -> usize,
        axis: Option<usize>,
    ) -> Result<Answer, Failure> {
        let dim_size = axis.map(|axis| self.options.dim_size.unwrap_or(shape.dims()[axis]));
        let src = &self.src.shape;
        let groups = axis.zip(dim_size).map(|(axis, size)| src.with_axis(axis, size)).transpose()?;
        let shapes = [Some(*src), Some(*shape), groups];
        if let Some(large) = shapes.iter().flatten().find(|shape| shape.element_count() > MAX_ELEMENTS) {
            return Err(Failure::invalid(format!("a tensor of shape {large} is more than memory can have")));
        }
        let workspace_bytes = match self.target {
            Target::Cpu => 0,
            Target::Cuda(_) => workspace_bytes().max(LOOK_BYTES),
        };
        Ok(Answer { shape: *shape, workspace_bytes, dim_size })
    }

    /// Whether nothing but the index says how many groups there are.
    fn index_decides(&self) -> bool {
        self.options.dim_size.is_none() && self.base.is_none()
    }

    /// As in torch_scatter, an index that no element of src uses names no group.
    ///
    /// # Safety
    /// See above.
    unsafe fn used_group_count(&mut self) -> Result<usize, Failure> {
        // SAFETY: the caller's promise.
        if self.src.shape.element_count() == 0 { Ok(0) } else { unsafe { self.group_count() } }
    }

    /// # Safety
    /// See above.
    unsafe fn group_count(&mut self) -> Result<usize, Failure> {
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
        self.index.check_data()?;
        // SAFETY: the caller's promise.
        unsafe {
            match self.index.index_type()? {
                IndexType::I32 => count::<i32>(&self.index, &mut self.target),
                IndexType::I64 => count::<i64>(&self.index, &mut self.target),
            }
        }
    }

    /// The last element of indptr, the length of gather_csr's result; 0 where there is none.
    ///
    /// # Safety
    /// See above.
    unsafe fn last_element(&self) -> Result<usize, Failure> {
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
        self.index.check_data()?;
        let Some(last) = self.index.last_element() else { return Ok(0) };
        // SAFETY: the caller's promise.
        let last = unsafe {
            match self.index.index_type()? {
                IndexType::I32 => value::<i32>(&last, &self.target)?,
                IndexType::I64 => value::<i64>(&last, &self.target)?,
            }
        };
        // A negative one is for the call to refuse.
        Ok(usize::try_from(last).unwrap_or(0))
    }
}
