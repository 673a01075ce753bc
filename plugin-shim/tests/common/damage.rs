//! Damaged bytes and fields, by a seeded generator.

use super::{Field, random::Random};

/// Copies of `bytes` with some of them changed, removed, repeated or inserted. In every second copy, the last four
/// bytes are the right checksum, so that the code after the check of the checksum runs too.
pub fn damaged_bytes(bytes: &[u8], count: usize, random: &mut Random) -> Vec<Vec<u8>> {
    (0..count).map(|round| damage(bytes, round % 2 == 0, random)).collect()
}

fn damage(bytes: &[u8], reseal: bool, random: &mut Random) -> Vec<u8> {
    let mut content = bytes[..bytes.len() - if reseal { 4 } else { 0 }].to_vec();
    for _ in 0..=random.below(3) {
        let at = random.index(content.len());
        match random.below(5) {
            0 => content[at] ^= 1 << random.below(8),
            1 => content[at] = random.below(256) as u8,
            2 => content[at] = [0, 1, 0x7f, 0x80, 0xff][random.index(5)],
            3 if content.len() > 1 => drop(content.remove(at)),
            _ => content.insert(at, content[at]),
        }
    }
    if reseal {
        content.extend(crc32(&content).to_le_bytes());
    }
    content
}

/// CRC-32 as IEEE 802.3 has it.
pub fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |mut crc, &byte| {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
        }
        crc
    })
}

/// The data that damaged fields point to. It is at least as long as any length that [`damage_fields`] leaves.
static DATA: [u8; 128] = [0x6d; 128];

/// Changes some of the fields (type, length, data and name), and their number. A field still has at least as much data
/// as it says, as TensorRT guarantees.
pub fn damage_fields(fields: &mut Vec<Field>, random: &mut Random) {
    for _ in 0..=random.below(3) {
        if fields.is_empty() || random.below(8) == 0 {
            fields.push(Field { name: c"dim_size".as_ptr(), data: DATA.as_ptr().cast(), field_type: 5, length: 1 });
        }
        let at = random.index(fields.len());
        let field = &mut fields[at];
        match random.below(7) {
            0 => {
                *field =
                    Field { field_type: random.below(13) as i32 - 1, data: DATA.as_ptr().cast(), length: 1, ..*field }
            }
            1 => field.length = [0, -1, i32::MIN][random.index(3)],
            // Refused by its length, before any of it is read.
            2 => field.length = i32::MAX - random.below(1000) as i32,
            3 => field.data = std::ptr::null(),
            4 => field.name = [c"no_such".as_ptr(), std::ptr::null(), c"".as_ptr()][random.index(3)],
            5 => drop(fields.remove(at)),
            _ => *field = Field { data: DATA.as_ptr().cast(), length: random.below(14) as i32, ..*field },
        }
    }
}
