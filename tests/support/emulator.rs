//! The kernels on the CPU: a `Queue` whose device is `nvptx_arch`'s emulated grid, and whose memory is host memory.

use std::{
    cell::RefCell,
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    ptr,
};

use kernel_params::{
    FillParams,
    entry::{Grid, Params},
};
use kernels_gpu::entry::entry_points;
use nvptx_arch::emulate::{self, Launch, Memory, Options};
use tensorrt_scatter::{
    AttentionCsrPlan, Error, GatherDotPlan, GatherScatterOptions, GatherScatterPlan, GatherSegmentCooOptions,
    GatherSegmentCsrOptions, GatherSegmentPlan, GroupIndexOptions, GroupIndexPlan, Grouping, IndexType, ScatterOptions,
    ScatterPlan, SegmentCooOptions, SegmentCsrOptions, SegmentPlan, Shape,
    gpu::{
        DeviceNumbers, Tuning,
        raw::{
            GatherDotPointers, GatherSegmentPointers, GroupIndexPointers, IndexQuestion, Kernel, Queue,
            ReductionPointers, THREADS_PER_BLOCK, enqueue_attention_csr, enqueue_gather_dot, enqueue_gather_scatter,
            enqueue_gather_segment, enqueue_group_index, enqueue_index_question, enqueue_scatter, enqueue_segment,
            enqueue_segment_check,
        },
    },
};

use super::{
    Element, assert_same,
    composite::FloatElement,
    gather_dots::GatherDotCase,
    gather_scatters::GatherScatterCase,
    gather_segments::{GatherSegmentCase, WeightValues},
    groupings::GroupingCase,
    naive::ScatterCase,
    segments::SegmentCase,
};

/// CUDA_ERROR_LAUNCH_FAILED, which a driver answers where a kernel fails.
const LAUNCH_FAILED: i32 = 719;

/// The sizes of the input, in bytes, by which algorithms are chosen: the real size; one for which the reduced axis is
/// always cut; one that is several times as large as the caches.
pub const SIZES: [Option<usize>; 3] = [None, Some(64 << 20), Some(1 << 30)];

/// Seeds, and the most blocks of a grid: grids of one block, and grids of one block more than the host gives.
pub const GRIDS: [(u64, u32); 2] = [(1, 1), (2, u32::MAX)];

/// A large device and the smallest one. Each shares out the work differently, and must not change a result.
pub const DEVICES: [DeviceNumbers; 2] = [
    DeviceNumbers::H100,
    DeviceNumbers {
        multiprocessors: 1,
        threads_per_multiprocessor: 1024,
        clock_khz: 1_000_000,
        // The same on both devices, so that each of `SIZES` selects the same kernels on both.
        l2_bytes: DeviceNumbers::H100.l2_bytes,
        memory_bytes_per_us: 10,
    },
];

/// What a caller and a device choose. It decides which kernels run, and must not change a result.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// The type of the index or indptr.
    pub index_type: IndexType,
    /// The type of `arg_out`.
    pub arg_type: IndexType,
    /// Whether the device joins four float32 values in one atomic.
    pub has_vector_atomics: bool,
    /// Whether scatter groups its index, where it can. None: the sizes decide.
    pub grouping: Option<bool>,
}

impl Setup {
    /// Every two choices occur together in one of these.
    pub const ALL: [Self; 4] = [
        Self { index_type: IndexType::I64, arg_type: IndexType::I64, has_vector_atomics: true, grouping: None },
        Self { index_type: IndexType::I32, arg_type: IndexType::I32, has_vector_atomics: true, grouping: None },
        Self { index_type: IndexType::I64, arg_type: IndexType::I32, has_vector_atomics: false, grouping: None },
        Self { index_type: IndexType::I32, arg_type: IndexType::I64, has_vector_atomics: false, grouping: None },
    ];

    /// The same, with or without a grouping of scatter's index.
    pub fn with_grouping(self, grouping: bool) -> Self {
        Self { grouping: Some(grouping), ..self }
    }

