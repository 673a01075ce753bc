//! Reads an SDK's release from its `NvInferVersion.h`.

/// The unit that is compiled against the SDK's headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// `plugin_v2.cpp`.
    V2,
    /// `plugin_v3.cpp`.
    V3,
}

/// The unit for an SDK of TensorRT 8.5 to 11, or the reason why the SDK cannot be used.
pub fn unit(version_header: &str) -> Result<Unit, String> {
    const EXPECTED: &str = "expected the SDK of TensorRT 8.5 to 11";
    let defined = |name: &str| {
        version_header.lines().find_map(|line| {
            let mut words = line.split_whitespace();
            (words.next()? == "#define" && words.next()? == name).then(|| words.next()?.parse::<u32>().ok())?
        })
    };
    // In TensorRT-RTX, and in TensorRT from 11 on, NV_TENSORRT_MAJOR is the name of another macro.
    if let Some(major) = defined("TRT_MAJOR_RTX") {
        let minor = defined("TRT_MINOR_RTX").unwrap_or_default();
        return Err(format!(
            "it is the SDK of TensorRT-RTX {major}.{minor}, whose networks take no plugin layers; {EXPECTED}"
        ));
    }
    let enterprise = || defined("TRT_MAJOR_ENTERPRISE").zip(defined("TRT_MINOR_ENTERPRISE"));
    match defined("NV_TENSORRT_MAJOR").zip(defined("NV_TENSORRT_MINOR")).or_else(enterprise) {
        // TensorRT 10 has V2 plugins too, but their structs have another layout.
        Some((8, 5..) | (9, _)) => Ok(Unit::V2),
        Some((10 | 11, _)) => Ok(Unit::V3),
        Some((major, minor)) => Err(format!("it is the SDK of TensorRT {major}.{minor}; {EXPECTED}")),
        None => Err(format!("it says no NV_TENSORRT_MAJOR and NV_TENSORRT_MINOR; {EXPECTED}")),
    }
}
