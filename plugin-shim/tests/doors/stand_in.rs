//! A library that stands in for a TensorRT runtime, `programs/tensorrt.c`.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use super::process::compile;

/// A stand-in in a folder of its own, removed when dropped.
pub struct StandIn(PathBuf);

impl StandIn {
    pub fn of(version: i32) -> Self {
        Self::build(version, &[])
    }

    /// A stand-in whose registry takes at most `creators` creators.
    pub fn with_room_for(version: i32, creators: usize) -> Self {
        Self::build(version, &[format!("-DROOM={creators}")])
    }

    fn build(version: i32, options: &[String]) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let folder = format!("stand_in_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join(file_name(version));
        let mut all = ["-shared", "-fPIC"].map(String::from).to_vec();
        all.push(format!("-DVERSION={version}"));
        all.extend(slots(version));
        all.extend_from_slice(options);
        compile("tensorrt.c", &path, &all);
        Self(path)
    }

    pub fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        fs::remove_dir_all(self.0.parent().unwrap()).unwrap();
    }
}

/// The file name of a release's runtime. A runtime is found by its file name.
fn file_name(version: i32) -> String {
    match version {
        ..10_000 => format!("libnvinfer.so.{}", version / 1000),
        10_000..100_000 => format!("libtensorrt_rtx.so.{}", version / 10_000),
        100_000..110_000 => format!("libnvinfer_dispatch.so.{}", version / 10_000),
        110_000.. => format!("libnvinfer_lean.so.{}", version / 10_000),
    }
}

/// The slots of the releases' functions, read from their headers.
fn slots(version: i32) -> Vec<String> {
    let (registry, log, asks) = match version {
        8600 => (Some([0, 2, 11, 1]), Some(0), "getPluginCreators"),
        8500..10_000 => (Some([0, 2, 7, 1]), Some(0), "getPluginCreators"),
        10_300..10_500 => (None, Some(0), "getCreators"),
        10_500..10_800 => (None, Some(4), "getCreators"),
        100_000..110_000 => (Some([12, 14, 15, 6]), Some(0), "getCreators"),
        110_000..120_000 => (Some([8, 10, 11, 6]), Some(4), "getCreators"),
        _ => (None, None, "getCreators"),
    };
    let names = ["REGISTER", "GET", "DEREGISTER", "NAME"];
    let registry = registry.into_iter().flat_map(|slots| names.into_iter().zip(slots));
    let mut options: Vec<_> = registry.map(|(name, slot)| format!("-D{name}={slot}")).collect();
    options.extend(log.map(|slot| format!("-DLOG={slot}")));
    options.push(format!("-DASKS=\"{asks}\""));
    options
}
