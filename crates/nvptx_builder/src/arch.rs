//! The GPU architectures that kernels can be compiled for.

use std::fmt;

/// A compute capability that PTX is generated for. PTX runs on its own architecture and on every later one.
///
/// Displays as the compiler names it: `sm_90`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum NvvmArch {
    /// Turing: T4, RTX 20.
    Compute75,
    /// Ampere, data centre: A100, A30.
    Compute80,
    /// Ampere: A10, A40, RTX 30.
    Compute86,
    /// Ampere, Jetson Orin.
    Compute87,
    /// Ada: L4, L40, RTX 40.
    Compute89,
    /// Hopper: H100, H200.
    Compute90,
    /// Blackwell, data centre: B100, B200.
    Compute100,
    /// Blackwell: RTX 50.
    Compute120,
}

impl NvvmArch {
    /// Where the instruction set grew in a way that kernels may want to ask about at compile time.
    const STEPS: [Self; 3] = [Self::Compute75, Self::Compute80, Self::Compute90];

    /// The compute capability as one number: 90 for 9.0, 120 for 12.0.
    pub fn capability(self) -> u32 {
        match self {
            Self::Compute75 => 75,
            Self::Compute80 => 80,
            Self::Compute86 => 86,
            Self::Compute87 => 87,
            Self::Compute89 => 89,
            Self::Compute90 => 90,
            Self::Compute100 => 100,
            Self::Compute120 => 120,
        }
    }

    /// The PTX version to write, as a target feature of the compiler.
    ///
    /// A driver refuses PTX newer than itself, so this is the lowest that serves: 7.0 (CUDA 11.0) is the lowest that
    /// rustc writes since 1.97; each architecture needs the version which introduced it; and sm_90 needs 8.1 rather
    /// than 7.8 for vector reductions (`red.global.add.v4.f32`).
    pub(crate) fn ptx_feature(self) -> &'static str {
        match self {
            Self::Compute75 | Self::Compute80 => "ptx70",
            Self::Compute86 => "ptx71",
            Self::Compute87 => "ptx74",
            Self::Compute89 => "ptx78",
            Self::Compute90 => "ptx81",
            Self::Compute100 => "ptx86",
            Self::Compute120 => "ptx87",
        }
    }

    /// The compiler flags that select this architecture and tell the crate about it.
    pub(crate) fn rustflags(self) -> Vec<String> {
        let mut flags = vec![format!("-Ctarget-cpu={self}"), format!("-Ctarget-feature=+{}", self.ptx_feature())];
        let reached = Self::STEPS.into_iter().filter(|step| *step <= self);
        flags.extend(reached.map(|step| format!("--cfg=nvptx_{step}")));
        flags
    }
}

impl fmt::Display for NvvmArch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sm_{}", self.capability())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cfgs(arch: NvvmArch) -> Vec<String> {
        let flags = arch.rustflags().into_iter();
        flags.filter_map(|flag| flag.strip_prefix("--cfg=").map(str::to_owned)).collect()
    }

    #[test]
    fn cfgs_mean_at_least_this_architecture() {
        assert_eq!(cfgs(NvvmArch::Compute75), ["nvptx_sm_75"]);
        assert_eq!(cfgs(NvvmArch::Compute89), ["nvptx_sm_75", "nvptx_sm_80"]);
        let all = ["nvptx_sm_75", "nvptx_sm_80", "nvptx_sm_90"];
        assert_eq!(cfgs(NvvmArch::Compute90), all);
        assert_eq!(cfgs(NvvmArch::Compute120), all);
    }
}
