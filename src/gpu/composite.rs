//! Softmax and its kin on the GPU: the steps, and the safe calls.

use std::ffi::c_void;

use kernel_params::{CompositeParams, IndexLayout, ScatterParams};

use super::{
    DeviceTensor, Kernels, Queue, Stream, StreamQueue, Workspace, check,
    kernel::{FloatType, kernel},
    queue::{Collector, PlacedLayout, offset_words},
};
use crate::{
    BadIndex, Composite, CompositeOptions, CompositePlan, Error, Float, Index, IndexType, ScalarType, ScatterPlan,
    Shape, broadcast, index_rules::IndexRules,
};

/// Where the tensors of a composite lie in device memory, and of what types they are.
#[derive(Clone, Copy, Debug)]
pub struct CompositePointers {
    /// Type of `src` and `out`, a floating-point one.
    pub scalar: ScalarType,
    /// Type of `index`.
    pub index_type: IndexType,
    /// Address of `src`.
    pub src: u64,
    /// Address of the index, of the plan's index shape.
    pub index: u64,
    /// Address of `out`.
    pub out: u64,
    /// Address of [`CompositePlan::workspace_bytes`] bytes of scratch, aligned to 8.
    pub workspace: u64,
    /// The bytes there are at `workspace`.
    pub workspace_bytes: usize,
}

/// What each part of the workspace starts at a multiple of: the size of its widest elements.
const ALIGNMENT: usize = size_of::<u64>();

/// Which parts of the workspace a composite uses, in bytes, in the order they lie in. All but the last start as zeros.
struct WorkspaceParts {
    counts: usize,
    maxima: usize,
    sums: usize,
    squares: usize,
    offsets: usize,
}

impl WorkspaceParts {
    fn zeroed(&self) -> usize {
        self.counts + self.maxima + self.sums + self.squares
    }
}

impl CompositePlan {
    /// How many bytes of scratch [`enqueue_composite`] needs: what is known of each group.
    pub fn workspace_bytes(&self, scalar: ScalarType) -> usize {
        let parts = self.workspace_parts(scalar);
        parts.zeroed() + parts.offsets
    }

    fn workspace_parts(&self, scalar: ScalarType) -> WorkspaceParts {
        let groups = self.groups.out.element_count();
        let numbers = (groups * scalar.accumulator_bytes()).next_multiple_of(ALIGNMENT);
        let is_std = self.composite == Composite::Std;
        let counts = if self.groups.layout.is_row_index() { self.groups.b * self.groups.n } else { groups };
        WorkspaceParts {
            counts: if is_std { counts * size_of::<u64>() } else { 0 },
            maxima: if is_std { 0 } else { numbers },
            sums: numbers,
            squares: if is_std { numbers } else { 0 },
            offsets: offset_words(&self.groups.src, self.groups.b, self.groups.k) * ALIGNMENT,
        }
    }

    /// The layout of the index, whose offsets lie behind all other scratch.
    fn place_layout(&self, pointers: &CompositePointers) -> PlacedLayout {
        let before = self.workspace_parts(pointers.scalar).zeroed() as u64;
        PlacedLayout::new(&self.groups.layout, self.groups.b, self.groups.k, pointers.workspace + before)
    }

    fn params(&self, pointers: &CompositePointers, layout: IndexLayout) -> CompositeParams {
        let parts = self.workspace_parts(pointers.scalar);
        let mut end = pointers.workspace;
        let mut take = |bytes: usize| {
            let start = end;
            end += bytes as u64;
            start
        };
        let (counts, maxima) = (take(parts.counts), take(parts.maxima));
        let (sums, squares) = (take(parts.sums), take(parts.squares));
        CompositeParams {
            scatter: ScatterParams {
                src: pointers.src,
                index: pointers.index,
                out: pointers.out,
                counts,
                layout,
                ..self.groups.sizes()
            },
            maxima,
            sums,
            squares,
            eps: if self.composite == Composite::Std { Self::STD_EPS } else { self.eps },
            skip_nan: u32::from(self.composite == Composite::LogSumExp),
            lost: u32::from(self.unbiased),
        }
    }
}

