//! The gathers: cases, their naive twins, and the kernels on the emulated grid.

use kernel_params::{Divisor, GatherParams};
use proptest::{collection::vec, prelude::*};
use tensorrt_scatter::{
    Error, GatherPlan, IndexType, Shape,
    gpu::raw::{GatherPointers, Queue, enqueue_gather},
};

use super::{
    Element, assert_same,
    emulator::{Aligned, Emulator, Integers, Setup, kernel_named},
};

/// The inputs of a gather.
#[derive(Clone, Debug)]
pub struct GatherCase<T> {
    pub src_dims: Vec<usize>,
    pub src: Vec<T>,
    pub index_dims: Vec<usize>,
    /// The index, or indptr.
    pub index: Vec<i64>,
    /// The length of the result's axis: that of the index for gather_coo.
    pub size: usize,
}

impl<T> GatherCase<T> {
    pub fn axis(&self) -> usize {
        self.index_dims.len() - 1
    }

    pub fn out_dims(&self) -> Vec<usize> {
        let mut dims = self.src_dims.clone();
        dims[self.axis()] = self.size;
        dims
    }

    pub fn out_len(&self) -> usize {
        self.out_dims().iter().product()
    }

    /// For each row of the result: its leading coordinates' row of the index, its position there, and the rows of src
    /// with those coordinates.
    fn rows(&self) -> impl Iterator<Item = (&[i64], usize, usize)> {
        let axis = self.axis();
        let length = self.index_dims[axis];
        let leading: usize = self.src_dims[..axis].iter().product();
        (0..leading).flat_map(move |b| {
            let mut rest = b;
            let (mut row, mut stride) = (0, 1);
            for at in (0..axis).rev() {
                let coordinate = rest % self.src_dims[at];
                rest /= self.src_dims[at];
                if self.index_dims[at] != 1 {
                    row += coordinate * stride;
                }
                stride *= self.index_dims[at];
            }
            let index = &self.index[row * length..][..length];
            (0..self.size).map(move |e| (index, e, b * self.src_dims[axis]))
        })
    }

    /// The rows of src that `choose(row of the index, e)` names, or zeros.
    fn collect(&self, choose: impl Fn(&[i64], usize) -> Option<usize>) -> Vec<T>
    where
        T: Element,
    {
        let columns: usize = self.src_dims[self.axis() + 1..].iter().product();
        self.rows()
            .flat_map(|(index, e, first)| match choose(index, e) {
                Some(row) => self.src[(first + row) * columns..][..columns].to_vec(),
                None => vec![T::of(0.0); columns],
            })
            .collect()
    }
}

/// gather_coo as its definition reads.
pub fn naive_coo<T: Element>(case: &GatherCase<T>) -> Vec<T> {
    let rows = case.src_dims[case.axis()] as i64;
    case.collect(|index, e| (0..rows).contains(&index[e]).then(|| index[e] as usize))
}

/// gather_csr as its definition reads: the segment that holds e, by looking at each of them.
pub fn naive_csr<T: Element>(case: &GatherCase<T>) -> Vec<T> {
    let rows = case.src_dims[case.axis()];
    case.collect(|indptr, e| (0..rows).find(|&n| (indptr[n]..indptr[n + 1]).contains(&(e as i64))))
}

/// Cases of gather_coo of rank 1 to 5; some indices are bad if `some_bad`.
pub fn coo_cases<T: Element>(max_axis: usize, some_bad: bool) -> impl Strategy<Value = GatherCase<T>> {
    (vec(0..=max_axis, 1..=5), 1..=5usize, vec(any::<bool>(), 5), 0..=2 * max_axis)
        .prop_flat_map(move |(src_dims, rank, full, size)| {
            let axis = (rank - 1) % src_dims.len();
            let rows = src_dims[axis] as i64;
            // Without rows every index is bad: there is nothing to ask for.
            let size = if rows == 0 && !some_bad { 0 } else { size };
            let mut index_dims: Vec<usize> = leading(&src_dims, axis, &full);
            index_dims.push(size);
            let range = if some_bad { -2..rows + 2 } else { 0..rows.max(1) };
            let (src_len, index_len) = (src_dims.iter().product::<usize>(), index_dims.iter().product::<usize>());
            (vec(-4i8..=4, src_len), vec(range, index_len), Just((src_dims, index_dims, size)))
        })
        .prop_map(|(src, index, (src_dims, index_dims, size))| GatherCase {
            src_dims,
            src: src.into_iter().map(|value| T::of(value.into())).collect(),
            index_dims,
            index,
            size,
        })
}

/// Cases of gather_csr of rank 1 to 5 with good indptrs, which need not begin at 0 nor end at the size.
pub fn csr_cases<T: Element>(max_axis: usize) -> impl Strategy<Value = GatherCase<T>> {
    (vec(0..=max_axis, 1..=5), 1..=5usize, vec(any::<bool>(), 5), 0..=3 * max_axis)
        .prop_flat_map(move |(src_dims, rank, full, size)| {
            let axis = (rank - 1) % src_dims.len();
            let mut index_dims: Vec<usize> = leading(&src_dims, axis, &full);
            let rows: usize = index_dims.iter().product();
            index_dims.push(src_dims[axis] + 1);
            let indptr = vec(0..=size as i64, src_dims[axis] + 1).prop_map(|mut row| {
                row.sort_unstable();
                row
            });
            let src_len = src_dims.iter().product::<usize>();
            (vec(-4i8..=4, src_len), vec(indptr, rows), Just((src_dims, index_dims, size)))
        })
        .prop_map(|(src, index, (src_dims, index_dims, size))| GatherCase {
            src_dims,
            src: src.into_iter().map(|value| T::of(value.into())).collect(),
            index_dims,
            index: index.concat(),
            size,
        })
}

