use super::*;
use crate::attributes::Kind;

static KNOWN: [Attribute; 3] = [
    Attribute { name: c"dim", kind: Kind::Int },
    Attribute { name: c"reduce", kind: Kind::Text },
    Attribute { name: c"eps", kind: Kind::Float },
];

fn some() -> Attributes {
    let mut attributes = Attributes::default();
    attributes.insert(&KNOWN, b"dim", Value::Int(-2)).unwrap();
    attributes.insert(&KNOWN, b"reduce", Value::Text("max".to_owned())).unwrap();
    attributes
}

fn more() -> Attributes {
    let mut attributes = some();
    attributes.insert(&KNOWN, b"eps", Value::Float(0.1)).unwrap();
    attributes
}

/// FLOAT, INT32 and a type that was never told.
fn inputs() -> NotedInputs {
    NotedInputs::new(3, &[0, 3, UNKNOWN_TYPE]).unwrap()
}

fn written() -> Vec<u8> {
    write("P", inputs(), &more())
}

/// With the checksum made right again.
fn resealed(mut content: Vec<u8>) -> Vec<u8> {
    content.extend(crc32(&content).to_le_bytes());
    content
}

#[test]
fn the_checksum_is_the_published_one() {
    // The check value of CRC-32/ISO-HDLC.
    assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
}

#[test]
fn what_is_written_reads_back() {
    assert_eq!(read("P", &KNOWN, &written()).unwrap(), (inputs(), more()));
}

#[test]
fn version_1_reads_for_ever() {
    let mut bytes = b"TRTS\x01\x00\x01P\x02\x02\x03dim\x00\xfe\xff\xff\xff\x06reduce\x01\x03\x00\x00\x00max".to_vec();
    bytes.extend(0x0D4D_0096_u32.to_le_bytes());
    assert_eq!(read("P", &KNOWN, &bytes).unwrap(), (NotedInputs::new(2, &[]).unwrap(), some()));
}

#[test]
fn version_2_reads_for_ever() {
    let mut bytes = b"TRTS\x02\x00\x01P\x03\x00\x03\xff\x03\x03dim\x00\xfe\xff\xff\xff".to_vec();
    bytes.extend(b"\x06reduce\x01\x03\x00\x00\x00max");
    bytes.extend(b"\x03eps\x02\x9a\x99\x99\x99\x99\x99\xb9\x3f");
    assert_eq!(read("P", &KNOWN, &resealed(bytes)).unwrap(), (inputs(), more()));
}

#[test]
fn a_float_under_version_1_is_refused() {
    let content = b"TRTS\x01\x00\x01P\x02\x01\x03eps\x02\x9a\x99\x99\x99\x99\x99\xb9\x3f".to_vec();
    assert!(read("P", &KNOWN, &resealed(content)).is_err());
}

#[test]
fn every_cut_and_every_flipped_bit_is_refused() {
    let bytes = written();
    for length in 0..bytes.len() {
        assert!(read("P", &KNOWN, &bytes[..length]).is_err(), "cut to {length}");
    }
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(read("P", &KNOWN, &flipped).is_err(), "bit {bit}");
    }
}

#[test]
fn lengths_are_checked_even_under_a_right_checksum() {
    let bytes = written();
    let content = &bytes[..bytes.len() - CHECKSUM_BYTES];
    for length in 0..content.len() {
        assert!(read("P", &KNOWN, &resealed(content[..length].to_vec())).is_err(), "cut to {length}");
    }
    for position in 0..content.len() {
        let mut changed = content.to_vec();
        changed[position] = 0xff;
        // Any answer will do, but there must be one.
        let _ = read("P", &KNOWN, &resealed(changed));
    }
    assert!(read("P", &KNOWN, &resealed([content, b"x"].concat())).is_err());
}

#[test]
fn another_plugins_bytes_are_refused() {
    assert!(read("Q", &KNOWN, &written()).unwrap_err().to_string().contains("not of Q"));
}
