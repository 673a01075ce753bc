//! The C ABI: which calls it refuses and with which text, and that it writes nothing then. `c_abi_from_c` tests the
//! results.

#[path = "c_abi/caller.rs"]
mod caller;
mod common;

use std::ptr;

use caller::{
    BAD_INDEX, CAbi, FLOAT16, FLOAT32, INT32, INT64, INVALID_ARGUMENT, NO_DEVICE, OK, OUT_OF_MEMORY, Options, Plain,
    Requirements, Target, Tensor, tensor,
};

/// A scatter that succeeds. A test changes one thing of it at a time.
struct Call {
    abi: CAbi,
    src: [f32; 4],
    index: [i64; 4],
    out: [f32; 2],
    arg_out: [i64; 2],
    options: Options,
    target: Option<Target>,
}

const UNTOUCHED: f32 = -7.0;

impl Call {
    fn new() -> Self {
        Self {
            abi: CAbi::load(),
            src: [1.0, 5.0, 2.0, 3.0],
            index: [0, 1, 0, 1],
            out: [UNTOUCHED; 2],
            arg_out: [-7; 2],
            options: Options::INIT,
            target: None,
        }
    }

    /// Makes the call after `change` changed its tensors: src, index, out and arg_out.
    fn run(&mut self, change: impl FnOnce(&mut [Tensor; 4])) -> i32 {
        let mut tensors = [
            tensor(&mut self.src, FLOAT32, &[4]),
            tensor(&mut self.index, INT64, &[4]),
            tensor(&mut self.out, FLOAT32, &[2]),
            tensor(&mut self.arg_out, INT64, &[2]),
        ];
        change(&mut tensors);
        let [src, index, out, arg_out] = &tensors;
        let has_arg = self.options.reduce >= 3;
        let arg_out = if has_arg { ptr::from_ref(arg_out) } else { ptr::null() };
        let target = self.target.as_ref().map_or(ptr::null(), ptr::from_ref);
        // SAFETY: the tensors are what they say, or the change made them what the call refuses.
        unsafe { (self.abi.scatter)(src, index, ptr::null(), &self.options, out, arg_out, target) }
    }

    /// Checks that the call is refused with these words, and nothing is written.
    #[track_caller]
    fn refuses(&mut self, words: &[&str], change: impl FnOnce(&mut [Tensor; 4])) {
        let status = self.run(change);
        self.abi.expect_failure(status, INVALID_ARGUMENT, words);
        assert_eq!((self.out, self.arg_out), ([UNTOUCHED; 2], [-7; 2]));
        assert_eq!(self.abi.last_bad_index(), None);
    }
}

#[test]
fn what_is_right_succeeds_and_clears_the_last_error() {
    let mut call = Call::new();
    call.refuses(&["rank"], |tensors| tensors[0].rank = 9);
    assert_eq!(call.run(|_| ()), OK, "{}", call.abi.last_error());
    assert_eq!(call.out, [3.0, 8.0]);
    assert_eq!(call.abi.last_error(), "");
    call.options.reduce = 4;
    assert_eq!(call.run(|_| ()), OK);
    assert_eq!((call.out, call.arg_out), ([2.0, 5.0], [2, 1]));
}

#[test]
fn null_pointers_are_refused() {
    let mut call = Call::new();
    for (at, name) in ["src", "index", "out"].into_iter().enumerate() {
        call.refuses(&[name, "null pointer for data"], |tensors| tensors[at].data = ptr::null_mut());
        call.refuses(&[name, "shape is a null pointer"], |tensors| tensors[at].shape = ptr::null());
    }
    call.options.reduce = 3;
    call.refuses(&["arg_out", "null"], |tensors| tensors[3].data = ptr::null_mut());
    // SAFETY: null pointers are what is refused.
    let status = unsafe {
        (call.abi.scatter)(ptr::null(), ptr::null(), ptr::null(), ptr::null(), ptr::null(), ptr::null(), ptr::null())
    };
    call.abi.expect_failure(status, INVALID_ARGUMENT, &["src is a null pointer"]);
}

#[test]
fn shapes_that_no_tensor_has_are_refused() {
    let mut call = Call::new();
    call.refuses(&["src has rank -1", "0 to 8"], |tensors| tensors[0].rank = -1);
    let negative = [-4];
    call.refuses(&["src has shape [-4]", "0 or more"], |tensors| tensors[0].shape = negative.as_ptr());
    // 2^62 elements of 4 bytes each; then more elements than an address can count.
    let (many_bytes, many_elements) = ([1 << 31, 1 << 31], [i64::MAX, 2]);
    for shape in [&many_bytes, &many_elements] {
        call.refuses(&["src", "more"], |tensors| {
            tensors[0].rank = 2;
            tensors[0].shape = shape.as_ptr();
        });
    }
    let other = [3];
    call.refuses(&["index of shape [3]", "src of shape [4]"], |tensors| tensors[1].shape = other.as_ptr());
    call.options.dim_size = 3;
    call.refuses(&["`out` has shape [2]", "[3]"], |_| ());
}

#[test]
fn strides_must_be_those_of_a_row_major_tensor() {
    let mut call = Call::new();
    let (dense, sparse) = ([1], [2]);
    call.refuses(&["src", "strides [2]", "copy"], |tensors| tensors[0].strides = sparse.as_ptr());
    assert_eq!(call.run(|tensors| tensors[0].strides = dense.as_ptr()), OK);
}

