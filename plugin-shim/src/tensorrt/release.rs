//! The releases of TensorRT: the plugin interface of each, and the slots of the virtual functions that the library
//! calls.

use std::{fmt, ops::Range};

/// The plugin interface that a TensorRT release takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generation {
    /// `IPluginV2DynamicExt`.
    V2,
    /// `IPluginV3`.
    V3,
}

/// The number that `getInferLibVersion` returns: 8601 for TensorRT 8.6.1, 101600 for TensorRT 10.16.0, 10701 for
/// TensorRT-RTX 1.7.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version(pub(crate) i32);

/// TensorRT 8 and 9 multiply their major number by 1000. TensorRT-RTX, and TensorRT from 10 on, multiply it by 10000.
const FIRST_RTX: i32 = 10_000;
const FIRST_OF_TENSORRT_10: i32 = 100_000;
/// The first version that the library has plugins for.
const FIRST_SERVED: i32 = 8500;

impl Version {
    fn is_rtx(self) -> bool {
        (FIRST_RTX..FIRST_OF_TENSORRT_10).contains(&self.0)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let product = if self.is_rtx() { "TensorRT-RTX" } else { "TensorRT" };
        let &Self(number) = self;
        let (major, minor, patch) = if number < FIRST_RTX {
            (number / 1000, number / 100 % 10, number % 100)
        } else {
            (number / 10_000, number / 100 % 100, number % 100)
        };
        write!(f, "{product} {major}.{minor}.{patch}")
    }
}

/// Slots in `IPluginRegistry`'s virtual function table. The functions take or return creators of the release's
/// generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RegistrySlots {
    /// `bool registerCreator(creator&, char const* namespace)`.
    pub(super) register_creator: usize,
    /// `bool deregisterCreator(creator const&)`.
    pub(super) deregister_creator: usize,
    /// `creator* getCreator(char const* name, char const* version, char const* namespace)`; before TensorRT 10
    /// `getPluginCreator`.
    pub(super) get_creator: usize,
}

/// A release that the library has plugins for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Release {
    pub(crate) generation: Generation,
    pub(super) registry: RegistrySlots,
}

const TENSORRT_8: Release = Release {
    generation: Generation::V2,
    registry: RegistrySlots { register_creator: 0, deregister_creator: 7, get_creator: 2 },
};
const TENSORRT_8_6_0: Release = Release {
    generation: Generation::V2,
    registry: RegistrySlots { register_creator: 0, deregister_creator: 11, get_creator: 2 },
};
const TENSORRT_10: Release = Release {
    generation: Generation::V3,
    registry: RegistrySlots { register_creator: 12, deregister_creator: 15, get_creator: 14 },
};
const TENSORRT_11: Release = Release {
    generation: Generation::V3,
    registry: RegistrySlots { register_creator: 8, deregister_creator: 11, get_creator: 10 },
};

/// The releases that the library has plugins for. It registers nothing with a version that no row contains, because its
/// tables may have another order.
const RELEASES: [(Range<i32>, Release); 5] = [
    (FIRST_SERVED..8600, TENSORRT_8),
    // 8.6.0, an early access release, has an order of its own. 8.6.1 has the order of 8.5.
    (8600..8601, TENSORRT_8_6_0),
    (8601..FIRST_RTX, TENSORRT_8),
    (FIRST_OF_TENSORRT_10..110_000, TENSORRT_10),
    (110_000..120_000, TENSORRT_11),
];

/// The slot of `ILogger::log` and of `ILoggerFinder::findLogger`. Both are the first function of their class. Where the
/// classes derive from `IVersionedInterface`, its four functions come before.
const LOG_SLOTS: [(Range<i32>, usize); 5] = [
    (FIRST_SERVED..FIRST_RTX, 0),
    // TensorRT-RTX, read off the headers of 1.3 to 1.7.
    (10_300..10_500, 0),
    (10_500..10_800, 4),
    (FIRST_OF_TENSORRT_10..110_000, 0),
    (110_000..120_000, 4),
];

