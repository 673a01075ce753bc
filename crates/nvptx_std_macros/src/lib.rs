//! `#[kernel]`, for `nvptx_std`.
//!
//! The macro reads a function's signature itself rather than through a parser crate: it has few rules to check, and
//! every build of the workspace would wait for the parser.

mod refusal;
mod signature;

use proc_macro::TokenStream;
use refusal::Refusal;
use signature::Signature;

/// Makes an `unsafe fn` a kernel: an entry point that a host can launch.
///
/// On `nvptx64` the function becomes `#[unsafe(no_mangle)] unsafe extern "ptx-kernel" fn`, for which its crate needs
/// `#![feature(abi_ptx)]`. On every other target it stays the function it is, for the emulator to call.
///
/// # Errors
///
/// The function does not compile, and the error points at the place, if it
/// * is not `unsafe`: nothing checks the pointers that a launch passes;
/// * gives a value: a kernel has no caller to give it to;
/// * is generic, or takes `impl Trait`: an entry point is one function;
/// * takes `self`;
/// * is `const` or `async`, or names an ABI.
#[proc_macro_attribute]
pub fn kernel(arguments: TokenStream, function: TokenStream) -> TokenStream {
    let signature = match arguments.into_iter().next() {
        Some(argument) => Err(Refusal::new(argument.span(), "#[kernel] takes no arguments: write just `#[kernel]`")),
        None => Signature::read(function.clone()),
    };
    match signature {
        Ok(signature) => signature.into_kernel(),
        // The function stays as it was, so that what names it does not fail a second time.
        Err(refusal) => [function, refusal.into_compile_error()].into_iter().collect(),
    }
}