    /// One of [`ALL`](Self::ALL): neighbouring numbers give different ones.
    pub fn of(number: u64) -> Self {
        Self::ALL[(number % Self::ALL.len() as u64) as usize]
    }
}

/// An index, an indptr or an `arg_out`, of either type.
pub enum Integers {
    I32(Vec<i32>),
    I64(Vec<i64>),
}

impl Integers {
    /// In int32, a number out of its range becomes the nearest int32, which is a bad index as well.
    pub fn new(numbers: &[i64], index_type: IndexType) -> Self {
        let narrow = |&number: &i64| number.clamp(i32::MIN.into(), i32::MAX.into()) as i32;
        match index_type {
            IndexType::I32 => Self::I32(numbers.iter().map(narrow).collect()),
            IndexType::I64 => Self::I64(numbers.to_vec()),
        }
    }

    /// Lets kernels read them, and returns their address.
    pub fn readable(&self, emulator: &mut Emulator) -> u64 {
        match self {
            Self::I32(numbers) => emulator.readable(numbers),
            Self::I64(numbers) => emulator.readable(numbers),
        }
    }

    /// [`Emulator::unwritten`] of them.
    pub fn unwritten(&mut self, emulator: &mut Emulator) -> u64 {
        match self {
            Self::I32(numbers) => emulator.unwritten(numbers),
            Self::I64(numbers) => emulator.unwritten(numbers),
        }
    }

    pub fn to_i64(&self) -> Vec<i64> {
        match self {
            Self::I32(numbers) => numbers.iter().map(|&number| number.into()).collect(),
            Self::I64(numbers) => numbers.clone(),
        }
    }
}

thread_local! {
    /// The kernels that this thread's emulators have run: those of one test. Each with how the sizes of its grids
    /// compare to those that the host gave.
    static RUN: RefCell<BTreeMap<Kernel, BTreeSet<Ordering>>> = const { RefCell::new(BTreeMap::new()) };
}

/// The entry points whose names begin with `prefix` that the calling test has not run.
pub fn kernels_not_run(prefix: &str) -> Vec<&'static str> {
    let names = entry_points().map(|entry| entry.name).filter(|name| name.starts_with(prefix));
    RUN.with_borrow(|run| names.filter(|name| run.keys().all(|kernel| kernel.name() != *name)).collect())
}

/// The kernels of some names that the calling test has not run in every grid that the contract allows: in one that is
/// larger than the host's, and in a smaller one if the grid may be any.
pub fn kernels_not_run_in_all_grids(is_asked_for: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let has_all = |kernel: Kernel, grids: &BTreeSet<Ordering>| {
        let may_be_smaller = kernel.contract().grid == Grid::Any;
        grids.contains(&Ordering::Greater) && (!may_be_smaller || grids.contains(&Ordering::Less))
    };
    let kernels = Kernel::ALL.iter().copied().filter(|kernel| is_asked_for(kernel.name()));
    RUN.with_borrow(|run| {
        kernels
            .filter(|kernel| run.get(kernel).is_none_or(|grids| !has_all(*kernel, grids)))
            .map(Kernel::name)
            .collect()
    })
}

/// The entry point of a name that a test puts together.
pub fn kernel_named(name: &str) -> Kernel {
    *Kernel::ALL.iter().find(|kernel| kernel.name() == name).unwrap_or_else(|| panic!("there is no kernel {name}"))
}

/// Runs each launch at once; `seed` decides in which order the threads take turns, and which of [`DEVICES`] it is.
pub struct Emulator {
    memory: Memory,
    seed: u64,
    /// The most blocks of a grid. With fewer blocks than work needs, the kernels' grid-stride loops make more rounds.
    max_blocks: u32,
    /// The size of the input, in bytes, by which algorithms are chosen; one of [`SIZES`] for segments.
    bytes: Option<usize>,
    has_vector_atomics: bool,
    tuning: Tuning,
    /// Whether kernels are only noted, not run.
    is_dry: bool,
    /// The kernels so far.
    kernels: Vec<Kernel>,
}

