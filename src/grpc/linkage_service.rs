//! `LinkageService`: operators see, try and change the linkage model.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::convert::write_instant;
use super::hub::Hub;
use super::proto::v1;
use super::proto::v1::linkage_service_server::LinkageService;
use super::status::{draining, field};
use crate::domain::node::NodeId;
use crate::domain::record::RecordKey;
use crate::store::{ModelOrigin, ModelRow};
use crate::sync::bulk::Progress;
use crate::sync::models::{
    ChangeKind, Choice, Example, MODEL_PAGE_ROWS_MAX, ModelInUse, ModelPreview, ModelSource,
    Models, digest,
};

/// Models of one page unless asked otherwise.
const PAGE_ROWS: i64 = 50;
/// Answers of a preview that may wait for their reader.
const STEPS_WAITING_MAX: usize = 2;
/// How often a preview tells how far it is.
const PROGRESS_MILLISECONDS: u64 = 1_000;

/// The service of one hub.
pub struct HubLinkageService {
    /// What all services share.
    pub hub: Arc<Hub>,
    /// The use cases.
    pub models: Models,
}

type Answer<T> = Result<Response<T>, Status>;
type Step = Result<v1::PreviewModelResponse, Status>;
type Steps = Pin<Box<dyn Stream<Item = Step> + Send>>;

#[tonic::async_trait]
impl LinkageService for HubLinkageService {
    type PreviewModelStream = Steps;

    async fn get_model(
        &self,
        request: Request<v1::GetModelRequest>,
    ) -> Answer<v1::GetModelResponse> {
        self.hub.operator(&request)?;
        let status = self.models.show().await?;
        let progress = status.progress;
        let building = (progress.building_model > 0).then(|| v1::IndexProgress {
            number: progress.building_model.unsigned_abs(),
            records: progress.build_records.unsigned_abs(),
            read_records: progress.read_records.unsigned_abs(),
            compared_records: progress.compared_records.unsigned_abs(),
        });
        let problem = status.in_use.problem.as_ref();
        Ok(Response::new(v1::GetModelResponse {
            model: Some(write_in_use(&status.in_use)),
            text: status.in_use.model.text().to_owned(),
            problem: problem.map_or_else(String::new, ToString::to_string),
            records: status.records.unsigned_abs(),
            linked_number: progress.linked_model.unsigned_abs(),
            unsettled_records: progress.unsettled_records.unsigned_abs(),
            building,
        }))
    }

    async fn preview_model(&self, request: Request<v1::PreviewModelRequest>) -> Answer<Steps> {
        self.hub.operator(&request)?;
        let choice = read_choice(request.into_inner().model)?;
        let (steps, stream) = mpsc::channel(STEPS_WAITING_MAX);
        let (hub, models) = (Arc::clone(&self.hub), self.models.clone());
        tokio::spawn(tell_preview(hub, models, choice, steps));
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }

    async fn use_model(
        &self,
        request: Request<v1::UseModelRequest>,
    ) -> Answer<v1::UseModelResponse> {
        let by = self.hub.steward(&request)?;
        let request = request.into_inner();
        let choice = read_choice(request.model)?;
        let expected = request
            .expected_number
            .map(|number| i64::try_from(number).unwrap_or(i64::MAX));
        let now = self.hub.clock.now();
        let (model, changed) = self
            .models
            .put_in_use(choice, expected, by.as_str(), now)
            .await?;
        // Wakes the reconciler, which looks for a newer model.
        self.hub.signals.log.call();
        Ok(Response::new(v1::UseModelResponse {
            model: Some(write_in_use(&model)),
            changed,
        }))
    }

    async fn list_models(
        &self,
        request: Request<v1::ListModelsRequest>,
    ) -> Answer<v1::ListModelsResponse> {
        self.hub.operator(&request)?;
        let before = match request.get_ref().before {
            0 => i64::MAX,
            before => i64::try_from(before).unwrap_or(i64::MAX),
        };
        let limit = match request.get_ref().page_size {
            0 => PAGE_ROWS,
            asked => i64::from(asked).min(MODEL_PAGE_ROWS_MAX),
        };
        let rows = self.models.list(before, limit).await?.into_iter();
        Ok(Response::new(v1::ListModelsResponse {
            models: rows.map(write_row).collect(),
        }))
    }
}

/// Tells how far a preview is until it is made, its reader is gone, or the hub stops.
async fn tell_preview(hub: Arc<Hub>, models: Models, choice: Choice, steps: mpsc::Sender<Step>) {
    let progress = Arc::new(Progress::default());
    // Nothing is read while the preview waits in the middle of its own reading.
    let records = match models.count_records().await {
        Ok(records) => records,
        Err(error) => return drop(steps.send(Err(error.into())).await),
    };
    let preview = models.preview(choice, Arc::clone(&progress));
    let mut preview = std::pin::pin!(preview);
    let mut ticks = tokio::time::interval(Duration::from_millis(PROGRESS_MILLISECONDS));
    let made = loop {
        tokio::select! {
            made = &mut preview => break made,
            _ = ticks.tick() => {
                // A reader that is slow is told the next time.
                drop(steps.try_send(Ok(write_progress(records, &progress))));
            }
            () = steps.closed() => return progress.give_up(),
            () = hub.stop.cancelled() => {
                progress.give_up();
                drop(steps.send(Err(draining())).await);
                return;
            }
        }
    };
    let step = match made {
        Ok(preview) => write_preview(&models, preview).await,
        Err(error) => Err(error.into()),
    };
    // If the reader is gone there is nobody to tell.
    drop(steps.send(step).await);
}

