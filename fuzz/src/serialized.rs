//! The bytes that an engine file keeps of a V2 plugin.

use arbitrary::Unstructured;

use crate::{choose, common::damage::crc32, tensors};

/// Deserializes the bytes as one of the plugins. A plugin that accepts them must serialize to bytes that make the same
/// plugin again.
///
/// The first byte chooses the plugin, and whether the bytes get the checksum that belongs to them, which a fuzzer
/// cannot guess.
pub fn deserialize(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let creator = choose::one_of(&mut u, tensors::creators_v2());
    let reseal = !choose::one_in(&mut u, 8);
    let content = u.take_rest();
    let mut bytes = content.to_vec();
    if reseal {
        bytes.extend(crc32(&bytes).to_le_bytes());
    }
    let Some(plugin) = creator.deserialize(c"layer", &bytes) else { return };
    let kept = plugin.serialized();
    let again = creator.deserialize(c"layer", &kept).expect("a plugin reads what it wrote");
    assert_eq!(again.serialized(), kept);
    drop(again);
    tensors::drive_v2(&mut Unstructured::new(content), creator, &plugin);
}
