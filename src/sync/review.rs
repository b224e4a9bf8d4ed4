//! What a steward sees and decides: pairs that wait, golden records and their history.
//!
//! A decision is appended here and followed by the reconciler; it may take a moment until golden records
//! show it.

use std::sync::Arc;

use crate::domain::clock::Timestamp;
use crate::domain::golden::{GoldenId, SubmissionKey};
use crate::domain::node::NodeName;
use crate::domain::pair::{Pair, Verdict};
use crate::domain::record::{RecordId, RecordKey, RecordKind};
use crate::linkage::decisions::Decisions;
use crate::linkage::details::Details;
use crate::linkage::features::Normalised;
use crate::linkage::index::{LinkageIndex, Veto};
use crate::linkage::levels::{Comparison, Level};
use crate::linkage::model::to_bits;
use crate::security::seal::{SealError, SealKey};
use crate::store::{
    AliasRow, DecisionRow, GoldenState, GoldenVersion, Member, ReviewOrder, ReviewRow, Store,
    StoreError, Transaction,
};
use crate::sync::codec::{RecordCodec, Unreadable};
use crate::sync::models::ModelsInUse;
use crate::sync::sealing::{open_golden, open_submission};

/// Rows of one page at most.
pub const REVIEW_PAGE_ROWS_MAX: i64 = 500;
/// Records that one request splits off at most.
pub const SPLIT_RECORDS_MAX: usize = 64;

/// What was asked cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// The database did not take part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stored content cannot be opened.
    #[error("a stored content cannot be opened: {0}")]
    Sealing(#[from] SealError),
    /// A stored content cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// No live record of this name.
    #[error("there is no live child record of this node and id")]
    RecordUnknown,
    /// No golden record of this name.
    #[error("there is no golden record of this id")]
    GoldenUnknown,
    /// No decision of this number in force.
    #[error("this decision is not in force: a newer one on the same pair stands above it")]
    DecisionNotInForce,
    /// A pair needs two records.
    #[error("the two are one and the same")]
    OneAndTheSame,
    /// Nothing would be split off.
    #[error("the records must be some, and not all, of one golden record")]
    NotAPart,
}

/// What the use cases work with.
#[derive(Clone)]
pub struct Reviews {
    /// The hub's database.
    pub store: Store,
    /// Reads records.
    pub codec: Arc<dyn RecordCodec>,
    /// Opens contents.
    pub key: Arc<SealKey>,
    /// Knows the model by which pairs are explained.
    pub models: Arc<ModelsInUse>,
}

/// One comparison of two records.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EvidenceLine {
    /// What was compared.
    pub comparison: &'static str,
    /// How it came out.
    pub level: &'static str,
    /// Bits for one child.
    pub bits: f64,
}

/// Two records and what speaks for and against one child.
#[derive(Clone, Debug)]
pub struct ExplainedPair {
    /// Their contents.
    pub contents: [Vec<u8>; 2],
    /// Their golden records.
    pub golden: [GoldenId; 2],
    /// What was compared.
    pub lines: Vec<EvidenceLine>,
    /// All of it together.
    pub bits: f64,
    /// Bits before anything is compared.
    pub prior_bits: f64,
    /// Bits taken off for families and twins.
    pub family_bits: f64,
    /// Where records are linked.
    pub link_bits: f64,
    /// Where a steward is asked.
    pub review_bits: f64,
    /// What keeps them apart.
    pub veto: Option<&'static str>,
    /// The verdict in force.
    pub verdict: Option<Verdict>,
}

/// A golden record with its past.
#[derive(Clone, Debug)]
pub struct GoldenStory {
    /// Its source records now.
    pub members: Vec<RecordKey>,
    /// Its versions with their opened contents, the newest first.
    pub versions: Vec<(GoldenVersion, Vec<u8>)>,
    /// What it became and what it came from.
    pub aliases: Vec<AliasRow>,
}

impl Reviews {
    /// The key of a record by the names that people use.
    pub async fn find(
        &self,
        node: &NodeName,
        record_id: RecordId,
    ) -> Result<RecordKey, ReviewError> {
        let node = self.store.read().await?.find_node(node).await?;
        let node = node.ok_or(ReviewError::RecordUnknown)?.node_id;
        Ok(RecordKey {
            node,
            kind: RecordKind::Child,
            record_id,
        })
    }

