//! The acts that hold, laid over units and territories.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::str::FromStr;

use super::territory::Territory;
use super::unit::UnitReference;
use super::unit_act::{ActId, Fate, UnitAct};

/// Why an act cannot hold beside those that are known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActConflict {
    /// Another act changes the unit already.
    #[error("{unit} is changed by the act {act} already: a unit ends once")]
    ChangedTwice {
        /// The unit.
        unit: UnitReference,
        /// The act that changes it.
        act: ActId,
    },
    /// Following the acts, a unit would become itself.
    #[error("{0} would follow itself: a unit that ended does not come back under its code")]
    Circle(UnitReference),
}

/// What became of units by all acts that hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnitsInUse {
    acts: Vec<ActId>,
    /// What became of a unit, and the place of the act that says so.
    changes: HashMap<UnitReference, (usize, Fate)>,
    /// The units that records of a unit may come from.
    predecessors: HashMap<UnitReference, Vec<UnitReference>>,
    has_splits: bool,
}

/// What an act did to a record: from which unit to which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitMove {
    /// The last act that moved it.
    pub act: ActId,
    /// The unit that its sources name.
    pub from: UnitReference,
    /// The unit that it is kept under now.
    pub to: UnitReference,
}

/// The text is none that a [`UnitMove`] was written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a move is written as ACT FROM TO")]
pub struct UnitMoveInvalid;

impl fmt::Display for UnitMove {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} {}", self.act, self.from, self.to)
    }
}

impl FromStr for UnitMove {
    type Err = UnitMoveInvalid;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut words = text.split(' ');
        let mut next = || words.next().ok_or(UnitMoveInvalid);
        Ok(Self {
            act: next()?.parse().map_err(|_| UnitMoveInvalid)?,
            from: next()?.parse().map_err(|_| UnitMoveInvalid)?,
            to: next()?.parse().map_err(|_| UnitMoveInvalid)?,
        })
    }
}

/// Where a record belongs by the acts that hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Today {
    /// The unit: the record's own, or the last one that is certain.
    pub unit: UnitReference,
    /// The last act that moved it, if any did.
    pub act: Option<ActId>,
    /// The unit was split, and nothing says yet into which part the record belongs.
    pub waits: bool,
}