impl Emulator {
    pub fn new(seed: u64, max_blocks: u32) -> Self {
        Self {
            memory: Memory::new(),
            seed,
            max_blocks,
            bytes: None,
            has_vector_atomics: true,
            tuning: Tuning::of(&DEVICES[seed as usize % DEVICES.len()]),
            is_dry: false,
            kernels: Vec::new(),
        }
    }

    /// Chooses kernels as for a device with or without atomics on four float32 values.
    pub fn with_vector_atomics(self, has_vector_atomics: bool) -> Self {
        Self { has_vector_atomics, ..self }
    }

    /// Shares the work out as on another device.
    pub fn with_tuning(self, tuning: Tuning) -> Self {
        Self { tuning, ..self }
    }

    /// Chooses algorithms as for an input of this size, in bytes.
    pub fn of_size(self, bytes: Option<usize>) -> Self {
        Self { bytes, ..self }
    }

    /// Lets kernels read a slice, and returns its address.
    pub fn readable<T>(&mut self, data: &[T]) -> u64 {
        self.memory.register(data.as_ptr().cast(), size_of_val(data), false);
        data.as_ptr() as u64
    }

    /// Lets kernels read and write a slice, and returns its address.
    pub fn writable<T>(&mut self, data: &mut [T]) -> u64 {
        self.memory.register(data.as_mut_ptr().cast_const().cast(), size_of_val(data), true);
        data.as_mut_ptr() as u64
    }

    /// Lets kernels write a slice, and read what they have written, as of memory that was just allocated. Returns its
    /// address.
    pub fn unwritten<T>(&mut self, data: &mut [T]) -> u64 {
        self.memory.register_unwritten(data.as_mut_ptr().cast_const().cast(), size_of_val(data));
        data.as_mut_ptr() as u64
    }

    /// The blocks of a kernel's grid, where the host gives it `blocks`. The kernel's contract allows it others: every
    /// second pair of seeds adds a block that is not needed, and a kernel that may have any grid gets
    /// [`max_blocks`](Self::max_blocks) at most.
    fn grid(&self, kernel: Kernel, blocks: u32) -> u32 {
        let blocks = blocks + (self.seed / 2 % 2) as u32;
        match kernel.contract().grid {
            Grid::Any => blocks.min(self.max_blocks),
            Grid::Whole => blocks,
        }
    }
}

impl Queue for Emulator {
    unsafe fn fill_u32(&mut self, address: u64, value: u32, count: usize) -> Result<(), Error> {
        let params = FillParams { address, count: count as u64, value, unused: 0 };
        // SAFETY: the caller's promise.
        unsafe { self.launch_for_each(Kernel::fill_words_all, count, &params) }
    }

    fn bytes_to_weigh(&self, bytes: usize) -> usize {
        self.bytes.unwrap_or(bytes)
    }

    fn has_vector_atomics(&self) -> bool {
        self.has_vector_atomics
    }

    fn tuning(&self) -> &Tuning {
        &self.tuning
    }

    unsafe fn run<P: Params>(
        &mut self,
        kernel: Kernel,
        blocks: u32,
        shared_bytes: u32,
        params: &P,
    ) -> Result<(), Error> {
        let entry = entry_points().find(|entry| entry.name == kernel.name());
        let entry = entry.unwrap_or_else(|| panic!("kernels-gpu has no entry point {}", kernel.name()));
        assert_eq!(kernel.contract().fault_of_launch::<P>(shared_bytes), None, "{kernel:?}");
        self.kernels.push(kernel);
        if self.is_dry {
            return Ok(());
        }
        let grid = self.grid(kernel, blocks);
        RUN.with_borrow_mut(|run| run.entry(kernel).or_default().insert(grid.cmp(&blocks)));
        let launch =
            Launch { grid: [grid, 1, 1], block: [THREADS_PER_BLOCK, 1, 1], dynamic_shared: shared_bytes as usize };
        // SAFETY: `params` is what the kernel takes: the caller's promise.
        emulate::run(&launch, &Options::with_seed(self.seed), &self.memory, || unsafe {
            (entry.run)(ptr::from_ref(params).cast())
        })
        .map_err(|fault| Error::Cuda {
            call: "emulating a kernel",
            code: LAUNCH_FAILED,
            error: fault.to_string(),
        })
    }
}

