use super::super::Limits;
use super::*;

fn fields(bytes: &[u8]) -> Vec<ProtoField> {
    let (fields, problem) = guess(bytes, false, &mut Budget::new(&Limits::default()));
    assert_eq!(problem, None);
    fields
}

#[test]
fn every_wire_type_is_read() {
    let bytes = b"\x08\x96\x01\x11\0\0\0\0\0\0\xf8\x3f\x1d\0\0\x20\x40\x22\x03abc\x2b\x30\x01\x2c";
    let values: Vec<_> = fields(bytes)
        .into_iter()
        .map(|field| (field.number, field.value))
        .collect();
    let expected = [
        (1, varint(150)),
        (
            2,
            ProtoValue::Fixed64 {
                unsigned: 1.5f64.to_bits().to_string(),
                float: "1.5".into(),
            },
        ),
        (
            3,
            ProtoValue::Fixed32 {
                unsigned: 2.5f32.to_bits().to_string(),
                float: "2.5".into(),
            },
        ),
        (4, ProtoValue::Text { text: "abc".into() }),
        (
            5,
            ProtoValue::Group {
                fields: vec![ProtoField {
                    number: 6,
                    offset: 23,
                    value: varint(1),
                }],
            },
        ),
    ];
    assert_eq!(values, expected);
}

#[test]
fn a_number_is_shown_in_all_its_meanings() {
    let expected = ProtoValue::Varint {
        unsigned: "18446744073709551615".into(),
        zigzag: "-9223372036854775808".into(),
        signed: Some("-1".into()),
    };
    assert_eq!(varint(u64::MAX), expected);
}

#[test]
fn nested_bytes_are_guessed_as_message_text_numbers_or_bytes() {
    let nested = fields(b"\x0a\x07\x0a\x05hello");
    assert!(
        matches!(&nested[0].value, ProtoValue::Message { fields } if fields[0].value
        == ProtoValue::Text { text: "hello".into() })
    );
    let lines = fields(b"\x0a\x03a\nb");
    assert_eq!(lines[0].value, ProtoValue::Text { text: "a\nb".into() });
    let packed = fields(b"\x0a\x06\x03\x8e\x02\x9e\xa7\x05");
    let values = ["3", "270", "86942"].map(str::to_owned).to_vec();
    assert_eq!(packed[0].value, ProtoValue::Packed { values });
    let bytes = fields(b"\x0a\x03\xff\xff\xff");
    assert_eq!(
        bytes[0].value,
        ProtoValue::Bytes {
            hex: "ffffff".into(),
            size: 3
        }
    );
}

#[test]
fn fields_before_a_mistake_are_shown_with_its_place() {
    let (fields, problem) = guess(b"\x08\x01\x0a\x05ab", false, &mut Budget::new(&Limits::default()));
    assert_eq!(fields.len(), 1);
    let problem = problem.unwrap();
    assert_eq!(
        (problem.kind, problem.at.unwrap().byte),
        (ProblemKind::Malformed, 4)
    );
}

#[test]
fn endless_nesting_ends() {
    let mut bytes = vec![0x08, 0x01];
    for _ in 0..2000 {
        let mut outer = vec![0x0a];
        let mut length = bytes.len();
        while length >= 0x80 {
            outer.push(length as u8 | 0x80);
            length >>= 7;
        }
        outer.push(length as u8);
        outer.extend(&bytes);
        bytes = outer;
    }
    assert_eq!(fields(&bytes).len(), 1);
    let groups = guess(&vec![0x0b; 100_000], false, &mut Budget::new(&Limits::default()));
    assert!(groups.1.is_some());
}