#[test]
fn types_must_fit() {
    let mut call = Call::new();
    call.refuses(&["src has type 0", "TRTS_FLOAT32 (1)"], |tensors| tensors[0].element_type = 0);
    call.refuses(&["index is of type TRTS_FLOAT32", "TRTS_INT32 or TRTS_INT64"], |tensors| {
        tensors[1].element_type = FLOAT32
    });
    call.refuses(&["out is of type TRTS_INT32", "src's type, TRTS_FLOAT32"], |tensors| tensors[2].element_type = INT32);
    call.options.reduce = 3;
    call.refuses(&["arg_out is of type TRTS_INT32", "index's type, TRTS_INT64"], |tensors| {
        tensors[3].element_type = INT32
    });
}

#[test]
fn memory_must_be_aligned_and_apart() {
    let mut call = Call::new();
    call.refuses(&["src's data", "multiple of 4"], |tensors| tensors[0].data = tensors[0].data.wrapping_byte_add(1));
    call.refuses(&["out overlaps src"], |tensors| tensors[2].data = tensors[0].data.wrapping_byte_add(8));
    call.options.reduce = 4;
    call.refuses(&["arg_out overlaps index"], |tensors| tensors[3].data = tensors[1].data);
}

#[test]
fn options_are_checked() {
    let mut call = Call::new();
    call.options.reduce = 5;
    call.refuses(&["reduce is 5", "TRTS_SUM (0)", "TRTS_MAX (4)"], |_| ());
    call.options = Options { dim: 1, ..Options::INIT };
    call.refuses(&["dim 1", "-1 to 0"], |_| ());
    call.options = Options { dim_size: -2, ..Options::INIT };
    call.refuses(&["dim_size is -2"], |_| ());
    call.options = Options { struct_size: 40, ..Options::INIT };
    call.refuses(&["struct_size of trts_options is 40", "sets it to 64"], |_| ());
    call.options = Options { struct_size: size_of::<Options>() + 8, ..Options::INIT };
    call.refuses(&["struct_size of trts_options", "newer library"], |_| ());
    // A header of before gather_dot does not have its options, which nothing reads then.
    call.options = Options { struct_size: 48, combine: 77, heads: -77, ..Options::INIT };
    assert_eq!(call.run(|_| ()), OK, "{}", call.abi.last_error());
}

#[test]
fn bad_indices_are_told_or_left_out() {
    let mut call = Call::new();
    call.index = [0, 1, -3, 2];
    let status = call.run(|_| ());
    call.abi.expect_failure(status, BAD_INDEX, &["index[2]", "-3", "outside 0 to 1"]);
    assert_eq!(call.abi.last_bad_index(), Some((2, -3)));
    assert_eq!(call.out, [UNTOUCHED; 2]);
    call.options.unchecked = 1;
    assert_eq!(call.run(|_| ()), OK);
    assert_eq!(call.out, [1.0, 5.0]);
}

#[test]
fn no_elements_need_no_memory() {
    let mut call = Call::new();
    let none = [0];
    let status = call.run(|tensors| {
        for tensor in &mut tensors[..2] {
            (tensor.data, tensor.shape) = (ptr::null_mut(), none.as_ptr());
        }
    });
    assert_eq!(status, OK, "{}", call.abi.last_error());
    assert_eq!(call.out, [0.0; 2]);
}

#[test]
fn a_query_reads_the_index_only_where_it_must() {
    let abi = CAbi::load();
    let mut index = [0i64, 2, 6];
    let (shape, count) = ([3, 2], [3]);
    let src =
        Tensor { data: ptr::null_mut(), element_type: FLOAT32, rank: 2, shape: shape.as_ptr(), strides: ptr::null() };
    let mut index = tensor(&mut index, INT64, &count);
    let query = |operator, index: &Tensor, options: &Options| {
        let mut found = Requirements::new();
        // SAFETY: the index is what it says; src has no data, which a query does not read.
        let status = unsafe { (abi.query)(operator, &src, index, ptr::null(), options, ptr::null(), &mut found) };
        (status, found)
    };
    let options = Options { dim: 0, ..Options::INIT };
    // Scatter, segment_coo, segment_csr, gather_coo, log_softmax, std, group_index, whose answer is indptr's shape, and
    // the composites over segments.
    for (operator, shape, dim_size) in [
        (0, vec![7, 2], 7),
        (1, vec![7, 2], 7),
        (2, vec![2, 2], -1),
        (3, vec![3, 2], -1),
        (6, vec![3, 2], 7),
        (8, vec![7, 2], 7),
        (10, vec![8], 7),
        (12, vec![3, 2], -1),
        (13, vec![3, 2], -1),
        (14, vec![2, 2], -1),
        (15, vec![2, 2], -1),
    ] {
        let (status, found) = query(operator, &index, &options);
        assert_eq!(status, OK, "{}", abi.last_error());
        assert_eq!((found.dims(), found.dim_size, found.workspace_bytes), (&shape[..], dim_size, 0), "{operator}");
    }
    index.data = ptr::null_mut();
    assert_eq!(query(0, &index, &Options { dim_size: 5, ..options }).1.dims(), [5, 2]);
    assert_eq!(query(10, &index, &Options { dim_size: 5, ..options }).1.dims(), [6]);
    assert_eq!(query(12, &index, &options).1.dims(), [3, 2]);
    assert_eq!(query(15, &index, &options).1.dims(), [2, 2]);
    abi.expect_failure(query(0, &index, &options).0, INVALID_ARGUMENT, &["index of shape [3]", "null"]);
    // 2^62 elements of 4 bytes each, and a workspace of as many elements of 8.
    abi.expect_failure(query(0, &index, &Options { dim_size: 1 << 61, ..options }).0, INVALID_ARGUMENT, &["memory"]);
    abi.expect_failure(query(5, &index, &Options { dim_size: 1 << 61, ..options }).0, INVALID_ARGUMENT, &["memory"]);
    abi.expect_failure(query(10, &index, &Options { dim_size: 1 << 59, ..options }).0, INVALID_ARGUMENT, &["memory"]);
    let last = ["operator is 19", "TRTS_GATHER_DOT (18)"];
    abi.expect_failure(query(19, &index, &options).0, INVALID_ARGUMENT, &last);
    let words = ["TRTS_GATHER_SEGMENT_CSR has the inputs src, index, indptr, weight", "trts_query_inputs()"];
    abi.expect_failure(query(9, &index, &options).0, INVALID_ARGUMENT, &words);
    let words = ["TRTS_ATTENTION_CSR has the inputs src, index, indptr, score", "trts_query_inputs()"];
    abi.expect_failure(query(16, &index, &options).0, INVALID_ARGUMENT, &words);
    let words = ["TRTS_GATHER_DOT has the inputs src, index, other, other_index, weight", "trts_query_inputs()"];
    abi.expect_failure(query(18, &index, &options).0, INVALID_ARGUMENT, &words);
    let words = ["TRTS_GATHER_SCATTER has the inputs src, index, destination, weight", "trts_query_inputs()"];
    abi.expect_failure(query(11, &index, &options).0, INVALID_ARGUMENT, &words);
    let words = ["TRTS_GATHER_SEGMENT_COO has the inputs src, index, destination, weight", "trts_query_inputs()"];
    abi.expect_failure(query(17, &index, &options).0, INVALID_ARGUMENT, &words);
    abi.expect_failure(
        query(1, &index, &Options { reduce: 1, ..options }).0,
        INVALID_ARGUMENT,
        &["trts_segment_coo has no TRTS_MUL"],
    );
}