/// Runs a case through the GPU backend's own steps, on the emulated grid. Outputs and workspace start as
/// garbage, and only what the plan asks for may be touched. The seed chooses the [`Setup`] as well.
pub fn scatter<T: Element>(case: &ScatterCase<T>, seed: u64, max_blocks: u32) -> Result<(Vec<T>, Vec<i64>), Error> {
    scatter_with(case, &ScatterOptions::new(case.reduce), seed, max_blocks)
}

/// [`scatter`] with other options than the case's.
pub fn scatter_with<T: Element>(
    case: &ScatterCase<T>,
    options: &ScatterOptions,
    seed: u64,
    max_blocks: u32,
) -> Result<(Vec<T>, Vec<i64>), Error> {
    scatter_in(Setup::of(seed), case, options, seed, max_blocks)
}

/// [`scatter_with`] in a setup.
pub fn scatter_in<T: Element>(
    setup: Setup,
    case: &ScatterCase<T>,
    options: &ScatterOptions,
    seed: u64,
    max_blocks: u32,
) -> Result<(Vec<T>, Vec<i64>), Error> {
    let shape = |dims: &[usize]| Shape::new(dims).unwrap();
    let base_shape = case.base.as_ref().map(|_| shape(&case.out_dims()));
    let options = options.dim(case.dim as isize).dim_size(case.dim_size);
    let options = setup.grouping.map_or(options, |grouping| options.grouping(grouping));
    let plan = ScatterPlan::new(&shape(&case.src_dims), &shape(&case.index_dims), base_shape.as_ref(), &options)?;
    let mut out = vec![T::of(77.0); case.out_len()];
    let index = Integers::new(&case.index, setup.index_type);
    let mut arg = Integers::new(&vec![-77; case.out_len()], setup.arg_type);
    let mut workspace = vec![0x5555_5555_5555_5555u64; plan.workspace_bytes(T::TYPE).div_ceil(size_of::<u64>())];
    let mut emulator = Emulator::new(seed, max_blocks).with_vector_atomics(setup.has_vector_atomics);
    let pointers = ReductionPointers {
        scalar: T::TYPE,
        index_type: setup.index_type,
        arg_type: setup.arg_type,
        src: emulator.readable(&case.src),
        index: index.readable(&mut emulator),
        base: case.base.as_ref().map(|base| emulator.readable(base)),
        out: emulator.unwritten(&mut out),
        arg_out: case.reduce.has_arg().then(|| arg.unwritten(&mut emulator)),
        workspace: emulator.unwritten(&mut workspace),
        workspace_bytes: plan.workspace_bytes(T::TYPE),
    };
    // SAFETY: the addresses are of the vectors above, which have the plan's sizes and outlive the call.
    unsafe { enqueue_scatter(&mut emulator, &plan, &pointers)? };
    Ok((out, if case.reduce.has_arg() { arg.to_i64() } else { Vec::new() }))
}

/// Runs one of the kernels that look an index over, on an index of either type.
pub fn ask_index(
    question: IndexQuestion,
    index: &[i64],
    index_type: IndexType,
    n: usize,
    seed: u64,
) -> Result<u64, Error> {
    let mut result = [0u64];
    let count = index.len();
    let index = Integers::new(index, index_type);
    let mut emulator = Emulator::new(seed, 2);
    let (index_address, result_address) = (index.readable(&mut emulator), emulator.writable(&mut result));
    // SAFETY: both addresses are of the memory above.
    unsafe { enqueue_index_question(&mut emulator, question, index_type, index_address, count, n, result_address)? };
    Ok(result[0])
}

