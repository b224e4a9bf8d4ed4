//! Uploads of made-up records.

use childsync::domain::record::RecordKind;
use childsync::domain::upload::{Effect, Faults, Missing, Packing, Period, UploadKind};
use childsync::grpc::proto::v1;
use childsync::grpc::proto::v1::ingest_service_client::IngestServiceClient;
use childsync::grpc::upload_client::{OutgoingUpload, UploadClient, UploadPacker, UploadTerms};
use tonic::Status;
use tonic::transport::Channel;
use tonic_types::StatusExt;

use super::hub::TestHub;

/// Attempts of a client that must not give up.
pub(crate) const PATIENT: u32 = 1_000;

/// Some changes of the commune, the good ones kept.
pub(crate) fn delta() -> UploadTerms {
    UploadTerms {
        upload: None,
        kind: UploadKind::Delta,
        unit: "GSO_PRE2025:30742".parse().expect("a unit"),
        period: Period::default(),
        faults: Faults::KeepGood,
        effect: Effect::Take,
    }
}

/// All children of the commune.
pub(crate) fn snapshot(missing: Missing) -> UploadTerms {
    let of = RecordKind::Child;
    UploadTerms {
        kind: UploadKind::Snapshot { of, missing },
        ..delta()
    }
}

/// An upload of these changes, packed as most clients do.
pub(crate) fn pack(changes: &[v1::RecordChange], terms: &UploadTerms) -> OutgoingUpload {
    pack_as(Packing::Zstd, changes, terms)
}

pub(crate) fn pack_as(
    packing: Packing,
    changes: &[v1::RecordChange],
    terms: &UploadTerms,
) -> OutgoingUpload {
    let mut packer = UploadPacker::new(packing).expect("a packer");
    for change in changes {
        packer.add(change).expect("added");
    }
    packer.finish(terms).expect("packed")
}

/// An upload of any bytes that says it holds so many records.
pub(crate) fn pack_bytes(packing: Packing, bytes: Vec<u8>, records: u64) -> OutgoingUpload {
    let mut upload = pack_as(packing, &[], &delta());
    upload.manifest.records = records;
    upload.manifest.bytes = u64::try_from(bytes.len()).expect("small");
    upload.manifest.digest = blake3::hash(&bytes).as_bytes().to_vec();
    upload.manifest.upload_id = uuid::Uuid::now_v7().to_string();
    upload.content = bytes.into();
    upload
}

impl TestHub {
    pub(crate) fn uploading(&self, node: &str) -> UploadClient {
        UploadClient::new(self.node_line(node), PATIENT)
    }

    /// Uploads as the registered commune and gives the receipt.
    pub(crate) async fn upload(&self, upload: &OutgoingUpload) -> v1::UploadStatus {
        let mut client = self.uploading("commune");
        client.send(upload, |_| ()).await.expect("a receipt")
    }

    pub(crate) fn ingest(&self, node: &str) -> IngestServiceClient<Channel> {
        IngestServiceClient::new(self.node_line(node))
    }

    /// The whole report of an upload of the commune, read in small pages.
    pub(crate) async fn report(&self, upload: &OutgoingUpload) -> Vec<v1::UploadEntry> {
        let (mut client, mut page_token) = (self.ingest("commune"), String::new());
        let mut entries = Vec::new();
        loop {
            let request = v1::GetUploadRequest {
                upload_id: upload.manifest.upload_id.clone(),
                page_size: 3,
                page_token,
                ..v1::GetUploadRequest::default()
            };
            let page = client.get_upload(request).await.expect("a page");
            let page = page.into_inner();
            entries.extend(page.entries);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return entries;
            }
        }
    }
}

/// Announces an upload.
pub(crate) async fn open(
    client: &mut IngestServiceClient<Channel>,
    manifest: &v1::UploadManifest,
) -> Result<v1::UploadStatus, Status> {
    let request = v1::OpenUploadRequest {
        manifest: Some(manifest.clone()),
    };
    let opened = client.open_upload(request).await?.into_inner();
    Ok(opened.upload.expect("an upload"))
}

/// Sends chunks as they are, each as its offset and content, and gives the last durable offset.
pub(crate) async fn send(
    client: &mut IngestServiceClient<Channel>,
    upload_id: &str,
    chunks: Vec<(u64, Vec<u8>)>,
) -> Result<u64, Status> {
    let chunks = chunks
        .into_iter()
        .map(|(offset, content)| v1::SendChunksRequest {
            upload_id: upload_id.to_owned(),
            offset,
            content: content.into(),
        });
    let chunks: Vec<_> = chunks.collect();
    let answers = client.send_chunks(tokio_stream::iter(chunks)).await?;
    let (mut answers, mut durable) = (answers.into_inner(), 0);
    while let Some(answer) = answers.message().await? {
        durable = answer.durable_offset;
    }
    Ok(durable)
}

/// Commits and waits for the end.
pub(crate) async fn commit(
    client: &mut IngestServiceClient<Channel>,
    upload_id: &str,
) -> Result<v1::UploadStatus, Status> {
    let request = v1::CommitUploadRequest {
        upload_id: upload_id.to_owned(),
    };
    let mut answers = client.commit_upload(request).await?.into_inner();
    let mut last = None;
    while let Some(answer) = answers.message().await? {
        last = answer.upload;
    }
    Ok(last.expect("an answer"))
}

pub(crate) fn reason(status: &Status) -> String {
    let details = status.get_error_details();
    let info = details.error_info();
    info.map(|info| info.reason.clone()).unwrap_or_default()
}

/// Every upload that the hub remembers of a node, the newest first.
pub(crate) async fn list(client: &mut IngestServiceClient<Channel>) -> Vec<v1::UploadStatus> {
    let request = v1::ListUploadsRequest::default();
    let listed = client.list_uploads(request).await.expect("uploads");
    listed.into_inner().uploads
}