#[test]
fn a_query_takes_any_number_of_inputs() {
    let abi = CAbi::load();
    let (mut src, mut index, mut base) = ([0f32; 6], [0i64, 2, 6], [0f32; 10]);
    let src = tensor(&mut src, FLOAT32, &[3, 2]);
    let (index, base) = (tensor(&mut index, INT64, &[3]), tensor(&mut base, FLOAT32, &[5, 2]));
    let options = Options { dim: 0, ..Options::INIT };
    let query = |operator, inputs: &[*const Tensor]| {
        let mut found = Requirements::new();
        // SAFETY: the tensors are what they say.
        let status =
            unsafe { (abi.query_inputs)(operator, inputs.as_ptr(), inputs.len(), &options, ptr::null(), &mut found) };
        (status, found)
    };
    let (status, found) = query(0, &[&src, &index]);
    assert_eq!((status, found.dims(), found.dim_size), (OK, &[7, 2][..], 7), "{}", abi.last_error());
    let (status, found) = query(0, &[&src, &index, &base]);
    assert_eq!((status, found.dims(), found.dim_size), (OK, &[5, 2][..], 5), "{}", abi.last_error());
    abi.expect_failure(query(0, &[&src]).0, INVALID_ARGUMENT, &["index is a null pointer"]);
    abi.expect_failure(query(0, &[]).0, INVALID_ARGUMENT, &["src is a null pointer"]);
    let many = [ptr::from_ref(&src); 9];
    abi.expect_failure(query(0, &many).0, INVALID_ARGUMENT, &["TRTS_SCATTER", "src, index, base"]);
    abi.expect_failure(query(5, &[&src, &index, &base]).0, INVALID_ARGUMENT, &["TRTS_SOFTMAX", "src, index"]);
    let (status, found) = query(9, &[&src, &index, &index]);
    assert_eq!((status, found.dims(), found.dim_size), (OK, &[2, 2][..], -1), "{}", abi.last_error());
    let words = ["weight of shape [5, 2]", "index of shape [3]"];
    abi.expect_failure(query(9, &[&src, &index, &index, &base]).0, INVALID_ARGUMENT, &words);
    let (status, found) = query(10, &[&index]);
    assert_eq!((status, found.dims(), found.dim_size), (OK, &[8][..], 7), "{}", abi.last_error());
    abi.expect_failure(query(10, &[&src]).0, INVALID_ARGUMENT, &["index is of type TRTS_FLOAT32", "TRTS_INT64"]);
    abi.expect_failure(query(10, &[&src, &index]).0, INVALID_ARGUMENT, &["TRTS_GROUP_INDEX", "it has: index"]);
    // The number of groups is that of the destinations.
    let mut destination = [4i64, 0, 3];
    let mut destination = tensor(&mut destination, INT64, &[3]);
    let (status, found) = query(11, &[&src, &index, &destination]);
    assert_eq!((status, found.dims(), found.dim_size), (OK, &[5, 2][..], 5), "{}", abi.last_error());
    abi.expect_failure(query(11, &[&src, &index]).0, INVALID_ARGUMENT, &["destination is a null pointer"]);
    abi.expect_failure(query(11, &[&src, &index, &destination, &base]).0, INVALID_ARGUMENT, &words);
    let two = [2];
    destination.shape = two.as_ptr();
    let words = ["destination of shape [2]", "index of shape [3]"];
    abi.expect_failure(query(11, &[&src, &index, &destination]).0, INVALID_ARGUMENT, &words);
}

/// A gather_segment_csr that succeeds. A test changes one thing of it at a time.
struct GatherSegments {
    abi: CAbi,
    src: [f32; 6],
    index: [i32; 4],
    indptr: [i32; 3],
    weight: [f32; 4],
    out: [f32; 4],
}

impl GatherSegments {
    fn new() -> Self {
        let src = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let (weight, out) = ([1.0, 10.0, 2.0, 3.0], [UNTOUCHED; 4]);
        Self { abi: CAbi::load(), src, index: [2, 0, 2, 1], indptr: [0, 2, 4], weight, out }
    }

