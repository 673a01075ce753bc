//! The kernels that an operator may launch, whatever the shapes, and loading them ahead.

use super::{kernel::Kernel, kernels::Kernels};
use crate::Error;

/// What of a device decides which kernels are launched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DeviceTraits {
    /// Whether four float32 values join in one atomic: from sm_90 on.
    pub(super) has_vector_atomics: bool,
    /// Whether small fills are a kernel, which the next kernel can overlap.
    pub(super) fills_by_kernel: bool,
}

impl DeviceTraits {
    /// The traits of the device that the kernels are compiled for.
    pub(super) fn of(kernels: &Kernels) -> Self {
        Self { has_vector_atomics: kernels.has_vector_atomics(), fills_by_kernel: kernels.can_overlap() }
    }

    /// The kernel that fills memory, where there is one.
    pub(super) fn fill(self) -> Option<Kernel> {
        self.fills_by_kernel.then_some(super::queue::FILL_KERNEL)
    }
}

/// Compiles the kernels that are not compiled yet in the current context, all together. Takes next to no time if all
/// are compiled.
///
/// # Errors
/// [`Error::Cuda`] where the driver refuses.
pub(super) fn preload(kernels: &Kernels, launches: impl FnOnce(DeviceTraits) -> Vec<Kernel>) -> Result<(), Error> {
    kernels.load(launches(DeviceTraits::of(kernels)).into_iter())
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeSet;

    use kernel_params::entry::Params;

    use super::*;
    use crate::gpu::{DeviceNumbers, Tuning, raw::Queue};

    /// Devices with and without each trait.
    pub(in crate::gpu) const DEVICES: [DeviceTraits; 3] = [
        DeviceTraits { has_vector_atomics: false, fills_by_kernel: false },
        DeviceTraits { has_vector_atomics: true, fills_by_kernel: false },
        DeviceTraits { has_vector_atomics: true, fills_by_kernel: true },
    ];

    /// Notes which kernels a device would be asked to launch, in order.
    pub(in crate::gpu) struct Launched {
        device: DeviceTraits,
        tuning: Tuning,
        /// The kernel of each launch. None for a fill that is not a kernel.
        pub(in crate::gpu) steps: Vec<Option<Kernel>>,
    }

    impl Launched {
        pub(in crate::gpu) fn on(device: DeviceTraits) -> Self {
            Self { device, tuning: Tuning::of(&DeviceNumbers::H100), steps: Vec::new() }
        }
    }

    impl Queue for Launched {
        unsafe fn fill_u32(&mut self, _address: u64, _value: u32, count: usize) -> Result<(), Error> {
            if count > 0 {
                self.steps.push(self.device.fill().filter(|_| count <= self.tuning.fill_words));
            }
            Ok(())
        }

        fn has_vector_atomics(&self) -> bool {
            self.device.has_vector_atomics
        }

        fn tuning(&self) -> &Tuning {
            &self.tuning
        }

        unsafe fn run<P: Params>(
            &mut self,
            kernel: Kernel,
            _blocks: u32,
            _shared_bytes: u32,
            _params: &P,
        ) -> Result<(), Error> {
            self.steps.push(Some(kernel));
            Ok(())
        }
    }

    /// Asserts that the calls launch what is loaded ahead of them: nothing else, and all of it.
    pub(in crate::gpu) fn assert_exact(what: &str, loaded: &[Kernel], launched: &BTreeSet<Kernel>) {
        let loaded: BTreeSet<Kernel> = loaded.iter().copied().collect();
        let missing: Vec<_> = launched.difference(&loaded).collect();
        assert!(missing.is_empty(), "{what}: launched, but not loaded: {missing:?}");
        let unused: Vec<_> = loaded.difference(launched).collect();
        assert!(unused.is_empty(), "{what}: loaded, but launched by no shape: {unused:?}");
    }
}
