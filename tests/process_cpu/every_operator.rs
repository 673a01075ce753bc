//! Every operator on the CPU backend, owned and into buffers of the caller's, on data that is made from sizes.

use half::{bf16, f16};
use tensorrt_scatter::{
    AttentionCsrOptions, BadIndex, Combine, Composite, CompositeCsrOptions, CompositeOptions, Error, Float,
    GatherCooOptions, GatherCsrOptions, GatherDotOptions, GatherScatterOptions, GatherSegmentCooOptions,
    GatherSegmentCsrOptions, GroupIndexOptions, Grouping, ReduceOperator, Reduced, Scalar, ScatterOptions,
    SegmentCooOptions, SegmentCsrOptions, Tensor, TensorView, Weight, cpu,
};

use crate::{element::Element, memory::counted};

/// The sizes of a call: `src` is [b, e, k], and there are `n` groups.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    pub b: usize,
    pub e: usize,
    pub k: usize,
    pub n: usize,
}

/// The bytes of a result and of its arg_out, or those of perm and the entries of indptr.
pub type Bits = (Vec<u8>, Vec<i64>);

/// A call: its name, and what runs it with a given number of groups instead of the sizes' own, if one is given.
pub struct Call {
    pub name: String,
    /// Whether the number of groups can be given.
    pub has_groups: bool,
    pub run: Box<dyn Fn(Option<usize>) -> Result<Bits, Error>>,
}

fn bits<T: Scalar>(reduced: Reduced<Tensor<T>, Tensor<i64>>) -> Bits {
    let arg_out = reduced.arg_out.map_or_else(Vec::new, Tensor::into_data);
    (bytemuck::cast_slice(reduced.out.data()).to_vec(), arg_out)
}

fn plain<T: Scalar>(out: Tensor<T>) -> Bits {
    bits(Reduced { out, arg_out: None })
}

/// Numbers without a pattern that matters: the same in each run.
fn number(position: usize) -> usize {
    position.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40
}

fn values<T: Element>(sizes: Sizes) -> Tensor<T> {
    let count = sizes.b * sizes.e * sizes.k;
    let data = (0..count).map(|position| T::of((number(position) % 201) as f64 / 8.0 - 12.0)).collect();
    Tensor::new(&[sizes.b, sizes.e, sizes.k], data).unwrap()
}

fn unsorted(sizes: Sizes) -> Vec<i64> {
    (0..sizes.e).map(|position| (number(position) % sizes.n) as i64).collect()
}

fn sorted(sizes: Sizes) -> Vec<i64> {
    let mut sorted = unsorted(sizes);
    sorted.sort_unstable();
    sorted
}

/// The bounds of the groups in [`sorted`], of shape [1, n + 1].
fn bounds(sizes: Sizes) -> Tensor<i64> {
    let sorted = sorted(sizes);
    let first_of = |group: usize| sorted.partition_point(|&index| index < group as i64) as i64;
    Tensor::new(&[1, sizes.n + 1], (0..=sizes.n).map(first_of).collect()).unwrap()
}