    /// Makes the call after `change` changed its tensors: src, index, indptr, weight and out.
    fn run(&mut self, change: impl FnOnce(&mut [Tensor; 5])) -> i32 {
        let mut tensors = [
            tensor(&mut self.src, FLOAT32, &[3, 2]),
            tensor(&mut self.index, INT32, &[4]),
            tensor(&mut self.indptr, INT32, &[3]),
            tensor(&mut self.weight, FLOAT32, &[4]),
            tensor(&mut self.out, FLOAT32, &[2, 2]),
        ];
        change(&mut tensors);
        let [src, index, indptr, weight, out] = &tensors;
        let null = ptr::null();
        // SAFETY: the tensors are what they say, or the change made them what the call refuses.
        unsafe { (self.abi.gather_segment_csr)(src, index, indptr, weight, ptr::null(), out, null, ptr::null()) }
    }

    /// Checks that the call is refused with these words, and nothing is written.
    #[track_caller]
    fn refuses(&mut self, words: &[&str], change: impl FnOnce(&mut [Tensor; 5])) {
        let status = self.run(change);
        self.abi.expect_failure(status, INVALID_ARGUMENT, words);
        assert_eq!(self.out, [UNTOUCHED; 4]);
    }
}

#[test]
fn every_input_of_a_gather_segment_is_checked() {
    let mut call = GatherSegments::new();
    call.refuses(&["indptr is of type TRTS_INT64", "index's type, TRTS_INT32"], |tensors| {
        tensors[2] = Tensor { element_type: INT64, data: ptr::dangling_mut::<i64>().cast(), ..tensors[2] };
    });
    call.refuses(&["weight is of type TRTS_INT32", "src's type, TRTS_FLOAT32"], |tensors| {
        tensors[3].element_type = INT32;
    });
    call.refuses(&["weight", "null pointer for data"], |tensors| tensors[3].data = ptr::null_mut());
    call.refuses(&["out overlaps weight"], |tensors| tensors[4].data = tensors[3].data);
    call.refuses(&["out overlaps indptr"], |tensors| tensors[4].data = tensors[2].data);
    let (short, heads) = ([3], [4, 3]);
    call.refuses(&["weight of shape [3]", "index of shape [4]"], |tensors| tensors[3].shape = short.as_ptr());
    let mut three = [1.0f32; 12];
    call.refuses(&["weight of shape [4, 3]", "divides"], |tensors| tensors[3] = tensor(&mut three, FLOAT32, &heads));
    assert_eq!(call.run(|_| ()), OK, "{}", call.abi.last_error());
    assert_eq!(call.out, [15.0, 26.0, 19.0, 24.0]);
}

#[test]
fn a_bad_index_and_a_bad_indptr_are_told_apart() {
    let mut call = GatherSegments::new();
    call.index[3] = 3;
    let status = call.run(|_| ());
    call.abi.expect_failure(status, BAD_INDEX, &["index[3]", "outside 0 to 2"]);
    assert_eq!(call.abi.last_bad_index(), Some((3, 3)));
    (call.index[3], call.indptr[2]) = (1, 5);
    let status = call.run(|_| ());
    call.abi.expect_failure(status, BAD_INDEX, &["indptr[2]", "outside 2 to 4"]);
    assert_eq!(call.abi.last_bad_index(), Some((2, 5)));
    assert_eq!(call.out, [UNTOUCHED; 4]);
}

/// Weights of src's type, and as float32, give 16-bit floats the same sums where the weights are exact in both.
#[test]
fn weights_of_halves_may_be_float32() {
    let mut call = GatherSegments::new();
    // 1 to 6, and 1, 10, 2 and 3, as IEEE 754 binary16.
    let mut src: [u16; 6] = [0x3C00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600];
    let mut narrow: [u16; 4] = [0x3C00, 0x4900, 0x4000, 0x4200];
    let mut wide = call.weight;
    let expected: [u16; 4] = [0x4B80, 0x4E80, 0x4CC0, 0x4E00];
    for is_wide in [false, true] {
        let mut out = [0u16; 4];
        let status = call.run(|tensors| {
            tensors[0] = tensor(&mut src, FLOAT16, &[3, 2]);
            tensors[3] = if is_wide { tensor(&mut wide, FLOAT32, &[4]) } else { tensor(&mut narrow, FLOAT16, &[4]) };
            tensors[4] = tensor(&mut out, FLOAT16, &[2, 2]);
        });
        assert_eq!((status, out), (OK, expected), "{}", call.abi.last_error());
    }
}

