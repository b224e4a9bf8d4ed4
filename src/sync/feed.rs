//! The feed: a node reads what became of its records, from a cursor.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::clock::Timestamp;
use crate::domain::draft::UnitDraft;
use crate::domain::golden::{GoldenId, SubmissionKey};
use crate::domain::node::NodeId;
use crate::domain::record::{Lane, RecordId, RecordKey, RecordKind};
use crate::domain::tier_word::{TierWord, moved_to, passed_on};
use crate::domain::unit::UnitReference;
use crate::domain::units_in_use::UnitsInUse;
use crate::security::seal::{SealError, SealKey};
use crate::store::{FeedRow, SealedContents, SourceState, Store, StoreError, Transaction};
use crate::sync::codec::{RecordCodec, Unreadable};
use crate::sync::sealing::{open_golden, open_submission};
use crate::sync::units::KnownUnits;

/// Events of one page.
pub const FEED_PAGE_ROWS: i64 = 500;
/// Units of other nodes that one event names.
const LINKED_UNITS_MAX: usize = 16;

/// A page of a node's feed and how far the hub's own upstream was, both as of one moment.
#[derive(Clone, Debug)]
pub struct FeedPage {
    /// The events.
    pub rows: Vec<FeedRow>,
    /// The cursor to go on from.
    pub cursor: i64,
    /// What the upstream has receipted.
    pub progress: UpstreamProgress,
}

/// Up to which change of each lane the upstream has receipted golden records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpstreamProgress {
    /// Last receipted change of the routine lane.
    pub routine: i64,
    /// Last receipted change of the urgent lane.
    pub urgent: i64,
    /// When the newest receipt came.
    pub receipted_at: Option<Timestamp>,
}

/// What the upstream says of a golden record as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamWord<'a> {
    /// It has not got it.
    NotYet,
    /// It holds it, at the latest since this time.
    Held(Timestamp),
    /// It refuses it.
    Refused(&'a str),
}

impl UpstreamProgress {
    pub(super) async fn read(reading: &mut Transaction) -> Result<Self, StoreError> {
        Ok(Self {
            routine: reading.forward_position(Lane::Routine).await?,
            urgent: reading.forward_position(Lane::Urgent).await?,
            receipted_at: reading.last_receipt().await?.map(|(_, at)| at),
        })
    }

    /// What the upstream says of the golden record of an event that was read at the same moment. A receipt
    /// covers a change only as long as the golden record has not changed again: then it is not there yet.
    pub fn word_on(self, row: &FeedRow) -> UpstreamWord<'_> {
        let receipted = match row.kind.lane() {
            Lane::Routine => self.routine,
            Lane::Urgent => self.urgent,
        };
        let is_covered = row.golden_change > 0 && row.golden_change <= receipted;
        match (is_covered, &row.refusal, self.receipted_at) {
            (true, Some(reason), _) => UpstreamWord::Refused(reason),
            (true, None, Some(receipted_at)) => UpstreamWord::Held(receipted_at),
            (true, None, None) | (false, _, _) => UpstreamWord::NotYet,
        }
    }
}

/// Reads feeds.
#[derive(Clone)]
pub struct Feeds {
    /// The hub's database.
    pub store: Store,
    /// Reads records.
    pub codec: Arc<dyn RecordCodec>,
    /// Opens contents.
    pub key: Arc<SealKey>,
    /// Knows which acts about units hold.
    pub units: Arc<KnownUnits>,
}

