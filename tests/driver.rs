//! How the GPU backend handles the driver's answers. The driver is a stand-in, so no GPU is needed; each test runs in a
//! process of its own, since a process has one driver.

use std::{sync::mpsc, thread, time::Duration};

use driver_stand_in::{StandIn, run_with_driver};
use tensorrt_scatter::{
    BadIndex, CompositeOptions, Error, GatherCooOptions, Reduce, ScatterOptions, SegmentCooOptions, SegmentCsrOptions,
    Shape, Tensor,
    gpu::{self, DeviceTensor, Event, Gpu, Stream, Workspace, raw::Kernels},
};

/// The tests, each of which runs the function of its name in `in_child` in a process of its own.
macro_rules! in_processes {
    ($($test:ident)+) => {
        $(#[test]
        fn $test() {
            run_with_driver(env!("CARGO_TARGET_TMPDIR"), stringify!($test), &[], in_child::$test);
        })+
    };
}

in_processes! {
    every_answer_is_an_error_with_its_number
    an_unknown_number_of_a_device_that_is_taken_is_told
    out_of_memory_is_told_from_other_failures
    no_device_is_told_from_a_driver_that_fails
    a_tensor_of_another_device_is_refused
    a_loaded_kernel_is_launched_while_another_is_compiled
    a_kernel_that_two_threads_want_is_compiled_once
    looking_the_kernels_up_asks_the_driver_for_the_context_alone
    kernels_are_found_on_every_thread_and_device
    a_reset_device_is_told_and_made_anew
    a_reset_is_noticed_with_an_old_driver
    a_driver_that_makes_a_reset_context_current_does_not_hide_the_reset
    what_outlives_a_reset_frees_nothing
    a_device_below_the_oldest_architecture_is_refused
    a_driver_older_than_the_ptx_compiles_that_of_an_older_architecture
    launches_overlap_where_the_driver_can_capture_that
    a_driver_from_13_0_on_compiles_in_several_threads
    streams_and_events_move_to_other_threads
}

/// Numbers that drivers answer: 46, 721, 810 and 912 are no variants of the enum that `cust::sys` has.
const NUMBERS: [i32; 5] = [46, 721, 810, 912, 999_999];

fn shape(dims: &[usize]) -> Shape {
    Shape::new(dims).unwrap()
}

/// A stream, and src and index of four elements.
fn four(gpu: &Gpu) -> (Stream, DeviceTensor<f32>, DeviceTensor<i32>) {
    let stream = Stream::new(gpu).unwrap();
    let src = DeviceTensor::from_host(&stream, &Tensor::new(&[4], vec![1.0f32, 2.0, 3.0, 4.0]).unwrap()).unwrap();
    let index = DeviceTensor::from_host(&stream, &Tensor::new(&[4], vec![0, 1, 0, 1]).unwrap()).unwrap();
    (stream, src, index)
}

fn options(reduce: Reduce) -> ScatterOptions {
    ScatterOptions::new(reduce).dim_size(2).bad_index(BadIndex::Skip)
}

/// A scatter of four elements.
fn scatter(gpu: &Gpu, reduce: Reduce) -> Result<(), Error> {
    let (stream, src, index) = four(gpu);
    gpu::scatter(&stream, &src, &index, None, &options(reduce)).map(drop)
}

mod in_child {
    use super::*;

