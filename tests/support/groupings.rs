//! The grouping of an index: cases, and their naive twin.

use proptest::{collection::vec, prelude::*};

/// The inputs of a group_index.
#[derive(Clone, Debug)]
pub struct GroupingCase {
    pub dims: Vec<usize>,
    pub index: Vec<i64>,
    pub groups: usize,
}

impl GroupingCase {
    /// An index of one row.
    pub fn new(index: Vec<i64>, groups: usize) -> Self {
        Self { dims: vec![index.len()], index, groups }
    }

    /// E: the number of elements of a row.
    pub fn length(&self) -> usize {
        *self.dims.last().unwrap()
    }

    pub fn rows(&self) -> usize {
        self.dims[..self.dims.len() - 1].iter().product()
    }

    /// perm and indptr, as their definition says: for each group, the positions of its elements.
    pub fn grouping(&self) -> (Vec<i64>, Vec<i64>) {
        let (mut perm, mut indptr) = (Vec::new(), Vec::new());
        for row in 0..self.rows() {
            let row = &self.index[row * self.length()..][..self.length()];
            let mut groups = vec![Vec::new(); self.groups + 1];
            for (position, &group) in row.iter().enumerate() {
                let is_good = (0..self.groups as i64).contains(&group);
                groups[if is_good { group as usize } else { self.groups }].push(position as i64);
            }
            let mut start = 0;
            for group in groups {
                indptr.push(start);
                start += group.len() as i64;
                perm.extend(group);
            }
        }
        (perm, indptr)
    }
}

/// Indices of rank 1 to 3 with up to `most` elements along the last axis, some of them bad.
pub fn grouping_cases(most: usize) -> impl Strategy<Value = GroupingCase> {
    (vec(0..=3usize, 0..=2), 0..=most, 0..=most).prop_flat_map(|(leading, length, groups)| {
        let dims = [leading, vec![length]].concat();
        let count = dims.iter().product::<usize>();
        vec(-1..groups as i64 + 1, count).prop_map(move |index| GroupingCase { dims: dims.clone(), index, groups })
    })
}

/// Indices of one row of some lengths that are hard to sort: one group, half of the elements in one group, falling,
/// alternating, bad ones only.
pub fn hard_cases(length: usize, groups: usize) -> [GroupingCase; 6] {
    let of = |group: &dyn Fn(usize) -> i64| GroupingCase::new((0..length).map(group).collect(), groups);
    let scattered = |i: usize| (i * 7919 % groups.max(1)) as i64;
    [
        of(&|_| groups as i64 - 1),
        of(&|i| if i % 2 == 0 { groups as i64 / 2 } else { scattered(i) }),
        of(&|i| ((length - i) * groups / length.max(1)) as i64),
        of(&|i| if i % 2 == 0 { 0 } else { groups as i64 - 1 }),
        of(&|i| if i % 2 == 0 { -1 } else { i64::MAX }),
        of(&|i| if i % 23 == 7 { groups as i64 } else { scattered(i) }),
    ]
}
