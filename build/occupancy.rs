//! How many blocks of each kernel share a multiprocessor.

use std::collections::HashMap;

/// Blocks of 256 threads, with up to 64 registers for each thread.
const DEFAULT: u32 = 4;

/// The kernels for which another number is better, by name. Braces list alternatives, as in a shell; `$T` at the
/// end stands for every type of values that such a kernel has, `$I` for every type of indices.
///
/// Each pattern must match an entry point, and no entry point may match two patterns. So a kernel that is renamed fails
/// the build, and does not fall back to [`DEFAULT`].
///
/// - Fewer blocks, if a kernel would otherwise spill registers on some architecture (`tests/ptx.rs` asks ptxas): a
///   thread may then have more registers.
/// - More blocks, if a kernel needs few registers: more threads have more loads in flight. The other segment kernels
///   are slower with more blocks, because ptxas then makes loads wait for each other to save registers.
const RULES: [(u32, &[&str]); 5] = [
    // Exponentials of two columns of float64 at a time.
    (1, &["composite_csr_{cut_exponentials,chunks_exponentials,rest}_quads_f64"]),
    (
        2,
        &[
            "scatter_{sum,mean}_privatized_{singles,quads}_{f32,f16,bf16}_$I",
            // Eight columns with a position each.
            "segment_{csr,coo}_chunks_{min,max}_packs{,_large}_{f16,bf16}",
            "gather_segment_{cut,chunks}_{min,max}_packs_{f16,bf16}",
            "gather_segment_cut_sum_packs_bf16",
            "gather_segment_chunks_sum_columns_{f32,f16,bf16,i32}",
            "gather_segment_chunks_sum_packs_{f16,bf16,i32}",
            "gather_segment_chunks_{sum,min,max}_{columns,packs}_{f64,i64}",
            // Scores besides the values, whose sums are rescaled.
            "attention_csr_chunks_packs_{f16,bf16,f64}",
            "attention_csr_{chunks_columns,combine}_f64",
            // Two numbers for each column, of 8 bytes each.
            "composite_csr_cut_{exponentials_columns,moments_quads}_f64",
            "composite_csr_chunks_moments_quads_f64",
            "composite_csr_combine_{exponentials,moments}_f64",
            "composite_csr_rest_columns_f64",
            // The addresses of four pairs of rows, and sums of 8 bytes.
            "gather_dot_{mul,add}_columns_f64_$I",
        ],
    ),
    (
        3,
        &[
            "scatter_{sum,mean}_rows_quads_{f32,f16,bf16}_$I",
            // Eight columns with a position each.
            "segment_{csr,coo}_{min,max}_packs_{f16,bf16}",
            "segment_{csr,coo}_cut_{min,max}_packs{,_large}_{f16,bf16}",
            // Indices and weights besides the values.
            "gather_segment_cut_{sum,min,max}_columns_$T",
            "gather_segment_cut_sum_packs_{f32,f16,f64,i32,i64}",
            "gather_segment_cut_{min,max}_packs_{f32,f64,i32,i64}",
            "gather_segment_chunks_sum_packs_f32",
            "gather_segment_chunks_{min,max}_columns_{f32,f16,bf16,i32}",
            "gather_segment_chunks_{min,max}_packs_{f32,i32}",
            "attention_csr_cut_{columns,packs}_$T",
            "attention_csr_chunks_packs_f32",
            "attention_csr_{chunks_columns,combine}_{f32,f16,bf16}",
            // Eight elements of a lane, and their digits.
            "group_index_place_{i32_narrow,i32_wide,i64_narrow,i64_wide,narrow,wide,wide_narrow}",
            "group_index_place_buckets_{narrow,wide,wide_narrow}",
            // Two numbers for each column.
            "composite_csr_cut_{exponentials,moments}_quads_{f32,f16,bf16}",
            "composite_csr_cut_moments_columns_f64",
            "composite_csr_chunks_{exponentials,moments}_quads_{f32,f16,bf16}",
            "composite_csr_chunks_moments_columns_f64",
            "composite_csr_combine_moments_{f32,f16,bf16}",
            "composite_csr_rest_columns_{f32,f16,bf16}",
            "composite_csr_rest_quads_{f32,f16,bf16}",
            "segment_{csr_combine_sum,coo_combine_sum,combine_min,combine_max}_$T",
            "gather_csr{,_batches,_runs}_{2,4,8,16}_$I",
            "gather_csr_narrow_16_$I",
            "gather_coo_runs_{2,4,8,16}_$I",
            // The addresses of four pairs of rows.
            "gather_dot_{mul,add}_columns_{f32,f16,bf16}_$I",
            "gather_dot_runs_{mul,add}_{f32,f16,bf16,f64}_$I",
        ],
    ),
    (5, &["segment_csr{,_cut,_chunks}_sum_columns_$T", "gather_csr_narrow_{2,4,8}_$I"]),
    (6, &["gather_coo_narrow_{2,4,8}_$I"]),
];

/// [`RULES`], by entry point.
pub struct Blocks(HashMap<String, u32>);

impl Blocks {
    /// The numbers for a PTX file with the given entry points. Fails if a rule names a kernel that is not among them,
    /// or if two rules name the same kernel.
    pub fn of(entries: &[&str]) -> Result<Self, String> {
        let mut blocks = HashMap::new();
        for (count, patterns) in RULES {
            for pattern in patterns {
                for name in expand(pattern) {
                    let fault = |fault| Err(format!("{}: {name}, by rule {pattern:?}, {fault}", file!()));
                    let named: Vec<_> = entries.iter().filter(|entry| is_named(entry, &name)).collect();
                    if named.is_empty() {
                        return fault("is not an entry point of the kernels");
                    }
                    if named.into_iter().any(|&entry| blocks.insert(entry.to_owned(), count).is_some()) {
                        return fault("has two rules");
                    }
                }
            }
        }
        Ok(Self(blocks))
    }

    /// How many blocks of a kernel a multiprocessor is to run at once.
    pub fn of_entry(&self, name: &str) -> u32 {
        self.0.get(name).copied().unwrap_or(DEFAULT)
    }
}

/// Whether an entry point has this name, in which `$T` or `$I` at the end stands for any one word.
fn is_named(entry: &str, name: &str) -> bool {
    match name.split_once('$') {
        None => entry == name,
        Some((start, _)) => entry.strip_prefix(start).is_some_and(|word| !word.is_empty() && !word.contains('_')),
    }
}

/// The names that a pattern stands for. Braces are not nested.
fn expand(pattern: &str) -> Vec<String> {
    let Some((before, rest)) = pattern.split_once('{') else { return vec![pattern.to_owned()] };
    let (alternatives, behind) = rest.split_once('}').expect("a brace that is opened is closed");
    let ends = expand(behind);
    alternatives.split(',').flat_map(|middle| ends.iter().map(move |end| format!("{before}{middle}{end}"))).collect()
}