/// The plan of a case over segments.
pub fn segment_plan<T: Element>(case: &SegmentCase<T>) -> Result<SegmentPlan, Error> {
    let shape = |dims: &[usize]| Shape::new(dims).unwrap();
    let (src, index) = (shape(&case.src_dims), shape(&case.index_dims));
    if case.is_csr {
        return SegmentPlan::csr(&src, &index, &SegmentCsrOptions::new(case.reduce));
    }
    let base = case.base.as_ref().map(|_| shape(&case.out_dims()));
    SegmentPlan::coo(&src, &index, base.as_ref(), &SegmentCooOptions::new(case.reduce).dim_size(case.segments))
}

/// [`scatter`] for segments. It runs for each of [`SIZES`], each time in another setup, and all results must be the
/// same. `offset` elements before src and out make them unaligned.
pub fn segment<T: Element>(
    case: &SegmentCase<T>,
    seed: u64,
    max_blocks: u32,
    offset: usize,
) -> Result<(Vec<T>, Vec<i64>), Error> {
    let mut done: Vec<Vec<Kernel>> = Vec::new();
    let mut first = None;
    for (setup, bytes) in (seed..).map(Setup::of).zip(SIZES) {
        let new = |is_dry| Emulator { is_dry, ..Emulator::new(seed, max_blocks).of_size(bytes) };
        let mut dry = new(true);
        segment_by(&mut dry, setup, case, offset)?;
        if done.contains(&dry.kernels) {
            continue;
        }
        let (out, arg) = segment_by(&mut new(false), setup, case, offset)?;
        let (first_out, first_arg) = first.get_or_insert_with(|| (out.clone(), arg.clone()));
        assert_same(&format!("out of {:?}", dry.kernels), &out, first_out);
        assert_eq!(arg, *first_arg, "arg_out of {:?}", dry.kernels);
        done.push(dry.kernels);
    }
    Ok(first.expect("there are sizes"))
}

/// [`segment`] for one of [`SIZES`].
pub fn segment_of_size<T: Element>(
    case: &SegmentCase<T>,
    bytes: Option<usize>,
    seed: u64,
    max_blocks: u32,
    offset: usize,
) -> Result<(Vec<T>, Vec<i64>), Error> {
    segment_by(&mut Emulator::new(seed, max_blocks).of_size(bytes), Setup::of(seed), case, offset)
}

fn segment_by<T: Element>(
    emulator: &mut Emulator,
    setup: Setup,
    case: &SegmentCase<T>,
    offset: usize,
) -> Result<(Vec<T>, Vec<i64>), Error> {
    let plan = segment_plan(case)?;
    let bytes = plan.workspace_bytes(T::TYPE);
    let mut workspace = vec![0x5555_5555_5555_5555u64; bytes.div_ceil(size_of::<u64>())];
    let mut src = Aligned::new(&case.src, offset);
    let mut out = Aligned::new(&vec![T::of(77.0); case.out_len()], offset);
    let index = Integers::new(&case.index, setup.index_type);
    let mut arg = Integers::new(&vec![-77; case.out_len()], setup.arg_type);
    let pointers = ReductionPointers {
        scalar: T::TYPE,
        index_type: setup.index_type,
        arg_type: setup.arg_type,
        src: emulator.readable(src.data()),
        index: index.readable(emulator),
        base: case.base.as_ref().map(|base| emulator.readable(base)),
        out: emulator.unwritten(out.data()),
        arg_out: case.reduce.has_arg().then(|| arg.unwritten(emulator)),
        workspace: emulator.unwritten(&mut workspace),
        workspace_bytes: bytes,
    };
    // SAFETY: the addresses are of the vectors above, which have the plan's sizes and outlive the call.
    unsafe { enqueue_segment(emulator, &plan, &pointers)? };
    Ok((out.data().to_vec(), if case.reduce.has_arg() { arg.to_i64() } else { Vec::new() }))
}