#[test]
fn every_input_of_an_attention_is_checked() {
    let abi = CAbi::load();
    let (mut src, mut scores) = ([1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0], [7.0f32, 7.0, -1.0, -1.0]);
    let (mut indices, mut bounds, mut data) = ([2i32, 0, 2, 1], [0i32, 2, 4], [UNTOUCHED; 4]);
    let (src, score) = (tensor(&mut src, FLOAT32, &[3, 2]), tensor(&mut scores, FLOAT32, &[4]));
    let (index, indptr) = (tensor(&mut indices, INT32, &[4]), tensor(&mut bounds, INT32, &[3]));
    let out = tensor(&mut data, FLOAT32, &[2, 2]);
    let run = |src: &Tensor, index: &Tensor, score: *const Tensor, options: &Options| {
        // SAFETY: the tensors are what they say, or are what the call refuses.
        unsafe { (abi.attention_csr)(src, index, &indptr, score, options, &out, ptr::null()) }
    };
    let init = Options::INIT;
    abi.expect_failure(run(&src, &index, ptr::null(), &init), INVALID_ARGUMENT, &["score is a null pointer"]);
    let missing = Tensor { data: ptr::null_mut(), ..score };
    abi.expect_failure(run(&src, &index, &missing, &init), INVALID_ARGUMENT, &["score", "null pointer for data"]);
    let integers = Tensor { element_type: INT32, ..score };
    let words = ["score is of type TRTS_INT32", "src's type, TRTS_FLOAT32"];
    abi.expect_failure(run(&src, &index, &integers, &init), INVALID_ARGUMENT, &words);
    let words = ["src is of type TRTS_INT32", "trts_attention_csr takes TRTS_FLOAT32"];
    abi.expect_failure(run(&Tensor { element_type: INT32, ..src }, &index, &score, &init), INVALID_ARGUMENT, &words);
    let three = [3];
    let short = Tensor { shape: three.as_ptr(), ..score };
    let words = ["score of shape [3]", "index of shape [4]"];
    abi.expect_failure(run(&src, &index, &short, &init), INVALID_ARGUMENT, &words);
    assert_eq!(run(&src, &index, &score, &init), OK, "{}", abi.last_error());
    let written = |out: &Tensor| {
        // SAFETY: out is of four values, and no call is under way.
        unsafe { *out.data.cast::<[f32; 4]>() }
    };
    assert_eq!(written(&out), [3.0, 4.0, 4.0, 5.0]);
    let mut bad = [2i32, 0, 3, 1];
    let bad = tensor(&mut bad, INT32, &[4]);
    abi.expect_failure(run(&src, &bad, &score, &init), BAD_INDEX, &["index[2]", "outside 0 to 2"]);
    assert_eq!(abi.last_bad_index(), Some((2, 3)));
    assert_eq!(run(&src, &bad, &score, &Options { unchecked: 1, ..init }), OK, "{}", abi.last_error());
    assert_eq!(written(&out), [3.0, 4.0, 3.0, 4.0]);
}

#[test]
fn every_input_of_a_gather_dot_is_checked() {
    let abi = CAbi::load();
    let (mut src, mut other) = ([1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0], [1.0f32, 10.0, -9.0, 0.5]);
    let (mut indices, mut ends, mut weights) = ([2i32, 0, 2], [1i32, 0, 0], [1.0f32, 2.0]);
    let mut data = [UNTOUCHED; 3];
    let (src, other) = (tensor(&mut src, FLOAT32, &[3, 2]), tensor(&mut other, FLOAT32, &[2, 2]));
    let (index, ends) = (tensor(&mut indices, INT32, &[3]), tensor(&mut ends, INT32, &[3]));
    let (weight, out) = (tensor(&mut weights, FLOAT32, &[2]), tensor(&mut data, FLOAT32, &[3, 1]));
    let run = |other: *const Tensor, ends: &Tensor, weight: *const Tensor, options: &Options| {
        // SAFETY: the tensors are what they say, or are what the call refuses.
        unsafe { (abi.gather_dot)(&src, &index, other, ends, weight, options, &out, ptr::null()) }
    };
    let init = Options::INIT;
    abi.expect_failure(run(ptr::null(), &ends, &weight, &init), INVALID_ARGUMENT, &["other is a null pointer"]);
    let integers = Tensor { element_type: INT32, ..other };
    let words = ["other is of type TRTS_INT32", "src's type, TRTS_FLOAT32"];
    abi.expect_failure(run(&integers, &ends, &weight, &init), INVALID_ARGUMENT, &words);
    let wide = Tensor { element_type: INT64, data: ptr::dangling_mut::<i64>().cast(), ..ends };
    let words = ["other_index is of type TRTS_INT64", "index's type, TRTS_INT32"];
    abi.expect_failure(run(&other, &wide, &weight, &init), INVALID_ARGUMENT, &words);
    let two = [2];
    let short = Tensor { shape: two.as_ptr(), ..ends };
    let words = ["other_index of shape [2]", "index of shape [3]"];
    abi.expect_failure(run(&other, &short, &weight, &init), INVALID_ARGUMENT, &words);
    let one = [1];
    let light = Tensor { shape: one.as_ptr(), ..weight };
    abi.expect_failure(run(&other, &ends, &light, &init), INVALID_ARGUMENT, &["weight of shape [1]", "2 columns"]);
    for (options, words) in [
        (Options { heads: 3, ..init }, ["heads is 3", "2 columns"]),
        (Options { heads: 0, ..init }, ["heads is 0", "2 columns"]),
        (Options { heads: -1, ..init }, ["heads is -1", "1 or more"]),
        (Options { combine: 2, ..init }, ["combine is 2", "TRTS_COMBINE_MUL (0) or TRTS_COMBINE_ADD (1)"]),
    ] {
        abi.expect_failure(run(&other, &ends, &weight, &options), INVALID_ARGUMENT, &words);
    }
    let written = || {
        // SAFETY: out is of three values, and no call is under way.
        unsafe { *out.data.cast::<[f32; 3]>() }
    };
    assert_eq!(run(&other, &ends, &weight, &init), OK, "{}", abi.last_error());
    assert_eq!(written(), [-39.0, 41.0, 125.0]);
    assert_eq!(run(&other, &ends, ptr::null(), &init), OK, "{}", abi.last_error());
    assert_eq!(written(), [-42.0, 21.0, 65.0]);
    let options = Options { combine: 1, negative_slope: 0.5, ..init };
    assert_eq!(run(&other, &ends, &weight, &options), OK, "{}", abi.last_error());
    assert_eq!(written(), [11.0, 26.0, 38.0]);
    let mut bad = [1i32, 2, 0];
    let bad = tensor(&mut bad, INT32, &[3]);
    abi.expect_failure(run(&other, &bad, &weight, &init), BAD_INDEX, &["other_index[1]", "outside 0 to 1"]);
    assert_eq!(abi.last_bad_index(), Some((1, 2)));
    assert_eq!(run(&other, &bad, &weight, &Options { unchecked: 1, ..init }), OK, "{}", abi.last_error());
    assert_eq!(written(), [-39.0, 0.0, 125.0]);
}

