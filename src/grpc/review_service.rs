//! `ReviewService`: stewards decide who is the same child.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::convert::{conflicting_fields, read_unit, write_instant};
use super::hub::Hub;
use super::proto::v1;
use super::proto::v1::review_service_server::ReviewService;
use super::status::field;
use crate::domain::golden::GoldenId;
use crate::domain::pair::Verdict;
use crate::domain::record::RecordKey;
use crate::store::{AliasCause, AliasKind, GoldenState, ReviewOrder};
use crate::sync::review::{GoldenStory, REVIEW_PAGE_ROWS_MAX, Reviews, SPLIT_RECORDS_MAX};

/// Rows of one page unless asked otherwise.
const PAGE_ROWS: i64 = 50;

/// The service of one hub.
pub struct HubReviewService {
    /// What all services share.
    pub hub: Arc<Hub>,
    /// The use cases.
    pub reviews: Reviews,
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl ReviewService for HubReviewService {
    async fn list_reviews(
        &self,
        request: Request<v1::ListReviewsRequest>,
    ) -> Answer<v1::ListReviewsResponse> {
        self.hub.steward(&request)?;
        let request = request.into_inner();
        let order = match request.order() {
            v1::ReviewOrder::Unspecified | v1::ReviewOrder::Score => ReviewOrder::Score,
            v1::ReviewOrder::Age => ReviewOrder::Age,
        };
        let unit = match &request.unit {
            Some(unit) => read_unit(unit)
                .ok_or_else(|| field("unit", "UNIT_UNKNOWN", &"is not a unit of its scheme"))?
                .to_string(),
            None => String::new(),
        };
        let offset: i64 = match request.page_token.as_str() {
            "" => 0,
            token => token.parse().map_err(|_| broken_token())?,
        };
        let limit = page_rows(request.page_size);
        let (rows, open) = self
            .reviews
            .list(order, &unit, limit, offset.max(0))
            .await?;
        let is_full = i64::try_from(rows.len()) == Ok(limit);
        let mut reviews = Vec::with_capacity(rows.len());
        for row in rows {
            reviews.push(v1::Review {
                one: Some(self.reference(row.pair.one()).await?),
                other: Some(self.reference(row.pair.other()).await?),
                bits: f64::from(row.centibits) / 100.0,
                opened_at: Some(write_instant(row.opened_at)),
            });
        }
        Ok(Response::new(v1::ListReviewsResponse {
            reviews,
            next_page_token: if is_full {
                (offset + limit).to_string()
            } else {
                String::new()
            },
            open: open.unsigned_abs(),
        }))
    }

    async fn explain_pair(
        &self,
        request: Request<v1::ExplainPairRequest>,
    ) -> Answer<v1::ExplainPairResponse> {
        self.hub.steward(&request)?;
        let request = request.into_inner();
        let one = self.record("one", request.one).await?;
        let other = self.record("other", request.other).await?;
        let pair = self.reviews.explain(one, other).await?;
        let [one, other] = pair.contents;
        let comparisons = pair.lines.into_iter().map(|line| v1::Comparison {
            name: line.comparison.to_owned(),
            level: line.level.to_owned(),
            bits: line.bits,
        });
        let [one_golden, other_golden] = pair.golden.map(|golden| golden.as_uuid().to_string());
        Ok(Response::new(v1::ExplainPairResponse {
            one,
            other,
            one_golden_id: one_golden,
            other_golden_id: other_golden,
            comparisons: comparisons.collect(),
            bits: pair.bits,
            prior_bits: pair.prior_bits,
            family_bits: pair.family_bits,
            link_bits: pair.link_bits,
            review_bits: pair.review_bits,
            veto: pair.veto.unwrap_or_default().to_owned(),
            verdict: write_verdict(pair.verdict).into(),
        }))
    }

    async fn decide(&self, request: Request<v1::DecideRequest>) -> Answer<v1::DecideResponse> {
        let by = self.hub.steward(&request)?;
        let request = request.into_inner();
        let verdict = match request.verdict() {
            v1::Verdict::Same => Verdict::Same,
            v1::Verdict::Different => Verdict::Different,
            v1::Verdict::Later => Verdict::Later,
            v1::Verdict::Unspecified => {
                return Err(field(
                    "verdict",
                    "REQUIRED",
                    &"is needed: same, different or later",
                ));
            }
        };
        let one = self.record("one", request.one).await?;
        let other = self.record("other", request.other).await?;
        let now = self.hub.clock.now();
        let decision = self
            .reviews
            .decide(one, other, verdict, by.as_str(), now)
            .await?;
        self.decided();
        Ok(Response::new(v1::DecideResponse {
            decision: decision.unsigned_abs(),
        }))
    }

    async fn undo_decision(
        &self,
        request: Request<v1::UndoDecisionRequest>,
    ) -> Answer<v1::UndoDecisionResponse> {
        let by = self.hub.steward(&request)?;
        let number = i64::try_from(request.get_ref().decision).unwrap_or(i64::MAX);
        let decision = self
            .reviews
            .undo(number, by.as_str(), self.hub.clock.now())
            .await?;
        self.decided();
        Ok(Response::new(v1::UndoDecisionResponse {
            decision: decision.unsigned_abs(),
        }))
    }

    async fn list_decisions(
        &self,
        request: Request<v1::ListDecisionsRequest>,
    ) -> Answer<v1::ListDecisionsResponse> {
        self.hub.steward(&request)?;
        let before = match request.get_ref().before {
            0 => i64::MAX,
            before => i64::try_from(before).unwrap_or(i64::MAX),
        };
        let limit = page_rows(request.get_ref().page_size);
        let mut decisions = Vec::new();
        for row in self.reviews.decisions(before, limit).await? {
            decisions.push(v1::Decision {
                decision: row.sequence.unsigned_abs(),
                one: Some(self.reference(row.pair.one()).await?),
                other: Some(self.reference(row.pair.other()).await?),
                verdict: write_verdict(row.verdict).into(),
                decided_by: row.decided_by,
                decided_at: Some(write_instant(row.decided_at)),
            });
        }
        Ok(Response::new(v1::ListDecisionsResponse { decisions }))
    }

    async fn get_golden_record(
        &self,
        request: Request<v1::GetGoldenRecordRequest>,
    ) -> Answer<v1::GetGoldenRecordResponse> {
        self.hub.steward(&request)?;
        let golden = read_golden("golden_id", &request.get_ref().golden_id)?;
        let story = self.reviews.golden(golden).await?;
        let mut members = Vec::new();
        for key in &story.members {
            members.push(self.reference(*key).await?);
        }
        Ok(Response::new(write_story(story, members)))
    }

    async fn split(&self, request: Request<v1::SplitRequest>) -> Answer<v1::SplitResponse> {
        let by = self.hub.steward(&request)?;
        let records = request.into_inner().records;
        if records.len() > SPLIT_RECORDS_MAX {
            return Err(field(
                "records",
                "TOO_MANY_RECORDS",
                &"has more records than allowed",
            ));
        }
        let mut part = Vec::new();
        for record in records {
            part.push(self.record("records", Some(record)).await?);
        }
        let decisions = self
            .reviews
            .split(&part, by.as_str(), self.hub.clock.now())
            .await?;
        self.decided();
        Ok(Response::new(v1::SplitResponse {
            decisions: decisions.into_iter().map(i64::unsigned_abs).collect(),
        }))
    }

    async fn merge(&self, request: Request<v1::MergeRequest>) -> Answer<v1::MergeResponse> {
        let by = self.hub.steward(&request)?;
        let one = read_golden("one_golden_id", &request.get_ref().one_golden_id)?;
        let other = read_golden("other_golden_id", &request.get_ref().other_golden_id)?;
        let now = self.hub.clock.now();
        let decision = self.reviews.merge(one, other, by.as_str(), now).await?;
        self.decided();
        Ok(Response::new(v1::MergeResponse {
            decision: decision.unsigned_abs(),
        }))
    }

    async fn list_conflicts(
        &self,
        request: Request<v1::ListConflictsRequest>,
    ) -> Answer<v1::ListConflictsResponse> {
        self.hub.steward(&request)?;
        let after = match request.get_ref().page_token.as_str() {
            "" => GoldenId::default(),
            token => read_golden("page_token", token)?,
        };
        let limit = page_rows(request.get_ref().page_size);
        let rows = self.reviews.conflicts(after, limit).await?;
        let is_full = i64::try_from(rows.len()) == Ok(limit);
        let last = rows.last().filter(|_| is_full).map(|(golden, _)| *golden);
        let conflicts = rows.into_iter().map(|(golden, text)| v1::GoldenConflict {
            golden_id: golden.as_uuid().to_string(),
            fields: conflicting_fields(&text),
        });
        Ok(Response::new(v1::ListConflictsResponse {
            conflicts: conflicts.collect(),
            next_page_token: last.map_or_else(String::new, |golden| golden.as_uuid().to_string()),
        }))
    }
}

impl HubReviewService {
    /// Wakes the reconciler, which follows decisions.
    fn decided(&self) {
        self.hub.signals.log.call();
    }

