//! Compiles the contract under `proto/`, without needing protoc.
//!
//! It is generated twice. The first run makes every type of `record.proto`. The second makes the rest,
//! with a record inside a change left as the bytes that were sent: fields which this program does not
//! know survive storing and forwarding, and a broken record does not spoil the request around it.

use std::error::Error;
use std::path::{Path, PathBuf};

use prost_types::field_descriptor_proto::Type;
use prost_types::{FieldDescriptorProto, FileDescriptorSet};

const RECORD: &str = "proto/childsync/v1/record.proto";
const SERVICES: [&str; 12] = [
    "proto/childsync/v1/ingest.proto",
    "proto/childsync/v1/feed.proto",
    "proto/childsync/v1/compare.proto",
    "proto/childsync/v1/bundle.proto",
    "proto/childsync/v1/batch.proto",
    "proto/childsync/v1/status.proto",
    "proto/childsync/v1/node.proto",
    "proto/childsync/v1/review.proto",
    "proto/childsync/v1/linkage.proto",
    "proto/childsync/v1/job.proto",
    "proto/childsync/v1/unit.proto",
    "proto/childsync/v1/custody.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    generate_records(&out.join("record"))?;
    generate_services(&out)
}

fn generate_records(out: &Path) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(out)?;
    let descriptors = protox::compile([RECORD], ["proto"])?;
    tonic_prost_build::configure()
        .out_dir(out)
        .compile_fds(descriptors)?;
    Ok(())
}

fn generate_services(out: &Path) -> Result<(), Box<dyn Error>> {
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler
        .include_imports(true)
        .include_source_info(true)
        .open_files(SERVICES)?;
    std::fs::write(
        out.join("descriptors.bin"),
        compiler.encode_file_descriptor_set(),
    )?;
    let mut descriptors = compiler.file_descriptor_set();
    leave_records_encoded(&mut descriptors);
    let records: Vec<String> = descriptors
        .file
        .iter()
        .filter(|file| RECORD.ends_with(file.name()))
        .flat_map(|file| {
            let messages = file
                .message_type
                .iter()
                .map(|message| message.name().to_owned());
            messages.chain(file.enum_type.iter().map(|listed| listed.name().to_owned()))
        })
        .collect();
    let mut configuration = tonic_prost_build::configure()
        .out_dir(out)
        .bytes(".childsync.v1.RecordChange")
        .bytes(".childsync.v1.SendChunksRequest")
        .bytes(".childsync.v1.ImportBundleRequest")
        .skip_debug([
            ".childsync.v1.RecordChange",
            ".childsync.v1.SendChunksRequest",
            ".childsync.v1.ImportBundleRequest",
            ".childsync.v1.ExplainPairResponse",
            ".childsync.v1.GoldenVersion",
        ]);
    for name in records {
        let path = format!("crate::grpc::proto::record::{name}");
        configuration = configuration.extern_path(format!(".childsync.v1.{name}"), path);
    }
    configuration.compile_fds(descriptors)?;
    Ok(())
}

/// Makes every field that holds a whole record a field of bytes, which is the same on the wire.
fn leave_records_encoded(descriptors: &mut FileDescriptorSet) {
    let holds_record = |field: &&mut FieldDescriptorProto| {
        let name = field.type_name();
        name == ".childsync.v1.ChildRecord" || name == ".childsync.v1.CaseReport"
    };
    let messages = descriptors
        .file
        .iter_mut()
        .flat_map(|file| &mut file.message_type);
    for field in messages
        .flat_map(|message| &mut message.field)
        .filter(holds_record)
    {
        field.set_type(Type::Bytes);
        field.type_name = None;
    }
}
