//! The structs that C++ and Rust share: tensors, shapes and fields. They are the same for both generations of TensorRT.

pub(crate) use ffi::{DimSource, Field, OutputShape, SizeOrigin, TensorDesc};

#[cxx::bridge(namespace = "trts")]
mod ffi {
    /// A tensor as TensorRT describes it.
    #[derive(Clone, Copy, Debug, PartialEq)]
    struct TensorDesc {
        /// The number of axes. Rust refuses a number outside of 0 to 8.
        rank: i32,
        /// The sizes of the first `rank` axes; -1 where a size is not known yet.
        dims: [i64; 8],
        /// `nvinfer1::DataType`.
        data_type: i32,
        /// `nvinfer1::TensorFormat`.
        format: i32,
    }

    /// How to compute the size of an output's axis.
    #[derive(Clone, Copy, Debug)]
    enum SizeOrigin {
        /// A constant.
        Constant,
        /// The size of an input's axis.
        Axis,
        /// The size of an input's axis minus 1, and at least 0.
        Segments,
        /// The value of the layer's only shape tensor, and `size` more.
        ShapeTensor,
    }

    /// The size of an output's axis, in terms of the inputs.
    #[derive(Clone, Copy, Debug, PartialEq)]
    struct DimSource {
        origin: SizeOrigin,
        /// For an axis or segments: the input. Otherwise -1.
        input: i32,
        /// For an axis or segments: the axis of the input. Otherwise -1.
        axis: i32,
        /// For a constant: the size. For a shape tensor: what is added to its value. Otherwise 0.
        size: i32,
    }

    /// The shape of an output. The rank is -1 where Rust refused the layer.
    struct OutputShape {
        rank: i32,
        dims: [DimSource; 8],
    }

    /// `nvinfer1::PluginField`. It owns nothing: whoever makes it keeps the name and the data alive.
    #[derive(Clone)]
    struct Field {
        name: *const c_char,
        data: *const u8,
        /// `nvinfer1::PluginFieldType`.
        field_type: i32,
        length: i32,
    }

    // `bridge` has functions that return vectors of fields.
    impl Vec<Field> {}
}