    /// The name of a record's node.
    pub async fn node_name(&self, key: RecordKey) -> Result<String, ReviewError> {
        let name = self.store.read().await?.find_node_name(key.node).await?;
        name.ok_or(ReviewError::RecordUnknown)
    }

    /// A page of the pairs that wait, and how many wait in all.
    pub async fn list(
        &self,
        order: ReviewOrder,
        unit: &str,
        limit: i64,
        offset: i64,
    ) -> Result<(Vec<ReviewRow>, i64), ReviewError> {
        let mut reading = self.store.read().await?;
        let rows = reading.list_reviews(order, unit, limit, offset).await?;
        Ok((rows, reading.count_reviews().await?))
    }

    /// Two records side by side.
    pub async fn explain(
        &self,
        one: RecordKey,
        other: RecordKey,
    ) -> Result<ExplainedPair, ReviewError> {
        if one == other {
            return Err(ReviewError::OneAndTheSame);
        }
        let mut reading = self.store.read().await?;
        let one = member(&mut reading, one).await?;
        let other = member(&mut reading, other).await?;
        let verdict = reading.find_decision(Pair::new(one.key, other.key)).await?;
        let model = Arc::clone(&self.models.newest(&mut reading).await?.model);
        drop(reading);
        let verdict = verdict.and_then(|decision| decision.verdict);
        let contents = [self.open(&one)?, self.open(&other)?];
        let mut decisions = Decisions::default();
        decisions.put(Pair::new(one.key, other.key), verdict);
        for end in [&one, &other] {
            decisions.state(end.key, end.relations.others(end.key));
        }
        let mut index = LinkageIndex::new(Arc::clone(&model), decisions);
        let mut numbers = Vec::new();
        for (member, content) in [&one, &other].into_iter().zip(&contents) {
            let draft = self.codec.read_child(content)?;
            let record = Normalised::new(&Details::of(&draft));
            numbers.push(index.load(member.key, &record, Some(member.golden_id)));
        }
        let [first, second] = *numbers.as_slice() else {
            return Err(ReviewError::OneAndTheSame);
        };
        let pattern = index.compare(first, second);
        let score = model.score(&pattern);
        let thresholds = model.thresholds();
        let lines = Comparison::ALL.into_iter().filter_map(|comparison| {
            let level = pattern.level(comparison);
            (level != Level::Missing).then(|| EvidenceLine {
                comparison: comparison.as_str(),
                level: level.as_str(),
                bits: f64::from(model.bits(&pattern, comparison)),
            })
        });
        Ok(ExplainedPair {
            lines: lines.collect(),
            contents,
            golden: [one.golden_id, other.golden_id],
            bits: to_bits(score.centibits),
            prior_bits: f64::from(model.prior_bits()),
            family_bits: f64::from(score.family_bits),
            link_bits: to_bits(thresholds.link),
            review_bits: to_bits(thresholds.review),
            veto: index.veto(first, second).map(Veto::as_str),
            verdict,
        })
    }

    /// Appends a verdict on a pair of live records.
    pub async fn decide(
        &self,
        one: RecordKey,
        other: RecordKey,
        verdict: Verdict,
        by: &str,
        now: Timestamp,
    ) -> Result<i64, ReviewError> {
        if one == other {
            return Err(ReviewError::OneAndTheSame);
        }
        let mut transaction = self.store.write().await?;
        member(&mut transaction, one).await?;
        member(&mut transaction, other).await?;
        let pair = Pair::new(one, other);
        self.append(transaction, pair, Some(verdict), by, now).await
    }

    /// Takes a decision back, if no newer one on the same pair stands above it.
    pub async fn undo(&self, decision: i64, by: &str, now: Timestamp) -> Result<i64, ReviewError> {
        let mut transaction = self.store.write().await?;
        let found = transaction.read_decisions(decision - 1, 1).await?;
        let found = found.into_iter().find(|found| found.sequence == decision);
        let pair = found.ok_or(ReviewError::DecisionNotInForce)?.pair;
        let newest = transaction.find_decision(pair).await?;
        let in_force =
            newest.is_some_and(|newest| newest.sequence == decision && newest.verdict.is_some());
        if !in_force {
            return Err(ReviewError::DecisionNotInForce);
        }
        self.append(transaction, pair, None, by, now).await
    }