impl UnitsInUse {
    /// Lays acts over each other, in any order.
    pub fn new<'a>(acts: impl IntoIterator<Item = &'a UnitAct>) -> Result<Self, ActConflict> {
        let mut units = Self::default();
        for act in acts {
            units.add(act)?;
        }
        units.find_circle()?;
        Ok(units)
    }

    fn add(&mut self, act: &UnitAct) -> Result<(), ActConflict> {
        let place = self.acts.len();
        self.acts.push(act.id().clone());
        for (unit, fate) in act.changes() {
            let held = self.changes.insert(*unit, (place, fate.clone()));
            if let Some(act) = held.and_then(|(place, _)| self.acts.get(place)) {
                let (unit, act) = (*unit, act.clone());
                return Err(ActConflict::ChangedTwice { unit, act });
            }
            self.has_splits |= matches!(fate, Fate::Split(_));
            for successor in fate.successors() {
                self.predecessors.entry(successor).or_default().push(*unit);
            }
        }
        Ok(())
    }

    /// Takes units whose predecessors are all taken, again and again; what is left over goes in circles.
    fn find_circle(&self) -> Result<(), ActConflict> {
        let mut open: HashMap<UnitReference, usize> = HashMap::new();
        for (unit, before) in &self.predecessors {
            open.insert(*unit, before.len());
        }
        let mut taken: Vec<UnitReference> = self.changes.keys().copied().collect();
        taken.retain(|unit| !open.contains_key(unit));
        while let Some(unit) = taken.pop() {
            for successor in self.successors(&unit) {
                if let Some(left) = open.get_mut(&successor) {
                    *left -= 1;
                    if *left == 0 {
                        open.remove(&successor);
                        taken.push(successor);
                    }
                }
            }
        }
        open.into_keys()
            .min()
            .map_or(Ok(()), |unit| Err(ActConflict::Circle(unit)))
    }

    /// Whether no act holds.
    pub fn is_empty(&self) -> bool {
        self.acts.is_empty()
    }

    /// Whether any unit was split, so that records may wait for a place.
    pub const fn has_splits(&self) -> bool {
        self.has_splits
    }

    /// What became of a unit, if an act says it.
    pub fn fate(&self, unit: &UnitReference) -> Option<(&ActId, &Fate)> {
        let (place, fate) = self.changes.get(unit)?;
        Some((self.acts.get(*place)?, fate))
    }

    fn successors(&self, unit: &UnitReference) -> Vec<UnitReference> {
        let fate = self.changes.get(unit);
        fate.map_or(Vec::new(), |(_, fate)| fate.successors())
    }

    /// Where a record of a unit belongs. Of a unit that was split a place that somebody chose decides, by
    /// the unit that was split; else the record's village; else the record waits.
    pub fn today(
        &self,
        unit: UnitReference,
        village: &str,
        placed: &BTreeMap<UnitReference, UnitReference>,
    ) -> Today {
        let mut today = Today {
            unit,
            act: None,
            waits: false,
        };
        // Ends, because no unit follows itself.
        while let Some((act, fate)) = self.fate(&today.unit) {
            let next = match fate {
                Fate::Renamed(to) | Fate::Merged(to) => *to,
                Fate::Abolished(_) => break,
                Fate::Split(parts) => {
                    let placed = placed.get(&today.unit).filter(|to| parts.contains(to));
                    let next = placed
                        .copied()
                        .or_else(|| parts.of_village(village))
                        .or_else(|| self.only_end(&today.unit));
                    let Some(next) = next else {
                        today.waits = true;
                        break;
                    };
                    next
                }
            };
            today.act = Some(act.clone());
            today.unit = next;
        }
        today
    }

    /// Whether a unit is what another one has become, or part of what it has become.
    pub fn has_become(&self, unit: &UnitReference, successor: &UnitReference) -> bool {
        reach(*unit, |unit| self.successors(unit)).contains(successor)
    }

    /// The units that all of a unit is now: itself where nothing became of it, several where it was split.
    pub fn ends(&self, unit: &UnitReference) -> BTreeSet<UnitReference> {
        let (mut ends, mut seen) = (BTreeSet::new(), BTreeSet::new());
        let mut open = vec![*unit];
        while let Some(unit) = open.pop() {
            let next = self.successors(&unit);
            if next.is_empty() {
                ends.insert(unit);
            }
            open.extend(next.into_iter().filter(|unit| seen.insert(*unit)));
        }
        ends
    }

    /// Whether an act says anything of the unit itself.
    pub fn touches(&self, unit: &UnitReference) -> bool {
        self.changes.contains_key(unit)
    }

    /// The units that a unit is now, or, where its tier is gone, those that what lay within it is now.
    pub fn ends_within(&self, unit: &UnitReference) -> BTreeSet<UnitReference> {
        match self.fate(unit) {
            None => BTreeSet::new(),
            Some((_, Fate::Abolished(_))) => {
                let within = unit.communes().into_iter();
                let within = within.map(|commune| UnitReference {
                    code: commune.code,
                    ..*unit
                });
                let within = within.filter(|commune| self.touches(commune));
                within.flat_map(|commune| self.ends(&commune)).collect()
            }
            Some(_) => self.ends(unit),
        }
    }

    /// The one unit that all parts of a split unit have become by later acts.
    fn only_end(&self, unit: &UnitReference) -> Option<UnitReference> {
        let mut ends = self.ends(unit).into_iter();
        let only = ends.next()?;
        ends.next().is_none().then_some(only)
    }

    /// The unit that a node or a hub stands in now: of a district that is gone, whoever took its duties
    /// over; of a unit that was split, the unit itself, until somebody registers the node anew.
    pub fn seat(&self, unit: UnitReference) -> UnitReference {
        let today = self.today(unit, "", &BTreeMap::new()).unit;
        match self.fate(&today) {
            Some((_, Fate::Abolished(Some(duties)))) => {
                self.today(*duties, "", &BTreeMap::new()).unit
            }
            Some(_) | None => today,
        }
    }

    /// Whether a record of this unit may be written by a node of this territory.
    ///
    /// A territory grows by the units that took over any part of it, and what it had stays: so records under
    /// the code of yesterday and of today both get through, whenever a commune's program learns of the act.
    pub fn allows(&self, territory: &Territory, unit: &UnitReference) -> bool {
        if territory.allows(unit) {
            return true;
        }
        if self.is_empty() {
            return false;
        }
        let after = reach(*unit, |unit| self.successors(unit));
        after.iter().any(|unit| self.grown(territory, unit))
    }

    /// Whether a unit, or one around it, took over a part of the territory.
    fn grown(&self, territory: &Territory, unit: &UnitReference) -> bool {
        let before = |unit: &UnitReference| self.predecessors.get(unit).cloned();
        unit.and_around().into_iter().any(|unit| {
            let origins = reach(unit, |unit| before(unit).unwrap_or_default());
            origins.iter().any(|origin| territory.allows(origin))
        })
    }
}

/// A unit and all that can be reached from it.
fn reach(
    unit: UnitReference,
    next: impl Fn(&UnitReference) -> Vec<UnitReference>,
) -> BTreeSet<UnitReference> {
    let mut seen = BTreeSet::from([unit]);
    let mut open = vec![unit];
    while let Some(unit) = open.pop() {
        open.extend(next(&unit).into_iter().filter(|unit| seen.insert(*unit)));
    }
    seen
}

#[cfg(test)]
mod tests;
