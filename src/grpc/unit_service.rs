//! `UnitService`: operators give acts that change units, and place records of units that were split.

use std::sync::Arc;

use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::convert::{read_unit, write_instant, write_kind, write_unit};
use super::hub::Hub;
use super::proto::v1;
use super::proto::v1::unit_service_server::UnitService;
use super::status::field;
use crate::domain::golden::GoldenId;
use crate::sync::units::{UNIT_PAGE_ROWS, UNIT_PAGE_ROWS_MAX, UnitActs};

/// The service of one hub.
pub struct HubUnitService {
    /// What all services share.
    pub hub: Arc<Hub>,
    /// The use cases.
    pub acts: UnitActs,
}

#[tonic::async_trait]
impl UnitService for HubUnitService {
    async fn apply_unit_act(
        &self,
        request: Request<v1::ApplyUnitActRequest>,
    ) -> Result<Response<v1::ApplyUnitActResponse>, Status> {
        let operator = self.hub.steward(&request)?;
        let v1::ApplyUnitActRequest { text, dry_run } = request.into_inner();
        let applied = self.acts.apply(&text, dry_run, &operator).await?;
        let act = &applied.act;
        if applied.is_new && !dry_run {
            tracing::info!(
                act.id = %act.id(), act.changes = act.changes().len(), operator.name = %operator,
                "An act about units was given"
            );
        }
        let count = |word| u32::try_from(act.count(word)).unwrap_or(u32::MAX);
        Ok(Response::new(v1::ApplyUnitActResponse {
            created: applied.is_new,
            due: applied.is_due,
            act_id: act.id().to_string(),
            effective_from: act.effective_from().to_string(),
            renamed: count("renamed"),
            merged: count("merged"),
            split: count("split"),
            abolished: count("abolished"),
            nodes: applied.nodes,
        }))
    }

    async fn list_unit_acts(
        &self,
        request: Request<v1::ListUnitActsRequest>,
    ) -> Result<Response<v1::ListUnitActsResponse>, Status> {
        self.hub.operator(&request)?;
        let request = request.into_inner();
        let limit = page_rows(request.page_size)?;
        let before = match request.page_token.as_str() {
            "" => i64::MAX,
            token => token.parse().map_err(|_| not_a_token())?,
        };
        let rows = self.acts.list(before, limit).await?;
        let progress = self.acts.status().await?.progress;
        let next = next_token(&rows, limit, |row| row.number.to_string());
        let acts = rows.into_iter().map(|row| v1::UnitAct {
            act_id: row.id,
            title: row.title,
            effective_from: row.effective_from,
            changes: u32::try_from(row.changes).unwrap_or(u32::MAX),
            received_at: Some(write_instant(row.received_at)),
            received_by: row.received_by,
            begun_at: row.begun.map(|(_, at)| write_instant(at)),
            finished: progress.finished_at.is_some() && row.begun.is_some(),
        });
        Ok(Response::new(v1::ListUnitActsResponse {
            acts: acts.collect(),
            next_page_token: next,
        }))
    }

    async fn get_unit_status(
        &self,
        request: Request<v1::GetUnitStatusRequest>,
    ) -> Result<Response<v1::GetUnitStatusResponse>, Status> {
        self.hub.operator(&request)?;
        let status = self.acts.status().await?;
        Ok(Response::new(v1::GetUnitStatusResponse {
            acts: u32::try_from(status.progress.begun).unwrap_or(u32::MAX),
            looked_at_records: status.progress.looked_at.unsigned_abs(),
            changed_records: status.progress.changed.unsigned_abs(),
            golden_records: status.golden_records.unsigned_abs(),
            finished_at: status.progress.finished_at.map(write_instant),
            placement_tasks: status.tasks.unsigned_abs(),
        }))
    }

