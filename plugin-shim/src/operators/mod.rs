//! The operators: a declaration for each in [`OPERATORS`], and what its plugin can say and do.
//!
//! One file for each operator. What several have in common is in `declaration` (names, inputs and outputs), `signature`
//! (those that a layer has), `attribute` (attributes), `grouped` (operators over the groups of an index), `groups` (the
//! number of groups), `gathered` (operators over rows that an index names), `shape` (axes and shapes), `segment`,
//! `gather`, `composite` and `composite_csr` (operators that share a plan). `aliases` has the plugins of other projects;
//! what no operator here does alone is in a file of its own (`bev_pool`).
//!
//! A new operator is a line in `operators!`, a file here with a declaration and a plan, and a file in `c_abi::operators`
//! with a function and a query.

mod aliases;
mod attention_csr;
mod attribute;
mod bev_pool;
mod composite;
mod composite_csr;
mod declaration;
#[cfg(test)]
mod documents;
mod gather;
mod gather_coo;
mod gather_csr;
mod gather_dot;
mod gather_scatter;
mod gather_segment_coo;
mod gather_segment_csr;
mod gathered;
mod group_index;
mod grouped;
mod groups;
mod log_softmax_csr;
mod logsumexp_csr;
mod scatter;
mod scatter_log_softmax;
mod scatter_logsumexp;
mod scatter_softmax;
mod scatter_std;
mod segment;
mod segment_coo;
mod segment_csr;
mod shape;
mod signature;
mod softmax_csr;
mod std_csr;

use std::ffi::CStr;

use tensorrt_scatter::{Shape, gpu::raw::Kernels};

use self::aliases::ALIASES;
pub(crate) use self::{
    declaration::{Content, Declaration, Role},
    shape::{check_countable, shape_tensor},
    signature::Signature,
};
pub(crate) use crate::inputs::{INDEX, MAX_INPUTS, SRC};

use crate::{
    abi::DimSource,
    backend::{ElementTypes, Plan},
    message::Refusal,
};

/// An operator with its attributes set, or which attribute's value is wrong.
pub(crate) type Made = Result<Box<dyn Operator>, Refusal>;

/// Declares the operators, in the order of the C ABI's numbers.
macro_rules! operators {
    ($($id:ident: $module:ident;)+) => {
        /// The operators by name: their numbers are `trts_operator`'s and their places in [`OPERATORS`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(usize)]
        pub(crate) enum Id {
            $($id,)+
        }

        /// Every operator, in the order of the C ABI's numbers.
        pub(crate) static OPERATORS: [Declaration; [$(Id::$id),+].len()] = [$($module::DECLARATION),+];
    };
}

operators! {
    Scatter: scatter;
    SegmentCoo: segment_coo;
    SegmentCsr: segment_csr;
    GatherCoo: gather_coo;
    GatherCsr: gather_csr;
    Softmax: scatter_softmax;
    LogSoftmax: scatter_log_softmax;
    LogSumExp: scatter_logsumexp;
    Std: scatter_std;
    GatherSegmentCsr: gather_segment_csr;
    GroupIndex: group_index;
    GatherScatter: gather_scatter;
    SoftmaxCsr: softmax_csr;
    LogSoftmaxCsr: log_softmax_csr;
    LogSumExpCsr: logsumexp_csr;
    StdCsr: std_csr;
    AttentionCsr: attention_csr;
    GatherSegmentCoo: gather_segment_coo;
    GatherDot: gather_dot;
}

/// The declarations of every plugin: those of the operators, and those under names of other projects.
pub(crate) fn plugins() -> impl Iterator<Item = &'static Declaration> {
    OPERATORS.iter().chain(&ALIASES)
}

/// The version of every plugin.
pub(crate) const VERSION: &CStr = c"1";