/// All calls for values of type `T`, by an index per row, per element and per slice, sorted and not.
fn calls_of<T: Element>(sizes: Sizes, calls: &mut Vec<Call>) {
    let mut add = |name: String, has_groups: bool, run: Box<dyn Fn(Option<usize>) -> Result<Bits, Error>>| {
        calls.push(Call { name: format!("{name} of {}", T::TYPE), has_groups, run });
    };
    let Sizes { b, e, k, n } = sizes;
    let rows = Tensor::new(&[e], unsorted(sizes)).unwrap();
    let elements: Vec<i64> = (0..b * e * k).map(|position| (number(position + 1) % n) as i64).collect();
    let elements = Tensor::new(&[b, e, k], elements).unwrap();
    let columns: Vec<i64> = (0..e * k).map(|position| (number(position + 2) % n) as i64).collect();
    let columns = Tensor::new(&[1, e, k], columns).unwrap();
    let bounds = bounds(sizes);
    let sorted = Tensor::new(&[1, e], sorted(sizes)).unwrap();

    for reduce in ReduceOperator::Scatter.reductions() {
        for (kind, index) in [("rows", &rows), ("elements", &elements), ("columns", &columns)] {
            let index = index.clone();
            let src = values::<T>(sizes);
            let run = move |groups: Option<usize>| {
                let options = ScatterOptions::new(reduce).dim(1).dim_size(groups.unwrap_or(n));
                counted(|| cpu::scatter(&src, &index, None, &options)).map(bits)
            };
            add(format!("scatter {reduce} by {kind}"), true, Box::new(run));
        }
        let (src, index) = (values::<T>(sizes), rows.clone());
        let base = Tensor::full(*values::<T>(Sizes { e: n, ..sizes }).shape(), T::of(2.0)).unwrap();
        let run = move |_: Option<usize>| {
            let options = ScatterOptions::new(reduce).dim(1);
            counted(|| cpu::scatter(&src, &index, Some(base.view()), &options)).map(bits)
        };
        add(format!("scatter {reduce} from base"), false, Box::new(run));
        let (src, index) = (values::<T>(sizes), rows.clone());
        let run = move |_: Option<usize>| {
            let mut out = Tensor::full(*values::<T>(Sizes { e: n, ..sizes }).shape(), T::of(77.0)).unwrap();
            let untouched = out.clone();
            let options = ScatterOptions::new(reduce).dim(1);
            let result = counted(|| cpu::scatter_into(&src, &index, None, &options, &mut out, None));
            assert!(result.is_ok() || out.data() == untouched.data(), "a call that failed has written");
            result.map(|()| plain(out))
        };
        add(format!("scatter_into {reduce}"), false, Box::new(run));
    }
    for reduce in ReduceOperator::SegmentCoo.reductions() {
        for bad_index in [BadIndex::Error, BadIndex::Skip] {
            let (src, index) = (values::<T>(sizes), sorted.clone());
            let run = move |groups: Option<usize>| {
                let options = SegmentCooOptions::new(reduce).dim_size(groups.unwrap_or(n)).bad_index(bad_index);
                counted(|| cpu::segment_coo(&src, &index, None, &options)).map(bits)
            };
            add(format!("segment_coo {reduce}, {bad_index:?}"), true, Box::new(run));
        }
    }
    for reduce in ReduceOperator::SegmentCsr.reductions() {
        let (src, indptr) = (values::<T>(sizes), bounds.clone());
        let run = move |_: Option<usize>| {
            counted(|| cpu::segment_csr(&src, &indptr, &SegmentCsrOptions::new(reduce))).map(bits)
        };
        add(format!("segment_csr {reduce}"), false, Box::new(run));
        let (src, indptr) = (values::<T>(sizes), bounds.clone());
        let run = move |_: Option<usize>| {
            let mut out = Tensor::full(*values::<T>(Sizes { e: n, ..sizes }).shape(), T::of(77.0)).unwrap();
            let options = SegmentCsrOptions::new(reduce);
            let result = counted(|| cpu::segment_csr_into(&src, &indptr, &options, &mut out, None));
            result.map(|()| plain(out))
        };
        add(format!("segment_csr_into {reduce}"), false, Box::new(run));
    }
    let row_index = Tensor::new(&[1, e], unsorted(sizes)).unwrap();
    for reduce in ReduceOperator::GatherSegmentCsr.reductions() {
        for (kind, heads) in [("plain", None), ("weighted", Some(1)), ("weighted by heads", Some(k))] {
            let (src, index, indptr) = (values::<T>(Sizes { e: n, ..sizes }), row_index.clone(), bounds.clone());
            let weight = heads.map(|heads| values::<T>(Sizes { k: heads, ..sizes }));
            let options = GatherSegmentCsrOptions::new(reduce);
            let owned = (src.clone(), index.clone(), indptr.clone(), weight.clone());
            let run = move |_: Option<usize>| {
                let (src, index, indptr, weight) = &owned;
                let weight = weight.as_ref().map(|weight| Weight::Same(weight.view()));
                counted(|| cpu::gather_segment_csr(src, index, indptr, weight, &options)).map(bits)
            };
            add(format!("gather_segment_csr {reduce}, {kind}"), false, Box::new(run));
            let run = move |_: Option<usize>| {
                let weight = weight.as_ref().map(|weight| Weight::Same(weight.view()));
                let mut out = Tensor::full(*src.shape(), T::of(77.0)).unwrap();
                let result =
                    counted(|| cpu::gather_segment_csr_into(&src, &index, &indptr, weight, &options, &mut out, None));
                let is_untouched = || out.data().iter().all(|&value| value == T::of(77.0));
                assert!(result.is_ok() || is_untouched(), "a call that failed has written");
                result.map(|()| plain(out))
            };
            add(format!("gather_segment_csr_into {reduce}, {kind}"), false, Box::new(run));
        }
    }
    let destination = Tensor::new(&[1, e], (0..e).map(|position| (number(position + 3) % n) as i64).collect()).unwrap();
    for reduce in ReduceOperator::GatherScatter.reductions() {
        for (kind, heads) in [("plain", None), ("weighted", Some(1)), ("weighted by heads", Some(k))] {
            let (src, index, destination) =
                (values::<T>(Sizes { e: n, ..sizes }), row_index.clone(), destination.clone());
            let weight = heads.map(|heads| values::<T>(Sizes { k: heads, ..sizes }));
            let options = GatherScatterOptions::new(reduce);
            let owned = (src.clone(), index.clone(), destination.clone(), weight.clone());
            let run = move |groups: Option<usize>| {
                let (src, index, destination, weight) = &owned;
                let weight = weight.as_ref().map(|weight| Weight::Same(weight.view()));
                let options = options.dim_size(groups.unwrap_or(n));
                counted(|| cpu::gather_scatter(src, index, destination, weight, &options)).map(bits)
            };
            add(format!("gather_scatter {reduce}, {kind}"), true, Box::new(run));
            let run = move |_: Option<usize>| {
                let weight = weight.as_ref().map(|weight| Weight::Same(weight.view()));
                let mut out = Tensor::full(*src.shape(), T::of(77.0)).unwrap();
                let result =
                    counted(|| cpu::gather_scatter_into(&src, &index, &destination, weight, &options, &mut out, None));
                let is_untouched = || out.data().iter().all(|&value| value == T::of(77.0));
                assert!(result.is_ok() || is_untouched(), "a call that failed has written");
                result.map(|()| plain(out))
            };
            add(format!("gather_scatter_into {reduce}, {kind}"), false, Box::new(run));
        }
    }
    let mut destination = destination;
    destination.data_mut().sort();
    for reduce in ReduceOperator::GatherSegmentCoo.reductions() {
        let (src, index, destination) = (values::<T>(Sizes { e: n, ..sizes }), row_index.clone(), destination.clone());
        let (weight, options) = (values::<T>(Sizes { k: 1, ..sizes }), GatherSegmentCooOptions::new(reduce));
        let owned = (src.clone(), index.clone(), destination.clone(), weight.clone());
        let run = move |groups: Option<usize>| {
            let (src, index, destination, weight) = &owned;
            let (weight, options) = (Some(Weight::Same(weight.view())), options.dim_size(groups.unwrap_or(n)));
            counted(|| cpu::gather_segment_coo(src, index, destination, weight, &options)).map(bits)
        };
        add(format!("gather_segment_coo {reduce}"), true, Box::new(run));
        let run = move |_: Option<usize>| {
            let (weight, mut out) =
                (Some(Weight::Same(weight.view())), Tensor::full(*src.shape(), T::of(77.0)).unwrap());
            let result =
                counted(|| cpu::gather_segment_coo_into(&src, &index, &destination, weight, &options, &mut out, None));
            let is_untouched = || out.data().iter().all(|&value| value == T::of(77.0));
            assert!(result.is_ok() || is_untouched(), "a call that failed has written");
            result.map(|()| plain(out))
        };
        add(format!("gather_segment_coo_into {reduce}"), false, Box::new(run));
    }
    let (src, index) = (values::<T>(Sizes { e: n, ..sizes }), rows.data().to_vec());
    let index = Tensor::new(&[1, e], index).unwrap();
    let run = move |_: Option<usize>| counted(|| cpu::gather_coo(&src, &index, &GatherCooOptions::new())).map(plain);
    add("gather_coo".into(), false, Box::new(run));
    let src = values::<T>(Sizes { e: n, ..sizes });
    let run = move |groups: Option<usize>| {
        let options = GatherCsrOptions::new().size(groups.unwrap_or(e));
        counted(|| cpu::gather_csr(&src, &bounds, &options)).map(plain)
    };
    add("gather_csr".into(), true, Box::new(run));
}

