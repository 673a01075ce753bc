//! The functions that C++ calls in Rust, and Rust in C++.

use crate::{creator::Creator, plugin::Plugin};

pub(crate) use ffi::{CreatorV2, CreatorV3, new_creator_v2, new_creator_v3};

#[cxx::bridge(namespace = "trts")]
mod ffi {
    unsafe extern "C++" {
        include!("tensorrt-scatter-plugin/src/abi.rs.h");

        type Field = crate::abi::Field;
        type OutputShape = crate::abi::OutputShape;
        type TensorDesc = crate::abi::TensorDesc;
    }

    unsafe extern "C++" {
        include!("tensorrt-scatter-plugin/cpp/creators.h");

        type CreatorV2;
        type CreatorV3;
        fn new_creator_v2(creator: Box<Creator>) -> *mut CreatorV2;
        fn new_creator_v3(creator: Box<Creator>) -> *mut CreatorV3;
    }

    extern "Rust" {
        type Creator;
        fn name(&self) -> *const c_char;
        fn version(&self) -> *const c_char;
        fn plugin_namespace(&self) -> *const c_char;
        unsafe fn set_namespace(&mut self, plugin_namespace: *const c_char);
        fn fields(&self) -> Vec<Field>;
        unsafe fn create(&self, layer: *const c_char, fields: &[Field]) -> Result<Box<Plugin>>;
        unsafe fn deserialize(&self, layer: *const c_char, bytes: *const u8, length: usize) -> Result<Box<Plugin>>;
    }

    extern "Rust" {
        type Plugin;
        fn name(&self) -> *const c_char;
        fn version(&self) -> *const c_char;
        fn plugin_namespace(&self) -> *const c_char;
        unsafe fn set_namespace(&mut self, plugin_namespace: *const c_char);
        fn duplicate(&self) -> Result<Box<Plugin>>;
        fn fields(&self) -> Vec<Field>;
        fn serialized_size(&self) -> usize;
        unsafe fn serialize(&self, buffer: *mut u8);
        fn output_count(&self) -> i32;
        fn input_count(&self) -> i32;
        fn output_type(&self, output: i32, inputs: &[i32]) -> i32;
        fn check_types(&self, inputs: &[i32], outputs: i32) -> bool;
        fn output_shape(&self, output: i32, inputs: &[TensorDesc], shape_inputs: &[TensorDesc]) -> OutputShape;
        fn supports(&self, position: i32, tensors: &[TensorDesc], inputs: i32, outputs: i32) -> bool;
        fn configure(&self, inputs: &[TensorDesc], outputs: &[TensorDesc]) -> bool;
        fn workspace_size(&self, inputs: &[TensorDesc], outputs: &[TensorDesc]) -> usize;
        fn load_kernels(&self, inputs: &[TensorDesc]);
        unsafe fn enqueue(
            &self,
            inputs: &[TensorDesc],
            outputs: &[TensorDesc],
            input_addresses: &[u64],
            output_addresses: &[u64],
            workspace: usize,
            stream: usize,
        ) -> bool;
    }
}
