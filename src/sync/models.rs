//! The linkage model in use: which one it is, putting another one in use, and what was in use before.
//!
//! The newest model that an operator put in use by a call stands above the model of the hub's
//! configuration, which stands above the one that ships with the program. Every replica reads the number
//! of the newest one with each piece of work, so that all of them explain and link by the same model.

mod preview;

pub use preview::{ChangeKind, Example, ModelPreview, preview};

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use crate::domain::clock::Timestamp;
use crate::domain::node::NodeId;
use crate::linkage::model::{Model, ModelInvalid};
use crate::security::seal::SealKey;
use crate::store::{ModelOrigin, ModelRow, RelinkProgress, Store, StoreError, Transaction};
use crate::sync::bulk::Progress;
use crate::sync::codec::RecordCodec;
use crate::sync::reconcile::ReconcileError;

/// Bytes of a model's text at most: the shipped one has ten thousand, a hub's own frequencies may be many.
pub const MODEL_BYTES_MAX: usize = 1024 * 1024;
/// Models of one page of the history at most.
pub const MODEL_PAGE_ROWS_MAX: i64 = 500;
/// Indexes that one process builds beside the one that works: each takes as much memory as that one.
const BUILDS_MAX: usize = 1;

/// What was asked cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The database did not take part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The index for a preview could not be built.
    #[error(transparent)]
    Building(#[from] ReconcileError),
    /// The text is not a model.
    #[error(transparent)]
    Invalid(#[from] ModelInvalid),
    /// The text is longer than any model.
    #[error("a model has at most {MODEL_BYTES_MAX} bytes and this one has {0}")]
    TooLarge(usize),
    /// No model was in use under this number.
    #[error("no model of number {0} was in use here: `childsync linkage history` lists them")]
    Unknown(i64),
    /// Another model was put in use meanwhile.
    #[error(
        "model {in_use} is in use and not {expected}: look at it, and try again if you still want to"
    )]
    Superseded {
        /// The model in use.
        in_use: i64,
        /// The one that the caller thought to be in use.
        expected: i64,
    },
    /// This process builds another index.
    #[error("this hub is building another index, for a preview or for a re-link: try again later")]
    Busy,
}

/// Where a model comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelSource {
    /// An operator gave it with a call.
    Call,
    /// The hub's configuration names its file.
    Configuration,
    /// It ships with the program.
    Shipped,
}

/// The model in use.
#[derive(Clone, Debug)]
pub struct ModelInUse {
    /// Its number; 0 until an operator has put one in use by a call.
    pub number: i64,
    /// The model.
    pub model: Arc<Model>,
    /// Where it comes from.
    pub source: ModelSource,
    /// Who put it in use, and when; nobody for number 0.
    pub used: Option<(String, Timestamp)>,
    /// Why the model that was put in use cannot be read by this program; then the configuration's stands
    /// in for it.
    pub problem: Option<ModelInvalid>,
}

/// The model that a caller means.
#[derive(Clone, Debug)]
pub enum Choice {
    /// The one of this text.
    Text(String),
    /// One that was in use before, by its number; 0 is the configuration's.
    Number(i64),
}

/// Knows the model in use. One for each process, which remembers the newest model that it has read.
pub struct ModelsInUse {
    configured: Arc<Model>,
    configured_source: ModelSource,
    newest: Mutex<Option<Arc<ModelInUse>>>,
    /// Room for an index beside the one that works.
    pub(super) room: Arc<Semaphore>,
}

impl ModelsInUse {
    /// For a hub with this model in its configuration, or with none, so that the shipped one is used.
    pub fn new(configured: Option<Model>) -> Result<Self, ModelInvalid> {
        let (model, configured_source) = match configured {
            Some(model) => (model, ModelSource::Configuration),
            None => (Model::shipped()?, ModelSource::Shipped),
        };
        Ok(Self {
            configured: Arc::new(model),
            configured_source,
            newest: Mutex::new(None),
            room: Arc::new(Semaphore::new(BUILDS_MAX)),
        })
    }

    /// The model in use as of a transaction. Reads its text only when it is another one than last time.
    pub async fn newest(&self, reading: &mut Transaction) -> Result<Arc<ModelInUse>, StoreError> {
        let number = reading.read_counter("model").await?;
        let held = self.held().filter(|held| held.number == number);
        if let Some(held) = held {
            return Ok(held);
        }
        let row = reading.find_model(number).await?;
        let newest = Arc::new(self.read_row(row));
        if let Some(problem) = &newest.problem {
            let error = problem.to_string();
            tracing::error!(
                model.number = number,
                error,
                "The model in use is not one of this program: the configured one stands in"
            );
        }
        *self.lock() = Some(Arc::clone(&newest));
        Ok(newest)
    }

