"""What each TensorRT release reads of ONNX: the facts for `convert(target=...)` and `check`.

The sources are the ONNX parser of each release (onnx-tensorrt: docs/operators.md and the importers at 8.6 GA, 10.1 GA
and 10.15 GA, its changelog up to 10.15, the release notes of 11.0 to 11.5), and engines of TensorRT 8.6.0 that were run.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Version = tuple[int, int]

_EVERYWHERE = {"FLOAT", "FLOAT16", "INT8", "UINT8", "BOOL", "INT32", "INT64", "DOUBLE"}


@dataclass(frozen=True)
class Release:
    """A TensorRT release, or all releases of a major version from `version` on."""

    name: str
    """What `target` is called."""
    version: Version
    """The first release that it stands for."""
    highest_opset: int
    """The highest opset that the first release is made for."""
    types: frozenset[str]
    """The element types that the parser has, by their names in onnx_ir."""
    narrowed: dict[str, str] = field(default_factory=dict, hash=False)
    """The types that the parser replaces by smaller ones."""
    has_sizes_as_inputs: bool = True
    """Whether a plugin can have a size as an input (`dim_size_input`). The interface is IPluginV3, and the parser knows
    such inputs from 10.1 on."""
    reads_start_and_end_of_shape: bool = True
    """Whether Shape's start and end are read. If not, Shape gives all sizes."""
    reads_axes_as_inputs: bool = True
    """Whether the reductions except ReduceSum read their axes from an input. If not, they reduce all axes."""
    finds_equal_infinities: bool = True
    """Whether an infinity equals an infinity."""
    reads_reduction_of_scatter_elements: bool = True
    """Whether ScatterElements reduces. If not, of elements that share an index one is kept."""
    refuses_reduction_of_scatter_nd: bool = True
    """Whether the parser refuses a ScatterND with a reduction. If not, of elements that share an index one is kept."""
    refuses_attribute_of_scatter_nd: bool = False
    """Whether the parser refuses a ScatterND that has the attribute `reduction`, even where it is "none"."""
    has_functions: bool = True
    """Whether nodes can call functions of the model."""
    reads_axes_of_pad: bool = True
    """Whether Pad's axes are read. If not, a Pad that has them is refused."""
    reads_number_of_split_outputs: bool = True
    """Whether a Split without sizes makes its last part smaller where its size is no multiple of their number."""
    has_new_modes_of_grid_sample: bool = True
    """Whether GridSample's modes "linear" and "cubic" of opset 20 are known. If not, the nearest pixel is taken."""
    compares_integers_as_floats: bool = False
    """Whether TopK, ArgMax and ArgMin of integers compare float32 numbers."""

    @property
    def title(self) -> str:
        """The release in a sentence."""
        return f"TensorRT {self.name}"

    def __str__(self) -> str:
        return self.title


RELEASES = (
    Release(
        "8.6",
        (8, 6),
        highest_opset=17,
        types=frozenset(_EVERYWHERE),
        narrowed={"INT64": "INT32", "DOUBLE": "FLOAT"},
        has_sizes_as_inputs=False,
        reads_start_and_end_of_shape=False,
        reads_axes_as_inputs=False,
        finds_equal_infinities=False,
        reads_reduction_of_scatter_elements=False,
        refuses_reduction_of_scatter_nd=False,
        has_functions=False,
        reads_axes_of_pad=False,
        reads_number_of_split_outputs=False,
        has_new_modes_of_grid_sample=False,
        compares_integers_as_floats=True,
    ),
    Release(
        "10",
        (10, 1),
        highest_opset=20,
        types=frozenset(_EVERYWHERE | {"BFLOAT16", "FLOAT8E4M3FN", "INT4"}),
        narrowed={"DOUBLE": "FLOAT"},
        # Up to 10.8.
        refuses_attribute_of_scatter_nd=True,
        # Read in 10.1.
        has_new_modes_of_grid_sample=False,
    ),
    Release(
        "11",
        (11, 0),
        highest_opset=24,
        types=frozenset(_EVERYWHERE | {"BFLOAT16", "FLOAT8E4M3FN", "INT4", "FLOAT4E2M1"}),
        narrowed={"DOUBLE": "FLOAT"},
    ),
)


def named(target: str) -> Release:
    """The release of that name.

    Raises:
        ValueError: there is none.
    """
    found = next((release for release in RELEASES if release.name == target), None)
    if found is None:
        names = ", ".join(repr(release.name) for release in RELEASES)
        raise ValueError(f"target is {target!r}: expected one of {names}, or none")
    return found