fn composites_of<T: Element + Float>(sizes: Sizes, calls: &mut Vec<Call>) {
    type Owned<T> = fn(TensorView<'_, T>, TensorView<'_, i64>, &CompositeOptions) -> Result<Tensor<T>, Error>;
    for composite in Composite::ALL {
        let index = Tensor::new(&[sizes.e], unsorted(sizes)).unwrap();
        let src = values::<T>(sizes);
        let owned: Owned<T> = match composite {
            Composite::Softmax => |src, index, options| cpu::softmax(src, index, options),
            Composite::LogSoftmax => |src, index, options| cpu::log_softmax(src, index, options),
            Composite::LogSumExp => |src, index, options| cpu::logsumexp(src, index, options),
            Composite::Std => |src, index, options| cpu::std(src, index, options),
        };
        let run = move |groups: Option<usize>| {
            let options = CompositeOptions::new().dim(1).dim_size(groups.unwrap_or(sizes.n));
            counted(|| owned(src.view(), index.view(), &options)).map(plain)
        };
        calls.push(Call { name: format!("{} of {}", composite.name(), T::TYPE), has_groups: true, run: Box::new(run) });
    }
    let index = Tensor::new(&[sizes.e], unsorted(sizes)).unwrap();
    let src = values::<T>(sizes);
    let run = move |groups: Option<usize>| {
        let mut out = src.clone();
        let options = CompositeOptions::new().dim(1).dim_size(groups.unwrap_or(sizes.n));
        let result = counted(|| cpu::softmax_into(&src, &index, &options, &mut out));
        assert!(result.is_ok() || out.data() == src.data(), "a call that failed has written");
        result.map(|()| plain(out))
    };
    calls.push(Call { name: format!("softmax_into of {}", T::TYPE), has_groups: true, run: Box::new(run) });
}