    fn read_row(&self, row: Option<ModelRow>) -> ModelInUse {
        let configured = ModelInUse {
            number: row.as_ref().map_or(0, |row| row.number),
            model: Arc::clone(&self.configured),
            source: self.configured_source,
            used: row.as_ref().map(|row| (row.used_by.clone(), row.used_at)),
            problem: None,
        };
        match row.filter(|row| row.origin == ModelOrigin::Call) {
            None => configured,
            Some(row) => match Model::parse(&row.text) {
                Ok(model) => ModelInUse {
                    model: Arc::new(model),
                    source: ModelSource::Call,
                    ..configured
                },
                Err(problem) => ModelInUse {
                    problem: Some(problem),
                    ..configured
                },
            },
        }
    }

    fn held(&self) -> Option<Arc<ModelInUse>> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arc<ModelInUse>>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// BLAKE3 of a model's text, by which operators tell models apart.
pub fn digest(text: &str) -> [u8; 32] {
    *blake3::hash(text.as_bytes()).as_bytes()
}

/// What the use cases work with.
#[derive(Clone)]
pub struct Models {
    /// The hub's database.
    pub store: Store,
    /// Reads records.
    pub codec: Arc<dyn RecordCodec>,
    /// Opens contents.
    pub key: Arc<SealKey>,
    /// Knows the model in use.
    pub in_use: Arc<ModelsInUse>,
}

/// The model in use and how far linking by it is.
#[derive(Clone, Debug)]
pub struct ModelStatus {
    /// The model.
    pub in_use: Arc<ModelInUse>,
    /// How far the leader is.
    pub progress: RelinkProgress,
    /// Live children.
    pub records: i64,
}

impl Models {
    /// The model in use.
    pub async fn show(&self) -> Result<ModelStatus, ModelError> {
        let mut reading = self.store.read().await?;
        Ok(ModelStatus {
            in_use: self.in_use.newest(&mut reading).await?,
            progress: reading.read_relink_progress().await?,
            records: reading.read_counter("live_children").await?,
        })
    }

    /// Models that were put in use by a call, before a number, the newest first.
    pub async fn list(&self, before: i64, limit: i64) -> Result<Vec<ModelRow>, ModelError> {
        let mut reading = self.store.read().await?;
        Ok(reading.list_models(before, limit).await?)
    }

    /// Live children.
    pub async fn count_records(&self) -> Result<i64, ModelError> {
        let mut reading = self.store.read().await?;
        Ok(reading.read_counter("live_children").await?)
    }

    /// The name of a node; empty if there is none.
    pub async fn node_name(&self, node: NodeId) -> Result<String, ModelError> {
        let name = self.store.read().await?.find_node_name(node).await?;
        Ok(name.unwrap_or_default())
    }

    /// Puts a model in use and says whether that changed anything: what is in use already stays under its
    /// number. `expected` is the number of the model that the caller thinks to be in use.
    pub async fn put_in_use(
        &self,
        choice: Choice,
        expected: Option<i64>,
        by: &str,
        now: Timestamp,
    ) -> Result<(Arc<ModelInUse>, bool), ModelError> {
        let (origin, model) = self.choose(choice).await?;
        let digest = digest(model.text());
        let mut transaction = self.store.write().await?;
        let number = transaction.lock_counter("model").await?;
        if let Some(expected) = expected.filter(|expected| *expected != number) {
            return Err(ModelError::Superseded {
                in_use: number,
                expected,
            });
        }
        let is_in_use = match transaction.find_model(number).await? {
            Some(row) => row.origin == origin && row.digest == digest,
            None => origin == ModelOrigin::Configuration,
        };
        if !is_in_use {
            let row = ModelRow {
                number: number + 1,
                origin,
                text: model.text().to_owned(),
                digest,
                used_by: by.to_owned(),
                used_at: now,
            };
            transaction.append_model(&row).await?;
            transaction.commit().await?;
        }
        let mut reading = self.store.read().await?;
        Ok((self.in_use.newest(&mut reading).await?, !is_in_use))
    }

    /// What another model would change. Reads and compares every record, as of now, and changes nothing.
    pub async fn preview(
        &self,
        choice: Choice,
        progress: Arc<Progress>,
    ) -> Result<ModelPreview, ModelError> {
        let (_, new) = self.choose(choice).await?;
        let room = Arc::clone(&self.in_use.room);
        let _room = room.try_acquire_owned().map_err(|_| ModelError::Busy)?;
        let mut reading = self.store.read().await?;
        let old = Arc::clone(&self.in_use.newest(&mut reading).await?.model);
        drop(reading);
        Ok(preview(&self.store, &self.codec, &self.key, [old, new], progress).await?)
    }

    async fn choose(&self, choice: Choice) -> Result<(ModelOrigin, Arc<Model>), ModelError> {
        let text = match choice {
            Choice::Number(0) => {
                let configured = Arc::clone(&self.in_use.configured);
                return Ok((ModelOrigin::Configuration, configured));
            }
            Choice::Text(text) => text,
            Choice::Number(number) => {
                let row = self.store.read().await?.find_model(number).await?;
                row.ok_or(ModelError::Unknown(number))?.text
            }
        };
        if text.len() > MODEL_BYTES_MAX {
            return Err(ModelError::TooLarge(text.len()));
        }
        Ok((ModelOrigin::Call, Arc::new(Model::parse(&text)?)))
    }
}
