//! The operators: what they are given is checked, then handed to the Rust API's functions that write to tensors of the
//! caller's.

use std::borrow::Cow;

use tensorrt_scatter::{
    Error, Float, Index, Scalar, TensorView, TensorViewMut, cpu,
    gpu::{self, DeviceTensor, Gpu},
};

use super::{
    descriptor::{Descriptor, TrtsTensor},
    options::{Options, TrtsOptions},
    status::{Failure, Status, guard},
    target::{Target, TrtsTarget},
    with_float_types, with_types,
};

/// The tensors of a call.
#[derive(Clone, Copy)]
struct Tensors {
    src: Descriptor,
    /// The index or indptr.
    index: Descriptor,
    base: Option<Descriptor>,
    out: Descriptor,
    arg_out: Option<Descriptor>,
}

impl Tensors {
    /// Checks all that the Rust API takes for granted: types, data, and which memory may be which.
    fn check(&self) -> Result<(), Failure> {
        let inputs = [Some(self.src), Some(self.index), self.base, Some(self.out), self.arg_out];
        inputs.iter().flatten().try_for_each(Descriptor::check_data)?;
        self.out.check_same_type(&self.src)?;
        self.out.check_apart(&self.src)?;
        self.out.check_apart(&self.index)?;
        if let Some(base) = &self.base {
            base.check_same_type(&self.src)?;
            if !self.out.is_same_memory(base) {
                self.out.check_apart(base)?;
            }
        }
        if let Some(arg_out) = &self.arg_out {
            arg_out.check_same_type(&self.index)?;
            inputs[..4].iter().flatten().try_for_each(|other| arg_out.check_apart(other))?;
        }
        Ok(())
    }

    /// base, or a copy of it where it is `out`, which is written to while base is read.
    ///
    /// # Safety
    /// That of [`Descriptor::view`].
    unsafe fn base_on_host<T: Scalar>(&self) -> Result<Option<HostBase<'_, T>>, Failure> {
        let Some(base) = &self.base else { return Ok(None) };
        // SAFETY: the caller's promise.
        let view = unsafe { base.view::<T>()? };
        let data = match self.out.is_same_memory(base) {
            true => Cow::Owned(view.to_tensor()?.into_data()),
            false => Cow::Borrowed(view.data()),
        };
        Ok(Some(HostBase { dims: base.shape.dims(), data }))
    }

    /// All but base.
    ///
    /// # Safety
    /// That of [`Descriptor::view_mut`] for the outputs and [`Descriptor::view`] for the inputs.
    unsafe fn on_host<'a, T: Scalar, I: Index>(&self) -> Result<OnHost<'a, T, I>, Failure> {
        // SAFETY: the caller's promise.
        unsafe {
            Ok(OnHost {
                src: self.src.view()?,
                index: self.index.view()?,
                out: self.out.view_mut()?,
                arg_out: self.arg_out.map(|arg_out| arg_out.view_mut()).transpose()?,
            })
        }
    }

    /// # Safety
    /// That of [`Descriptor::on_device`].
    unsafe fn on_device<T, I>(&self, gpu: &Gpu) -> OnDevice<T, I> {
        // SAFETY: the caller's promise.
        unsafe {
            OnDevice {
                src: self.src.on_device(gpu),
                index: self.index.on_device(gpu),
                base: self.base.map(|base| base.on_device(gpu)),
                out: self.out.on_device(gpu),
                arg_out: self.arg_out.map(|arg_out| arg_out.on_device(gpu)),
            }
        }
    }
}

struct OnHost<'a, T, I> {
    src: TensorView<'a, T>,
    index: TensorView<'a, I>,
    out: TensorViewMut<'a, T>,
    arg_out: Option<TensorViewMut<'a, I>>,
}

struct HostBase<'a, T: Scalar> {
    dims: &'a [usize],
    data: Cow<'a, [T]>,
}

impl<T: Scalar> HostBase<'_, T> {
    fn view(&self) -> Result<TensorView<'_, T>, Error> {
        TensorView::new(self.dims, &self.data)
    }
}

struct OnDevice<T, I> {
    src: DeviceTensor<T>,
    index: DeviceTensor<I>,
    base: Option<DeviceTensor<T>>,
    out: DeviceTensor<T>,
    arg_out: Option<DeviceTensor<I>>,
}