fn row<T: Copy, const ROWS: usize>(rows: &[(Range<i32>, T); ROWS], version: Version) -> Option<T> {
    rows.iter().find_map(|(versions, row)| versions.contains(&version.0).then_some(*row))
}

impl Version {
    /// The release, or why there are no plugins for it.
    pub(crate) fn release(self) -> Result<Release, Unserved> {
        row(&RELEASES, self).ok_or(Unserved(self))
    }

    /// The slot of the first function of `ILogger` and of `ILoggerFinder`; None where it is not known.
    pub(super) fn log_slot(self) -> Option<usize> {
        row(&LOG_SLOTS, self)
    }
}

/// A TensorRT that the library has no plugins for. Displays as the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unserved(pub(crate) Version);

impl fmt::Display for Unserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let &Self(version) = self;
        write!(f, "no plugins are registered with {version}: ")?;
        if version.is_rtx() {
            return f.write_str(
                "a network of TensorRT-RTX takes no plugin layers; use TensorRT 8.5 to 11 for engines with these plugins",
            );
        }
        f.write_str("this library has plugins for TensorRT 8.5 to 11; ")?;
        f.write_str(if version.0 < FIRST_SERVED {
            "use one of these"
        } else {
            "use one of these, or a newer version of this library"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generation(version: i32) -> Option<Generation> {
        Version(version).release().ok().map(|release| release.generation)
    }

    #[test]
    fn versions_choose_the_generation() {
        for version in [8500, 8503, 8600, 8601, 9300, 9999] {
            assert_eq!(generation(version), Some(Generation::V2), "{version}");
        }
        for version in [100_000, 100_001, 101_600, 109_999, 110_000, 110_400, 119_999] {
            assert_eq!(generation(version), Some(Generation::V3), "{version}");
        }
        for version in [i32::MIN, -1, 0, 8400, 8499, 120_000, 130_201, i32::MAX] {
            assert_eq!(generation(version), None, "{version}");
        }
    }

    #[test]
    fn no_version_of_tensorrt_rtx_has_a_generation() {
        for version in 10_000..100_000 {
            assert_eq!(generation(version), None, "{version}");
        }
    }

    #[test]
    fn slots_are_those_of_the_release() {
        // Read off the headers of the releases.
        for (versions, register, deregister, get) in [
            (&[8501, 8503, 8601, 9001, 9100, 9200][..], 0, 7, 2),
            (&[8600], 0, 11, 2),
            (&[100_001, 100_900, 101_601], 12, 15, 14),
            (&[110_000, 110_100, 110_400], 8, 11, 10),
        ] {
            for &version in versions {
                let slots = Version(version).release().unwrap().registry;
                assert_eq!(
                    (slots.register_creator, slots.deregister_creator, slots.get_creator),
                    (register, deregister, get),
                    "{version}"
                );
            }
        }
    }

    #[test]
    fn a_logger_s_slot_is_known_for_every_served_release_and_some_others() {
        for version in 8500..130_000 {
            let known = Version(version).log_slot();
            assert!(known.is_some() || generation(version).is_none(), "{version}");
        }
        for (version, slot) in [
            (8503, Some(0)),
            (10_400, Some(0)),
            (10_701, Some(4)),
            (10_800, None),
            (101_601, Some(0)),
            (110_400, Some(4)),
        ] {
            assert_eq!(Version(version).log_slot(), slot, "{version}");
        }
    }

    #[test]
    fn a_version_is_written_as_its_release_is_called() {
        for (version, text) in [
            (8503, "TensorRT 8.5.3"),
            (8601, "TensorRT 8.6.1"),
            (10_701, "TensorRT-RTX 1.7.1"),
            (101_601, "TensorRT 10.16.1"),
            (110_400, "TensorRT 11.4.0"),
            (120_000, "TensorRT 12.0.0"),
        ] {
            assert_eq!(Version(version).to_string(), text);
        }
    }
}
