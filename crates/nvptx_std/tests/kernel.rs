//! A kernel in the dialect runs in the emulator, and knows its place under `cuda_std`'s names.

use nvptx_arch::emulate::{Launch, Memory, Options, run};
use nvptx_std as cuda_std;
use nvptx_std::prelude::*;

/// What a launch passes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Places {
    index: *mut u32,
    index_1d: *mut u32,
    first: *mut u32,
}

/// Each thread writes its places at its index.
///
/// # Safety
///
/// Every array has one place per thread of the grid.
#[kernel]
pub unsafe fn write_places(places: Places) {
    // SAFETY: `index` is below the number of threads in the grid.
    unsafe {
        let index = thread::index();
        *places.index.add(index as usize) = index;
        *places.index_1d.add(index as usize) = thread::index_1d();
        *places.first.add(index as usize) = u32::from(thread::first());
        let others = cuda_std::shared::shared_array![u32; 64];
        let threads = thread::block_dim_x() * thread::block_dim_y() * thread::block_dim_z();
        let own = index % threads;
        *others.add(own as usize) = index;
        thread::sync_threads();
        assert_eq!(*others, index - own);
        assert_eq!(cuda_std::warp::lane_id(), own % thread::warp_size());
    }
}

fn places_of(grid: [u32; 3], block: [u32; 3]) -> [Vec<u32>; 3] {
    let threads = grid.iter().chain(&block).product::<u32>() as usize;
    let mut out = [0, 1, 2].map(|_| vec![u32::MAX; threads]);
    let [index, index_1d, first] = out.each_mut().map(|values| values.as_mut_ptr());
    let launch = Launch { grid, block, dynamic_shared: 0 };
    let places = Places { index, index_1d, first };
    // SAFETY: every array has one place per thread.
    run(&launch, &Options::default(), &Memory::new(), || unsafe {
        write_places(places);
    })
    .unwrap();
    out
}

#[test]
fn index_counts_the_threads_of_a_grid_of_any_shape() {
    let [index, _, first] = places_of([3, 2, 2], [4, 2, 3]);
    assert!(index.iter().copied().eq(0..12 * 24));
    assert_eq!(first.iter().position(|&first| first == 1), Some(0));
    assert_eq!(first.iter().sum::<u32>(), 1);
}

#[test]
fn index_1d_is_index_where_the_grid_is_a_line() {
    let [index, index_1d, _] = places_of([3, 1, 1], [40, 1, 1]);
    assert_eq!(index, index_1d);
}