    async fn reference(&self, key: RecordKey) -> Result<v1::RecordReference, Status> {
        Ok(v1::RecordReference {
            node: self.reviews.node_name(key).await?,
            record_id: key.record_id.to_string(),
        })
    }

    async fn record(
        &self,
        path: &'static str,
        reference: Option<v1::RecordReference>,
    ) -> Result<RecordKey, Status> {
        let reference = reference.unwrap_or_default();
        let node = reference.node.parse();
        let node = node.map_err(|error| field(path, "NAME_INVALID", &error))?;
        let record_id = reference.record_id.parse();
        let record_id = record_id.map_err(|error| field(path, "RECORD_ID_INVALID", &error))?;
        Ok(self.reviews.find(&node, record_id).await?)
    }
}

fn page_rows(asked: u32) -> i64 {
    match asked {
        0 => PAGE_ROWS,
        asked => i64::from(asked).min(REVIEW_PAGE_ROWS_MAX),
    }
}

fn broken_token() -> Status {
    field(
        "page_token",
        "PAGE_TOKEN_INVALID",
        &"is not from a response",
    )
}

fn read_golden(path: &'static str, text: &str) -> Result<GoldenId, Status> {
    let id = uuid::Uuid::try_parse(text);
    id.map(GoldenId::new)
        .map_err(|_| field(path, "GOLDEN_ID_INVALID", &"is not a UUID"))
}

fn write_verdict(verdict: Option<Verdict>) -> v1::Verdict {
    match verdict {
        None => v1::Verdict::Unspecified,
        Some(Verdict::Same) => v1::Verdict::Same,
        Some(Verdict::Different) => v1::Verdict::Different,
        Some(Verdict::Later) => v1::Verdict::Later,
    }
}

fn write_story(
    story: GoldenStory,
    members: Vec<v1::RecordReference>,
) -> v1::GetGoldenRecordResponse {
    let versions = story.versions.into_iter().map(|(row, content)| {
        let (state, merged_into) = match row.state {
            GoldenState::Live => ("live", String::new()),
            GoldenState::Withdrawn => ("withdrawn", String::new()),
            GoldenState::MergedInto(golden) => ("merged", golden.as_uuid().to_string()),
        };
        v1::GoldenVersion {
            version: row.version.as_u64(),
            state: state.to_owned(),
            merged_into,
            child: content,
            provenance: row.provenance,
            conflicts: row.conflicts,
            replaced_at: row.replaced_at.map(write_instant),
            unit_move: row
                .unit_move
                .map(|moved| moved.to_string())
                .unwrap_or_default(),
        }
    });
    let aliases = story.aliases.into_iter().map(|alias| v1::GoldenAlias {
        from_golden_id: alias.from.as_uuid().to_string(),
        to_golden_id: alias.to.as_uuid().to_string(),
        merged: alias.kind == AliasKind::Merged,
        cause: match alias.cause {
            AliasCause::Evidence => v1::AliasCause::Evidence.into(),
            AliasCause::Decision => v1::AliasCause::Decision.into(),
            AliasCause::Node => v1::AliasCause::Node.into(),
        },
        happened_at: Some(write_instant(alias.happened_at)),
    });
    v1::GetGoldenRecordResponse {
        members,
        versions: versions.collect(),
        aliases: aliases.collect(),
    }
}
