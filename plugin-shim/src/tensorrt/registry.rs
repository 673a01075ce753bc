//! TensorRT's `IPluginRegistry`.

use std::{
    ffi::{CStr, c_char},
    mem::transmute,
};

use super::{Object, release::RegistrySlots, virtual_function};

/// The namespace that creators are registered in.
const NAMESPACE: &CStr = c"";

/// A registry of a release that the library has plugins for.
pub(crate) struct Registry {
    object: Object,
    slots: RegistrySlots,
}

impl Registry {
    /// # Safety
    /// `object` must be an `IPluginRegistry` with these slots that lives as long as the value.
    pub(super) unsafe fn new(object: Object, slots: RegistrySlots) -> Self {
        Self { object, slots }
    }

    /// The address of the registry, which identifies it.
    pub(crate) fn address(&self) -> usize {
        self.object.as_ptr() as usize
    }

    /// Registers a creator in the namespace "". False where the registry has a creator of that name and version
    /// already; TensorRT logs nothing then.
    ///
    /// # Safety
    /// `creator` must be a creator of the release's generation that is never freed.
    pub(crate) unsafe fn register(&self, creator: Object) -> bool {
        // SAFETY: the slot holds `bool registerCreator(creator&, char const* namespace)`; the rest is the caller's
        // promise.
        unsafe {
            let register = virtual_function(self.object, self.slots.register_creator);
            transmute::<*const _, extern "C" fn(Object, Object, *const c_char) -> bool>(register)(
                self.object,
                creator,
                NAMESPACE.as_ptr(),
            )
        }
    }

    /// Removes a creator. False where the registry does not have it; TensorRT logs an error then.
    ///
    /// # Safety
    /// As [`Registry::register`].
    pub(crate) unsafe fn deregister(&self, creator: Object) -> bool {
        // SAFETY: the slot holds `bool deregisterCreator(creator const&)`; the rest is the caller's promise.
        unsafe {
            let deregister = virtual_function(self.object, self.slots.deregister_creator);
            transmute::<*const _, extern "C" fn(Object, Object) -> bool>(deregister)(self.object, creator)
        }
    }

    /// True where the registry has a creator of this name and version in the namespace "". Where it has none, TensorRT
    /// logs an error, from TensorRT 10 on.
    pub(crate) fn has(&self, name: &CStr, version: &CStr) -> bool {
        // SAFETY: the slot holds `creator* getCreator(char const*, char const*, char const*)`; the texts end in a NUL.
        let creator = unsafe {
            let get = virtual_function(self.object, self.slots.get_creator);
            transmute::<*const _, extern "C" fn(Object, *const c_char, *const c_char, *const c_char) -> Option<Object>>(
                get,
            )(self.object, name.as_ptr(), version.as_ptr(), NAMESPACE.as_ptr())
        };
        creator.is_some()
    }
}
