//! What a plugin remembers of its inputs between TensorRT's calls.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::inputs::MAX_INPUTS;

/// The number of a layer's inputs and their types, as far as TensorRT has told them. Eight bytes: the number, then one
/// byte for each type. Threads share them as one atomic number, without a lock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct NotedInputs([u8; 1 + MAX_INPUTS]);

/// The byte of a type that is not known. The byte of any other type is its `nvinfer1::DataType` + 1.
const UNKNOWN: u8 = 0;

impl NotedInputs {
    /// `count` inputs. `types` are `nvinfer1::DataType`s, or 255 for a type that is not known; it may be shorter than
    /// `count`. None where `count` is above [`MAX_INPUTS`].
    pub(crate) fn new(count: u8, types: &[u8]) -> Option<Self> {
        let mut bytes = [UNKNOWN; 1 + MAX_INPUTS];
        bytes[0] = count;
        bytes.get(1..=usize::from(count))?;
        for (byte, &data_type) in bytes[1..].iter_mut().zip(types) {
            *byte = data_type.wrapping_add(1);
        }
        Some(Self(bytes))
    }

    /// The number of inputs; 0 where it is not known.
    pub(crate) fn count(self) -> u8 {
        self.0[0]
    }

    /// The type of an input, where it is known.
    pub(crate) fn data_type(self, input: u8) -> Option<u8> {
        let byte = self.0.get(1 + usize::from(input)).copied().unwrap_or(UNKNOWN);
        byte.checked_sub(1)
    }
}

/// [`NotedInputs`] that TensorRT's threads may change.
pub(crate) struct SharedInputs(AtomicU64);

impl SharedInputs {
    pub(crate) fn new(inputs: NotedInputs) -> Self {
        Self(AtomicU64::new(u64::from_le_bytes(inputs.0)))
    }

    pub(crate) fn get(&self) -> NotedInputs {
        NotedInputs(self.0.load(Ordering::Relaxed).to_le_bytes())
    }

    /// Remembers the number of inputs, and keeps what is known of their types.
    pub(crate) fn note_count(&self, count: u8) {
        let mut inputs = self.get();
        if inputs.count() != count {
            inputs.0[0] = count;
            self.0.store(u64::from_le_bytes(inputs.0), Ordering::Relaxed);
        }
    }

    /// Remembers the inputs' types.
    pub(crate) fn note_types(&self, types: &[i32]) {
        let types: Vec<u8> = types.iter().map(|&data_type| u8::try_from(data_type).unwrap_or(u8::MAX)).collect();
        if let Some(inputs) = NotedInputs::new(types.len() as u8, &types) {
            self.0.store(u64::from_le_bytes(inputs.0), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_and_the_types_are_kept_apart() {
        let shared = SharedInputs::new(NotedInputs::default());
        assert_eq!((shared.get().count(), shared.get().data_type(0)), (0, None));
        shared.note_count(2);
        assert_eq!((shared.get().count(), shared.get().data_type(1)), (2, None));
        shared.note_types(&[0, 3]);
        shared.note_count(3);
        let noted = shared.get();
        assert_eq!(
            (noted.count(), noted.data_type(0), noted.data_type(1), noted.data_type(2)),
            (3, Some(0), Some(3), None)
        );
    }

    #[test]
    fn more_inputs_than_there_is_room_for_are_refused() {
        assert!(NotedInputs::new(7, &[]).is_some());
        assert!(NotedInputs::new(8, &[]).is_none());
    }
}