#[test]
fn every_input_of_a_gather_scatter_is_checked() {
    let abi = CAbi::load();
    let (mut src, mut weight) = ([1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0], [1.0f32, 10.0, 2.0, 3.0]);
    let (mut index, mut destination, mut out) = ([2i32, 0, 2, 1], [1i32, 0, 1, 1], [UNTOUCHED; 4]);
    let [mut index, mut destination] = [&mut index, &mut destination].map(|data| tensor(data, INT32, &[4]));
    let (src, weight) = (tensor(&mut src, FLOAT32, &[3, 2]), tensor(&mut weight, FLOAT32, &[4]));
    let written = tensor(&mut out, FLOAT32, &[2, 2]);
    let run = |index: &Tensor, destination: &Tensor, options: &Options| {
        let null = ptr::null();
        // SAFETY: the tensors are what they say, or are what the call refuses.
        unsafe { (abi.gather_scatter)(&src, index, destination, &weight, options, &written, null, ptr::null()) }
    };
    let wide = Tensor { element_type: INT64, data: ptr::dangling_mut::<i64>().cast(), ..destination };
    let words = ["destination is of type TRTS_INT64", "index's type, TRTS_INT32"];
    abi.expect_failure(run(&index, &wide, &Options::INIT), INVALID_ARGUMENT, &words);
    let three = [3];
    let short = Tensor { shape: three.as_ptr(), ..destination };
    let words = ["destination of shape [3]", "index of shape [4]"];
    abi.expect_failure(run(&index, &short, &Options::INIT), INVALID_ARGUMENT, &words);
    let words = ["destination", "null pointer for data"];
    let missing = Tensor { data: ptr::null_mut(), ..destination };
    abi.expect_failure(run(&index, &missing, &Options::INIT), INVALID_ARGUMENT, &words);
    let options = Options { reduce: 1, ..Options::INIT };
    abi.expect_failure(run(&index, &destination, &options), INVALID_ARGUMENT, &["trts_gather_scatter has no TRTS_MUL"]);

    let (mut bad_index, mut bad_destination) = ([2i32, 0, 3, 1], [1i32, 2, 1, 1]);
    (index, destination) = (tensor(&mut bad_index, INT32, &[4]), destination);
    abi.expect_failure(run(&index, &destination, &Options::INIT), BAD_INDEX, &["index[2]", "outside 0 to 2"]);
    assert_eq!(abi.last_bad_index(), Some((2, 3)));
    destination = tensor(&mut bad_destination, INT32, &[4]);
    let mut good_index = [2i32, 0, 2, 1];
    let good = tensor(&mut good_index, INT32, &[4]);
    abi.expect_failure(run(&good, &destination, &Options::INIT), BAD_INDEX, &["destination[1]", "outside 0 to 1"]);
    assert_eq!(abi.last_bad_index(), Some((1, 2)));
    // A bad index and a bad destination leave out their elements.
    let status = run(&index, &destination, &Options { unchecked: 1, ..Options::INIT });
    assert_eq!(status, OK, "{}", abi.last_error());
    assert_eq!(out, [0.0, 0.0, 14.0, 18.0]);
}

#[test]
fn a_destination_below_the_one_before_it_is_refused() {
    let abi = CAbi::load();
    let (mut src, mut index, mut out) = ([1.0f32, 2.0, 4.0], [2i64, 0, 2, 1], [UNTOUCHED; 2]);
    let (src, index) = (tensor(&mut src, FLOAT32, &[3]), tensor(&mut index, INT64, &[4]));
    let written = tensor(&mut out, FLOAT32, &[2]);
    let run = |destination: &mut [i64; 4], options: &Options| {
        let (destination, null) = (tensor(destination, INT64, &[4]), ptr::null());
        // SAFETY: the tensors are what they say.
        unsafe {
            (abi.gather_segment_coo)(&src, &index, &destination, ptr::null(), options, &written, null, ptr::null())
        }
    };
    let unsorted = run(&mut [0, 1, 0, 1], &Options::INIT);
    abi.expect_failure(unsorted, BAD_INDEX, &["destination[2]", "is 0, less than the 1 before it", "gather_scatter"]);
    assert_eq!(abi.last_bad_index(), Some((2, 0)));
    let outside = run(&mut [0, 0, 1, 2], &Options::INIT);
    abi.expect_failure(outside, BAD_INDEX, &["destination[3]", "is 2, outside 0 to 1"]);
    let unchecked = Options { unchecked: 1, ..Options::INIT };
    // Elements outside are left out: in front of the others, behind them, and as padding.
    for (destination, sums) in
        [([-1, 0, 0, 2], [5.0, 0.0]), ([0, 1, 1, 2], [4.0, 5.0]), ([0, 0, 1, -1], [5.0, 4.0]), ([-1; 4], [0.0; 2])]
    {
        assert_eq!(run(&mut { destination }, &unchecked), OK, "{}", abi.last_error());
        // SAFETY: `out` has two numbers.
        assert_eq!(unsafe { *written.data.cast::<[f32; 2]>() }, sums, "{destination:?}");
    }
}

/// A group_index that succeeds. A test changes one thing of it at a time.
struct Groupings {
    abi: CAbi,
    index: [i32; 4],
    perm: [i32; 4],
    indptr: [i32; 4],
    options: Options,
}

impl Groupings {
    fn new() -> Self {
        Self { abi: CAbi::load(), index: [2, 0, 2, 1], perm: [-7; 4], indptr: [-7; 4], options: Options::INIT }
    }

