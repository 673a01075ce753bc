//! A crate of kernels from source to PTX, with the compiler of this machine.

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use nvptx_builder::{CudaBuilder, CudaBuilderError, NvvmArch, toolchain};

const KERNEL: &str = r#"#![no_std]
#![feature(abi_ptx, stdarch_nvptx)]

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}

#[no_mangle]
pub unsafe extern "ptx-kernel" fn add_one(values: *mut f32) {
    let thread = core::arch::nvptx::_thread_idx_x() as usize;
    *values.add(thread) += 1.0;
    #[cfg(nvptx_sm_90)]
    { *values.add(thread) *= 90.0; }
}
"#;

/// Where build scripts of this workspace build kernels too: whoever comes first compiles `core`.
fn build_folder() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    target.join("nvptx")
}

fn write_crate(name: &str, source: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(folder.join("src")).unwrap();
    let manifest = format!("[package]\nname = \"{name}\"\nedition = \"2021\"\n\n[workspace]\n");
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    fs::write(folder.join("src/lib.rs"), source).unwrap();
    folder
}

fn builder(folder: &Path) -> CudaBuilder {
    CudaBuilder::new(folder).arch(NvvmArch::Compute80).target_dir(build_folder())
}

fn modified(path: &Path) -> SystemTime {
    fs::metadata(path).unwrap().modified().unwrap()
}

/// Whether this machine can compile kernels at all; says so where it cannot.
fn has_compiler(test: &str) -> bool {
    match toolchain::find() {
        Ok(_) => true,
        Err(reason) => {
            println!("SKIPPED: {test}: {}", reason.to_string().replace('\n', " "));
            false
        }
    }
}

#[test]
fn a_kernel_becomes_an_entry_of_its_architecture() {
    if !has_compiler("a_kernel_becomes_an_entry_of_its_architecture") {
        return;
    }
    let folder = write_crate("tiny-kernel", KERNEL);
    let copy = folder.join("out/tiny.ptx");
    let _ = fs::remove_file(&copy);
    let written = builder(&folder).copy_to(&copy).build().unwrap();
    assert_eq!(written, copy);
    let ptx = fs::read_to_string(&copy).unwrap();
    assert!(ptx.contains(".visible .entry add_one("), "{ptx}");
    assert!(ptx.contains(".target sm_80"), "{ptx}");
    assert!(ptx.contains(".version 7.0"), "{ptx}");
    assert!(!ptx.contains("mul.rn.f32"), "nvptx_sm_90 was set for sm_80:\n{ptx}");

    let before = modified(&copy);
    builder(&folder).copy_to(&copy).build().unwrap();
    assert_eq!(modified(&copy), before, "an unchanged file was written again");

    write_crate("tiny-kernel", &KERNEL.replace("add_one", "add_two"));
    builder(&folder).copy_to(&copy).build().unwrap();
    let ptx = fs::read_to_string(&copy).unwrap();
    assert!(ptx.contains(".entry add_two(") && !ptx.contains("add_one"), "{ptx}");
}

#[test]
fn a_compile_error_comes_back_with_its_text_and_line() {
    if !has_compiler("a_compile_error_comes_back_with_its_text_and_line") {
        return;
    }
    let folder = write_crate("broken-kernel", &KERNEL.replace("+= 1.0", "+= missing_name"));
    let error = builder(&folder).build().unwrap_err();
    assert!(matches!(error, CudaBuilderError::BuildFailed { .. }));
    let message = format!("{error:?}");
    assert!(message.contains("cannot find value `missing_name`"), "{message}");
    assert!(message.contains("src/lib.rs:12:"), "{message}");
    assert!(!message.contains("unstable feature specified"), "{message}");
}

#[test]
fn a_folder_without_a_crate_is_named() {
    let error = builder(Path::new("no/such/crate")).build().unwrap_err();
    assert!(error.to_string().contains("no/such/crate"), "{error}");
}