fn read_choice(choice: Option<v1::ModelChoice>) -> Result<Choice, Status> {
    match choice.unwrap_or_default().model {
        None => Err(field("model", "REQUIRED", &"is needed: a text or a number")),
        Some(v1::model_choice::Model::Text(text)) => Ok(Choice::Text(text)),
        Some(v1::model_choice::Model::Number(number)) => {
            Ok(Choice::Number(i64::try_from(number).unwrap_or(i64::MAX)))
        }
    }
}

fn write_in_use(model: &ModelInUse) -> v1::UsedModel {
    let source = match model.source {
        ModelSource::Call => v1::ModelSource::Call,
        ModelSource::Configuration => v1::ModelSource::Configuration,
        ModelSource::Shipped => v1::ModelSource::Shipped,
    };
    let used = model.used.as_ref();
    v1::UsedModel {
        number: model.number.unsigned_abs(),
        digest: hexadecimal(digest(model.model.text())),
        source: source.into(),
        used_by: used.map_or_else(String::new, |(by, _)| by.clone()),
        used_at: used.map(|(_, at)| write_instant(*at)),
    }
}

fn write_row(row: ModelRow) -> v1::UsedModel {
    let source = match row.origin {
        ModelOrigin::Call => v1::ModelSource::Call,
        ModelOrigin::Configuration => v1::ModelSource::Configuration,
    };
    v1::UsedModel {
        number: row.number.unsigned_abs(),
        digest: hexadecimal(row.digest),
        source: source.into(),
        used_by: row.used_by,
        used_at: Some(write_instant(row.used_at)),
    }
}

fn write_progress(records: i64, progress: &Progress) -> v1::PreviewModelResponse {
    let step = v1::IndexProgress {
        number: 0,
        records: records.unsigned_abs(),
        read_records: count(progress.read()),
        compared_records: count(progress.compared()),
    };
    v1::PreviewModelResponse {
        step: Some(v1::preview_model_response::Step::Progress(step)),
    }
}

async fn write_preview(models: &Models, preview: ModelPreview) -> Step {
    let mut names: HashMap<NodeId, String> = HashMap::new();
    for example in &preview.examples {
        for key in [example.pair.one(), example.pair.other()] {
            if let Entry::Vacant(unknown) = names.entry(key.node) {
                unknown.insert(models.node_name(key.node).await?);
            }
        }
    }
    let examples = preview.examples.iter();
    let examples = examples.map(|example| write_example(*example, &names));
    let preview = v1::ModelPreview {
        examples: examples.collect(),
        ..write_counts(&preview)
    };
    Ok(v1::PreviewModelResponse {
        step: Some(v1::preview_model_response::Step::Preview(preview)),
    })
}

/// A preview without its examples.
pub fn write_counts(preview: &ModelPreview) -> v1::ModelPreview {
    v1::ModelPreview {
        records: count(preview.records),
        golden_before: count(preview.golden_before),
        golden_after: count(preview.golden_after),
        moved_records: count(preview.moved_records),
        losing_golden: count(preview.losing_golden),
        linked_pairs: count(preview.linked_pairs),
        unlinked_pairs: count(preview.unlinked_pairs),
        reviews_opened: count(preview.reviews_opened),
        reviews_rescored: count(preview.reviews_rescored),
        reviews_closed: count(preview.reviews_closed),
        examples: Vec::new(),
    }
}

fn write_example(example: Example, names: &HashMap<NodeId, String>) -> v1::PreviewExample {
    let change = match example.kind {
        ChangeKind::Linked => v1::PreviewChange::Linked,
        ChangeKind::Unlinked => v1::PreviewChange::Unlinked,
        ChangeKind::ReviewOpened => v1::PreviewChange::ReviewOpened,
        ChangeKind::ReviewClosed => v1::PreviewChange::ReviewClosed,
    };
    let reference = |key: RecordKey| v1::RecordReference {
        node: names.get(&key.node).cloned().unwrap_or_default(),
        record_id: key.record_id.to_string(),
    };
    v1::PreviewExample {
        change: change.into(),
        one: Some(reference(example.pair.one())),
        other: Some(reference(example.pair.other())),
        old_bits: f64::from(example.old) / 100.0,
        new_bits: f64::from(example.new) / 100.0,
    }
}

fn hexadecimal(digest: [u8; 32]) -> String {
    blake3::Hash::from_bytes(digest).to_hex().to_string()
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
