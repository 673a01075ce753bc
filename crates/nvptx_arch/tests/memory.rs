//! Loads, stores and atomics: what they move, and the faults of wrong addresses.

mod common;

use common::{SEEDS, constant, each_thread, grid, writable};
use nvptx_arch::atomic::{AtomicAdd, AtomicCas, AtomicMinMax, load_relaxed, reduce_add_f32x4};
use nvptx_arch::emulate::{Fault, Memory, Options, run};
use nvptx_arch::index::{block_idx_x, thread_idx_x};
use nvptx_arch::memory::{
    Word, load, load_prefetching_128_x4, load_prefetching_256, load_prefetching_256_x4, load_readonly,
    load_readonly_x2, load_readonly_x4, load_streaming, load_streaming_x2, load_streaming_x4, load_x2, load_x4,
    prefetch, store, store_streaming_x4, store_x2, store_x4,
};
use nvptx_arch::shared::{SharedPointer, dynamic_shared_mem, shared_array};

/// 16 bytes of alignment for vectors.
#[repr(align(16))]
struct Aligned<T>(T);

#[test]
fn every_word_moves_whole() {
    fn moved<T: Word + Default + PartialEq + std::fmt::Debug>(value: T) {
        let source = [T::default(), value];
        let mut out = [T::default(); 5];
        let mut memory = Memory::new();
        let from = constant(&mut memory, &source);
        let to = writable(&mut memory, &mut out);
        // SAFETY: the indices are within the arrays.
        run(&grid(1, 1), &Options::default(), &memory, || unsafe {
            store(to, load(from.add(1)));
            store(to.add(2), load_readonly(from.add(1)));
            store(to.add(3), load_streaming(from.add(1)));
            store(to.add(4), load_prefetching_256(from.add(1)));
        })
        .unwrap();
        assert_eq!(out, [value, T::default(), value, value, value]);
    }
    moved(0xa1_u8);
    moved(0xa1b2_u16);
    moved(0xa1b2_c3d4_u32);
    moved(0xa1b2_c3d4_e5f6_a7b8_u64);
    moved(i32::MIN);
    moved(i64::MIN);
    moved(-1.5_f32);
    moved(-1.5e300_f64);
}

