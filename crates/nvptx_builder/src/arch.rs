//! The GPU architectures that kernels can be compiled for.

use std::fmt;

/// Declares the architectures, from the oldest to the newest: each with its compute capability and its PTX version.
macro_rules! architectures {
    ($($(#[$doc:meta])* $variant:ident = $capability:literal, $ptx_feature:literal;)+) => {
        /// A compute capability that PTX is generated for. PTX runs on its own architecture and on every later one.
        ///
        /// Displays as the compiler names it: `sm_90`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum NvvmArch {
            $($(#[$doc])* $variant,)+
        }

        impl NvvmArch {
            /// All architectures, the oldest first.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The compute capability as one number: 90 for 9.0, 120 for 12.0.
            pub const fn capability(self) -> u32 {
                match self {
                    $(Self::$variant => $capability,)+
                }
            }

            /// The PTX version to write, as a target feature of the compiler.
            ///
            /// A driver refuses PTX that is newer than itself, so this is the lowest version that is enough. rustc from
            /// 1.97 on writes no version below 7.0 (CUDA 11.0). Each architecture needs the version that introduced it.
            /// sm_90 needs 8.1 instead of 7.8, for vector reductions (`red.global.add.v4.f32`).
            pub(crate) fn ptx_feature(self) -> &'static str {
                match self {
                    $(Self::$variant => $ptx_feature,)+
                }
            }
        }
    };
}

architectures! {
    /// Turing: T4, RTX 20.
    Compute75 = 75, "ptx70";
    /// Ampere, data centre: A100, A30.
    Compute80 = 80, "ptx70";
    /// Ampere: A10, A40, RTX 30.
    Compute86 = 86, "ptx71";
    /// Ampere, Jetson Orin.
    Compute87 = 87, "ptx74";
    /// Ada: L4, L40, RTX 40.
    Compute89 = 89, "ptx78";
    /// Hopper: H100, H200.
    Compute90 = 90, "ptx81";
    /// Blackwell, data centre: B100, B200.
    Compute100 = 100, "ptx86";
    /// Blackwell: RTX 50.
    Compute120 = 120, "ptx87";
}

impl NvvmArch {
    /// The cfg that says "at least this architecture".
    fn cfg(self) -> String {
        format!("nvptx_{self}")
    }

    /// The compiler flags that select this architecture and tell the crate about it.
    pub(crate) fn rustflags(self) -> Vec<String> {
        let mut flags = vec![format!("-Ctarget-cpu={self}"), format!("-Ctarget-feature=+{}", self.ptx_feature())];
        let reached = Self::ALL.iter().filter(|&&architecture| architecture <= self);
        flags.extend(reached.map(|architecture| format!("--cfg={}", architecture.cfg())));
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
        assert_eq!(cfgs(NvvmArch::Compute86), ["nvptx_sm_75", "nvptx_sm_80", "nvptx_sm_86"]);
        for architecture in NvvmArch::ALL {
            let reached = NvvmArch::ALL.iter().filter(|other| other.capability() <= architecture.capability());
            assert_eq!(cfgs(*architecture), reached.map(|other| other.cfg()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn nvptx_arch_knows_every_cfg() {
        let cfgs: Vec<_> = NvvmArch::ALL.iter().map(|architecture| architecture.cfg()).collect();
        let known = format!("check-cfg = [\"cfg({})\"]", cfgs.join(", "));
        let manifest = include_str!("../../nvptx_arch/Cargo.toml");
        assert!(manifest.contains(&known), "crates/nvptx_arch/Cargo.toml: expected {known}");
    }
}
