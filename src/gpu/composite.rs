//! Softmax, log_softmax, logsumexp and std on the GPU: the steps, and the safe calls.

mod steps;

use std::ffi::c_void;

use kernel_params::{CompositeParams, IndexLayout, ScatterParams};

use super::{
    DeviceTensor, Stream, Workspace,
    call::{self, Call},
    check,
    kernel::FloatType,
    kernels::Kernels,
    parts::Parts,
    queue::{PlacedLayout, Queue, StreamQueue, offset_words},
};
use crate::{
    BadIndex, Composite, CompositeOptions, CompositePlan, Error, Float, Index, IndexType, ScalarType, ScatterPlan,
    broadcast, index_rules::IndexRules,
};

pub use steps::preload_composite;

use steps::{Over, Step};

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
    /// Address of the workspace: [`CompositePlan::workspace_bytes`] bytes, aligned to 8.
    pub workspace: u64,
    /// The number of bytes at `workspace`.
    pub workspace_bytes: usize,
}

/// Where each part of a composite's workspace is, as an offset in bytes; None for a part that is not used.
struct WorkspaceLayout {
    counts: Option<usize>,
    maxima: Option<usize>,
    sums: usize,
    squares: Option<usize>,
    /// The bytes at the start of the workspace that must be zeros.
    zeroed: usize,
    offsets: usize,
    bytes: usize,
}

impl WorkspaceLayout {
    fn new(plan: &CompositePlan, scalar: ScalarType) -> Self {
        let groups = plan.groups.out.element_count();
        let counted = if plan.groups.layout.is_row_index() { plan.groups.b * plan.groups.n } else { groups };
        let is_std = match plan.composite {
            Composite::Softmax | Composite::LogSoftmax | Composite::LogSumExp => false,
            Composite::Std => true,
        };
        let size = scalar.accumulator_bytes();
        let mut parts = Parts::default();
        let counts = is_std.then(|| parts.take(counted, size_of::<u64>()));
        let maxima = (!is_std).then(|| parts.take(groups, size));
        let sums = parts.take(groups, size);
        let squares = is_std.then(|| parts.take(groups, size));
        let zeroed = parts.bytes();
        let offsets = parts.take(offset_words(&plan.groups.src, plan.groups.b, plan.groups.k), size_of::<u64>());
        Self { counts, maxima, sums, squares, zeroed, offsets, bytes: parts.bytes() }
    }
}

impl CompositePlan {
    /// The bytes of workspace that [`enqueue_composite`] needs, for the intermediate values of each group. `usize::MAX`
    /// if the number does not fit in a usize.
    pub fn workspace_bytes(&self, scalar: ScalarType) -> usize {
        WorkspaceLayout::new(self, scalar).bytes
    }

    fn params(
        &self,
        pointers: &CompositePointers,
        workspace: &WorkspaceLayout,
        layout: IndexLayout,
    ) -> CompositeParams {
        let address = |offset: Option<usize>| offset.map_or(0, |offset| pointers.workspace + offset as u64);
        CompositeParams {
            scatter: ScatterParams {
                src: pointers.src,
                index: pointers.index,
                out: pointers.out,
                counts: address(workspace.counts),
                layout,
                ..self.groups.sizes()
            },
            maxima: address(workspace.maxima),
            sums: address(Some(workspace.sums)),
            squares: address(workspace.squares),
            eps: self.composite.added(self.eps),
            skip_nan: match self.composite {
                Composite::LogSumExp => 1,
                Composite::Softmax | Composite::LogSoftmax | Composite::Std => 0,
            },
            lost: u32::from(self.unbiased),
        }
    }
}

