//! The operators: what they are given is checked, then handed to the Rust API's functions that write to tensors of the
//! caller's.

use tensorrt_scatter::{Float, Index, Scalar, cpu, gpu};

use super::{
    descriptor::TrtsTensor,
    options::{Options, TrtsOptions},
    status::{Failure, Status, guard},
    target::{Target, TrtsTarget},
    tensors::{HostBase, Tensors},
    with_float_types, with_types,
};
use crate::operators::{Declaration, Id};

/// A tensor as a function of the Rust API takes it, by its kind: `values` and `index` are inputs of these, `base` is an
/// input of values that may be left out, `out` is an output of values, and `positions` is one of indices that may be
/// left out. First come those on the CPU, then how they are passed; then the same on a device.
macro_rules! argument {
    (host values $tensors:ident $name:ident) => {
        $tensors.input(stringify!($name)).view::<T>()?
    };
    (host index $tensors:ident $name:ident) => {
        $tensors.input(stringify!($name)).view::<I>()?
    };
    (host base $tensors:ident $name:ident) => {
        $tensors.base_on_host::<T>(stringify!($name))?
    };
    (host out $tensors:ident $name:ident) => {
        $tensors.output(stringify!($name)).view_mut::<T>()?
    };
    (host positions $tensors:ident $name:ident) => {
        $tensors.positions_on_host::<I>(stringify!($name))?
    };
    (pass_host base $name:ident) => {
        $name.as_ref().map(HostBase::view).transpose()?
    };
    (pass_host $kind:ident $name:ident) => {
        $name
    };
    (device values $tensors:ident $gpu:ident $name:ident) => {
        $tensors.input(stringify!($name)).on_device::<T>($gpu)
    };
    (device index $tensors:ident $gpu:ident $name:ident) => {
        $tensors.input(stringify!($name)).on_device::<I>($gpu)
    };
    (device base $tensors:ident $gpu:ident $name:ident) => {
        $tensors.optional_input(stringify!($name)).map(|base| base.on_device::<T>($gpu))
    };
    (device out $tensors:ident $gpu:ident $name:ident) => {
        $tensors.output(stringify!($name)).on_device::<T>($gpu)
    };
    (device positions $tensors:ident $gpu:ident $name:ident) => {
        $tensors.optional_output(stringify!($name)).map(|output| output.on_device::<I>($gpu))
    };
    (pass_device base $name:ident) => {
        $name.as_ref()
    };
    (pass_device out $name:ident) => {
        &mut $name
    };
    (pass_device positions $name:ident) => {
        $name.as_mut()
    };
    (pass_device $kind:ident $name:ident) => {
        &$name
    };
}

/// A function of the C ABI: its parameters in the header's order, each with its [kind](argument), and the functions of
/// the Rust API that it calls.
macro_rules! operator {
    (
        $id:ident: $export:ident($($input:ident: $input_kind:ident),+; $($output:ident: $output_kind:ident),+)
        -> $into:ident with $options:ident, $with_types:ident: $value:ident
    ) => {
        /// See the header.
        ///
        /// # Safety
        /// Each pointer must be null, or point to what the header says.
        #[unsafe(no_mangle)]
        #[allow(clippy::too_many_arguments, reason = "torch_scatter's own, with what it returns and a target")]
        pub unsafe extern "C" fn $export(
            $($input: *const TrtsTensor,)+
            options: *const TrtsOptions,
            $($output: *const TrtsTensor,)+
            target: *const TrtsTarget,
        ) -> Status {
            /// # Safety
            /// The tensors must be where the target says, and [checked](Tensors::check).
            #[allow(unused_mut, reason = "not every kind of tensor is passed as a mutable reference")]
            unsafe fn run<T: $value, I: Index>(
                tensors: &Tensors,
                options: &Options,
                target: &mut Target,
            ) -> Result<(), Failure> {
                let options = options.$options();
                match target {
                    Target::Cpu => {
                        // SAFETY: the caller's promise. What is `out` as well is copied before `out` is a slice.
                        $(let $input = unsafe { argument!(host $input_kind tensors $input) };)+
                        // SAFETY: the caller's promise.
                        $(let $output = unsafe { argument!(host $output_kind tensors $output) };)+
                        cpu::$into(
                            $(argument!(pass_host $input_kind $input),)+
                            &options,
                            $(argument!(pass_host $output_kind $output),)+
                        )?;
                    }
                    Target::Cuda(cuda) => {
                        let gpu = cuda.stream.gpu();
                        // SAFETY: the caller's promise.
                        $(let $input = unsafe { argument!(device $input_kind tensors gpu $input) };)+
                        // SAFETY: the caller's promise.
                        $(let mut $output = unsafe { argument!(device $output_kind tensors gpu $output) };)+
                        gpu::$into(
                            &cuda.stream,
                            $(argument!(pass_device $input_kind $input),)+
                            &options,
                            $(argument!(pass_device $output_kind $output),)+
                            &mut cuda.workspace,
                        )?;
                    }
                }
                Ok(())
            }

            guard(|| {
                let declaration = Declaration::of(Id::$id);
                // SAFETY: the caller's promise.
                let (tensors, options, mut target) = unsafe {
                    let inputs = [$((stringify!($input), $input)),+];
                    let outputs = [$((stringify!($output), $output)),+];
                    let tensors = Tensors::read(declaration, &inputs, &outputs)?;
                    (tensors, Options::new(options)?, Target::new(target)?)
                };
                options.check_reduce(declaration)?;
                let (scalar, index) = tensors.check()?;
                // SAFETY: the caller's promise, as far as it was not checked.
                unsafe { $with_types!(scalar, index, run(&tensors, &options, &mut target)) }
            })
        }
    };
}

operator! {
    Scatter: trts_scatter(src: values, index: index, base: base; out: out, arg_out: positions)
    -> scatter_into with scatter, with_types: Scalar
}
operator! {
    SegmentCoo: trts_segment_coo(src: values, index: index, base: base; out: out, arg_out: positions)
    -> segment_coo_into with segment_coo, with_types: Scalar
}
operator! {
    SegmentCsr: trts_segment_csr(src: values, indptr: index; out: out, arg_out: positions)
    -> segment_csr_into with segment_csr, with_types: Scalar
}
operator! {
    GatherCoo: trts_gather_coo(src: values, index: index; out: out)
    -> gather_coo_into with gather_coo, with_types: Scalar
}
operator! {
    GatherCsr: trts_gather_csr(src: values, indptr: index; out: out)
    -> gather_csr_into with gather_csr, with_types: Scalar
}
operator! {
    Softmax: trts_softmax(src: values, index: index; out: out)
    -> softmax_into with composite, with_float_types: Float
}
operator! {
    LogSoftmax: trts_log_softmax(src: values, index: index; out: out)
    -> log_softmax_into with composite, with_float_types: Float
}
operator! {
    LogSumExp: trts_logsumexp(src: values, index: index; out: out)
    -> logsumexp_into with composite, with_float_types: Float
}
operator! {
    Std: trts_std(src: values, index: index; out: out)
    -> std_into with composite, with_float_types: Float
}
