use std::io::Write as _;

use prost_reflect::prost::Message as _;
use prost_reflect::prost_types::field_descriptor_proto::{Label, Type};
use prost_reflect::prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto,
    ServiceDescriptorProto,
};

use super::super::tests::{exchange, header};
use super::super::{Options, ProtoValue, decode};
use super::*;

fn framed(flags: u8, payload: &[u8]) -> Vec<u8> {
    let size = (payload.len() as u32).to_be_bytes();
    [&[flags][..], &size, payload].concat()
}

fn call(media: &str, body: Vec<u8>, headers: &[(&str, &str)], trailers: &[(&str, &str)]) -> Exchange {
    let mut exchange = exchange(Vec::new(), body);
    exchange.request.target = "/shop.Cart/Add".into();
    let message = &mut exchange.response.as_mut().unwrap().message;
    message.headers.push(header("content-type", media));
    message
        .headers
        .extend(headers.iter().map(|(name, value)| header(name, value)));
    message
        .trailers
        .extend(trailers.iter().map(|(name, value)| header(name, value)));
    exchange
}

fn read_with(exchange: &Exchange, options: &Options) -> (Vec<GrpcMessage>, Option<GrpcStatus>, Vec<Problem>) {
    let decoded = decode(exchange, Half::Response, options);
    match decoded.content {
        Content::Grpc { messages, status } => (messages, status, decoded.problems),
        other => panic!("{other:?}"),
    }
}

fn shop() -> FileDescriptorProto {
    let field = |name: &str, number, kind: Type| FieldDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        label: Some(Label::Optional.into()),
        r#type: Some(kind.into()),
        ..FieldDescriptorProto::default()
    };
    let message = |name: &str, fields| DescriptorProto {
        name: Some(name.to_owned()),
        field: fields,
        ..DescriptorProto::default()
    };
    FileDescriptorProto {
        name: Some("shop.proto".to_owned()),
        package: Some("shop".to_owned()),
        syntax: Some("proto3".to_owned()),
        message_type: vec![
            message(
                "Item",
                vec![field("sku", 1, Type::String), field("count", 2, Type::Int64)],
            ),
            message("Added", vec![field("total", 1, Type::Sint32)]),
        ],
        service: vec![ServiceDescriptorProto {
            name: Some("Cart".to_owned()),
            method: vec![MethodDescriptorProto {
                name: Some("Add".to_owned()),
                input_type: Some(".shop.Item".to_owned()),
                output_type: Some(".shop.Added".to_owned()),
                ..MethodDescriptorProto::default()
            }],
            ..ServiceDescriptorProto::default()
        }],
        ..FileDescriptorProto::default()
    }
}

fn typed(name: &str, pretty: &str) -> Content {
    Content::Message {
        message_type: name.to_owned(),
        pretty: pretty.to_owned(),
    }
}

#[test]
fn messages_and_the_status_of_a_stream_are_read() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(b"\x08\x02").unwrap();
    let body = [
        framed(0, b"\x08\x01"),
        framed(1, &encoder.finish().unwrap()),
        framed(0, b""),
    ]
    .concat();
    let trailers = [
        ("grpc-status", "5"),
        ("grpc-message", "no caf%C3%A9"),
        ("grpc-status-details-bin", "CAUSAnh4"),
    ];
    let exchange = call("application/grpc", body, &[("grpc-encoding", "gzip")], &trailers);
    let (messages, status, problems) = read_with(&exchange, &Options::default());
    assert_eq!(problems, []);
    let offsets: Vec<_> = messages
        .iter()
        .map(|message| (message.offset, message.compressed))
        .collect();
    assert_eq!(
        (messages.len(), offsets[0], offsets[1]),
        (3, (0, false), (7, true))
    );
    assert!(
        matches!(&messages[1].content.content, Content::Protobuf { fields }
        if matches!(&fields[0].value, ProtoValue::Varint { unsigned, .. } if unsigned == "2"))
    );
    let status = status.unwrap();
    assert_eq!(
        (&*status.code, status.name.as_deref(), &*status.message),
        ("5", Some("NOT_FOUND"), "no caf\u{e9}")
    );
    assert!(matches!(&status.details.unwrap().content, Content::Protobuf { fields } if fields.len() == 2));
}