fn composites_csr_of<T: Element + Float>(sizes: Sizes, calls: &mut Vec<Call>) {
    type Owned<T> = fn(TensorView<'_, T>, TensorView<'_, i64>, &CompositeCsrOptions) -> Result<Tensor<T>, Error>;
    let options = CompositeCsrOptions::new();
    for composite in Composite::ALL {
        let (src, indptr) = (values::<T>(sizes), bounds(sizes));
        let owned: Owned<T> = match composite {
            Composite::Softmax => |src, indptr, options| cpu::softmax_csr(src, indptr, options),
            Composite::LogSoftmax => |src, indptr, options| cpu::log_softmax_csr(src, indptr, options),
            Composite::LogSumExp => |src, indptr, options| cpu::logsumexp_csr(src, indptr, options),
            Composite::Std => |src, indptr, options| cpu::std_csr(src, indptr, options),
        };
        let run = move |_: Option<usize>| counted(|| owned(src.view(), indptr.view(), &options)).map(plain);
        let name = format!("{}_csr of {}", composite.name(), T::TYPE);
        calls.push(Call { name, has_groups: false, run: Box::new(run) });
    }
    let (src, indptr) = (values::<T>(sizes), bounds(sizes));
    let run = move |_: Option<usize>| {
        let mut out = src.clone();
        let result = counted(|| cpu::softmax_csr_into(&src, &indptr, &options, &mut out));
        assert!(result.is_ok() || out.data() == src.data(), "a call that failed has written");
        result.map(|()| plain(out))
    };
    calls.push(Call { name: format!("softmax_csr_into of {}", T::TYPE), has_groups: false, run: Box::new(run) });
}

fn attentions_of<T: Element + Float>(sizes: Sizes, calls: &mut Vec<Call>) {
    let options = AttentionCsrOptions::new();
    let index = Tensor::new(&[1, sizes.e], unsorted(sizes)).unwrap();
    for (kind, heads) in [("one head", 1), ("a head for each column", sizes.k)] {
        let rows = values::<T>(Sizes { e: sizes.n, ..sizes });
        let (src, index, indptr, score) =
            (rows, index.clone(), bounds(sizes), values::<T>(Sizes { k: heads, ..sizes }));
        let owned = (src.clone(), index.clone(), indptr.clone(), score.clone());
        let run = move |_: Option<usize>| {
            let (src, index, indptr, score) = &owned;
            counted(|| cpu::attention_csr(src, index, indptr, Weight::Same(score.view()), &options)).map(plain)
        };
        let name = format!("attention_csr of {}, {kind}", T::TYPE);
        calls.push(Call { name, has_groups: false, run: Box::new(run) });
        let run = move |_: Option<usize>| {
            let mut out = Tensor::full(*src.shape(), T::of(77.0)).unwrap();
            let score = Weight::Same(score.view());
            let result = counted(|| cpu::attention_csr_into(&src, &index, &indptr, score, &options, &mut out));
            let is_untouched = || out.data().iter().all(|&value| value == T::of(77.0));
            assert!(result.is_ok() || is_untouched(), "a call that failed has written");
            result.map(|()| plain(out))
        };
        let name = format!("attention_csr_into of {}, {kind}", T::TYPE);
        calls.push(Call { name, has_groups: false, run: Box::new(run) });
    }
}