    pub fn every_answer_is_an_error_with_its_number(driver: &StandIn) {
        let gpu = Gpu::new(0).unwrap();
        let stream = Stream::new(&gpu).unwrap();
        let tensor = DeviceTensor::<i32>::zeros(&stream, shape(&[4])).unwrap();
        let host = Tensor::new(&[4], vec![0i32; 4]).unwrap();
        let (early, late) = (Event::new(&gpu).unwrap(), Event::new(&gpu).unwrap());
        type Call<'a> = (&'a str, &'a dyn Fn() -> Result<(), Error>);
        let function_and_call: [Call; 21] = [
            ("cuInit", &|| Gpu::new(0).map(drop)),
            ("cuDeviceGet", &|| Gpu::new(0).map(drop)),
            ("cuDeviceGetName", &|| Gpu::new(0).map(drop)),
            ("cuDevicePrimaryCtxRetain", &|| Gpu::new(0).map(drop)),
            ("cuDevicePrimaryCtxGetState", &|| gpu.bind()),
            ("cuCtxSetCurrent", &|| gpu.bind()),
            ("cuCtxGetCurrent", &|| Kernels::for_current_context().map(drop)),
            ("cuCtxGetId", &|| Kernels::for_current_context().map(drop)),
            ("cuMemGetInfo_v2", &|| gpu.free_bytes().map(drop)),
            ("cuMemAlloc_v2", &|| Workspace::with_bytes(&gpu, 8).map(drop)),
            ("cuStreamCreateWithPriority", &|| Stream::new(&gpu).map(drop)),
            ("cuStreamSynchronize", &|| stream.synchronize()),
            ("cuMemsetD8Async", &|| DeviceTensor::<i32>::zeros(&stream, shape(&[4])).map(drop)),
            ("cuMemcpyHtoDAsync_v2", &|| DeviceTensor::from_host(&stream, &host).map(drop)),
            ("cuMemcpyDtoHAsync_v2", &|| tensor.to_host(&stream).map(drop)),
            ("cuEventCreate", &|| Event::new(&gpu).map(drop)),
            ("cuEventRecord", &|| early.record(&stream)),
            ("cuEventSynchronize", &|| late.elapsed_since(&early).map(drop)),
            ("cuEventElapsedTime", &|| late.elapsed_since(&early).map(drop)),
            ("cuModuleLoadDataEx", &|| scatter(&gpu, Reduce::Sum)),
            ("cuModuleGetFunction", &|| scatter(&gpu, Reduce::Sum)),
        ];
        for number in NUMBERS {
            for (function, call) in function_and_call {
                driver.answer(function, number);
                let error = call().expect_err(function);
                driver.answer(function, 0);
                assert!(matches!(error, Error::Cuda { code, .. } if code == number), "{function}: {error:?}");
                assert!(error.to_string().contains(&number.to_string()), "{function}: {error}");
                assert!(!error.is_out_of_memory(), "{function}: {error}");
            }
        }
        scatter(&gpu, Reduce::Sum).unwrap();
        for number in NUMBERS {
            for function in ["cuLaunchKernel", "cuLaunchKernelEx"] {
                driver.answer(function, number);
                let error = scatter(&gpu, Reduce::Min).expect_err(function);
                driver.answer(function, 0);
                assert!(matches!(error, Error::Cuda { code, .. } if code == number), "{function}: {error:?}");
            }
        }
    }

    pub fn an_unknown_number_of_a_device_that_is_taken_is_told(driver: &StandIn) {
        // Another process has the device for itself: CUDA_ERROR_DEVICE_UNAVAILABLE.
        driver.answer("cuDevicePrimaryCtxRetain", 46);
        let text = Gpu::new(0).err().unwrap().to_string();
        for part in ["making the device's context failed", "CUDA_ERROR_DEVICE_UNAVAILABLE (46)", "busy or unavailable"]
        {
            assert!(text.contains(part), "{part:?} is not in {text:?}");
        }
    }

    pub fn out_of_memory_is_told_from_other_failures(driver: &StandIn) {
        driver.answer("cuDevicePrimaryCtxRetain", 2);
        let error = Gpu::new(0).err().unwrap();
        assert!(error.is_out_of_memory(), "{error:?}");
        driver.answer("cuDevicePrimaryCtxRetain", 0);
        let gpu = Gpu::new(0).unwrap();
        let error = Workspace::with_bytes(&gpu, 1 << 50).err().unwrap();
        assert_eq!(error, Error::OutOfDeviceMemory { device: 0, bytes: 1 << 50 });
        assert!(error.is_out_of_memory());
        assert!(error.to_string().contains("1125899906842624 bytes"), "{error}");
        driver.answer("cuModuleLoadDataEx", 2);
        let error = scatter(&gpu, Reduce::Sum).unwrap_err();
        assert!(matches!(error, Error::Cuda { code: 2, .. }), "{error:?}");
        assert!(error.is_out_of_memory());
        assert!(error.to_string().contains("CUDA_ERROR_OUT_OF_MEMORY (2), out of memory"), "{error}");
        assert!(!Error::UnknownDimSize.is_out_of_memory());
    }