/// Gives the steps of a composite to a queue. Nothing is allocated on the device and nothing waits; elements with an
/// index outside [0, N) belong to no group.
///
/// # Errors
/// [`Error::WorkspaceTooSmall`]; [`Error::NotAFloat`]; what the queue answers.
///
/// # Safety
/// Each address must point to device memory that holds what the plan's shapes say and that stays valid until the
/// queue has come so far; `out` and the workspace must not overlap anything.
pub unsafe fn enqueue_composite(
    queue: &mut impl Queue,
    plan: &CompositePlan,
    pointers: &CompositePointers,
) -> Result<(), Error> {
    let Some(float) = FloatType::of(pointers.scalar) else {
        return Err(Error::NotAFloat { given: pointers.scalar });
    };
    let needed = plan.workspace_bytes(pointers.scalar);
    if pointers.workspace_bytes < needed {
        return Err(Error::WorkspaceTooSmall { given: pointers.workspace_bytes, needed });
    }
    if plan.out_shape().element_count() == 0 {
        return Ok(());
    }
    let placed = plan.place_layout(pointers);
    let params = plan.params(pointers, placed.layout);
    let index = pointers.index_type;
    let (elements, groups) = (plan.groups.src.element_count(), plan.groups.out.element_count());
    let find_maxima = (kernel!(composite_find_maxima float(float) index(index)), elements);
    let sum_exponentials = (kernel!(composite_sum_exponentials float(float) index(index)), elements);
    let steps = match plan.composite {
        Composite::Softmax => {
            [find_maxima, sum_exponentials, (kernel!(composite_softmax float(float) index(index)), elements)]
        }
        Composite::LogSoftmax => {
            [find_maxima, sum_exponentials, (kernel!(composite_log_softmax float(float) index(index)), elements)]
        }
        Composite::LogSumExp => [find_maxima, sum_exponentials, (kernel!(composite_logsumexp float(float)), groups)],
        Composite::Std => [
            (kernel!(composite_sum_and_count float(float) index(index)), elements),
            (kernel!(composite_sum_squares float(float) index(index)), elements),
            (kernel!(composite_std float(float)), groups),
        ],
    };
    // SAFETY: the caller's promise; counts and sizes follow from the plan's shapes.
    unsafe {
        placed.enqueue(queue)?;
        let zeroed = plan.workspace_parts(pointers.scalar).zeroed();
        queue.fill_u32(pointers.workspace, 0, zeroed / size_of::<u32>())?;
        for (kernel, count) in steps {
            queue.launch_for_each(kernel, count, &params)?;
        }
    }
    Ok(())
}

/// [`enqueue_composite`] on a raw `CUstream` of the current context: what the plugins call.
///
/// # Errors
/// Those of [`enqueue_composite`].
///
/// # Safety
/// Those of [`enqueue_composite`] and [`StreamQueue::new`].
pub unsafe fn composite_raw(
    kernels: &Kernels,
    plan: &CompositePlan,
    pointers: &CompositePointers,
    stream: *mut c_void,
) -> Result<(), Error> {
    // SAFETY: the caller's promise.
    unsafe {
        load_first(kernels, plan, pointers, false)?;
        enqueue_composite(&mut StreamQueue::new(kernels, stream), plan, pointers)
    }
}

/// Before a first call, compiles all its kernels together, with those that look its index over if it `is_checked`.
///
/// # Safety
/// The context must be current.
unsafe fn load_first(
    kernels: &Kernels,
    plan: &CompositePlan,
    pointers: &CompositePointers,
    is_checked: bool,
) -> Result<(), Error> {
    let call = ["composite", plan.composite.name(), pointers.scalar.name(), pointers.index_type.name()];
    // SAFETY: the collector launches nothing.
    Collector::load_first(kernels, call, |collector| unsafe {
        if is_checked {
            check::enqueue_groups_check(collector, &plan.groups, pointers.index_type, pointers.index, 0)?;
        }
        enqueue_composite(collector, plan, pointers)
    })
}

/// Loads the kernels of a composite into the current context, whatever its shapes will be, so that a later
/// [`composite_raw`] can be captured in a CUDA graph.
///
/// # Errors
/// [`Error::NotAFloat`]; [`Error::Cuda`] where the driver refuses.
pub fn preload_composite(
    kernels: &Kernels,
    composite: Composite,
    scalar: ScalarType,
    index_type: IndexType,
) -> Result<(), Error> {
    // An index in several runs needs every kernel that any other does.
    let (src, index) = (Shape::new(&[2; 5])?, Shape::new(&[1, 2, 1, 2, 1])?);
    let plan = CompositePlan::new(composite, &src, &index, &CompositeOptions::new().dim(1).dim_size(2))?;
    let (workspace, workspace_bytes) = (0, usize::MAX);
    let pointers = CompositePointers { scalar, index_type, src: 0, index: 0, out: 0, workspace, workspace_bytes };
    // SAFETY: nothing is launched, so no address is used.
    Collector::load(kernels, |collector| unsafe { enqueue_composite(collector, &plan, &pointers) })
}