/// Gives the steps of a composite to a queue. It allocates nothing on the device and does not wait. Elements with an
/// index outside [0, N) belong to no group.
///
/// # Errors
/// [`Error::WorkspaceTooSmall`]; [`Error::NotAFloat`]; those of the queue.
///
/// # Safety
/// Each address must point to device memory that holds what the plan's shapes say and that stays valid until the queue
/// has executed the work given to it; `out` and the workspace must not overlap anything.
pub unsafe fn enqueue_composite(
    queue: &mut impl Queue,
    plan: &CompositePlan,
    pointers: &CompositePointers,
) -> Result<(), Error> {
    let Some(float) = FloatType::of(pointers.scalar) else {
        return Err(Error::NotAFloat { given: pointers.scalar });
    };
    let workspace = WorkspaceLayout::new(plan, pointers.scalar);
    if pointers.workspace_bytes < workspace.bytes {
        return Err(Error::WorkspaceTooSmall { given: pointers.workspace_bytes, needed: workspace.bytes });
    }
    if plan.out_shape().element_count() == 0 {
        return Ok(());
    }
    let groups = &plan.groups;
    let offsets = pointers.workspace + workspace.offsets as u64;
    let placed = PlacedLayout::new(&groups.layout, groups.b, groups.k, offsets);
    let params = plan.params(pointers, &workspace, placed.layout);
    // SAFETY: the caller's promise; counts and sizes follow from the plan's shapes.
    unsafe {
        placed.enqueue(queue)?;
        queue.fill_u32(pointers.workspace, 0, workspace.zeroed / size_of::<u32>())?;
        for step in Step::of(plan.composite) {
            let kernel = step.kernel(float, pointers.index_type);
            let items = match step.is_over() {
                Over::Elements => plan.groups.src.element_count(),
                Over::Groups => plan.groups.out.element_count(),
            };
            queue.launch_for_each(kernel, items, &params)?;
        }
    }
    Ok(())
}

/// [`enqueue_composite`] on a raw `CUstream` of the current context: what the plugins call. A kernel that
/// [`preload_composite`] has not loaded is compiled here.
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
    unsafe { enqueue_composite(&mut StreamQueue::new(kernels, stream), plan, pointers) }
}

impl Call<1> for CompositePlan {
    type Pointers = CompositePointers;

    fn rules(&self) -> [(&'static str, &dyn IndexRules); 1] {
        [("index", &self.groups)]
    }

    fn key(&self, pointers: &CompositePointers) -> [&'static str; 4] {
        ["composite", self.composite.name(), pointers.scalar.name(), pointers.index_type.name()]
    }

    unsafe fn enqueue(&self, queue: &mut impl Queue, pointers: &CompositePointers) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { enqueue_composite(queue, self, pointers) }
    }
}

macro_rules! calls {
    ($($name:ident, $name_into:ident, $composite:ident;)+) => {$(
        #[doc = concat!("[`cpu::", stringify!($name), "`](crate::cpu::", stringify!($name), "), on a stream.")]
        ///
        /// The result is in device memory. It is complete when the stream has executed the work given to it so far.
        #[doc = concat!("The call allocates its workspace on the device; [`", stringify!($name_into), "`]")]
        /// uses the caller's workspace.
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

        #[doc = concat!("[`", stringify!($name), "`](fn@", stringify!($name), ") that writes to the caller's tensor and uses the caller's workspace.")]
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

/// The options, with the largest index plus one as the number of groups if nothing else gives it.
fn with_dim_size<T, I: Index>(
    stream: &Stream,
    src: &DeviceTensor<T>,
    index: &DeviceTensor<I>,
    options: &CompositeOptions,
    workspace: &mut Workspace,
) -> Result<CompositeOptions, Error> {
    let mut options = *options;
    if options.groups.dim_size.is_none() {
        // The shapes are checked first, because their error says more.
        let dim = ScatterPlan::reduced_axis(src.shape(), &options.groups)?;
        broadcast::scatter_layout(src.shape(), index.shape(), dim)?;
        // If src has no elements, the index names no group.
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
    let pointers = |workspace: &Workspace, address| {
        Ok(CompositePointers {
            scalar: T::TYPE,
            index_type: I::TYPE,
            src: src.address_on(stream, "src")?,
            index: index.address_on(stream, "index")?,
            out: out.address_on(stream, "out")?,
            workspace: address,
            workspace_bytes: workspace.bytes(),
        })
    };
    // SAFETY: the tensors have the shapes the plan was made of.
    unsafe { call::run(stream, plan, [index], bad_index, plan.workspace_bytes(T::TYPE), workspace, pointers) }
}