    pub fn no_device_is_told_from_a_driver_that_fails(driver: &StandIn) {
        let no_device = |error: &Error| matches!(error, Error::NoDevice { .. });
        let error = Gpu::new(1).err().unwrap();
        assert!(no_device(&error) && error.to_string().contains("device 1"), "{error}");
        assert!(no_device(&Gpu::new(u32::MAX).err().unwrap()));
        for number in [34, 100] {
            driver.answer("cuInit", number);
            assert!(no_device(&Gpu::new(0).err().unwrap()), "{number}");
        }
        driver.answer("cuInit", 803);
        assert!(matches!(Gpu::new(0).err().unwrap(), Error::Cuda { code: 803, .. }));
        driver.answer("cuInit", 0);
        Gpu::new(0).unwrap();
    }

    pub fn a_tensor_of_another_device_is_refused(driver: &StandIn) {
        driver.set("devices", 2);
        let (gpu, other) = (Gpu::new(0).unwrap(), Gpu::new(1).unwrap());
        let stream = Stream::new(&gpu).unwrap();
        let on = |gpu: &Gpu| {
            let (_, src, index) = four(gpu);
            let (stream, workspace) = (Stream::new(gpu).unwrap(), Workspace::with_bytes(gpu, 64).unwrap());
            let out = DeviceTensor::<f32>::zeros(&stream, shape(&[2])).unwrap();
            let arg_out = DeviceTensor::<i32>::zeros(&stream, shape(&[2])).unwrap();
            (src, index, out, arg_out, workspace)
        };
        let launches = || driver.calls("cuLaunchKernel") + driver.calls("cuLaunchKernelEx");
        let refused = |result: Result<(), Error>, tensor: &str| {
            let error = result.unwrap_err();
            let Error::OtherDevice { tensor: named, device: 1, stream_device: 0 } = error else {
                panic!("{tensor}: {error:?}")
            };
            assert_eq!(named, tensor);
            assert_eq!(launches(), 0, "{tensor}");
        };
        // Each tensor in turn is the only one of the other device.
        for (number, tensor) in ["src", "index", "base", "out", "arg_out", "workspace"].into_iter().enumerate() {
            let (mine, mut theirs) = (on(&gpu), on(&other));
            let (src, index, mut out, mut arg_out, mut workspace) = mine;
            let (base, bases) = (on(&gpu).2, on(&other).2);
            let src = if number == 0 { &theirs.0 } else { &src };
            let index = if number == 1 { &theirs.1 } else { &index };
            let base = if number == 2 { &bases } else { &base };
            let out = if number == 3 { &mut theirs.2 } else { &mut out };
            let arg_out = if number == 4 { &mut theirs.3 } else { &mut arg_out };
            let workspace = if number == 5 { &mut theirs.4 } else { &mut workspace };
            for bad_index in [BadIndex::Skip, BadIndex::Error] {
                let options = ScatterOptions::new(Reduce::Max).bad_index(bad_index);
                let result =
                    gpu::scatter_into(&stream, src, index, Some(base), &options, out, Some(&mut *arg_out), workspace);
                refused(result, tensor);
                let options = SegmentCooOptions::new(Reduce::Max).bad_index(bad_index);
                let result = gpu::segment_coo_into(
                    &stream,
                    src,
                    index,
                    Some(base),
                    &options,
                    out,
                    Some(&mut *arg_out),
                    workspace,
                );
                refused(result, tensor);
            }
        }
        // Every other operator, by its src and its index.
        let (src, index, mut out, _, mut workspace) = on(&gpu);
        let theirs = on(&other);
        let indptr = |gpu: &Gpu| {
            let stream = Stream::new(gpu).unwrap();
            DeviceTensor::from_host(&stream, &Tensor::new(&[3], vec![0, 2, 4]).unwrap()).unwrap()
        };
        let (bounds, their_bounds) = (indptr(&gpu), indptr(&other));
        let csr = SegmentCsrOptions::new(Reduce::Sum);
        refused(gpu::segment_csr(&stream, &theirs.0, &bounds, &csr).map(drop), "src");
        refused(gpu::segment_csr(&stream, &src, &their_bounds, &csr).map(drop), "indptr");
        refused(gpu::gather_coo(&stream, &theirs.0, &index, &GatherCooOptions::new()).map(drop), "src");
        refused(gpu::gather_coo(&stream, &src, &theirs.1, &GatherCooOptions::new()).map(drop), "index");
        let groups = CompositeOptions::new().dim_size(2);
        refused(gpu::softmax(&stream, &theirs.0, &index, &groups).map(drop), "src");
        refused(gpu::softmax(&stream, &src, &theirs.1, &groups).map(drop), "index");
        refused(gpu::scatter(&stream, &src, &theirs.1, None, &ScatterOptions::new(Reduce::Sum)).map(drop), "index");
        refused(gpu::group_count(&stream, &theirs.1, &mut workspace).map(drop), "index");
        refused(theirs.0.to_host(&stream).map(drop), "tensor");
        // Another Gpu of the same device is the same context.
        let (_, same_src, same_index) = four(&Gpu::new(0).unwrap());
        let options = options(Reduce::Sum);
        gpu::scatter_into(&stream, &same_src, &same_index, None, &options, &mut out, None, &mut workspace).unwrap();
        assert_eq!(driver.bad_handles(), 0);
    }