/// What an operator with its attributes set can say and do.
pub(crate) trait Operator: Send + Sync {
    /// The layer's inputs and outputs.
    fn signature(&self) -> &Signature;
    /// The sizes of the output at a position of the declaration, as far as the inputs' sizes are known. -1 is a size
    /// that is not known.
    fn out_sizes(&self, output: usize, inputs: &[&[i64]]) -> Result<Vec<DimSource>, Refusal>;
    /// Checks the shapes and plans the work; None where they fit, but the number of groups is not known yet.
    fn plan(&self, shapes: &Shapes) -> Result<Option<Box<dyn Plan>>, Refusal>;
    /// The bytes of workspace for these shapes and all that are no larger. The largest sizes of a profile may not fit
    /// each other.
    fn workspace_bytes(&self, shapes: &Shapes, types: &ElementTypes) -> Result<usize, Refusal>;
    /// Loads every kernel that the operator may launch for these types.
    fn load_kernels(&self, kernels: &Kernels, types: &ElementTypes) -> Result<(), Refusal>;
}

/// The shapes of a layer's tensors.
#[derive(Clone, Debug)]
pub(crate) struct Shapes {
    /// The shapes of the inputs, by their position in the declaration, without the optional ones that the layer lacks.
    pub(crate) inputs: Vec<Shape>,
    /// The shape of base, if the layer has one.
    pub(crate) base: Option<Shape>,
    /// The shapes of the outputs in the layer's order, each if TensorRT has told it; empty where it has told none.
    pub(crate) outputs: Vec<Option<Shape>>,
    /// The size of the output that exists only for its size. None if there is no such output, or TensorRT has not told
    /// its size.
    pub(crate) groups: Option<usize>,
}

impl Shapes {
    pub(crate) fn src(&self) -> &Shape {
        &self.inputs[SRC]
    }

    /// The shape of the index or indptr behind src.
    pub(crate) fn index(&self) -> &Shape {
        &self.inputs[INDEX]
    }

    /// The shape of base, if the layer has one.
    pub(crate) fn base(&self) -> Option<&Shape> {
        self.base.as_ref()
    }