macro_rules! calls {
    ($($name:ident, $name_into:ident, $composite:ident;)+) => {$(
        #[doc = concat!("[`cpu::", stringify!($name), "`](crate::cpu::", stringify!($name), "), on a stream.")]
        ///
        /// The result is in device memory and complete when the stream has come so far. Scratch space is taken from the
        #[doc = concat!("device; [`", stringify!($name_into), "`] reuses the caller's.")]
        ///
        /// # Errors
        #[doc = concat!("Those of [`cpu::", stringify!($name), "`](crate::cpu::", stringify!($name), ");")]
        /// [`Error::Cuda`] where the driver refuses.
        pub fn $name<T: Float, I: Index>(
            stream: &Stream,
            src: &DeviceTensor<T>,
            index: &DeviceTensor<I>,
            options: &CompositeOptions,
        ) -> Result<DeviceTensor<T>, Error> {
            run_owned(Composite::$composite, stream, src, index, options)
        }

        #[doc = concat!("[`", stringify!($name), "`](fn@", stringify!($name), ") into a tensor of the caller's, with scratch space of the caller's.")]
        ///
        /// # Errors
        #[doc = concat!("Those of [`", stringify!($name), "`](fn@", stringify!($name), "); [`Error::OutputShape`] where `out` has another shape")]
        /// than the result. Nothing is written then.
        pub fn $name_into<T: Float, I: Index>(
            stream: &Stream,
            src: &DeviceTensor<T>,
            index: &DeviceTensor<I>,
            options: &CompositeOptions,
            out: &mut DeviceTensor<T>,
            workspace: &mut Workspace,
        ) -> Result<(), Error> {
            run_into(Composite::$composite, stream, src, index, options, out, workspace)
        }
    )+};
}

calls! {
    softmax, softmax_into, Softmax;
    log_softmax, log_softmax_into, LogSoftmax;
    logsumexp, logsumexp_into, LogSumExp;
    std, std_into, Std;
}

fn run_owned<T: Float, I: Index>(
    composite: Composite,
    stream: &Stream,
    src: &DeviceTensor<T>,
    index: &DeviceTensor<I>,
    options: &CompositeOptions,
) -> Result<DeviceTensor<T>, Error> {
    let mut workspace = Workspace::new(stream.gpu())?;
    let options = with_dim_size(stream, src, index, options, &mut workspace)?;
    let plan = CompositePlan::new(composite, src.shape(), index.shape(), &options)?;
    let mut out = DeviceTensor::uninitialized(stream.gpu(), *plan.out_shape())?;
    run(stream, &plan, src, index, options.groups.bad_index, &mut out, &mut workspace)?;
    Ok(out)
}

fn run_into<T: Float, I: Index>(
    composite: Composite,
    stream: &Stream,
    src: &DeviceTensor<T>,
    index: &DeviceTensor<I>,
    options: &CompositeOptions,
    out: &mut DeviceTensor<T>,
    workspace: &mut Workspace,
) -> Result<(), Error> {
    let mut options = *options;
    if options.groups.dim_size.is_none() && !composite.keeps_shape() {
        let dim = ScatterPlan::reduced_axis(src.shape(), &options.groups)?;
        options.groups.dim_size = out.shape().dims().get(dim).copied();
    }
    let options = with_dim_size(stream, src, index, &options, workspace)?;
    let plan = CompositePlan::new(composite, src.shape(), index.shape(), &options)?;
    plan.check_output(out.shape())?;
    run(stream, &plan, src, index, options.groups.bad_index, out, workspace)
}

/// The options with the largest index plus one as the number of groups, where nothing else says it.
fn with_dim_size<T, I: Index>(
    stream: &Stream,
    src: &DeviceTensor<T>,
    index: &DeviceTensor<I>,
    options: &CompositeOptions,
    workspace: &mut Workspace,
) -> Result<CompositeOptions, Error> {
    let mut options = *options;
    if options.groups.dim_size.is_none() {
        // The shapes come first: a bad one is the better message.
        let dim = ScatterPlan::reduced_axis(src.shape(), &options.groups)?;
        broadcast::scatter_layout(src.shape(), index.shape(), dim)?;
        // An index that no element of src uses names no group.
        let is_used = src.shape().element_count() != 0;
        options.groups.dim_size = Some(if is_used { check::group_count(stream, index, workspace)? } else { 0 });
    }
    Ok(options)
}

fn run<T: Float, I: Index>(
    stream: &Stream,
    plan: &CompositePlan,
    src: &DeviceTensor<T>,
    index: &DeviceTensor<I>,
    bad_index: BadIndex,
    out: &mut DeviceTensor<T>,
    workspace: &mut Workspace,
) -> Result<(), Error> {
    stream.gpu().bind()?;
    let kernels = stream.gpu().kernels();
    let is_checked = bad_index == BadIndex::Error && plan.groups.uses_index();
    let needed = check::workspace_bytes(plan.workspace_bytes(T::TYPE), is_checked);
    let pointers = CompositePointers {
        scalar: T::TYPE,
        index_type: I::TYPE,
        src: src.address_on(stream, "src")?,
        index: index.address_on(stream, "index")?,
        out: out.address_on(stream, "out")?,
        workspace: workspace.reserve(stream, needed)?,
        workspace_bytes: workspace.bytes(),
    };
    // SAFETY: the tensors have the shapes the plan was made of and live on the stream's device, whose context was
    // made current. Freeing device memory waits for the device (see `Memory`), so they outlive the work.
    unsafe {
        load_first(kernels, plan, &pointers, is_checked)?;
        if is_checked {
            check::check_groups(stream, &plan.groups, index, workspace)?;
        }
        enqueue_composite(&mut StreamQueue::new(kernels, stream.as_raw()), plan, &pointers)
    }
}