    pub fn a_loaded_kernel_is_launched_while_another_is_compiled(driver: &StandIn) {
        let gpu = Gpu::new(0).unwrap();
        scatter(&gpu, Reduce::Sum).unwrap();
        let compilations = driver.calls("cuModuleLoadDataEx");
        driver.set("compiling_waits", 1);
        let compiling = thread::spawn({
            let gpu = gpu.clone();
            move || scatter(&gpu, Reduce::Mul)
        });
        driver.wait_for_calls("cuModuleLoadDataEx", compilations + 1);
        let (done, is_done) = mpsc::channel();
        thread::spawn({
            let gpu = gpu.clone();
            move || done.send(scatter(&gpu, Reduce::Sum))
        });
        let launched = is_done.recv_timeout(Duration::from_secs(20));
        assert!(!compiling.is_finished(), "the stand-in's compiler did not wait");
        driver.set("compiling_waits", 0);
        launched.expect("a launch of a loaded kernel waits for a compilation").unwrap();
        compiling.join().unwrap().unwrap();
    }

    pub fn a_kernel_that_two_threads_want_is_compiled_once(driver: &StandIn) {
        let gpu = Gpu::new(0).unwrap();
        scatter(&gpu, Reduce::Sum).unwrap();
        let before = driver.calls("cuModuleLoadDataEx");
        driver.set("compiling_waits", 1);
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let gpu = gpu.clone();
                thread::spawn(move || scatter(&gpu, Reduce::Mul))
            })
            .collect();
        driver.wait_for_calls("cuModuleLoadDataEx", before + 1);
        driver.set("compiling_waits", 0);
        for thread in threads {
            thread.join().unwrap().unwrap();
        }
        // At most one compilation for each kernel, as for a single thread.
        let (together, functions) = (driver.calls("cuModuleLoadDataEx") - before, driver.calls("cuModuleGetFunction"));
        assert_eq!(together, 1);
        scatter(&gpu, Reduce::Mul).unwrap();
        assert_eq!(driver.calls("cuModuleGetFunction"), functions);
    }

    pub fn looking_the_kernels_up_asks_the_driver_for_the_context_alone(driver: &StandIn) {
        let gpu = Gpu::new(0).unwrap();
        let before = driver.calls("cuDeviceGetAttribute");
        let (current, ids) = (driver.calls("cuCtxGetCurrent"), driver.calls("cuCtxGetId"));
        for _ in 0..10 {
            assert!(std::ptr::eq(Kernels::for_current_context().unwrap(), gpu.kernels()));
        }
        assert_eq!(driver.calls("cuDeviceGetAttribute"), before);
        assert_eq!(driver.calls("cuCtxGetCurrent"), current + 10);
        assert_eq!(driver.calls("cuCtxGetId"), ids + 10);
    }

    pub fn kernels_are_found_on_every_thread_and_device(driver: &StandIn) {
        driver.set("devices", 2);
        let (first, second) = (Gpu::new(0).unwrap(), Gpu::new(1).unwrap());
        assert!(!std::ptr::eq(first.kernels(), second.kernels()));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    assert!(matches!(Kernels::for_current_context(), Err(Error::NoDevice { .. })));
                    for gpu in [&first, &second, &first] {
                        gpu.bind().unwrap();
                        assert!(std::ptr::eq(Kernels::for_current_context().unwrap(), gpu.kernels()));
                    }
                });
            }
        });
    }

    /// Resets the device, and checks objects that were made before and after. If `is_revived`, another library makes
    /// the context anew in between.
    fn reset_and_go_on(driver: &StandIn, is_revived: bool) {
        let gpu = Gpu::new(0).unwrap();
        let (stream, src, index) = four(&gpu);
        let mut out = DeviceTensor::<f32>::zeros(&stream, shape(&[2])).unwrap();
        let mut workspace = Workspace::with_bytes(&gpu, 64).unwrap();
        scatter(&gpu, Reduce::Sum).unwrap();
        driver.reset(0);
        if is_revived {
            driver.retain(0);
        }
        let lost = |result: Result<(), Error>| assert_eq!(result, Err(Error::ContextLost { device: 0 }));
        lost(gpu.bind());
        lost(stream.synchronize());
        lost(scatter_on(&stream, &src, &index, &mut out, &mut workspace));
        lost(src.to_host(&stream).map(drop));
        // From a new Gpu everything works, with kernels compiled anew.
        let compilations = driver.calls("cuModuleLoadDataEx");
        let anew = Gpu::new(0).unwrap();
        scatter(&anew, Reduce::Sum).unwrap();
        assert_eq!(driver.calls("cuModuleLoadDataEx"), compilations + 1);
        // What was made before stays lost, on the new stream too.
        let new_stream = Stream::new(&anew).unwrap();
        lost(scatter_on(&new_stream, &src, &index, &mut out, &mut workspace));
        lost(gpu.bind());
        assert_eq!(driver.bad_handles(), 0);
    }

    fn scatter_on(
        stream: &Stream,
        src: &DeviceTensor<f32>,
        index: &DeviceTensor<i32>,
        out: &mut DeviceTensor<f32>,
        workspace: &mut Workspace,
    ) -> Result<(), Error> {
        gpu::scatter_into(stream, src, index, None, &options(Reduce::Sum), out, None, workspace)
    }

    pub fn a_reset_device_is_told_and_made_anew(driver: &StandIn) {
        reset_and_go_on(driver, false);
        reset_and_go_on(driver, true);
    }

    pub fn a_reset_is_noticed_with_an_old_driver(driver: &StandIn) {
        // CUDA 11.8 has no numbers of contexts.
        driver.set("version", 11_080);
        reset_and_go_on(driver, false);
        reset_and_go_on(driver, true);
    }

    pub fn a_driver_that_makes_a_reset_context_current_does_not_hide_the_reset(driver: &StandIn) {
        driver.set("inactive_can_be_current", 1);
        reset_and_go_on(driver, false);
        reset_and_go_on(driver, true);
    }

    pub fn what_outlives_a_reset_frees_nothing(driver: &StandIn) {
        let gpu = Gpu::new(0).unwrap();
        let (stream, src, index) = four(&gpu);
        let event = Event::new(&gpu).unwrap();
        driver.reset(0);
        driver.retain(0);
        let functions = ["cuMemFree_v2", "cuStreamDestroy_v2", "cuEventDestroy_v2"];
        let before = functions.map(|function| driver.calls(function));
        drop((src, index, event, stream));
        assert_eq!(functions.map(|function| driver.calls(function)), before);
        // Without a reset, all memory is freed.
        let gpu = Gpu::new(0).unwrap();
        let (stream, src, index) = four(&gpu);
        let event = Event::new(&gpu).unwrap();
        drop((src, index, event, stream));
        let freed = functions.map(|function| driver.calls(function));
        assert_eq!(freed, [before[0] + 2, before[1] + 1, before[2] + 1]);
        assert_eq!(driver.bad_handles(), 0);
    }

    pub fn a_device_below_the_oldest_architecture_is_refused(driver: &StandIn) {
        driver.set("architecture", 70);
        let error = Gpu::new(0).err().unwrap();
        assert_eq!(error, Error::UnsupportedDevice { major: 7, minor: 0, needed_major: 7, needed_minor: 5 });
        driver.set("architecture", 75);
        Gpu::new(0).unwrap();
    }

    pub fn a_driver_older_than_the_ptx_compiles_that_of_an_older_architecture(driver: &StandIn) {
        // A driver of CUDA 11.8 knows PTX 7.8; the PTX for sm_90 is a newer one.
        driver.set("version", 11_080);
        driver.set("newest_ptx", 78);
        let gpu = Gpu::new(0).unwrap();
        scatter(&gpu, Reduce::Sum).unwrap();
        assert_eq!(driver.last_target(), 80);
        assert_eq!(driver.calls("cuModuleLoadDataEx"), 2);
        // Where no PTX is old enough, the driver's answer is the error.
        driver.set("newest_ptx", 10);
        let error = scatter(&gpu, Reduce::Mul).unwrap_err();
        assert!(matches!(error, Error::Cuda { code: 222, .. }), "{error:?}");
        assert_eq!(driver.last_target(), 75);
        // Any other answer ends the search.
        let before = driver.calls("cuModuleLoadDataEx");
        driver.answer("cuModuleLoadDataEx", 218);
        assert!(matches!(scatter(&gpu, Reduce::Mul).unwrap_err(), Error::Cuda { code: 218, .. }));
        assert_eq!(driver.calls("cuModuleLoadDataEx"), before + 1);
    }

    pub fn launches_overlap_where_the_driver_can_capture_that(driver: &StandIn) {
        driver.set("devices", 4);
        let overlapping = |device, version, architecture| {
            driver.set("version", version);
            driver.set("architecture", architecture);
            let gpu = Gpu::new(device).unwrap();
            let before = driver.calls("cuLaunchKernelEx");
            scatter(&gpu, Reduce::Min).unwrap();
            driver.calls("cuLaunchKernelEx") - before
        };
        assert!(overlapping(0, 12_030, 90) > 0);
        assert_eq!(overlapping(1, 12_020, 90), 0);
        assert_eq!(overlapping(2, 12_030, 80), 0);
    }

    pub fn a_driver_from_13_0_on_compiles_in_several_threads(driver: &StandIn) {
        /// `CU_JIT_SPLIT_COMPILE`.
        const SPLIT_COMPILE: i32 = 34;
        driver.set("devices", 2);
        driver.set("version", 12_090);
        scatter(&Gpu::new(0).unwrap(), Reduce::Sum).unwrap();
        assert_eq!(driver.last_options(), (0, 0));
        driver.set("version", 13_000);
        scatter(&Gpu::new(1).unwrap(), Reduce::Sum).unwrap();
        assert_eq!(driver.last_options(), (1, SPLIT_COMPILE));
    }

    pub fn streams_and_events_move_to_other_threads(_driver: &StandIn) {
        let gpu = Gpu::new(0).unwrap();
        let (stream, src, index) = four(&gpu);
        let event = Event::new(&gpu).unwrap();
        thread::spawn(move || {
            gpu::scatter(&stream, &src, &index, None, &options(Reduce::Sum)).unwrap();
            event.record(&stream).unwrap();
            stream.synchronize().unwrap();
        })
        .join()
        .unwrap();
    }
}