/// The position that the check of a case's index finds, all ones for none.
pub fn segment_check<T: Element>(case: &SegmentCase<T>, seed: u64) -> Result<u64, Error> {
    let plan = segment_plan(case)?;
    let mut result = [0u64];
    let index_type = Setup::of(seed).index_type;
    let index = Integers::new(&case.index, index_type);
    let mut emulator = Emulator::new(seed, 2);
    let (index, answer) = (index.readable(&mut emulator), emulator.writable(&mut result));
    // SAFETY: both addresses are of the memory above.
    unsafe { enqueue_segment_check(&mut emulator, &plan, index_type, index, answer)? };
    Ok(result[0])
}

/// The plan of a case of rows that are read through an index.
pub fn gather_segment_plan<T: Element>(case: &GatherSegmentCase<T>) -> Result<GatherSegmentPlan, Error> {
    let shape = |dims: &[usize]| Shape::new(dims).unwrap();
    let (src, index, indptr) = (shape(&case.src_dims), shape(&case.index_dims), shape(&case.indptr_dims));
    let weight = case.weights.as_ref().map(|weights| shape(&weights.dims));
    let options = GatherSegmentCsrOptions::new(case.reduce);
    GatherSegmentPlan::csr(&src, &index, &indptr, weight.as_ref(), &options)
}

/// [`scatter`] for rows that are read through an index. `offset` elements before src and out make them unaligned.
pub fn gather_segment<T: Element>(
    case: &GatherSegmentCase<T>,
    seed: u64,
    max_blocks: u32,
    offset: usize,
) -> Result<(Vec<T>, Vec<i64>), Error> {
    let plan = gather_segment_plan(case)?;
    let bytes = plan.workspace_bytes(T::TYPE);
    gather_rows(case, &case.indptr, case.out_len(), bytes, (seed, max_blocks, offset), |emulator, pointers| {
        // SAFETY: the addresses are of vectors that have the plan's sizes and outlive the call.
        unsafe { enqueue_gather_segment(emulator, &plan, pointers) }
    })
}

/// [`gather_segment`] for an attention, whose scores are the case's weights.
pub fn attention_csr<T: Element>(
    case: &GatherSegmentCase<T>,
    seed: u64,
    max_blocks: u32,
    offset: usize,
) -> Result<Vec<T>, Error> {
    let shape = |dims: &[usize]| Shape::new(dims).unwrap();
    let (src, index, indptr) = (shape(&case.src_dims), shape(&case.index_dims), shape(&case.indptr_dims));
    let score = shape(&case.weights.as_ref().expect("an attention has scores").dims);
    let plan = AttentionCsrPlan::new(&src, &index, &indptr, &score)?;
    let bytes = plan.workspace_bytes(T::TYPE);
    gather_rows(case, &case.indptr, case.out_len(), bytes, (seed, max_blocks, offset), |emulator, pointers| {
        // SAFETY: the addresses are of vectors that have the plan's sizes and outlive the call.
        unsafe { enqueue_attention_csr(emulator, &plan, pointers) }
    })
    .map(|(out, _)| out)
}

/// [`gather_segment`] for destinations in any order.
pub fn gather_scatter<T: Element>(
    case: &GatherScatterCase<T>,
    seed: u64,
    max_blocks: u32,
    offset: usize,
) -> Result<(Vec<T>, Vec<i64>), Error> {
    by_destination(case, false, seed, max_blocks, offset)
}

/// [`gather_segment`] for sorted destinations.
pub fn gather_segment_coo<T: Element>(
    case: &GatherScatterCase<T>,
    seed: u64,
    max_blocks: u32,
    offset: usize,
) -> Result<(Vec<T>, Vec<i64>), Error> {
    by_destination(case, true, seed, max_blocks, offset)
}

