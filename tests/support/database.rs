//! A fresh database for each test, on either engine.

use childsync::store::{Store, StoreOptions};
use tempfile::TempDir;
use uuid::Uuid;

/// Which engine.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// A database that no other test uses.
pub(crate) struct Database {
    pub(crate) url: String,
    // Removed with the database.
    _folder: TempDir,
}

impl Database {
    pub(crate) async fn new(engine: Engine) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = match engine {
            Engine::Sqlite => folder.path().join("hub.db").display().to_string(),
            Engine::Postgres => {
                let schema = format!("test_{}", Uuid::now_v7().simple());
                Store::make_schema(&postgres_url(), &schema)
                    .await
                    .expect("a schema")
            }
        };
        Self {
            url,
            _folder: folder,
        }
    }

    pub(crate) async fn open(&self) -> Store {
        let options = StoreOptions {
            url: self.url.clone(),
            connections_max: 6,
        };
        Store::open(&options).await.expect("a store")
    }
}

/// The throw-away server that `scripts/test` starts. Without it the tests fail: a skipped test proves
/// nothing.
pub(crate) fn postgres_url() -> String {
    std::env::var("CHILDSYNC_TEST_POSTGRES_URL")
        .expect("CHILDSYNC_TEST_POSTGRES_URL: run the tests by ./scripts/test, which sets it")
}