/// The leading axes of an index: src's, or 1 where it is not full.
fn leading(src_dims: &[usize], axis: usize, full: &[bool]) -> Vec<usize> {
    src_dims[..axis].iter().zip(full).map(|(&size, &full)| if full { size } else { 1 }).collect()
}

/// Runs a planned gather on the emulated grid: with an index of either type, and also with the kernels for a large
/// `out`. All results must be the same. `shift` is the distance, in elements, of src and out from an aligned address.
pub fn emulate<T: Element>(
    plan: &GatherPlan,
    case: &GatherCase<T>,
    shift: usize,
    seed: u64,
    max_blocks: u32,
) -> Result<Vec<T>, Error> {
    let new = || Emulator::new(seed, max_blocks);
    let out = emulate_by(new(), plan, case, IndexType::I64, shift)?;
    assert_same("out by int32", &emulate_by(new(), plan, case, IndexType::I32, shift)?, &out);
    for index_type in [IndexType::I64, IndexType::I32] {
        let large = new().of_size(Some(1 << 40));
        assert_same("out, as if it were large", &emulate_by(large, plan, case, index_type, shift)?, &out);
    }
    Ok(out)
}

fn emulate_by<T: Element>(
    mut emulator: Emulator,
    plan: &GatherPlan,
    case: &GatherCase<T>,
    index_type: IndexType,
    shift: usize,
) -> Result<Vec<T>, Error> {
    let index = Integers::new(&case.index, index_type);
    let mut src = Aligned::new(&case.src, shift);
    let mut out = Aligned::new(&vec![T::of(77.0); case.out_len()], shift);
    let pointers = GatherPointers {
        scalar: T::TYPE,
        index_type,
        src: emulator.readable(src.data()),
        index: index.readable(&mut emulator),
        out: emulator.unwritten(out.data()),
    };
    // SAFETY: the addresses are of the slices above, which have the plan's sizes and outlive the call.
    unsafe { enqueue_gather(&mut emulator, plan, &pointers)? };
    Ok(out.data().to_vec())
}

/// [`emulate`] for gather_coo.
pub fn emulate_coo<T: Element>(case: &GatherCase<T>, shift: usize, seed: u64, max_blocks: u32) -> Vec<T> {
    let plan = GatherPlan::coo(&shape(&case.src_dims), &shape(&case.index_dims)).unwrap();
    emulate(&plan, case, shift, seed, max_blocks).unwrap()
}

/// [`emulate`] for gather_csr.
pub fn emulate_csr<T: Element>(case: &GatherCase<T>, shift: usize, seed: u64, max_blocks: u32) -> Vec<T> {
    let plan = GatherPlan::csr(&shape(&case.src_dims), &shape(&case.index_dims), case.size).unwrap();
    emulate(&plan, case, shift, seed, max_blocks).unwrap()
}

/// Runs the kernel of gather_csr for very many rows of one word, on few rows. A warp takes `tiles` tiles of 128 rows,
/// one after the other.
pub fn emulate_csr_batches<T: Element>(case: &GatherCase<T>, tiles: usize, seed: u64, max_blocks: u32) -> Vec<T> {
    let index_type = Setup::of(seed).index_type;
    let index = Integers::new(&case.index, index_type);
    let mut emulator = Emulator::new(seed, max_blocks);
    let mut src = Aligned::new(&case.src, 0);
    let mut out = Aligned::new(&vec![T::of(77.0); case.out_len()], 0);
    let rows = case.index_dims[0] - 1;
    let groups = case.size.div_ceil(128).div_ceil(tiles);
    let params = GatherParams {
        src: emulator.readable(src.data()),
        index: index.readable(&mut emulator),
        out: emulator.unwritten(out.data()),
        b: 1,
        s: rows as u64,
        e: case.size as u64,
        by_e: Divisor::new(case.size as u64),
        words: 1,
        by_words: Divisor::new(1),
        by_words_narrow: Default::default(),
        tiles: tiles as u64,
        groups_of_tiles: groups as u64,
        parts: Divisor::new(1),
        prefetch_warps: 1,
        leading: Default::default(),
    };
    let bytes = out.data().len() / case.size * size_of::<T>();
    let kernel = kernel_named(&format!("gather_csr_batches_{bytes}_{}", index_type.name()));
    // SAFETY: the addresses are of the slices above, which have the sizes that the parameters say and outlive the call.
    unsafe { emulator.launch_for_each(kernel, groups, &params) }.unwrap();
    out.data().to_vec()
}

fn shape(dims: &[usize]) -> Shape {
    Shape::new(dims).unwrap()
}
