//! A reader of records that can be held: what reads a marked record waits until the gate opens, or fails.
//! An index that is being built reads it, and the slices of a test do not.

use std::borrow::Cow;
use std::sync::{Condvar, Mutex};

use bytes::Bytes;
use childsync::domain::draft::ChildDraft;
use childsync::domain::record::{Record, RecordKind};
use childsync::domain::unit::UnitReference;
use childsync::domain::validation::Validated;
use childsync::grpc::convert::ContractCodec;
use childsync::linkage::survivorship::{Field, Rules};
use childsync::sync::codec::{RecordCodec, RecordPlace, Unreadable};
use childsync::sync::ingest::IncomingChange;

/// Stands in the marked record.
pub(crate) const MARK: &str = "Ấp Gác Cổng";

#[derive(Default)]
struct Gate {
    is_closed: bool,
    waiting: usize,
    faults: usize,
}

/// Reads the contract's records, through a gate.
#[derive(Default)]
pub(crate) struct GatedCodec {
    gate: Mutex<Gate>,
    moved: Condvar,
}

impl GatedCodec {
    pub(crate) fn close(&self) {
        self.gate.lock().expect("a gate").is_closed = true;
    }

    pub(crate) fn open(&self) {
        self.gate.lock().expect("a gate").is_closed = false;
        self.moved.notify_all();
    }

    pub(crate) fn is_somebody_waiting(&self) -> bool {
        self.gate.lock().expect("a gate").waiting > 0
    }

    /// Fails the next few times.
    pub(crate) fn fail(&self, times: usize) {
        self.gate.lock().expect("a gate").faults = times;
    }

    /// How often it will fail.
    pub(crate) fn faults(&self) -> usize {
        self.gate.lock().expect("a gate").faults
    }

    fn pass(&self) {
        let mut gate = self.gate.lock().expect("a gate");
        if gate.faults > 0 {
            gate.faults -= 1;
            drop(gate);
            panic!("a fault that the test asked for");
        }
        gate.waiting += 1;
        while gate.is_closed {
            gate = self.moved.wait(gate).expect("a gate");
        }
        gate.waiting -= 1;
    }
}

impl RecordCodec for GatedCodec {
    fn read_change(&self, encoded: Bytes) -> Result<IncomingChange, Unreadable> {
        ContractCodec.read_change(encoded)
    }

    fn canonicalise<'a>(
        &self,
        kind: RecordKind,
        content: &'a [u8],
    ) -> Result<Cow<'a, [u8]>, Unreadable> {
        ContractCodec.canonicalise(kind, content)
    }

    fn validate(
        &self,
        kind: RecordKind,
        content: &[u8],
        today: time::Date,
    ) -> Result<Validated<Record>, Unreadable> {
        ContractCodec.validate(kind, content, today)
    }

    fn read_child(&self, content: &[u8]) -> Result<ChildDraft, Unreadable> {
        let draft = ContractCodec.read_child(content)?;
        if draft.village == MARK {
            self.pass();
        }
        Ok(draft)
    }

    fn place(&self, kind: RecordKind, content: &[u8]) -> Result<RecordPlace, Unreadable> {
        let place = ContractCodec.place(kind, content)?;
        if place.village == MARK {
            self.pass();
        }
        Ok(place)
    }

    fn with_unit(
        &self,
        kind: RecordKind,
        content: &Bytes,
        unit: UnitReference,
    ) -> Result<Bytes, Unreadable> {
        ContractCodec.with_unit(kind, content, unit)
    }

    fn fields(&self, content: &Bytes) -> Result<Vec<Field>, Unreadable> {
        ContractCodec.fields(content)
    }

    fn survivorship(&self, kind: RecordKind) -> &'static Rules {
        ContractCodec.survivorship(kind)
    }
}