/// Why it is not known where a child is registered.
#[derive(Debug, thiserror::Error)]
enum UnknownCommune {
    #[error("a stored content cannot be opened: {0}")]
    Sealing(#[from] SealError),
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

impl Feeds {
    /// A page of a node's feed after a cursor.
    pub async fn read_page(&self, node: NodeId, cursor: i64) -> Result<FeedPage, StoreError> {
        let mut reading = self.store.read().await?;
        let rows = reading.read_feed(node, cursor, FEED_PAGE_ROWS).await?;
        let progress = UpstreamProgress::read(&mut reading).await?;
        let rows = self.complete(&mut reading, node, rows, progress).await?;
        let cursor = rows.last().map_or(cursor, |row| row.feed);
        Ok(FeedPage {
            rows,
            cursor,
            progress,
        })
    }

    /// Adds to the rows of a feed what is said elsewhere of their golden records.
    pub(super) async fn complete(
        &self,
        reading: &mut Transaction,
        node: NodeId,
        mut rows: Vec<FeedRow>,
        progress: UpstreamProgress,
    ) -> Result<Vec<FeedRow>, StoreError> {
        let (_, units) = self.units.newest(reading).await?;
        name_linked_units(reading, node, &mut rows, &units).await?;
        pass_on_words(reading, &mut rows, progress).await?;
        self.name_registrations(reading, node, &mut rows).await?;
        if !units.is_empty() {
            name_unit_moves(reading, &mut rows).await?;
        }
        Ok(rows)
    }

    /// Says of linked records where their children are registered by now.
    async fn name_registrations(
        &self,
        reading: &mut Transaction,
        node: NodeId,
        rows: &mut [FeedRow],
    ) -> Result<(), StoreError> {
        let is_linked = |row: &&FeedRow| {
            row.kind == RecordKind::Child && row.linked > 1 && row.state == Some(SourceState::Live)
        };
        let keys: Vec<RecordKey> = rows
            .iter()
            .filter(is_linked)
            .map(|row| RecordKey {
                node,
                kind: row.kind,
                record_id: row.record_id,
            })
            .collect();
        let mut moved: HashMap<RecordId, UnitReference> = HashMap::new();
        for contents in reading.find_sealed_contents(&keys).await? {
            match self.registered_elsewhere(node, &contents) {
                Ok(elsewhere) => moved.extend(elsewhere.map(|unit| (contents.record_id, unit))),
                // One content that cannot be read must not keep the feed from everything else.
                Err(error) => {
                    tracing::warn!(error = %error, "A feed does not say where a child is registered");
                }
            }
        }
        let is_child = |row: &&mut FeedRow| row.kind == RecordKind::Child && row.state.is_some();
        for row in rows.iter_mut().filter(is_child) {
            row.moved_to = moved.get(&row.record_id).copied();
        }
        Ok(())
    }

    fn registered_elsewhere(
        &self,
        node: NodeId,
        contents: &SealedContents,
    ) -> Result<Option<UnitReference>, UnknownCommune> {
        let (version, sealed) = &contents.source;
        let record = RecordKey {
            node,
            kind: RecordKind::Child,
            record_id: contents.record_id,
        };
        let submission = SubmissionKey {
            record,
            version: *version,
        };
        let source = open_submission(&self.key, submission, sealed)?;
        let (version, sealed) = &contents.golden;
        let golden = open_golden(&self.key, contents.golden_id, *version, sealed)?;
        let communes = (
            commune(self.codec.read_child(&source)?.commune),
            commune(self.codec.read_child(&golden)?.commune),
        );
        let (Some(source), Some(golden)) = communes else {
            return Ok(None);
        };
        // An act that moved the commune has moved the child nowhere.
        let is_successor = self.units.current().has_become(&source, &golden);
        Ok(moved_to(source, golden).filter(|_| !is_successor))
    }
}

/// A commune that its list has.
fn commune(draft: Option<UnitDraft>) -> Option<UnitReference> {
    let draft = draft?;
    let unit: UnitReference = format!("{}:{}", draft.scheme, draft.code).parse().ok()?;
    unit.find().map(|_| unit)
}

/// Adds what the tiers above say of golden records. What the upstream refused outright is in no feed of its
/// own: its answer to the forwarder stands for its word.
async fn pass_on_words(
    reading: &mut Transaction,
    rows: &mut [FeedRow],
    progress: UpstreamProgress,
) -> Result<(), StoreError> {
    let golden: Vec<GoldenId> = sorted(rows.iter().filter_map(|row| row.golden_id));
    let words = reading.find_tier_words(&golden).await?;
    for row in rows {
        let (Some(golden_id), Some(version)) = (row.golden_id, row.golden_version) else {
            continue;
        };
        let held = words.get(&golden_id).cloned().unwrap_or_default();
        let mut words = passed_on(held, version);
        let is_told = words.first().is_some_and(|word| word.is_newest);
        if let UpstreamWord::Refused(reason) = progress.word_on(row)
            && !is_told
        {
            let teller = words.first();
            let refused = TierWord {
                hub: teller.and_then(|word| word.hub.clone()),
                unit: teller.and_then(|word| word.unit),
                ..TierWord::refused(version, reason.to_owned())
            };
            words = vec![refused];
        }
        row.tiers = words;
    }
    Ok(())
}

/// Says which golden records an act moved into another unit.
async fn name_unit_moves(
    reading: &mut Transaction,
    rows: &mut [FeedRow],
) -> Result<(), StoreError> {
    let golden = sorted(rows.iter().filter_map(|row| row.golden_id));
    let moves = reading.find_unit_moves(&golden).await?;
    for row in rows {
        row.unit_move = row.golden_id.and_then(|id| moves.get(&id).cloned());
    }
    Ok(())
}

fn sorted(golden: impl Iterator<Item = GoldenId>) -> Vec<GoldenId> {
    let mut golden: Vec<GoldenId> = golden.collect();
    golden.sort_unstable();
    golden.dedup();
    golden
}

/// Says where else the children of linked records are registered.
async fn name_linked_units(
    reading: &mut Transaction,
    node: NodeId,
    rows: &mut [FeedRow],
    acts: &UnitsInUse,
) -> Result<(), StoreError> {
    let linked = rows.iter().filter(|row| row.linked > 1);
    let golden = sorted(linked.filter_map(|row| row.golden_id));
    let mut units: HashMap<GoldenId, Vec<UnitReference>> = HashMap::new();
    for (id, unit) in reading.find_linked_units(node, &golden).await? {
        units.entry(id).or_default().push(acts.seat(unit));
    }
    for row in rows {
        let found = row.golden_id.and_then(|id| units.get(&id));
        let mut found = found.cloned().unwrap_or_default();
        found.sort_unstable();
        found.dedup();
        found.truncate(LINKED_UNITS_MAX);
        row.linked_units = found;
    }
    Ok(())
}
