//! Choices that a fuzzer's bytes make. Where the bytes are used up, every choice is the first.

use arbitrary::Unstructured;

/// One of `options`.
pub fn one_of<T: Copy>(u: &mut Unstructured, options: &[T]) -> T {
    options[usize::from(u.arbitrary::<u8>().unwrap_or(0)) % options.len()]
}

/// A number from 0 to `last`.
pub fn up_to(u: &mut Unstructured, last: u8) -> usize {
    usize::from(u.arbitrary::<u8>().unwrap_or(0)) % (usize::from(last) + 1)
}

/// True in one of `n` cases.
pub fn one_in(u: &mut Unstructured, n: u8) -> bool {
    up_to(u, n - 1) == n as usize - 1
}

/// Up to `most` bytes.
pub fn bytes<'a>(u: &mut Unstructured<'a>, most: u8) -> &'a [u8] {
    let count = up_to(u, most).min(u.len());
    u.bytes(count).unwrap_or_default()
}

/// Any number, small ones and those at the limits more often than others.
pub fn number(u: &mut Unstructured) -> i64 {
    const EDGES: [i64; 16] = [
        0,
        -1,
        -2,
        1 << 20,
        1 << 31,
        (1 << 31) - 1,
        -(1 << 31),
        1 << 32,
        1 << 40,
        1 << 52,
        1 << 60,
        1 << 61,
        1 << 62,
        i64::MAX,
        i64::MIN,
        i64::MIN + 1,
    ];
    match up_to(u, 7) {
        0 => one_of(u, &EDGES),
        1 => u.arbitrary().unwrap_or(0),
        2 => u.arbitrary::<i32>().unwrap_or(0).into(),
        _ => u.arbitrary::<i8>().unwrap_or(0).rem_euclid(9).into(),
    }
}

/// Any number of 32 bits, in the same manner.
pub fn number_32(u: &mut Unstructured) -> i32 {
    let number = number(u);
    i32::try_from(number).unwrap_or(if number < 0 { i32::MIN } else { i32::MAX })
}