fn by_destination<T: Element>(
    case: &GatherScatterCase<T>,
    is_sorted: bool,
    seed: u64,
    max_blocks: u32,
    offset: usize,
) -> Result<(Vec<T>, Vec<i64>), Error> {
    let shape = |dims: &[usize]| Shape::new(dims).unwrap();
    let (src, index, destination) =
        (shape(&case.rows.src_dims), shape(&case.rows.index_dims), shape(&case.destination_dims));
    let weight = case.rows.weights.as_ref().map(|weights| shape(&weights.dims));
    let plan = if is_sorted {
        let options = GatherSegmentCooOptions::new(case.rows.reduce).dim_size(case.dim_size);
        GatherScatterPlan::coo(&src, &index, &destination, weight.as_ref(), &options)?
    } else {
        let options = GatherScatterOptions::new(case.rows.reduce).dim_size(case.dim_size);
        GatherScatterPlan::new(&src, &index, &destination, weight.as_ref(), &options)?
    };
    let (bytes, grid) = (plan.workspace_bytes(T::TYPE), (seed, max_blocks, offset));
    gather_rows(&case.rows, &case.destination, case.out_len(), bytes, grid, |emulator, pointers| {
        // SAFETY: the addresses are of vectors that have the plan's sizes and outlive the call.
        unsafe { enqueue_gather_scatter(emulator, &plan, pointers) }
    })
}

/// Gives `enqueue` the addresses of a case's tensors, and of what assigns its elements to rows of the result.
fn gather_rows<T: Element>(
    case: &GatherSegmentCase<T>,
    segments: &[i64],
    out_len: usize,
    bytes: usize,
    (seed, max_blocks, offset): (u64, u32, usize),
    enqueue: impl FnOnce(&mut Emulator, &GatherSegmentPointers) -> Result<(), Error>,
) -> Result<(Vec<T>, Vec<i64>), Error> {
    let (setup, mut emulator) = (Setup::of(seed), Emulator::new(seed, max_blocks));
    let mut workspace = vec![0x5555_5555_5555_5555u64; bytes.div_ceil(size_of::<u64>())];
    let mut src = Aligned::new(&case.src, offset);
    let mut out = Aligned::new(&vec![T::of(77.0); out_len], offset);
    let index = Integers::new(&case.index, setup.index_type);
    let segments = Integers::new(segments, setup.index_type);
    let mut arg = Integers::new(&vec![-77; out_len], setup.arg_type);
    let reduction = ReductionPointers {
        scalar: T::TYPE,
        index_type: setup.index_type,
        arg_type: setup.arg_type,
        src: emulator.readable(src.data()),
        index: segments.readable(&mut emulator),
        base: None,
        out: emulator.unwritten(out.data()),
        arg_out: case.reduce.has_arg().then(|| arg.unwritten(&mut emulator)),
        workspace: emulator.unwritten(&mut workspace),
        workspace_bytes: bytes,
    };
    let (weight, weights_are_float32) = match case.weights.as_ref().map(|weights| &weights.values) {
        None => (None, false),
        Some(WeightValues::Same(values)) => (Some(emulator.readable(values)), false),
        Some(WeightValues::Float32(values)) => (Some(emulator.readable(values)), true),
    };
    let pointers =
        GatherSegmentPointers { reduction, index: index.readable(&mut emulator), weight, weights_are_float32 };
    enqueue(&mut emulator, &pointers)?;
    Ok((out.data().to_vec(), if case.reduce.has_arg() { arg.to_i64() } else { Vec::new() }))
}