_IN_8_6 = frozenset(
    """
    Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization Cast Ceil Celu Clip Concat
    Constant ConstantOfShape Conv ConvTranspose Cos Cosh CumSum DepthToSpace DequantizeLinear Div Dropout Einsum Elu
    Equal Erf Exp Expand EyeLike Flatten Floor GRU Gather GatherElements GatherND Gemm GlobalAveragePool GlobalLpPool
    GlobalMaxPool Greater GreaterOrEqual GridSample GroupNormalization HardSigmoid HardSwish Identity If ImageScaler
    InstanceNormalization IsInf IsNaN LRN LSTM LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax Loop
    LpNormalization LpPool MatMul Max MaxPool Mean MeanVarianceNormalization Min Mod Mul Neg NonMaxSuppression NonZero
    Not OneHot Or PRelu Pad ParametricSoftplus Pow QuantizeLinear RNN RandomNormal RandomNormalLike RandomUniform
    RandomUniformLike Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin
    ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize ReverseSequence RoiAlign Round ScaledTanh Scan Scatter
    ScatterElements ScatterND Selu Shape Shrink Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign SpaceToDepth
    Split Sqrt Squeeze Sub Sum Tan Tanh ThresholdedRelu Tile TopK Transpose Trilu Unsqueeze Upsample Where Xor
    """.split()  # noqa: SIM905
)
"""The operators of ONNX's own domain that TensorRT 8.6 imports."""

_LATER: dict[str, Version] = {
    "CastLike": (10, 0),
    "Gelu": (10, 0),
    "Hardmax": (10, 0),
    "Mish": (10, 0),
    "DeformConv": (10, 1),
    "BlackmanWindow": (10, 4),
    "HammingWindow": (10, 4),
    "HannWindow": (10, 4),
    "STFT": (10, 5),
    "Attention": (10, 14),
    "RMSNormalization": (10, 15),
    "RotaryEmbedding": (10, 15),
    "TensorScatter": (10, 15),
    "Swish": (11, 0),
    "DFT": (11, 2),
}
"""The operators that a later release imports, with the first one that does."""


def imported_since(op_type: str) -> Version | None:
    """The first release from 8.6 on that imports an operator of ONNX's own domain; None if no release does."""
    return (8, 6) if op_type in _IN_8_6 else _LATER.get(op_type)


_INTEGERS = frozenset({"INT32", "INT64"})
_BOOLS = frozenset({"BOOL"})
_BYTES = frozenset({"UINT8"})

WITH_BYTES = frozenset({"Cast", "Constant", "DequantizeLinear", "Identity", "QuantizeLinear"})
"""The operators that take UINT8. For the rest of a network it is a type of inputs and outputs alone."""


@dataclass(frozen=True)
class Refusal:
    """Types that an operator does not take."""

    op_types: frozenset[str]
    types: frozenset[str]
    before: Version | None = None
    """The first release that takes them; None if no release does."""


REFUSALS = (
    Refusal(frozenset({"Scatter", "ScatterElements", "ScatterND", "Pad", "Resize", "GridSample"}), _BOOLS),
    Refusal(frozenset({"DepthToSpace", "SpaceToDepth", "ReduceMax", "ReduceMin"}), _BOOLS),
    Refusal(frozenset({"Gemm", "MatMul", "PRelu"}), _INTEGERS),
    Refusal(frozenset({"Pow"}), _INTEGERS, before=(10, 12)),
    Refusal(frozenset({"Range"}), frozenset({"FLOAT16"}), before=(10, 0)),
)
"""The types that an importer refuses at its first input, although ONNX has them."""

KNOWN_INPUTS: dict[str, tuple[int, Version]] = {
    "CumSum": (1, (10, 8)),
    "Pad": (3, (10, 4)),
    "Slice": (3, (10, 3)),
    "Squeeze": (1, (10, 7)),
    "Unsqueeze": (1, (10, 7)),
}
"""The inputs with axes that have to be constants, and the first release where they may be computed."""

LARGEST_K = 3840
"""The most elements that TopK gives, in all releases."""

LAST_GROUP_NORMALIZATION_OF_18: Version = (10, 8)
"""Up to this release, GroupNormalization is read as that of opset 18, whose scale and bias have one element for each
group. From opset 21 on they have one for each channel."""