    /// A page of decisions, the newest first.
    pub async fn decisions(
        &self,
        before: i64,
        limit: i64,
    ) -> Result<Vec<DecisionRow>, ReviewError> {
        Ok(self
            .store
            .read()
            .await?
            .list_decisions(before, limit)
            .await?)
    }

    /// A golden record with its past.
    pub async fn golden(&self, golden: GoldenId) -> Result<GoldenStory, ReviewError> {
        let mut reading = self.store.read().await?;
        let versions = reading.read_golden_versions(golden).await?;
        if versions.is_empty() {
            return Err(ReviewError::GoldenUnknown);
        }
        let members = reading.read_members(&[golden]).await?;
        let aliases = reading.read_aliases(golden).await?;
        drop(reading);
        let mut members: Vec<RecordKey> = members.into_iter().map(|member| member.key).collect();
        members.sort_unstable();
        let opened: Result<Vec<_>, ReviewError> = versions
            .into_iter()
            .map(|row| {
                let content = match row.state {
                    GoldenState::Live => open_golden(&self.key, golden, row.version, &row.content)?,
                    GoldenState::Withdrawn | GoldenState::MergedInto(_) => Vec::new(),
                };
                Ok((row, content))
            })
            .collect();
        Ok(GoldenStory {
            members,
            versions: opened?,
            aliases,
        })
    }

    /// Says that some records of a golden record are another child than its others.
    pub async fn split(
        &self,
        part: &[RecordKey],
        by: &str,
        now: Timestamp,
    ) -> Result<Vec<i64>, ReviewError> {
        let first = part.first().copied().ok_or(ReviewError::NotAPart)?;
        let mut transaction = self.store.write().await?;
        let golden = member(&mut transaction, first).await?.golden_id;
        let members = transaction.read_members(&[golden]).await?;
        let (inside, rest): (Vec<_>, Vec<_>) = members
            .iter()
            .map(|member| member.key)
            .partition(|key| part.contains(key));
        if rest.is_empty() || inside.len() != part.len() {
            return Err(ReviewError::NotAPart);
        }
        let pairs = inside.iter().flat_map(|one| {
            let others = rest.iter();
            others.map(|other| Pair::new(*one, *other))
        });
        let pairs: Vec<Pair> = pairs.collect();
        let numbers = transaction
            .append_decisions(&pairs, Some(Verdict::Different), by, now)
            .await?;
        transaction.commit().await?;
        Ok(numbers)
    }

    /// Says that two golden records are one child.
    pub async fn merge(
        &self,
        one: GoldenId,
        other: GoldenId,
        by: &str,
        now: Timestamp,
    ) -> Result<i64, ReviewError> {
        if one == other {
            return Err(ReviewError::OneAndTheSame);
        }
        let mut transaction = self.store.write().await?;
        let mut ends = Vec::new();
        for golden in [one, other] {
            let members = transaction.read_members(&[golden]).await?;
            let least = members.into_iter().map(|member| member.key).min();
            ends.push(least.ok_or(ReviewError::GoldenUnknown)?);
        }
        let [one, other] = *ends.as_slice() else {
            return Err(ReviewError::GoldenUnknown);
        };
        let pair = Pair::new(one, other);
        self.append(transaction, pair, Some(Verdict::Same), by, now)
            .await
    }

    /// A page of the golden records whose sources contradict each other.
    pub async fn conflicts(
        &self,
        after: GoldenId,
        limit: i64,
    ) -> Result<Vec<(GoldenId, String)>, ReviewError> {
        Ok(self
            .store
            .read()
            .await?
            .list_conflicts(after, limit)
            .await?)
    }

    async fn append(
        &self,
        mut transaction: Transaction,
        pair: Pair,
        verdict: Option<Verdict>,
        by: &str,
        now: Timestamp,
    ) -> Result<i64, ReviewError> {
        let numbers = transaction
            .append_decisions(&[pair], verdict, by, now)
            .await?;
        transaction.commit().await?;
        Ok(numbers.first().copied().unwrap_or_default())
    }

    fn open(&self, member: &Member) -> Result<Vec<u8>, SealError> {
        let submission = SubmissionKey {
            record: member.key,
            version: member.version,
        };
        open_submission(&self.key, submission, &member.content)
    }
}

async fn member(transaction: &mut Transaction, key: RecordKey) -> Result<Member, ReviewError> {
    transaction
        .find_member(key)
        .await?
        .ok_or(ReviewError::RecordUnknown)
}
