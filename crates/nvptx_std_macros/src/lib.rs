//! `#[kernel]`, for `nvptx_std`.
//!
//! The macro reads a function's signature itself. It has few rules to check, and with a parser crate every build of the
//! workspace would wait for the parser.

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
/// * returns a value: a kernel has no caller that could take it;
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
        // The function is kept, so that code that names it does not give a second error.
        Err(refusal) => [function, refusal.into_compile_error()].into_iter().collect(),
    }
}
