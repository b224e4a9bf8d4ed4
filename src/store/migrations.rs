//! The schema, in pairs: every migration stands under `migrations/` once for each engine.

use std::borrow::Cow;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{PgPool, SqlSafeStr, SqlitePool};

use super::StoreError;

/// One step of the schema; a step that has landed is never edited.
struct Step {
    version: i64,
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

const STEPS: &[Step] = &[
    Step {
        version: 1,
        name: "hub",
        sqlite: include_str!("../../migrations/sqlite/0001_hub.sql"),
        postgres: include_str!("../../migrations/postgres/0001_hub.sql"),
    },
    Step {
        version: 2,
        name: "health_and_key",
        sqlite: include_str!("../../migrations/sqlite/0002_health_and_key.sql"),
        postgres: include_str!("../../migrations/postgres/0002_health_and_key.sql"),
    },
    Step {
        version: 3,
        name: "linkage",
        sqlite: include_str!("../../migrations/sqlite/0003_linkage.sql"),
        postgres: include_str!("../../migrations/postgres/0003_linkage.sql"),
    },
    Step {
        version: 4,
        name: "relations",
        sqlite: include_str!("../../migrations/sqlite/0004_relations.sql"),
        postgres: include_str!("../../migrations/postgres/0004_relations.sql"),
    },
    Step {
        version: 5,
        name: "linkage_model",
        sqlite: include_str!("../../migrations/sqlite/0005_linkage_model.sql"),
        postgres: include_str!("../../migrations/postgres/0005_linkage_model.sql"),
    },
    Step {
        version: 6,
        name: "uploads",
        sqlite: include_str!("../../migrations/sqlite/0006_uploads.sql"),
        postgres: include_str!("../../migrations/postgres/0006_uploads.sql"),
    },
    Step {
        version: 7,
        name: "bundles",
        sqlite: include_str!("../../migrations/sqlite/0007_bundles.sql"),
        postgres: include_str!("../../migrations/postgres/0007_bundles.sql"),
    },
    Step {
        version: 8,
        name: "tier_words",
        sqlite: include_str!("../../migrations/sqlite/0008_tier_words.sql"),
        postgres: include_str!("../../migrations/postgres/0008_tier_words.sql"),
    },
    Step {
        version: 9,
        name: "units",
        sqlite: include_str!("../../migrations/sqlite/0009_units.sql"),
        postgres: include_str!("../../migrations/postgres/0009_units.sql"),
    },
    Step {
        version: 10,
        name: "comparisons",
        sqlite: include_str!("../../migrations/sqlite/0010_comparisons.sql"),
        postgres: include_str!("../../migrations/postgres/0010_comparisons.sql"),
    },
    Step {
        version: 11,
        name: "batches",
        sqlite: include_str!("../../migrations/sqlite/0011_batches.sql"),
        postgres: include_str!("../../migrations/postgres/0011_batches.sql"),
    },
    Step {
        version: 12,
        name: "forward_policy",
        sqlite: include_str!("../../migrations/sqlite/0012_forward_policy.sql"),
        postgres: include_str!("../../migrations/postgres/0012_forward_policy.sql"),
    },
    Step {
        version: 13,
        name: "jobs",
        sqlite: include_str!("../../migrations/sqlite/0013_jobs.sql"),
        postgres: include_str!("../../migrations/postgres/0013_jobs.sql"),
    },
];

pub(super) async fn run_sqlite(pool: &SqlitePool) -> Result<(), StoreError> {
    migrator(|step| step.sqlite).run(pool).await?;
    Ok(())
}

pub(super) async fn run_postgres(pool: &PgPool) -> Result<(), StoreError> {
    migrator(|step| step.postgres).run(pool).await?;
    Ok(())
}

fn migrator(text: impl Fn(&Step) -> &'static str) -> Migrator {
    let migrations = STEPS
        .iter()
        .map(|step| {
            let name = Cow::Borrowed(step.name);
            let sql = text(step).into_sql_str();
            Migration::new(step.version, name, MigrationType::Simple, sql, false)
        })
        .collect();
    Migrator {
        migrations: Cow::Owned(migrations),
        ..Migrator::DEFAULT
    }
}