/// An argument that not all operators have; a null pointer for the others.
macro_rules! pointer_or_null {
    () => {
        std::ptr::null()
    };
    ($argument:ident) => {
        $argument
    };
}

macro_rules! operator {
    (
        $export:ident($index:ident $(, $base:ident)?; out $(, $arg_out:ident)?),
        $into:ident with $options:ident, $with_types:ident: $value:ident
    ) => {
        /// See the header.
        ///
        /// # Safety
        /// Each pointer must be null, or point to what the header says.
        #[unsafe(no_mangle)]
        #[allow(clippy::too_many_arguments, reason = "torch_scatter's own, with what it returns and a target")]
        pub unsafe extern "C" fn $export(
            src: *const TrtsTensor,
            $index: *const TrtsTensor,
            $($base: *const TrtsTensor,)?
            options: *const TrtsOptions,
            out: *const TrtsTensor,
            $($arg_out: *const TrtsTensor,)?
            target: *const TrtsTarget,
        ) -> Status {
            /// # Safety
            /// The tensors must be where the target says, and [checked](Tensors::check).
            unsafe fn run<T: $value, I: Index>(
                tensors: &Tensors,
                options: &Options,
                target: &mut Target,
            ) -> Result<(), Failure> {
                let options = options.$options();
                match target {
                    Target::Cpu => {
                        // SAFETY: the caller's promise. A base that is `out` is copied before `out` is a slice.
                        $(let $base = unsafe { tensors.base_on_host::<T>()? };)?
                        // SAFETY: the caller's promise.
                        let host = unsafe { tensors.on_host::<T, I>()? };
                        cpu::$into(
                            host.src,
                            host.index,
                            $($base.as_ref().map(HostBase::view).transpose()?,)?
                            &options,
                            host.out,
                            $(host.$arg_out,)?
                        )?;
                    }
                    Target::Cuda(cuda) => {
                        // SAFETY: the caller's promise.
                        let mut device = unsafe { tensors.on_device::<T, I>(cuda.stream.gpu()) };
                        gpu::$into(
                            &cuda.stream,
                            &device.src,
                            &device.index,
                            $(device.$base.as_ref(),)?
                            &options,
                            &mut device.out,
                            $(device.$arg_out.as_mut(),)?
                            &mut cuda.workspace,
                        )?;
                    }
                }
                Ok(())
            }

            guard(|| {
                // SAFETY: the caller's promise.
                let (tensors, options, mut target) = unsafe {
                    let tensors = Tensors {
                        src: Descriptor::required("src", src)?,
                        index: Descriptor::required(stringify!($index), $index)?,
                        base: Descriptor::optional("base", pointer_or_null!($($base)?))?,
                        out: Descriptor::required("out", out)?,
                        arg_out: Descriptor::optional("arg_out", pointer_or_null!($($arg_out)?))?,
                    };
                    (tensors, Options::new(options)?, Target::new(target)?)
                };
                tensors.check()?;
                let (scalar, index) = (tensors.src.scalar, tensors.index.index_type()?);
                // SAFETY: the caller's promise, as far as it was not checked.
                unsafe { $with_types!(scalar, index, run(&tensors, &options, &mut target)) }
            })
        }
    };
}

operator!(trts_scatter(index, base; out, arg_out), scatter_into with scatter, with_types: Scalar);
operator!(trts_segment_coo(index, base; out, arg_out), segment_coo_into with segment_coo, with_types: Scalar);
operator!(trts_segment_csr(indptr; out, arg_out), segment_csr_into with segment_csr, with_types: Scalar);
operator!(trts_gather_coo(index; out), gather_coo_into with gather_coo, with_types: Scalar);
operator!(trts_gather_csr(indptr; out), gather_csr_into with gather_csr, with_types: Scalar);
operator!(trts_softmax(index; out), softmax_into with composite, with_float_types: Float);
operator!(trts_log_softmax(index; out), log_softmax_into with composite, with_float_types: Float);
operator!(trts_logsumexp(index; out), logsumexp_into with composite, with_float_types: Float);
operator!(trts_std(index; out), std_into with composite, with_float_types: Float);
