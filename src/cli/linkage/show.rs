//! What `childsync linkage` shows.

use comfy_table::Table;
use serde_json::{Value, json};

use crate::cli::operator::say;
use crate::cli::status::plain_table;
use crate::grpc::proto::v1;

/// Characters of a digest that a table shows: enough to tell a hub's models apart.
const DIGEST_CHARACTERS_SHOWN: usize = 16;

/// The number of the model in use.
pub(super) fn number_in_use(status: &v1::GetModelResponse) -> u64 {
    status.model.as_ref().map_or(0, |model| model.number)
}

/// Whether everything is linked by the model in use.
pub(super) fn is_linked(status: &v1::GetModelResponse) -> bool {
    status.linked_number == number_in_use(status)
        && status.building.is_none()
        && status.unsettled_records == 0
}

fn source(model: &v1::UsedModel) -> &'static str {
    match model.source() {
        v1::ModelSource::Unspecified => "unknown",
        v1::ModelSource::Call => "call",
        v1::ModelSource::Configuration => "configuration",
        v1::ModelSource::Shipped => "shipped",
    }
}

fn instant(model: &v1::UsedModel) -> String {
    model.used_at.map_or_else(String::new, |at| at.to_string())
}

fn short(digest: &str) -> String {
    digest.chars().take(DIGEST_CHARACTERS_SHOWN).collect()
}

pub(super) fn model_json(model: &v1::UsedModel) -> Value {
    json!({
        "number": model.number,
        "digest": model.digest,
        "source": source(model),
        "used_by": model.used_by,
        "used_at": instant(model),
    })
}

pub(super) fn status_json(status: &v1::GetModelResponse) -> Value {
    json!({
        "model": status.model.as_ref().map(model_json),
        "problem": status.problem,
        "records": status.records,
        "linked_number": status.linked_number,
        "unsettled_records": status.unsettled_records,
        "building": status.building.as_ref().map(|building| json!({
            "number": building.number,
            "records": building.records,
            "read_records": building.read_records,
            "compared_records": building.compared_records,
        })),
        "linked": is_linked(status),
    })
}

/// The model in use.
pub(super) fn status(status: &v1::GetModelResponse, json: bool) {
    if json {
        say(status_json(status));
        return;
    }
    let mut table = plain_table();
    if let Some(model) = &status.model {
        table.add_row(["Model in use", &model.number.to_string()]);
        table.add_row(["Digest", &model.digest]);
        table.add_row(["From", source(model)]);
        if model.number > 0 {
            let used = format!("{}, {}", model.used_by, instant(model));
            table.add_row(["Put in use by", &used]);
        }
    }
    if !status.problem.is_empty() {
        let problem = format!(
            "this program cannot read it ({}): the configured model stands in",
            status.problem
        );
        table.add_row(["Problem", &problem]);
    }
    table.add_row(["Records", &status.records.to_string()]);
    table.add_row(["Linking", &linking(status)]);
    say(table);
}

fn linking(status: &v1::GetModelResponse) -> String {
    let number = number_in_use(status);
    match &status.building {
        Some(building) => format!(
            "the index of model {} is being built: {} of {} records read, {} compared; \
             meanwhile model {} links",
            building.number,
            building.read_records,
            building.records,
            building.compared_records,
            status.linked_number
        ),
        None if status.linked_number != number => {
            format!("model {} links; {number} begins soon", status.linked_number)
        }
        None if status.unsettled_records > 0 => {
            format!(
                "{} records wait to be linked again",
                status.unsettled_records
            )
        }
        None => "everything is linked by this model".to_owned(),
    }
}

/// The models that were put in use.
pub(super) fn history(models: &[v1::UsedModel], json: bool) {
    if json {
        let models: Vec<Value> = models.iter().map(model_json).collect();
        say(json!({ "models": models }));
        return;
    }
    let mut table = plain_table();
    table.set_header(["number", "digest", "from", "put in use by", "when"]);
    for model in models {
        table.add_row([
            model.number.to_string(),
            short(&model.digest),
            source(model).to_owned(),
            model.used_by.clone(),
            instant(model),
        ]);
    }
    say(table);
    if models.iter().all(|model| model.number > 1) && !models.is_empty() {
        let last = models.last().map_or(0, |model| model.number);
        say(format_args!("More: --before {last}"));
    }
}

pub(super) fn preview_json(preview: &v1::ModelPreview) -> Value {
    let examples = preview.examples.iter().map(|example| {
        json!({
            "change": change(example),
            "one": record(example.one.as_ref()),
            "other": record(example.other.as_ref()),
            "old_bits": example.old_bits,
            "new_bits": example.new_bits,
        })
    });
    let mut shown = json!({ "examples": examples.collect::<Vec<_>>() });
    if let Value::Object(shown) = &mut shown {
        for (name, _, count) in counts(preview) {
            shown.insert(name.to_owned(), count.into());
        }
    }
    shown
}

/// What a model would change.
pub(super) fn preview(preview: &v1::ModelPreview, json: bool) {
    if json {
        say(preview_json(preview));
        return;
    }
    say("Under this model:");
    for (_, words, count) in counts(preview) {
        say(format_args!("{count:>10} {words}"));
    }
    if preview.examples.is_empty() {
        return;
    }
    let mut table: Table = plain_table();
    table.set_header(["would be", "one", "other", "bits now", "then"]);
    for example in &preview.examples {
        table.add_row([
            change(example).replace('_', " "),
            record(example.one.as_ref()),
            record(example.other.as_ref()),
            format!("{:+.1}", example.old_bits),
            format!("{:+.1}", example.new_bits),
        ]);
    }
    say(table);
    say("`childsync review show ONE OTHER` shows a pair, as the model in use sees it.");
}

fn counts(preview: &v1::ModelPreview) -> [(&'static str, &'static str, u64); 10] {
    [
        ("records", "records", preview.records),
        ("golden_before", "golden records now", preview.golden_before),
        ("golden_after", "golden records then", preview.golden_after),
        (
            "moved_records",
            "records would be in another golden record",
            preview.moved_records,
        ),
        (
            "losing_golden",
            "golden records would lose some",
            preview.losing_golden,
        ),
        (
            "linked_pairs",
            "pairs of records would come together",
            preview.linked_pairs,
        ),
        (
            "unlinked_pairs",
            "pairs of records would come apart",
            preview.unlinked_pairs,
        ),
        (
            "reviews_opened",
            "pairs for a steward would be new",
            preview.reviews_opened,
        ),
        (
            "reviews_rescored",
            "pairs for a steward would have another score",
            preview.reviews_rescored,
        ),
        (
            "reviews_closed",
            "pairs would not be asked about any more",
            preview.reviews_closed,
        ),
    ]
}

fn change(example: &v1::PreviewExample) -> &'static str {
    match example.change() {
        v1::PreviewChange::Unspecified => "unknown",
        v1::PreviewChange::Linked => "linked",
        v1::PreviewChange::Unlinked => "unlinked",
        v1::PreviewChange::ReviewOpened => "review_opened",
        v1::PreviewChange::ReviewClosed => "review_closed",
    }
}

fn record(reference: Option<&v1::RecordReference>) -> String {
    reference.map_or_else(String::new, |it| format!("{}/{}", it.node, it.record_id))
}