    /// Makes the call after `change` changed its tensors: index, perm and indptr.
    fn run(&mut self, change: impl FnOnce(&mut [Tensor; 3])) -> i32 {
        let mut tensors = [&mut self.index, &mut self.perm, &mut self.indptr].map(|data| tensor(data, INT32, &[4]));
        change(&mut tensors);
        let [index, perm, indptr] = &tensors;
        // SAFETY: the tensors are what they say, or the change made them what the call refuses.
        unsafe { (self.abi.group_index)(index, &self.options, perm, indptr, ptr::null()) }
    }

    /// Checks that the call is refused with these words, and nothing is written.
    #[track_caller]
    fn refuses(&mut self, expected: i32, words: &[&str], change: impl FnOnce(&mut [Tensor; 3])) {
        let status = self.run(change);
        self.abi.expect_failure(status, expected, words);
        assert_eq!((self.perm, self.indptr), ([-7; 4], [-7; 4]));
    }
}

#[test]
fn every_tensor_of_a_group_index_is_checked() {
    let mut call = Groupings::new();
    for (name, at) in [("index", 0), ("perm", 1), ("indptr", 2)] {
        call.refuses(INVALID_ARGUMENT, &[name, "null pointer for data"], |tensors| tensors[at].data = ptr::null_mut());
    }
    let floats = ["index is of type TRTS_FLOAT32", "TRTS_INT32 or TRTS_INT64"];
    call.refuses(INVALID_ARGUMENT, &floats, |tensors| tensors[0].element_type = FLOAT32);
    for (name, at) in [("perm", 1), ("indptr", 2)] {
        let words = [name, "is of type TRTS_FLOAT32", "index's type, TRTS_INT32"];
        call.refuses(INVALID_ARGUMENT, &words, |tensors| tensors[at].element_type = FLOAT32);
    }
    call.refuses(INVALID_ARGUMENT, &["perm overlaps index"], |tensors| tensors[1].data = tensors[0].data);
    call.refuses(INVALID_ARGUMENT, &["indptr overlaps perm"], |tensors| tensors[2].data = tensors[1].data);
    call.refuses(INVALID_ARGUMENT, &["index", "scalar"], |tensors| tensors[0].rank = 0);
    let three = [3];
    call.refuses(INVALID_ARGUMENT, &["perm", "[3]", "[4]"], |tensors| tensors[1].shape = three.as_ptr());
    call.options.dim_size = 5;
    call.refuses(INVALID_ARGUMENT, &["indptr", "[4]", "[6]"], |_| ());
    call.options.dim_size = -1;
    // indptr has room for two groups.
    call.refuses(BAD_INDEX, &["index[0]", "is 2", "outside 0 to 1"], |tensors| tensors[2].shape = three.as_ptr());
    assert_eq!(call.abi.last_bad_index(), Some((0, 2)));
    assert_eq!(call.run(|_| ()), OK, "{}", call.abi.last_error());
    assert_eq!((call.perm, call.indptr), ([1, 3, 0, 2], [0, 1, 2, 4]));
    call.index[2] = 3;
    call.options.unchecked = 1;
    assert_eq!(call.run(|_| ()), OK, "{}", call.abi.last_error());
    assert_eq!((call.perm, call.indptr), ([1, 3, 0, 2], [0, 1, 2, 3]));
}

#[test]
fn messages_are_in_the_words_of_c() {
    let mut call = Call::new();
    let mut arg_out = [0i64; 2];
    let arg_out = tensor(&mut arg_out, INT64, &[2]);
    let [src, index, out] = [
        tensor(&mut call.src, FLOAT32, &[4]),
        tensor(&mut call.index, INT64, &[4]),
        tensor(&mut call.out, FLOAT32, &[2]),
    ];
    // SAFETY: the tensors are what they say.
    let status = unsafe { (call.abi.scatter)(&src, &index, ptr::null(), ptr::null(), &out, &arg_out, ptr::null()) };
    call.abi.expect_failure(status, INVALID_ARGUMENT, &["arg_out", "TRTS_SUM", "TRTS_MIN or TRTS_MAX"]);
}

#[test]
fn the_length_of_gather_csr_is_indptrs_last_element() {
    let abi = CAbi::load();
    let (mut src, mut indptr) = ([1.0f32, 2.0], [0, 1, 4]);
    let (src, mut indptr) = (tensor(&mut src, FLOAT32, &[2]), tensor(&mut indptr, INT32, &[3]));
    let mut found = Requirements::new();
    // SAFETY: the tensors are what they say.
    let status = unsafe { (abi.query)(4, &src, &indptr, ptr::null(), ptr::null(), ptr::null(), &mut found) };
    assert_eq!((status, found.dims(), found.dim_size), (OK, &[4][..], 4), "{}", abi.last_error());
    let mut data = [0.0f32; 4];
    let out = tensor(&mut data, FLOAT32, &[4]);
    // SAFETY: as above.
    let status = unsafe { (abi.gather_csr)(&src, &indptr, ptr::null(), &out, ptr::null()) };
    assert_eq!((status, data), (OK, [1.0, 2.0, 2.0, 2.0]));
    let mut decreasing = [0, 3, 2];
    indptr.data = decreasing.as_mut_ptr().cast();
    // SAFETY: as above.
    let status = unsafe { (abi.gather_csr)(&src, &indptr, ptr::null(), &out, ptr::null()) };
    abi.expect_failure(status, BAD_INDEX, &["indptr[2]", "is 2"]);
}