    /// The shape of an output, if TensorRT has told it.
    pub(crate) fn output(&self, output: usize) -> Option<&Shape> {
        self.outputs.get(output)?.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::{signature::Choice, *};
    use crate::tensor::DataType;

    #[test]
    fn a_layer_has_the_inputs_of_its_declaration_where_that_says() {
        let declaration = Declaration::of(Id::GatherSegmentCsr);
        assert_eq!(declaration.base(), None);
        let signature = Signature::new(declaration, Choice::default());
        let names: Vec<_> = signature.inputs().iter().map(|port| port.name).collect();
        assert_eq!(names, ["src", "index", "indptr", "weight"]);
        assert_eq!((signature.base(&names), signature.size_input()), (None, None));
        assert_eq!(signature.tensors(&names), names);
        assert!((0..4).all(|input| signature.reads(input)) && !signature.reads(4));
        assert!((3..=4).all(|count| signature.check_input_count(count).is_ok()));
        for count in [2, 5] {
            let refusal = signature.check_input_count(count).unwrap_err().to_string();
            assert!(refusal.ends_with("expected src, index, indptr and optionally weight"), "{refusal}");
        }
    }

    #[test]
    fn every_type_is_by_its_role() {
        use DataType::{BFloat16, Float, Half, Int32, Int64};
        let signature = Signature::new(Declaration::of(Id::GatherSegmentCsr), Choice::default());
        let refusal = |given: [DataType; 4]| {
            let types = given.map(|of| of as i32);
            let checked = signature.inputs().iter().zip(types).try_for_each(|(port, of)| port.check_type(of, &types));
            checked.err().map(|refusal| refusal.to_string())
        };
        // The indptr has the index's type. The weights have src's, or FLOAT where that has 16 bits.
        for taken in [
            [Half, Int64, Int64, Half],
            [Half, Int32, Int32, Float],
            [BFloat16, Int32, Int32, Float],
            [Float, Int32, Int32, Float],
            [Int32, Int64, Int64, Int32],
        ] {
            assert_eq!(refusal(taken), None, "{taken:?}");
        }
        for (given, message) in [
            ([Half, Int64, Int32, Half], "indptr is of type INT32; expected INT64"),
            ([Half, Half, Half, Half], "index is of type HALF; expected INT32 or INT64"),
            ([Half, Int32, Int32, BFloat16], "weight is of type BF16; expected HALF or FLOAT"),
            ([Float, Int32, Int32, Half], "weight is of type HALF; expected FLOAT"),
            ([Int32, Int32, Int32, Float], "weight is of type FLOAT; expected INT32"),
        ] {
            assert_eq!(refusal(given).as_deref(), Some(message));
        }
    }

    #[test]
    fn a_shape_tensor_takes_the_place_of_base() {
        let scatter = Declaration::of(Id::Scatter);
        let given = ["src", "index", "third"];
        let signature = Signature::new(scatter, Choice::default());
        assert_eq!((signature.base(&given), signature.size_input()), (Some(&"third"), Some(2)));
        let signature = Signature::new(scatter, Choice { has_group_count: true, ..Choice::default() });
        assert_eq!((signature.base(&given), signature.size_input()), (None, Some(2)));
        assert_eq!(signature.tensors(&given), ["src", "index"]);
    }

    #[test]
    fn an_attribute_tells_a_weight_from_a_shape_tensor() {
        let scatter = Declaration::of(Id::GatherScatter);
        let choice = |weight| Choice { has_group_count: true, weight: Some(weight), ..Choice::default() };
        let without = Signature::new(scatter, choice(false));
        let given = ["src", "index", "destination", "fourth"];
        assert_eq!((without.tensors(&given), without.size_input()), (&given[..3], Some(3)));
        assert_eq!(without.inputs()[3].name, "dim_size");
        assert!([3, 4].into_iter().all(|count| without.check_input_count(count).is_ok()));
        assert!(!without.reads(3));
        let with = Signature::new(scatter, choice(true));
        assert_eq!((with.tensors(&given), with.size_input()), (&given[..], Some(4)));
        assert!(with.reads(3));
        let refusal = with.check_input_count(3).unwrap_err().to_string();
        assert!(refusal.ends_with("expected src, index, destination, weight and optionally dim_size"), "{refusal}");
    }

    #[test]
    fn every_operator_begins_with_src_and_an_index_or_with_the_index() {
        for declaration in &OPERATORS {
            let roles: Vec<_> = declaration.inputs.iter().map(|input| input.role).collect();
            match declaration.src() {
                Some(src) => {
                    assert_eq!((src, declaration.inputs[SRC].name), (SRC, "src"), "{}", declaration.name);
                    assert_eq!(declaration.index(), INDEX, "{}", declaration.name);
                }
                None => {
                    assert_eq!(declaration.index(), 0, "{}", declaration.name);
                    let has_values = declaration.outputs.iter().any(|output| output.content == Content::Values);
                    assert!(!has_values && declaration.base().is_none(), "{}", declaration.name);
                }
            }
            let bases = roles.iter().filter(|role| matches!(role, Role::Base | Role::Destination));
            assert_eq!(bases.count(), usize::from(declaration.base().is_some()), "{}", declaration.name);
        }
    }

    #[test]
    fn every_operator_is_in_its_place() {
        for (place, declaration) in OPERATORS.iter().enumerate() {
            assert_eq!(declaration.id as usize, place, "{}", declaration.name);
        }
    }

    #[test]
    fn inputs_that_may_be_left_out_come_last_and_all_fit() {
        for declaration in &OPERATORS {
            assert!(declaration.inputs.is_sorted_by_key(|input| input.is_optional), "{}", declaration.name);
            // Behind them there may be the number of groups.
            assert!(declaration.inputs.len() < MAX_INPUTS, "{}", declaration.name);
        }
    }
}
