//! The state of the creator classes. It makes plugins from fields and from an engine's bytes.

use std::ffi::{CStr, CString, c_char};

use crate::{
    abi::Field,
    attributes::Attributes,
    message::{Refusal, Who, guard, owned},
    noted_inputs::NotedInputs,
    operators::{Declaration, VERSION},
    plugin::Plugin,
    serialized,
    tensorrt::Generation,
};

/// Creates the plugins of one operator.
pub(crate) struct Creator {
    declaration: &'static Declaration,
    generation: Generation,
    plugin_namespace: CString,
}

impl Creator {
    /// A creator in the namespace "".
    pub(crate) fn new(declaration: &'static Declaration, generation: Generation) -> Self {
        Self { declaration, generation, plugin_namespace: CString::default() }
    }

    pub(crate) fn name(&self) -> *const c_char {
        self.declaration.plugin.as_ptr()
    }

    pub(crate) fn version(&self) -> *const c_char {
        VERSION.as_ptr()
    }

    pub(crate) fn plugin_namespace(&self) -> *const c_char {
        self.plugin_namespace.as_ptr()
    }

    /// # Safety
    /// `plugin_namespace` must be null or end in a NUL.
    pub(crate) unsafe fn set_namespace(&mut self, plugin_namespace: *const c_char) {
        // SAFETY: the caller's promise.
        self.plugin_namespace = unsafe { owned(plugin_namespace) };
    }

    /// The declarations of the attributes.
    pub(crate) fn fields(&self) -> Vec<Field> {
        self.declaration.attributes.iter().map(|attribute| attribute.declaration()).collect()
    }

    /// Creates a plugin from fields.
    ///
    /// # Safety
    /// `layer` must be null or end in a NUL; each field must hold as many values of its type as it says.
    pub(crate) unsafe fn create(&self, layer: *const c_char, fields: &[Field]) -> Result<Box<Plugin>, Refusal> {
        // SAFETY: the caller's promise.
        let layer = unsafe { owned(layer) };
        guard(&self.who(&layer), || {
            // SAFETY: the caller's promise.
            let attributes = unsafe { serialized::read_fields(self.declaration.attributes, fields) }?;
            self.plugin(&layer, attributes, NotedInputs::default())
        })
    }

    /// Creates a plugin from an engine's bytes.
    ///
    /// # Safety
    /// `layer` must be null or end in a NUL; `bytes` must be null or point to `length` bytes.
    pub(crate) unsafe fn deserialize(
        &self,
        layer: *const c_char,
        bytes: *const u8,
        length: usize,
    ) -> Result<Box<Plugin>, Refusal> {
        // SAFETY: the caller's promise.
        let layer = unsafe { owned(layer) };
        guard(&self.who(&layer), || {
            // SAFETY: the caller's promise.
            let bytes = if bytes.is_null() { &[] } else { unsafe { std::slice::from_raw_parts(bytes, length) } };
            let (inputs, attributes) =
                serialized::read(&self.declaration.plugin.to_string_lossy(), self.declaration.attributes, bytes)?;
            self.plugin(&layer, attributes, inputs)
        })
    }

    fn plugin(&self, layer: &CStr, attributes: Attributes, inputs: NotedInputs) -> Result<Box<Plugin>, Refusal> {
        let operator = (self.declaration.make)(self.declaration, &attributes, self.generation)?;
        Plugin::new(self.declaration, operator, attributes, inputs, layer, &self.plugin_namespace).map(Box::new)
    }

    fn who<'a>(&'a self, layer: &'a CStr) -> Who<'a> {
        Who { plugin: self.declaration.plugin, layer }
    }
}
