//! What a panic does on the GPU.

use core::arch::nvptx;
use core::panic::PanicInfo;

/// Stops the kernel: the launch ends with an error, and the context with it. The message is not kept, because
/// formatting it would put a formatter and its stack into every kernel.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    // SAFETY: `trap` has no precondition.
    unsafe { nvptx::trap() }
}