#[test]
fn vectors_move_whole() {
    let source = Aligned([1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
    let mut out = Aligned([0.0_f32; 32]);
    let mut memory = Memory::new();
    let from = constant(&mut memory, &source.0);
    let to = writable(&mut memory, &mut out.0);
    // SAFETY: the indices are within the arrays.
    run(&grid(1, 1), &Options::default(), &memory, || unsafe {
        store_x4(to, load_x4(from.add(4)));
        store_x4(to.add(4), load_readonly_x4(from));
        store_x2(to.add(8), load_x2(from.add(2)));
        store_x2(to.add(10), load_readonly_x2(from.add(6)));
        store_x4(to.add(12), load_streaming_x4(from.add(4)));
        store_x2(to.add(16), load_streaming_x2(from.add(2)));
        store_x4(to.add(20), load_prefetching_128_x4(from));
        store_streaming_x4(to.add(24), load_x4(from.add(4)));
        store_x4(to.add(28), load_prefetching_256_x4(from));
    })
    .unwrap();
    assert_eq!(out.0[..12], [5.0, 6.0, 7.0, 8.0, 1.0, 2.0, 3.0, 4.0, 3.0, 4.0, 7.0, 8.0]);
    assert_eq!(out.0[12..20], [5.0, 6.0, 7.0, 8.0, 3.0, 4.0, 0.0, 0.0]);
    assert_eq!(out.0[20..], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 1.0, 2.0, 3.0, 4.0]);
}

/// Runs `act` on one value in one thread. Returns the result of `act`, and the value after it.
fn on_one<T: Copy, R: Copy + Default>(mut value: T, act: impl Fn(*mut T) -> R) -> (R, T) {
    let result = std::cell::Cell::new(R::default());
    let mut memory = Memory::new();
    let at = writable(&mut memory, std::slice::from_mut(&mut value));
    run(&grid(1, 1), &Options::default(), &memory, || result.set(act(at))).unwrap();
    (result.get(), value)
}

#[test]
fn atomics_give_what_was_there() {
    // SAFETY, in this test: the pointer is to the registered value.
    macro_rules! add {
        ($($word:ty: $old:expr, $value:expr => $new:expr;)*) => {$(
            assert_eq!(on_one::<$word, _>($old, |at| unsafe { <$word>::fetch_add(at, $value) }), ($old, $new));
            assert_eq!(on_one::<$word, _>($old, |at| unsafe { <$word>::reduce_add(at, $value) }), ((), $new));
        )*};
    }
    add! {
        f32: 1.5, 2.0 => 3.5;
        f64: 1.5, -2.0 => -0.5;
        u32: u32::MAX, 3 => 2;
        i32: -4, 3 => -1;
        u64: u64::MAX, 3 => 2;
        i64: i64::MAX, 1 => i64::MIN;
    }

    macro_rules! min_max {
        ($($word:ty: $less:expr, $more:expr;)*) => {$(
            assert_eq!(on_one::<$word, _>($less, |at| unsafe { <$word>::fetch_max(at, $more) }), ($less, $more));
            assert_eq!(on_one::<$word, _>($more, |at| unsafe { <$word>::fetch_max(at, $less) }), ($more, $more));
            assert_eq!(on_one::<$word, _>($less, |at| unsafe { <$word>::fetch_min(at, $more) }), ($less, $less));
            assert_eq!(on_one::<$word, _>($more, |at| unsafe { <$word>::fetch_min(at, $less) }), ($more, $less));
            assert_eq!(on_one::<$word, _>($less, |at| unsafe { <$word>::reduce_max(at, $more) }), ((), $more));
            assert_eq!(on_one::<$word, _>($more, |at| unsafe { <$word>::reduce_min(at, $less) }), ((), $less));
        )*};
    }
    min_max! {
        u32: 1, u32::MAX;
        i32: -1, 1;
        u64: 1, u64::MAX;
        i64: i64::MIN, 0;
    }

    macro_rules! cas {
        ($($word:ty)*) => {$(
            assert_eq!(on_one::<$word, _>(7, |at| unsafe { <$word>::compare_exchange(at, 7, 9) }), (7, 9));
            assert_eq!(on_one::<$word, _>(7, |at| unsafe { <$word>::compare_exchange(at, 8, 9) }), (7, 7));
            assert_eq!(on_one::<$word, _>(7, |at| unsafe { <$word>::exchange(at, 9) }), (7, 9));
            assert_eq!(on_one::<$word, _>(7, |at| unsafe { load_relaxed(at) }), (7, 7));
        )*};
    }
    cas!(u32 u64);
}

#[test]
fn four_neighbours_are_added_to_at_once() {
    for seed in SEEDS {
        let mut out = Aligned([0.0_f32; 4]);
        let mut memory = Memory::new();
        let at = writable(&mut memory, &mut out.0);
        run(&grid(2, 32), &Options::with_seed(seed), &memory, || {
            // SAFETY: `out` is four values, aligned.
            unsafe { reduce_add_f32x4(at, [1.0, 2.0, 3.0, thread_idx_x() as f32]) }
        })
        .unwrap();
        assert_eq!(out.0, [64.0, 128.0, 192.0, 2.0 * 496.0]);
    }
}

#[test]
fn shared_memory_belongs_to_a_block() {
    fn helper<T>(_instance_of: T) -> *mut u32 {
        shared_array![u32; 2]
    }

    let mut out = [0_u32; 6];
    let mut memory = Memory::new();
    let to = writable(&mut memory, &mut out);
    let launch = nvptx_arch::emulate::Launch { dynamic_shared: 8, ..grid(6, 1) };
    // SAFETY: the indices are within the arrays.
    run(&launch, &Options::default(), &memory, || unsafe {
        let dynamic = dynamic_shared_mem::<u32>();
        assert_eq!(dynamic, dynamic_shared_mem::<u32>());
        let [first, second] = [shared_array![u32; 2], shared_array![u32; 2]];
        assert_ne!(first, second);
        let mut in_a_loop = std::iter::repeat_with(|| shared_array![u64; 3]).take(3);
        let one = in_a_loop.next();
        assert!(in_a_loop.all(|other| Some(other) == one));
        assert_eq!(helper(0_u8), helper(0_f64));
        for array in [dynamic, first, second, helper(())] {
            assert!(array.cast::<u128>().is_aligned());
            assert_eq!(load(array.add(1)), u32::MAX, "unwritten shared memory is all ones");
        }
        store(dynamic, block_idx_x());
        store(first, 10);
        store(second, 100);
        store(helper(0_u16), 1000);
        let sum = load(dynamic) + load(first) + load(second) + load(helper(0_u32));
        store(to.add(block_idx_x() as usize), sum);
    })
    .unwrap();
    assert_eq!(out, [1110, 1111, 1112, 1113, 1114, 1115]);
}

#[test]
fn a_shared_pointer_moves_words_of_dynamic_shared_memory() {
    let launch = nvptx_arch::emulate::Launch { dynamic_shared: 16, ..grid(1, 1) };
    // SAFETY: the addresses are within the 16 bytes.
    run(&launch, &Options::default(), &Memory::new(), || unsafe {
        let words = SharedPointer::<u32>::dynamic();
        words.at(1).store(7);
        assert_eq!(words.at(1).fetch_add(u32::MAX), 7, "what was there");
        assert_eq!(load(dynamic_shared_mem::<u32>().add(1)), 6);
        let halves = words.at(2).cast::<u16>();
        halves.at(1).store(0x1234_u16);
        halves.store(0x5678);
        assert_eq!(words.at(2).load(), 0x1234_5678);
        words.cast::<u64>().at(1).store(1 << 40);
        assert_eq!([words.at(2).load(), words.at(3).load()], [0, 1 << 8]);
    })
    .unwrap();
    let fault = run(&launch, &Options::default(), &Memory::new(), || unsafe {
        SharedPointer::<u32>::dynamic().at(4).store(1);
    });
    assert!(matches!(fault, Err(Fault::OutOfBounds { .. })), "{fault:?}");
}

/// The fault of one thread that runs `act` on ten words that it may write, aligned to 16 bytes.
fn fault_of(act: impl Fn(*mut u32)) -> Fault {
    let mut words = Aligned([0_u32; 10]);
    let mut memory = Memory::new();
    let at = writable(&mut memory, &mut words.0);
    run(&grid(1, 1), &Options::default(), &memory, || act(at)).unwrap_err()
}

// SAFETY, in the tests below: the fault is what is tested, and keeps the access from happening.

#[test]
fn an_access_that_is_not_aligned_is_a_fault() {
    let fault = fault_of(|at| _ = unsafe { load(at.cast::<u8>().add(2).cast::<u32>()) });
    assert!(matches!(fault, Fault::Misaligned { bytes: 4, .. }), "{fault}");
    let fault = fault_of(|at| _ = unsafe { load_x4(at.add(2)) });
    assert!(matches!(fault, Fault::Misaligned { bytes: 16, .. }), "{fault}");
    let fault = fault_of(|at| unsafe { reduce_add_f32x4(at.add(1).cast(), [0.0; 4]) });
    assert!(matches!(fault, Fault::Misaligned { bytes: 16, .. }), "{fault}");
}

#[test]
fn an_access_out_of_bounds_is_a_fault_that_names_what_is_near() {
    let fault = fault_of(|at| unsafe { store(at.add(10), 1) });
    let Fault::OutOfBounds { site, nearest, .. } = &fault else {
        panic!("{fault}");
    };
    assert_eq!(site.instruction, "store");
    assert!(site.location.file().ends_with("memory.rs"));
    assert!(nearest.as_ref().unwrap().contains("of which this is byte 40"), "{fault}");

    let fault = fault_of(|at| _ = unsafe { load_x4(at.add(8)) });
    assert!(matches!(fault, Fault::OutOfBounds { bytes: 16, .. }), "{fault}");
    let fault = fault_of(|_| _ = unsafe { load(std::ptr::null::<u32>()) });
    assert!(matches!(fault, Fault::OutOfBounds { address: 0, .. }), "{fault}");
    let fault = fault_of(|_| _ = unsafe { load(dynamic_shared_mem::<u32>()) });
    assert!(matches!(fault, Fault::OutOfBounds { .. }), "{fault}");
    let fault = fault_of(|_| _ = unsafe { load(shared_array![u32; 3].add(3)) });
    assert!(matches!(fault, Fault::OutOfBounds { .. }), "{fault}");
}

#[test]
fn another_blocks_shared_memory_is_out_of_bounds() {
    let others = std::cell::Cell::new(std::ptr::null_mut::<u32>());
    let fault = run(&grid(2, 1), &Options::default(), &Memory::new(), || unsafe {
        let own = shared_array![u32; 1];
        if others.get().is_null() {
            others.set(own);
            // Long enough for the other block to start while this one runs.
            for _ in 0..1000 {
                store(own, 1);
            }
        } else {
            store(others.get(), 1);
        }
    });
    assert!(matches!(fault, Err(Fault::OutOfBounds { .. })), "{fault:?}");
}

#[test]
fn a_write_to_memory_for_reading_is_a_fault() {
    let words = [1_u32];
    let mut memory = Memory::new();
    let at = constant(&mut memory, &words).cast_mut();
    let faults = [
        run(&grid(1, 1), &Options::default(), &memory, || unsafe { store(at, 1) }),
        run(&grid(1, 1), &Options::default(), &memory, || unsafe { u32::reduce_add(at, 1) }),
    ];
    for fault in faults {
        assert!(matches!(fault, Err(Fault::NotWritable { bytes: 4, .. })), "{fault:?}");
    }
    assert_eq!(words, [1]);
}

#[test]
fn a_load_of_what_nothing_has_written_is_a_fault() {
    let mut words = [7_u32; 4];
    let mut memory = Memory::new();
    let at = words.as_mut_ptr();
    memory.register_unwritten(at.cast_const().cast(), size_of_val(&words));
    let run = |kernel: &dyn Fn()| run(&grid(1, 1), &Options::default(), &memory, kernel);
    // SAFETY: the memory is registered.
    unsafe {
        for fault in [run(&|| _ = load(at)), run(&|| u32::reduce_add(at, 1)), run(&|| _ = load_readonly(at.add(3)))] {
            assert!(matches!(fault, Err(Fault::Unwritten { bytes: 4, .. })), "{fault:?}");
        }
        // A later grid may read what an earlier one has written, and nothing beside it.
        run(&|| store(at.add(1), 5)).unwrap();
        run(&|| assert_eq!(load(at.add(1)), 5)).unwrap();
        let fault = run(&|| _ = load_x2(at));
        assert!(matches!(fault, Err(Fault::Unwritten { bytes: 8, .. })), "{fault:?}");
    }
}

#[test]
fn global_instructions_on_shared_memory_are_a_fault() {
    let faults = [
        each_thread(1, 0, |_| unsafe { u32::fetch_add(shared_array![u32; 1], 1) }),
        each_thread(1, 0, |_| unsafe { load_readonly(shared_array![u32; 1]) }),
        each_thread(1, 0, |_| unsafe { load_relaxed(shared_array![u32; 1]) }),
    ];
    for fault in faults {
        assert!(matches!(fault, Err(Fault::NotGlobal { .. })), "{fault:?}");
    }
}

#[test]
fn a_readonly_load_of_what_the_grid_writes_is_a_fault() {
    let written_then_loaded = fault_of(|at| unsafe {
        store(at.add(1), 1);
        load_readonly(at.add(1));
    });
    assert!(matches!(written_then_loaded, Fault::NotConstant { .. }), "{written_then_loaded}");
    let loaded_then_added = fault_of(|at| unsafe {
        load_readonly_x2(at);
        u32::reduce_add(at.add(1), 1);
    });
    assert!(matches!(loaded_then_added, Fault::NotConstant { .. }), "{loaded_then_added}");
    let streamed_then_stored = fault_of(|at| unsafe {
        load_streaming(at.add(1));
        store(at.add(1), 1);
    });
    assert!(matches!(streamed_then_stored, Fault::NotConstant { .. }), "{streamed_then_stored}");
    let stored_then_prefetched = fault_of(|at| unsafe {
        store(at.add(1), 1);
        load_prefetching_256_x4(at);
    });
    assert!(matches!(stored_then_prefetched, Fault::NotConstant { .. }), "{stored_then_prefetched}");
    let prefetched_then_stored = fault_of(|at| unsafe {
        prefetch(at.add(1));
        store(at.add(1), 1);
    });
    assert!(matches!(prefetched_then_stored, Fault::NotConstant { .. }), "{prefetched_then_stored}");
}

#[test]
fn a_readonly_load_beside_what_the_grid_writes_is_fine() {
    let mut words = [7_u32, 0];
    let mut memory = Memory::new();
    let at = writable(&mut memory, &mut words);
    run(&grid(1, 8), &Options::default(), &memory, || unsafe {
        u32::reduce_add(at.add(1), load_readonly(at));
    })
    .unwrap();
    assert_eq!(words, [7, 56]);
}