    async fn list_unit_nodes(
        &self,
        request: Request<v1::ListUnitNodesRequest>,
    ) -> Result<Response<v1::ListUnitNodesResponse>, Status> {
        self.hub.operator(&request)?;
        let request = request.into_inner();
        let limit = page_rows(request.page_size)?;
        let rows = self.acts.nodes(&request.page_token, limit).await?;
        let next = next_token(&rows, limit, |row| row.registered.name.clone());
        let nodes = rows.into_iter().map(|row| v1::UnitNode {
            name: row.registered.name,
            registered_unit: Some(write_unit(row.registered.unit)),
            unit: Some(write_unit(row.seat)),
            gained: row.gained.into_iter().map(write_unit).collect(),
        });
        Ok(Response::new(v1::ListUnitNodesResponse {
            nodes: nodes.collect(),
            next_page_token: next,
        }))
    }

    async fn list_placement_tasks(
        &self,
        request: Request<v1::ListPlacementTasksRequest>,
    ) -> Result<Response<v1::ListPlacementTasksResponse>, Status> {
        self.hub.operator(&request)?;
        let request = request.into_inner();
        let limit = page_rows(request.page_size)?;
        let token = request.page_token.as_str();
        let (unit, golden) = match token.split_once('/') {
            _ if token.is_empty() => ("", Uuid::nil()),
            Some((unit, golden)) => (unit, golden.parse().map_err(|_| not_a_token())?),
            None => return Err(not_a_token()),
        };
        let rows = self.acts.tasks((unit, golden), limit).await?;
        let next = next_token(&rows, limit, |(task, _)| {
            format!("{}/{}", task.unit, task.golden_id.as_uuid())
        });
        let tasks = rows.into_iter().map(|(task, parts)| v1::PlacementTask {
            golden_id: task.golden_id.as_uuid().to_string(),
            kind: write_kind(task.kind).into(),
            unit: Some(write_unit(task.unit)),
            parts: parts.into_iter().map(write_unit).collect(),
            opened_at: Some(write_instant(task.opened_at)),
        });
        Ok(Response::new(v1::ListPlacementTasksResponse {
            tasks: tasks.collect(),
            next_page_token: next,
        }))
    }

    async fn place_records(
        &self,
        request: Request<v1::PlaceRecordsRequest>,
    ) -> Result<Response<v1::PlaceRecordsResponse>, Status> {
        let operator = self.hub.steward(&request)?;
        let request = request.into_inner();
        let unit = request.unit.as_ref().and_then(read_unit);
        let unit = unit.ok_or_else(|| {
            let problem = "is not a unit of its scheme: check scheme and code";
            field("unit", "UNIT_UNKNOWN", &problem)
        })?;
        let ids = request.golden_ids.iter().map(|id| id.parse());
        let ids: Result<Vec<Uuid>, _> = ids.collect();
        let ids = ids.map_err(|_| field("golden_ids", "GOLDEN_ID_INVALID", &"must be UUIDs"))?;
        let golden: Vec<GoldenId> = ids.into_iter().map(GoldenId::new).collect();
        self.acts.place(&golden, unit, &operator).await?;
        tracing::info!(
            records = golden.len(), unit = %unit, operator.name = %operator,
            "Records were placed"
        );
        Ok(Response::new(v1::PlaceRecordsResponse {}))
    }
}

fn page_rows(asked: u32) -> Result<i64, Status> {
    match i64::from(asked) {
        0 => Ok(UNIT_PAGE_ROWS),
        asked if asked > UNIT_PAGE_ROWS_MAX => {
            let problem = format!("must be at most {UNIT_PAGE_ROWS_MAX}");
            Err(field("page_size", "PAGE_TOO_LARGE", &problem))
        }
        asked => Ok(asked),
    }
}

/// Where the next page begins; empty after a page that was not full.
fn next_token<Row>(rows: &[Row], limit: i64, token: impl Fn(&Row) -> String) -> String {
    let is_last = i64::try_from(rows.len()) != Ok(limit);
    let last = rows.last().filter(|_| !is_last);
    last.map(token).unwrap_or_default()
}

fn not_a_token() -> Status {
    let problem = "is not what the page before said";
    field("page_token", "PAGE_TOKEN_INVALID", &problem)
}
