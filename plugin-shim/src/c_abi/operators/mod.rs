//! The operators. A function checks what it is given, and hands it to the functions of the Rust API that write to the
//! caller's tensors. Each file has an operator's function, its options, and its answer to a query.

mod attention_csr;
mod composite;
mod composite_csr;
mod gather_coo;
mod gather_csr;
mod gather_dot;
mod gather_scatter;
mod gather_segment_coo;
mod gather_segment_csr;
mod group_index;
mod scatter;
mod segment_coo;
mod segment_csr;

use tensorrt_scatter::Composite;

use super::{
    query::{Answer, Query},
    status::Failure,
};
use crate::operators::Id;

/// The answer to a query.
///
/// # Safety
/// The data of the index, where it is not null, must be where the target says.
pub(super) unsafe fn answer(query: &mut Query) -> Result<Answer, Failure> {
    // SAFETY: the caller's promise.
    unsafe {
        match query.inputs.declaration.id {
            Id::Scatter => query.answer_scatter(),
            Id::SegmentCoo => query.answer_segment_coo(),
            Id::SegmentCsr => query.answer_segment_csr(),
            Id::GatherCoo => query.answer_gather_coo(),
            Id::GatherCsr => query.answer_gather_csr(),
            Id::Softmax => query.answer_composite(Composite::Softmax),
            Id::LogSoftmax => query.answer_composite(Composite::LogSoftmax),
            Id::LogSumExp => query.answer_composite(Composite::LogSumExp),
            Id::Std => query.answer_composite(Composite::Std),
            Id::GatherSegmentCsr => query.answer_gather_segment_csr(),
            Id::GroupIndex => query.answer_group_index(),
            Id::GatherScatter => query.answer_gather_scatter(),
            Id::AttentionCsr => query.answer_attention_csr(),
            Id::GatherDot => query.answer_gather_dot(),
            Id::SoftmaxCsr => query.answer_composite_csr(Composite::Softmax),
            Id::LogSoftmaxCsr => query.answer_composite_csr(Composite::LogSoftmax),
            Id::LogSumExpCsr => query.answer_composite_csr(Composite::LogSumExp),
            Id::StdCsr => query.answer_composite_csr(Composite::Std),
            Id::GatherSegmentCoo => query.answer_gather_segment_coo(),
        }
    }
}

/// A tensor as a function of the Rust API takes it, by its kind: `values` and `index` are inputs of these, `base` is an
/// input of values that may be left out, `weight` is one of weights that may be left out, `score` is one of scores,
/// which have the types of weights, `out` is an output of values, `indices` is one of indices, and `positions` is one of
/// indices that may be left out. First come those on the CPU,
/// then how they are passed; then the same on a device.
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
    (host weight $tensors:ident $name:ident) => {
        $tensors.weight_on_host::<T>(stringify!($name))?
    };
    (host score $tensors:ident $name:ident) => {
        $tensors.score_on_host::<T>(stringify!($name))?
    };
    (host out $tensors:ident $name:ident) => {
        $tensors.output(stringify!($name)).view_mut::<T>()?
    };
    (host indices $tensors:ident $name:ident) => {
        $tensors.output(stringify!($name)).view_mut::<I>()?
    };
    (host positions $tensors:ident $name:ident) => {
        $tensors.positions_on_host::<I>(stringify!($name))?
    };
    (pass_host base $name:ident) => {
        $name.as_ref().map($crate::c_abi::tensors::HostBase::view).transpose()?
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
    (device weight $tensors:ident $gpu:ident $name:ident) => {
        $tensors.weight_on_device::<T>($gpu, stringify!($name))
    };
    (device score $tensors:ident $gpu:ident $name:ident) => {
        $tensors.score_on_device::<T>($gpu, stringify!($name))
    };
    (device out $tensors:ident $gpu:ident $name:ident) => {
        $tensors.output(stringify!($name)).on_device::<T>($gpu)
    };
    (device indices $tensors:ident $gpu:ident $name:ident) => {
        $tensors.output(stringify!($name)).on_device::<I>($gpu)
    };
    (device positions $tensors:ident $gpu:ident $name:ident) => {
        $tensors.optional_output(stringify!($name)).map(|output| output.on_device::<I>($gpu))
    };
    (pass_device base $name:ident) => {
        $name.as_ref()
    };
    (pass_device weight $name:ident) => {
        $name.as_ref().map($crate::c_abi::tensors::WeightOnDevice::view)
    };
    (pass_device score $name:ident) => {
        $name.view()
    };
    (pass_device out $name:ident) => {
        &mut $name
    };
    (pass_device indices $name:ident) => {
        &mut $name
    };
    (pass_device positions $name:ident) => {
        $name.as_mut()
    };
    (pass_device $kind:ident $name:ident) => {
        &$name
    };
}

/// A function of the C ABI: its parameters in the header's order, each with its [kind](argument), the functions of the
/// Rust API that it calls, and the types that these are generic over.
macro_rules! operator {
    (
        $id:ident: $export:ident($($input:ident: $input_kind:ident),+; $($output:ident: $output_kind:ident),+)
        -> $into:ident with $options:ident, $with_types:ident<$($type:ident: $bound:ident),+>
    ) => {
        const _: () = {
            use tensorrt_scatter::{cpu, gpu};

            use $crate::{
                c_abi::{
                    descriptor::TrtsTensor,
                    operators::argument,
                    options::{Options, TrtsOptions},
                    status::{Failure, Status, guard},
                    target::{Target, TrtsTarget},
                    tensors::Tensors,
                },
                operators::{Declaration, Id},
            };

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
                unsafe fn run<$($type: tensorrt_scatter::$bound),+>(
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
                    unsafe { $crate::c_abi::$with_types!(scalar, index, run(&tensors, &options, &mut target)) }
                })
            }
        };
    };
}

use {argument, operator};