/// More groups than memory can hold come from one element of the index, or from an option.
#[test]
fn memory_that_cannot_be_had_is_an_answer() {
    let abi = CAbi::load();
    let (mut src, mut index, mut data) = ([1.0f32; 2], [0i64, 1 << 47], [UNTOUCHED; 2]);
    let (src, index, out) =
        (tensor(&mut src, FLOAT32, &[2]), tensor(&mut index, INT64, &[2]), tensor(&mut data, FLOAT32, &[2]));
    for dim_size in [-1, 1 << 48, 1 << 50] {
        let options = Options { dim_size, ..Options::INIT };
        for composite in [abi.softmax, abi.log_softmax] {
            // SAFETY: the tensors are what they say.
            let status = unsafe { composite(&src, &index, &options, &out, ptr::null()) };
            abi.expect_failure(status, OUT_OF_MEMORY, &["no room in memory"]);
        }
    }
    assert_eq!(data, [UNTOUCHED; 2]);
}

#[test]
fn the_number_of_threads_can_be_set() {
    let abi = CAbi::load();
    let default = abi.threads();
    assert!(default >= 1);
    assert_eq!(abi.set_threads(3), OK);
    assert_eq!(abi.threads(), 3);
    abi.expect_failure(abi.set_threads(-1), INVALID_ARGUMENT, &["threads is -1", "0 for the default"]);
    assert_eq!(abi.threads(), 3);
    assert_eq!(abi.set_threads(0), OK);
    assert_eq!(abi.threads(), default);
}

#[test]
fn composites_are_for_floats() {
    let abi = CAbi::load();
    let (mut src, mut index, mut out) = ([1, 2], [0, 1], [0, 0]);
    let [src, index, out] = [&mut src, &mut index, &mut out].map(|data| tensor(data, INT32, &[2]));
    for (composite, name) in [(abi.softmax, "trts_softmax "), (abi.logsumexp_csr, "trts_logsumexp_csr ")] {
        // SAFETY: the tensors are what they say.
        let status = unsafe { composite(&src, &index, ptr::null(), &out, ptr::null()) };
        abi.expect_failure(status, INVALID_ARGUMENT, &[name, "TRTS_INT32", "TRTS_FLOAT16"]);
    }
}

#[test]
fn every_tensor_of_a_composite_over_segments_is_checked() {
    let abi = CAbi::load();
    let (mut src, mut indptr, mut data) = ([1.0f32, 1.0, 7.0, 3.0], [0i32, 2, 3], [UNTOUCHED; 4]);
    let (src, indptr) = (tensor(&mut src, FLOAT32, &[4]), tensor(&mut indptr, INT32, &[3]));
    let (out, rows) = (tensor(&mut data, FLOAT32, &[4]), [2]);
    let short = Tensor { shape: rows.as_ptr(), ..out };
    let run = |function: Plain, indptr: &Tensor, out: &Tensor, options: &Options| {
        // SAFETY: the tensors are what they say, or are what the call refuses.
        unsafe { function(&src, indptr, options, out, ptr::null()) }
    };
    let missing = Tensor { data: ptr::null_mut(), ..indptr };
    let words = ["indptr", "null pointer for data"];
    abi.expect_failure(run(abi.softmax_csr, &missing, &out, &Options::INIT), INVALID_ARGUMENT, &words);
    let half = Tensor { element_type: FLOAT16, ..indptr };
    let words = ["indptr is of type TRTS_FLOAT16", "TRTS_INT64"];
    abi.expect_failure(run(abi.softmax_csr, &half, &out, &Options::INIT), INVALID_ARGUMENT, &words);
    let words = ["out", "[2]", "[4]"];
    abi.expect_failure(run(abi.softmax_csr, &indptr, &short, &Options::INIT), INVALID_ARGUMENT, &words);
    let words = ["out", "[4]", "[2]"];
    abi.expect_failure(run(abi.logsumexp_csr, &indptr, &out, &Options::INIT), INVALID_ARGUMENT, &words);

    let mut falling = [0i32, 3, 2];
    let falling = tensor(&mut falling, INT32, &[3]);
    abi.expect_failure(run(abi.softmax_csr, &falling, &out, &Options::INIT), BAD_INDEX, &["indptr[2]"]);
    assert_eq!(abi.last_bad_index(), Some((2, 2)));
    let mut beyond = [0i32, 2, 9];
    let beyond = tensor(&mut beyond, INT32, &[3]);
    abi.expect_failure(run(abi.softmax_csr, &beyond, &out, &Options::INIT), BAD_INDEX, &["indptr[2]"]);
    // The axis is the indptr's, so dim and dim_size do not count. Unchecked, an entry above E is E.
    let options = Options { dim: 9, dim_size: 7, unchecked: 1, ..Options::INIT };
    assert_eq!(run(abi.logsumexp_csr, &beyond, &short, &options), OK, "{}", abi.last_error());
    // SAFETY: the call is over.
    let sums = unsafe { *out.data.cast::<[f32; 4]>() };
    assert!((sums[0] - 1.693_147_2).abs() < 1e-6 && (sums[1] - 7.018_15).abs() < 1e-6, "{sums:?}");
    assert_eq!(sums[2..], [UNTOUCHED; 2]);
    // The last element is in no segment.
    assert_eq!(run(abi.softmax_csr, &indptr, &out, &Options::INIT), OK, "{}", abi.last_error());
    assert_eq!(data, [0.5, 0.5, 1.0, 0.0]);
}

#[test]
fn devices_that_are_not_there_are_refused() {
    let mut call = Call::new();
    call.target = Some(Target::device(-5));
    call.refuses(&["device is -5", "TRTS_CPU (-1)"], |_| ());
    call.target = Some(Target { workspace_bytes: 8, ..Target::device(0) });
    call.refuses(&["workspace of 8 bytes", "0x0"], |_| ());
    // No machine has so many devices.
    call.target = Some(Target::device(i32::MAX));
    let status = call.run(|_| ());
    call.abi.expect_failure(status, NO_DEVICE, &["no CUDA device can be used"]);
}
