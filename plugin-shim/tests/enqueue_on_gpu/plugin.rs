//! Plugins of either generation, behind one interface.

use std::ffi::{CStr, c_void};

use crate::common::{
    Field, Library,
    tensors::{BF16, INT64_TYPE, Tensor},
    v2,
    v3::{self, Phase},
};

#[derive(Clone, Copy, PartialEq)]
pub enum Generation {
    V2,
    V3,
}

impl Generation {
    /// Whether TensorRT has the type; the second generation is taken for 8.x here.
    pub fn has(self, data_type: i32) -> bool {
        self == Self::V3 || ![BF16, INT64_TYPE].contains(&data_type)
    }
}

/// The creators of both generations.
pub struct Creators {
    v2: Vec<usize>,
    v3: Vec<usize>,
}

impl Creators {
    pub fn of(library: &Library) -> Self {
        let addresses = |function| library.creators(function).into_iter().map(|creator| creator as usize).collect();
        Self { v2: addresses(c"getPluginCreators"), v3: addresses(c"getCreators") }
    }

    pub fn plugin(&self, generation: Generation, name: &CStr, fields: &[Field]) -> Box<dyn Plugin> {
        let named = |found: &str| found == name.to_str().unwrap();
        match generation {
            Generation::V2 => {
                let mut creators = self.v2.iter().map(|&address| v2::Creator(address as *mut c_void));
                let creator = creators.find(|creator| named(creator.name())).unwrap();
                let plugin = creator.create(c"gpu", fields).unwrap();
                Box::new(V2 { creator, plugin })
            }
            Generation::V3 => {
                let mut creators = self.v3.iter().map(|&address| v3::Creator(address as *mut c_void));
                let creator = creators.find(|creator| named(creator.name())).unwrap();
                Box::new(creator.create(c"gpu", fields, Phase::Runtime).unwrap())
            }
        }
    }
}

/// A plugin of either generation.
pub trait Plugin {
    /// Configures the plugin and tells the bytes of its workspace.
    fn ready(&mut self, inputs: &[Tensor], outputs: &[Tensor]) -> usize;
    fn enqueue(&self, inputs: &[(Tensor, u64)], outputs: &[(Tensor, u64)], workspace: u64, stream: *mut c_void) -> i32;
}

struct V2 {
    creator: v2::Creator,
    plugin: v2::Plugin,
}

impl Plugin for V2 {
    fn ready(&mut self, inputs: &[Tensor], outputs: &[Tensor]) -> usize {
        self.plugin.configure(inputs, outputs);
        let bytes = self.plugin.workspace_size(inputs, outputs);
        // The plugin that runs is deserialized, as from an engine file. It was never configured, and still knows its
        // types.
        self.plugin = self.creator.deserialize(c"gpu", &self.plugin.serialized()).unwrap();
        assert_eq!(self.plugin.initialize(), 0);
        bytes
    }
    fn enqueue(&self, inputs: &[(Tensor, u64)], outputs: &[(Tensor, u64)], workspace: u64, stream: *mut c_void) -> i32 {
        self.plugin.enqueue(inputs, outputs, workspace, stream)
    }
}

impl Plugin for v3::Plugin {
    fn ready(&mut self, inputs: &[Tensor], outputs: &[Tensor]) -> usize {
        assert_eq!((self.configure(inputs, outputs), self.shape_change(inputs, outputs)), (0, 0));
        self.workspace_size(inputs, inputs, outputs)
    }
    fn enqueue(&self, inputs: &[(Tensor, u64)], outputs: &[(Tensor, u64)], workspace: u64, stream: *mut c_void) -> i32 {
        v3::Plugin::enqueue(self, inputs, outputs, workspace, stream)
    }
}