#[test]
fn a_schema_gives_names_to_both_directions_of_a_method() {
    let mut options = Options::default();
    options
        .schemas
        .add_set(&FileDescriptorSet { file: vec![shop()] }.encode_to_vec())
        .unwrap();
    assert_eq!(options.schemas.messages(), ["shop.Item", "shop.Added"]);
    let mut exchange = call("application/grpc+proto", framed(0, b"\x08\x05"), &[], &[]);
    let message = &mut exchange.request.message;
    message.headers.push(header("content-type", "application/grpc"));
    message.body = crate::exchange::Body::whole(framed(0, b"\x0a\x02ab\x10\x96\x01"));
    let (messages, ..) = read_with(&exchange, &options);
    assert_eq!(
        messages[0].content.content,
        typed("shop.Added", "{\n  \"total\": -3\n}")
    );
    let Content::Grpc { messages, status } = decode(&exchange, Half::Request, &options).content else {
        panic!("a call");
    };
    let expected = typed("shop.Item", "{\n  \"sku\": \"ab\",\n  \"count\": \"150\"\n}");
    assert_eq!((&messages[0].content.content, status), (&expected, None));
}

#[test]
fn descriptors_are_taken_one_by_one_and_a_type_by_its_name() {
    let mut options = Options {
        message_type: Some("shop.Added".into()),
        ..Options::default()
    };
    let unknown = call("application/grpc", framed(0, b"\x08\x05"), &[], &[]);
    let (messages, ..) = read_with(&unknown, &options);
    assert!(messages[0].content.problems[0].text.contains("shop.Added"));
    options.schemas.add_files([shop().encode_to_vec()]).unwrap();
    let (messages, ..) = read_with(&unknown, &options);
    assert_eq!(
        messages[0].content.content,
        typed("shop.Added", "{\n  \"total\": -3\n}")
    );
    assert!(options.schemas.add_files([b"\xff"]).is_err());
    assert!(Schemas::default().add_set(b"\x0a\xff").is_err());
}

#[test]
fn what_does_not_fit_its_schema_is_guessed() {
    let mut options = Options::default();
    options.schemas.add_files([shop().encode_to_vec()]).unwrap();
    let (messages, ..) = read_with(
        &call("application/grpc", framed(0, b"\x0a\x01x"), &[], &[]),
        &options,
    );
    let content = &messages[0].content;
    assert!(matches!(content.content, Content::Protobuf { .. }));
    assert!(
        content.problems[0].text.contains("shop.Added"),
        "{}",
        content.problems[0]
    );
}

#[test]
fn an_answer_of_headers_alone_has_a_status() {
    let (messages, status, _) = read_with(
        &call("application/grpc", Vec::new(), &[("grpc-status", "14")], &[]),
        &Options::default(),
    );
    assert_eq!(
        (messages.len(), status.unwrap().name.as_deref()),
        (0, Some("UNAVAILABLE"))
    );
}

#[test]
fn grpc_web_has_its_trailers_in_the_body_and_may_be_base64() {
    let message = framed(0, b"\x08\x01");
    let trailers = framed(0x80, b"grpc-status:0\r\ngrpc-message: fine\r\n");
    let plain = call(
        "application/grpc-web+proto",
        [&message[..], &trailers].concat(),
        &[],
        &[],
    );
    let padded = STANDARD.encode(&message) + &STANDARD.encode(&trailers);
    let text = call("application/grpc-web-text", padded.into_bytes(), &[], &[]);
    for exchange in [plain, text] {
        let (messages, status, problems) = read_with(&exchange, &Options::default());
        let status = status.unwrap();
        assert_eq!(
            (messages.len(), status.name.as_deref(), &*status.message),
            (1, Some("OK"), "fine")
        );
        assert_eq!(problems, []);
    }
}

#[test]
fn a_message_that_was_cut_shows_its_fields() {
    let mut body = framed(0, b"\x08\x01\x12\x04abcd");
    body.truncate(10);
    let (messages, _, problems) = read_with(&call("application/grpc", body, &[], &[]), &Options::default());
    assert_eq!(problems[0].kind, ProblemKind::Cut);
    assert!(matches!(&messages[0].content.content, Content::Protobuf { fields } if fields.len() == 1));
}
