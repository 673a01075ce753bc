//! An index, its holes, and the indptr that is made of it.

use tensorrt_scatter::Reduce;

use crate::{
    check,
    support::segments::{self, column},
};

/// An index may skip more segments at once than a warp has lanes, in a whole index tile and at its end.
#[test]
fn an_index_may_pass_over_many_segments() {
    for reduce in segments::reductions(false) {
        let index: Vec<_> = (0..200).map(|i| if i < 70 { i / 30 } else { 100 + 3 * i }).collect();
        let src: Vec<_> = (0..200).map(|i| ((i * 31) % 11) as f32).collect();
        check(&column(reduce, &src, &index, None, 1000, false), 1, u32::MAX, 0);
    }
}

#[test]
fn bad_elements_between_good_ones_are_left_out() {
    for reduce in segments::reductions(false) {
        let src: Vec<_> = (0..600).map(|i| ((i * 31) % 11) as f32).collect();
        // Whole index tiles without a good element, in the middle of a segment.
        let index: Vec<_> = (0..600).map(|i| if i % 5 == 0 || (90..420).contains(&i) { -1 } else { i / 450 }).collect();
        check(&column(reduce, &src, &index, None, 3, false), 1, u32::MAX, 0);
        check(&column(reduce, &src, &index, Some(&[1.0, 20.0, 3.0]), 3, false), 1, u32::MAX, 0);
    }
}

/// A block takes the segment, and only one of its threads examines the index tile of the bad element.
#[test]
fn one_bad_element_in_a_segment_of_a_block_is_left_out() {
    let src: Vec<_> = (0..1200).map(|i| ((i * 31) % 11) as f32).collect();
    let mut index = vec![0; 1200];
    index[700] = -1;
    check(&column(Reduce::Sum, &src, &index, None, 6, false), 1, u32::MAX, 0);
}

/// One bad element at each edge: of a whole index tile (128 elements), and of the four elements of a lane.
#[test]
fn one_bad_element_in_whole_tiles_is_left_out() {
    const SEGMENTS: usize = 40;
    let src: Vec<_> = (0..384).map(|i| ((i * 31) % 11) as f32).collect();
    // With 9 elements for each segment, the index goes on behind the last segment.
    for per_segment in [10, 9] {
        let index: Vec<i64> = (0..384).map(|i| i / per_segment).collect();
        for at in [0, 1, 2, 3, 4, 126, 127, 128, 129, 131, 255, 256, 383] {
            for bad in [-1, SEGMENTS as i64, i32::MIN.into(), i32::MAX.into()] {
                let mut index = index.clone();
                index[at] = bad;
                check(&column(Reduce::Sum, &src, &index, None, SEGMENTS, false), 1, u32::MAX, 0);
            }
        }
    }
    // A bad element right before the last tile, whose entries must stay as they are stored.
    let src: Vec<_> = (0..1280).map(|i| (i % 11) as f32).collect();
    let mut index: Vec<_> = (0..1280).map(|i| i / 200).collect();
    index[1151] = -1;
    check(&column(Reduce::Sum, &src, &index, None, 7, false), 1, 1, 0);
}
