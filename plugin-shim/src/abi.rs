//! The structs that C++ and Rust share: tensors, shapes and fields, the same for either generation of TensorRT.

pub(crate) use ffi::{DimSource, Field, OutputShape, SizeOrigin, TensorDesc};

#[cxx::bridge(namespace = "trts")]
mod ffi {
    /// A tensor as TensorRT describes it.
    #[derive(Clone, Copy, Debug, PartialEq)]
    struct TensorDesc {
        /// The number of axes; more than 8 or less than 0 is refused.
        rank: i32,
        /// The sizes of the first `rank` axes; -1 where a size is not known yet.
        dims: [i64; 8],
        /// `nvinfer1::DataType`.
        data_type: i32,
        /// `nvinfer1::TensorFormat`.
        format: i32,
    }

    /// How the size of an output's axis is found.
    #[derive(Clone, Copy, Debug)]
    enum SizeOrigin {
        /// It is a constant.
        Constant,
        /// It is that of an input's axis.
        Axis,
        /// It is one less than that of an input's axis, and never negative.
        Segments,
        /// It is the value of the layer's one shape tensor.
        ShapeTensor,
    }

    /// Where the size of an output's axis comes from.
    #[derive(Clone, Copy, Debug, PartialEq)]
    struct DimSource {
        origin: SizeOrigin,
        /// The input that has the axis; otherwise -1.
        input: i32,
        /// The axis; otherwise -1.
        axis: i32,
        /// The constant.
        size: i32,
    }

    /// The shape of an output; rank -1 where it was refused.
    struct OutputShape {
        rank: i32,
        dims: [DimSource; 8],
    }

    /// `nvinfer1::PluginField`. What it points to belongs to whoever made it.
    #[derive(Clone)]
    struct Field {
        name: *const c_char,
        data: *const u8,
        /// `nvinfer1::PluginFieldType`.
        field_type: i32,
        length: i32,
    }

    // The functions of `bridge` return vectors of fields.
    impl Vec<Field> {}
}