/// [`scatter`] for pairs of rows. `offset` elements before src, other, the weights and out make them unaligned.
pub fn gather_dot<T: FloatElement>(
    case: &GatherDotCase<T>,
    seed: u64,
    max_blocks: u32,
    offset: usize,
) -> Result<Vec<T>, Error> {
    let shape = |dims: &[usize]| Shape::new(dims).unwrap();
    let (src, index) = (shape(&case.src_dims), shape(&case.index_dims));
    let (other, other_index) = (shape(&case.other_dims), shape(&case.other_index_dims));
    let weight = case.weights.as_ref().map(|weights| shape(&weights.dims));
    let plan = GatherDotPlan::new(&src, &index, &other, &other_index, weight.as_ref(), &case.options())?;
    let (setup, mut emulator) = (Setup::of(seed), Emulator::new(seed, max_blocks));
    let (mut src, mut other) = (Aligned::new(&case.src, offset), Aligned::new(&case.other, offset));
    let mut out = Aligned::new(&vec![T::of(77.0); case.out_len()], offset);
    let index = Integers::new(&case.index, setup.index_type);
    let other_index = Integers::new(&case.other_index, setup.index_type);
    let (mut same, mut wide) = match case.weights.as_ref().map(|weights| &weights.values) {
        None => (None, None),
        Some(WeightValues::Same(values)) => (Some(Aligned::new(values, offset)), None),
        Some(WeightValues::Float32(values)) => (None, Some(Aligned::new(values, offset))),
    };
    let weights_are_float32 = wide.is_some();
    let same = same.as_mut().map(|weights| emulator.readable(weights.data()));
    let weight = same.or_else(|| wide.as_mut().map(|weights| emulator.readable(weights.data())));
    let pointers = GatherDotPointers {
        scalar: T::TYPE,
        index_type: setup.index_type,
        src: emulator.readable(src.data()),
        index: index.readable(&mut emulator),
        other: emulator.readable(other.data()),
        other_index: other_index.readable(&mut emulator),
        weight,
        weights_are_float32,
        out: emulator.unwritten(out.data()),
    };
    // SAFETY: the addresses are of the vectors above, which have the plan's sizes and outlive the call.
    unsafe { enqueue_gather_dot(&mut emulator, &plan, &pointers)? };
    Ok(out.data().to_vec())
}

/// The grouping of a case. Outputs and workspace start as garbage.
pub fn grouping(
    case: &GroupingCase,
    index_type: IndexType,
    has_wide_words: bool,
    seed: u64,
    max_blocks: u32,
) -> Result<Grouping<Vec<i64>>, Error> {
    let options = GroupIndexOptions::new().dim_size(case.groups);
    let plan = GroupIndexPlan::new(&Shape::new(&case.dims).unwrap(), &options)?;
    let plan = if has_wide_words { plan.with_wide_words() } else { plan };
    let bytes = plan.workspace_bytes(index_type);
    let mut workspace = vec![0x5555_5555_5555_5555u64; bytes.div_ceil(size_of::<u64>())];
    let index = Integers::new(&case.index, index_type);
    let unwritten = |shape: &Shape| Integers::new(&vec![-77; shape.element_count()], index_type);
    let (mut perm, mut indptr) = (unwritten(plan.perm_shape()), unwritten(plan.indptr_shape()));
    let mut emulator = Emulator::new(seed, max_blocks);
    let pointers = GroupIndexPointers {
        index_type,
        index: index.readable(&mut emulator),
        perm: perm.unwritten(&mut emulator),
        indptr: indptr.unwritten(&mut emulator),
        workspace: emulator.unwritten(&mut workspace),
        workspace_bytes: bytes,
    };
    // SAFETY: the addresses are of the vectors above, which have the plan's sizes and outlive the call.
    unsafe { enqueue_group_index(&mut emulator, &plan, &pointers)? };
    Ok(Grouping { perm: perm.to_i64(), indptr: indptr.to_i64() })
}

/// Values that start a given number of elements behind a multiple of 16 bytes.
pub struct Aligned<T> {
    words: Vec<u128>,
    offset: usize,
    len: usize,
    element: std::marker::PhantomData<T>,
}

impl<T: Element> Aligned<T> {
    pub fn new(values: &[T], offset: usize) -> Self {
        let bytes = (offset + values.len()) * size_of::<T>();
        let words = vec![0; bytes.div_ceil(size_of::<u128>())];
        let mut aligned = Self { words, offset, len: values.len(), element: std::marker::PhantomData };
        aligned.data().copy_from_slice(values);
        aligned
    }

    pub fn data(&mut self) -> &mut [T] {
        &mut bytemuck::cast_slice_mut(&mut self.words)[self.offset..][..self.len]
    }
}
