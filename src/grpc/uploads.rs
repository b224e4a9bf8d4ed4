//! The bulk half of `IngestService`: uploads in chunks, their commit and their reports.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::convert::{read_kind, read_unit, write_instant, write_kind, write_unit};
use super::hub::{Hub, node_name};
use super::proto::v1;
use super::status::{AccessError, blame_client, draining, field};
use crate::domain::node::{NodeId, NodeName};
use crate::domain::upload::{
    Effect, Fate, Faults, Manifest, Missing, Packing, UploadFault, UploadId, UploadKind,
    UploadState,
};
use crate::domain::validation::Rule;
use crate::store::{Entry, HeldUpload, UploadKey};
use crate::sync::nodes;
use crate::sync::signals::Listener;
use crate::sync::upload::{CHUNK_BYTES_MAX, PAGE_ROWS, PAGE_ROWS_MAX, UploadError, Uploads};

/// Answers of one stream that may wait for their reader.
const ANSWERS_WAITING_MAX: usize = 2;

/// Answers of a stream.
pub type Answers<T> = ReceiverStream<Result<T, Status>>;

/// The uploads of one hub on the wire.
pub(super) struct UploadCalls<'a> {
    pub(super) hub: &'a Arc<Hub>,
}

impl UploadCalls<'_> {
    pub(super) async fn open(
        &self,
        request: Request<v1::OpenUploadRequest>,
    ) -> Result<Response<v1::OpenUploadResponse>, Status> {
        let name = node_name(&request)?.clone();
        let node = self.hub.node(&request).await?;
        let manifest = request.into_inner().manifest;
        let manifest = read_manifest(&manifest.unwrap_or_default())?;
        let uploads = self.uploads();
        let held = uploads
            .open(node.node_id, &node.territory, manifest)
            .await?;
        Ok(Response::new(v1::OpenUploadResponse {
            upload: Some(write_upload(name.as_str(), held)),
            chunk_bytes_max: u32::try_from(CHUNK_BYTES_MAX).unwrap_or(u32::MAX),
        }))
    }

    pub(super) async fn send(
        &self,
        request: Request<Streaming<v1::SendChunksRequest>>,
    ) -> Result<Response<Answers<v1::SendChunksResponse>>, Status> {
        let node = self.hub.node(&request).await?.node_id;
        let (answers, stream) = mpsc::channel(ANSWERS_WAITING_MAX);
        let (uploads, stop) = (self.uploads(), self.hub.stop.clone());
        let mut chunks = request.into_inner();
        tokio::spawn(async move {
            let receiving = receive(&uploads, node, &mut chunks, &answers);
            let ended = match stop.run_until_cancelled(receiving).await {
                Some(ended) => ended,
                None => Err(draining()),
            };
            if let Err(status) = ended {
                // If the client is gone there is nobody to tell.
                drop(answers.send(Err(status)).await);
            }
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    pub(super) async fn commit(
        &self,
        request: Request<v1::CommitUploadRequest>,
    ) -> Result<Response<Answers<v1::CommitUploadResponse>>, Status> {
        let name = node_name(&request)?.clone();
        let node = self.hub.node(&request).await?.node_id;
        let key = UploadKey {
            node,
            upload: read_id(&request.into_inner().upload_id)?,
        };
        let uploads = self.uploads();
        let calls = self.hub.signals.uploads.listen();
        uploads.commit(key).await?;
        let (answers, stream) = mpsc::channel(ANSWERS_WAITING_MAX);
        let stop = self.hub.stop.clone();
        tokio::spawn(async move {
            let watching = watch(&uploads, key, name, calls, &answers);
            let ended = match stop.run_until_cancelled(watching).await {
                Some(ended) => ended,
                None => Err(draining()),
            };
            if let Err(status) = ended {
                drop(answers.send(Err(status)).await);
            }
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    pub(super) async fn get(
        &self,
        request: Request<v1::GetUploadRequest>,
    ) -> Result<Response<v1::GetUploadResponse>, Status> {
        let asked = request.get_ref().node.clone();
        let (name, node) = match self.caller(&request).await? {
            Some((name, node)) => (name, node),
            None => self.node_of_operator(&asked).await?,
        };
        let request = request.into_inner();
        let key = UploadKey {
            node,
            upload: read_id(&request.upload_id)?,
        };
        let after = match request.page_token.as_str() {
            "" => -1,
            token => token.parse().map_err(|_| bad_token())?,
        };
        let limit = read_page_size(request.page_size)?;
        let uploads = self.uploads();
        let held = uploads.find(key).await?;
        let records = held.row.manifest.records;
        let entries = uploads.entries(key, after, limit).await?;
        let is_last = i64::try_from(entries.len()).is_ok_and(|read| read < limit);
        let next = entries.last().filter(|_| !is_last);
        Ok(Response::new(v1::GetUploadResponse {
            upload: Some(write_upload(&name, held)),
            next_page_token: next.map_or(String::new(), |entry| entry.place.to_string()),
            entries: entries
                .into_iter()
                .map(|entry| write_entry(entry, records))
                .collect(),
        }))
    }

    pub(super) async fn list(
        &self,
        request: Request<v1::ListUploadsRequest>,
    ) -> Result<Response<v1::ListUploadsResponse>, Status> {
        let node = self.caller(&request).await?.map(|(_, node)| node);
        let request = request.into_inner();
        let before = match request.page_token.as_str() {
            "" => i64::MAX,
            token => token.parse().map_err(|_| bad_token())?,
        };
        let limit = read_page_size(request.page_size)?;
        let listed = self.uploads().list(before, node, limit).await?;
        let is_last = i64::try_from(listed.len()).is_ok_and(|read| read < limit);
        let next = listed.last().filter(|_| !is_last);
        Ok(Response::new(v1::ListUploadsResponse {
            next_page_token: next.map_or(String::new(), |(_, held)| held.row.number.to_string()),
            uploads: listed
                .into_iter()
                .map(|(name, held)| write_upload(&name, held))
                .collect(),
        }))
    }

    fn uploads(&self) -> Uploads {
        Uploads {
            store: self.hub.store.clone(),
            key: Arc::clone(&self.hub.key),
            clock: Arc::clone(&self.hub.clock),
            units: Arc::clone(&self.hub.units),
            signals: Arc::clone(&self.hub.signals),
            bytes_max: self.hub.upload_bytes_max,
        }
    }

    /// The node that calls, or `None` for an operator of this hub.
    async fn caller<T>(&self, request: &Request<T>) -> Result<Option<(String, NodeId)>, Status> {
        match node_name(request) {
            Ok(name) => {
                let name = name.as_str().to_owned();
                let node = self.hub.node(request).await?.node_id;
                Ok(Some((name, node)))
            }
            Err(AccessError::NotNode) => {
                self.hub.operator(request)?;
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn node_of_operator(&self, name: &str) -> Result<(String, NodeId), Status> {
        let unknown = || {
            field(
                "node",
                "NODE_UNKNOWN",
                &"is not a node that is registered here",
            )
        };
        let parsed: NodeName = name.parse().map_err(|_| unknown())?;
        let found = nodes::find(&self.hub.store, &self.hub.units, &parsed).await?;
        let node = found.ok_or_else(unknown)?.node_id;
        Ok((name.to_owned(), node))
    }
}

/// Keeps chunk after chunk and answers each once it is durable.
async fn receive(
    uploads: &Uploads,
    node: NodeId,
    chunks: &mut Streaming<v1::SendChunksRequest>,
    answers: &mpsc::Sender<Result<v1::SendChunksResponse, Status>>,
) -> Result<(), Status> {
    let mut stream: Option<(String, UploadKey, u64)> = None;
    while let Some(chunk) = chunks.message().await.map_err(blame_client)? {
        let (key, bytes) = match &stream {
            Some((id, key, bytes)) if *id == chunk.upload_id => (*key, *bytes),
            Some(_) => {
                let problem = "all chunks of a stream are of one upload";
                return Err(field("upload_id", "UPLOADS_MIXED", &problem));
            }
            None => {
                let upload = read_id(&chunk.upload_id)?;
                let key = UploadKey { node, upload };
                let bytes = uploads.find(key).await?.row.manifest.bytes;
                stream = Some((chunk.upload_id.clone(), key, bytes));
                (key, bytes)
            }
        };
        let received = uploads.receive(key, bytes, chunk.offset, chunk.content);
        let durable_offset = received.await?;
        let answer = v1::SendChunksResponse { durable_offset };
        if answers.send(Ok(answer)).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Tells how far the commit is until it has ended.
async fn watch(
    uploads: &Uploads,
    key: UploadKey,
    name: NodeName,
    mut calls: Listener,
    answers: &mpsc::Sender<Result<v1::CommitUploadResponse, Status>>,
) -> Result<(), Status> {
    let mut told = None;
    loop {
        let held = uploads.find(key).await?;
        let state = held.progress.state;
        if state == UploadState::Receiving {
            return Err(UploadError::Fault(UploadFault::DigestDiffers).into());
        }
        if told.as_ref() != Some(&held.progress) {
            told = Some(held.progress.clone());
            let upload = Some(write_upload(name.as_str(), held));
            let answer = v1::CommitUploadResponse { upload };
            if answers.send(Ok(answer)).await.is_err() {
                return Ok(());
            }
        }
        if state.has_ended() {
            return Ok(());
        }
        tokio::select! {
            () = calls.heard() => {}
            () = answers.closed() => return Ok(()),
        }
    }
}

fn read_id(text: &str) -> Result<UploadId, Status> {
    text.parse()
        .map_err(|_| field("upload_id", "UPLOAD_ID_INVALID", &"is not a UUID"))
}

fn bad_token() -> Status {
    let problem = "is not a token that this hub gave";
    field("page_token", "PAGE_TOKEN_INVALID", &problem)
}

fn read_page_size(asked: u32) -> Result<i64, Status> {
    match asked {
        0 => Ok(i64::from(PAGE_ROWS)),
        1..=PAGE_ROWS_MAX => Ok(i64::from(asked)),
        _ => Err(field("page_size", "PAGE_TOO_LARGE", &"is at most 500")),
    }
}

fn read_manifest(manifest: &v1::UploadManifest) -> Result<Manifest, Status> {
    let wrong = |name: &str, problem: &str| field(name, "MANIFEST_INVALID", &problem);
    let unit = manifest.unit.as_ref().and_then(read_unit);
    let packing = match v1::UploadPacking::try_from(manifest.packing) {
        Ok(v1::UploadPacking::Unspecified) => Packing::Plain,
        Ok(v1::UploadPacking::Zstd) => Packing::Zstd,
        Ok(v1::UploadPacking::Gzip) => Packing::Gzip,
        Err(_) => return Err(wrong("packing", "is not a packing that this hub knows")),
    };
    Ok(Manifest {
        upload: read_id(&manifest.upload_id)?,
        kind: read_upload_kind(manifest)?,
        unit: unit.ok_or_else(|| wrong("unit", "is not a unit of its scheme: check both"))?,
        period: manifest.period.parse().map_err(|_| {
            wrong(
                "period",
                "is 2026, 2026-Q4, 2026-11 or 2026-11-24, or empty",
            )
        })?,
        records: manifest.records,
        bytes: manifest.bytes,
        digest: manifest
            .digest
            .as_slice()
            .try_into()
            .map_err(|_| wrong("digest", "is the BLAKE3 hash of the bytes: 32 bytes"))?,
        packing,
        faults: if manifest.all_or_nothing {
            Faults::RefuseAll
        } else {
            Faults::KeepGood
        },
        effect: if manifest.validate_only {
            Effect::ReportOnly
        } else {
            Effect::Take
        },
    })
}

fn read_upload_kind(manifest: &v1::UploadManifest) -> Result<UploadKind, Status> {
    let wrong = |name: &str, problem: &str| field(name, "MANIFEST_INVALID", &problem);
    let of = read_kind(manifest.record_kind);
    match (v1::UploadKind::try_from(manifest.kind), of) {
        (Ok(v1::UploadKind::Delta), _) if manifest.withdraw_missing => Err(wrong(
            "withdraw_missing",
            "is for snapshots: a delta says nothing about records that it does not list",
        )),
        (Ok(v1::UploadKind::Delta), None) => Ok(UploadKind::Delta),
        (Ok(v1::UploadKind::Delta), Some(_)) => Err(wrong(
            "record_kind",
            "is for snapshots: leave it unspecified",
        )),
        (Ok(v1::UploadKind::Snapshot), Some(of)) => Ok(UploadKind::Snapshot {
            of,
            missing: if manifest.withdraw_missing {
                Missing::Withdraw
            } else {
                Missing::Report
            },
        }),
        (Ok(v1::UploadKind::Snapshot), None) => Err(wrong(
            "record_kind",
            "says what kind of records a snapshot states",
        )),
        (Ok(v1::UploadKind::Unspecified) | Err(_), _) => Err(wrong("kind", "is delta or snapshot")),
    }
}

fn write_manifest(manifest: &Manifest) -> v1::UploadManifest {
    let (kind, record_kind, withdraw_missing) = match manifest.kind {
        UploadKind::Delta => (v1::UploadKind::Delta, 0, false),
        UploadKind::Snapshot { of, missing } => (
            v1::UploadKind::Snapshot,
            write_kind(of).into(),
            missing == Missing::Withdraw,
        ),
    };
    let packing = match manifest.packing {
        Packing::Plain => v1::UploadPacking::Unspecified,
        Packing::Zstd => v1::UploadPacking::Zstd,
        Packing::Gzip => v1::UploadPacking::Gzip,
    };
    v1::UploadManifest {
        upload_id: manifest.upload.to_string(),
        kind: kind.into(),
        record_kind,
        unit: Some(write_unit(manifest.unit)),
        period: manifest.period.as_str().to_owned(),
        records: manifest.records,
        bytes: manifest.bytes,
        digest: manifest.digest.to_vec(),
        packing: packing.into(),
        withdraw_missing,
        validate_only: manifest.effect == Effect::ReportOnly,
        all_or_nothing: manifest.faults == Faults::RefuseAll,
    }
}

fn write_upload(name: &str, held: HeldUpload) -> v1::UploadStatus {
    let HeldUpload { row, progress } = held;
    let state = match progress.state {
        UploadState::Receiving => v1::UploadState::Receiving,
        UploadState::Committing => v1::UploadState::Committing,
        UploadState::Committed => v1::UploadState::Committed,
        UploadState::Validated => v1::UploadState::Validated,
        // What it was is forgotten with it.
        UploadState::Expired => v1::UploadState::Unspecified,
        UploadState::Refused => v1::UploadState::Refused,
    };
    let of = |fate| progress.totals.of(fate);
    v1::UploadStatus {
        manifest: Some(write_manifest(&row.manifest)),
        state: state.into(),
        durable_offset: progress.received,
        records_done: progress.done,
        totals: Some(v1::UploadTotals {
            created: of(Fate::Created),
            changed: of(Fate::Changed),
            renewed: of(Fate::Renewed),
            unchanged: of(Fate::Unchanged),
            superseded: of(Fate::Superseded),
            quarantined: of(Fate::Quarantined),
            rejected: of(Fate::Rejected),
            missing: of(Fate::Missing),
            withdrawn: of(Fate::Withdrawn),
        }),
        failure: progress.failure,
        opened_at: Some(write_instant(row.opened_at)),
        finished_at: progress.finished_at.map(write_instant),
        node: name.to_owned(),
    }
}

fn write_entry(entry: Entry, records: u64) -> v1::UploadEntry {
    let fate = match entry.fate {
        Fate::Created => v1::RecordFate::Created,
        Fate::Changed => v1::RecordFate::Changed,
        Fate::Renewed => v1::RecordFate::Renewed,
        Fate::Unchanged => v1::RecordFate::Unchanged,
        Fate::Superseded => v1::RecordFate::Superseded,
        Fate::Quarantined => v1::RecordFate::Quarantined,
        Fate::Rejected => v1::RecordFate::Rejected,
        Fate::Missing => v1::RecordFate::Missing,
        Fate::Withdrawn => v1::RecordFate::Withdrawn,
    };
    v1::UploadEntry {
        position: (entry.place < records).then_some(entry.place),
        record_id: entry.record_id.map_or(String::new(), |id| id.to_string()),
        version: entry.version,
        fate: fate.into(),
        reason: entry.reason,
        violations: entry
            .violations
            .lines()
            .filter_map(read_violation)
            .collect(),
    }
}

/// `LEVEL path RULE` as the report keeps it.
fn read_violation(line: &str) -> Option<v1::FieldViolation> {
    let mut words = line.split(' ');
    let (level, path, rule) = (words.next()?, words.next()?, words.next()?);
    let known = Rule::ALL.iter().find(|known| known.as_str() == rule);
    let description = known.map_or("", |known| known.description());
    let level = if level == "WARN" {
        v1::ViolationLevel::Warn
    } else {
        v1::ViolationLevel::Reject
    };
    Some(v1::FieldViolation {
        field: path.to_owned(),
        rule: rule.to_owned(),
        description: format!("{path} {description}"),
        level: level.into(),
    })
}