fn pairs_of<T: Element + Float>(sizes: Sizes, calls: &mut Vec<Call>) {
    let Sizes { e, k, n, .. } = sizes;
    let index = Tensor::new(&[1, e], unsorted(sizes)).unwrap();
    let other_index = Tensor::new(&[1, e], (0..e).map(|position| (number(position + 5) % n) as i64).collect()).unwrap();
    for (combine, heads) in [(Combine::Mul, 1), (Combine::Add, k)] {
        let (src, other) = (values::<T>(Sizes { e: n, ..sizes }), values::<T>(Sizes { e: n, ..sizes }));
        let (index, other_index) = (index.clone(), other_index.clone());
        let weight = Tensor::new(&[k], values::<T>(Sizes { b: 1, e: 1, ..sizes }).into_data()).unwrap();
        let options = GatherDotOptions::new(combine).heads(heads);
        let owned = (src.clone(), index.clone(), other.clone(), other_index.clone(), weight.clone());
        let run = move |_: Option<usize>| {
            let (src, index, other, other_index, weight) = &owned;
            let weight = Some(Weight::Same(weight.view()));
            counted(|| cpu::gather_dot(src, index, other, other_index, weight, &options)).map(plain)
        };
        let name = format!("gather_dot {combine} of {}, {heads} heads", T::TYPE);
        calls.push(Call { name, has_groups: false, run: Box::new(run) });
        let run = move |_: Option<usize>| {
            let mut out = Tensor::full(*values::<T>(Sizes { k: heads, ..sizes }).shape(), T::of(77.0)).unwrap();
            let weight = Some(Weight::Same(weight.view()));
            let result =
                counted(|| cpu::gather_dot_into(&src, &index, &other, &other_index, weight, &options, &mut out));
            let is_untouched = || out.data().iter().all(|&value| value == T::of(77.0));
            assert!(result.is_ok() || is_untouched(), "a call that failed has written");
            result.map(|()| plain(out))
        };
        let name = format!("gather_dot_into {combine} of {}, {heads} heads", T::TYPE);
        calls.push(Call { name, has_groups: false, run: Box::new(run) });
    }
}

fn groupings(sizes: Sizes, calls: &mut Vec<Call>) {
    let Sizes { b, e, n, .. } = sizes;
    let index: Vec<i64> = (0..b * e).map(|position| (number(position + 1) % n) as i64).collect();
    let index = Tensor::new(&[b, e], index).unwrap();
    let bits = |perm: &Tensor<i64>, indptr: Tensor<i64>| -> Bits {
        (bytemuck::cast_slice(perm.data()).to_vec(), indptr.into_data())
    };
    for bad_index in [BadIndex::Error, BadIndex::Skip] {
        let index = index.clone();
        let run = move |groups: Option<usize>| {
            let options = GroupIndexOptions::new().dim_size(groups.unwrap_or(n)).bad_index(bad_index);
            let result = counted(|| cpu::group_index(&index, &options));
            result.map(|Grouping { perm, indptr }| bits(&perm, indptr))
        };
        calls.push(Call { name: format!("group_index, {bad_index:?}"), has_groups: true, run: Box::new(run) });
    }
    let run = move |_: Option<usize>| {
        let mut perm = Tensor::full(*index.shape(), 77i64).unwrap();
        let mut indptr = Tensor::full(index.shape().with_axis(1, n + 1).unwrap(), 77i64).unwrap();
        let result = counted(|| cpu::group_index_into(&index, &GroupIndexOptions::new(), &mut perm, &mut indptr));
        let is_untouched = || perm.data().iter().chain(indptr.data()).all(|&value| value == 77);
        assert!(result.is_ok() || is_untouched(), "a call that failed has written");
        result.map(|()| bits(&perm, indptr))
    };
    calls.push(Call { name: "group_index_into".into(), has_groups: false, run: Box::new(run) });
}

/// All calls, for each kind of accumulator: the type itself, an integer, and a wider type.
pub fn calls(sizes: Sizes) -> Vec<Call> {
    let mut calls = Vec::new();
    calls_of::<f32>(sizes, &mut calls);
    calls_of::<i64>(sizes, &mut calls);
    calls_of::<f16>(sizes, &mut calls);
    composites_of::<f32>(sizes, &mut calls);
    composites_of::<bf16>(sizes, &mut calls);
    composites_csr_of::<f32>(sizes, &mut calls);
    composites_csr_of::<bf16>(sizes, &mut calls);
    attentions_of::<f32>(sizes, &mut calls);
    attentions_of::<bf16>(sizes, &mut calls);
    pairs_of::<f32>(sizes, &mut calls);
    pairs_of::<bf16>(sizes, &mut calls);
    groupings(sizes, &mut calls);
    calls
}
