//! Estimating the model's chances again from records whose truth nobody knows.
//!
//! Expectation-maximisation over the hypotheses of the model: under the present figures every pair that
//! shares a blocking key is to some part one child, one family, twins or unrelated; counting each level
//! by these parts gives new figures, and so on. What unrelated pairs look like is counted on pairs that
//! are drawn without looking.

use std::collections::BTreeMap;

use super::levels::{Comparison, Level, Pattern};
use super::model::{Chances, Model, ModelFile, ModelInvalid};

/// Rounds of estimation at most.
const ROUNDS_MAX: usize = 20;
/// The figures have settled when no chance moves by more than this.
const SETTLED: f32 = 0.0005;
/// Pairs that the present figures are worth: what is seldom seen must not be forgotten by a hub that has
/// not seen it.
const PRIOR_PAIRS: f32 = 50.0;
/// A chance has changed when it differs by more than this part of itself.
const CHANGED_PART: f32 = 0.001;
/// No level is impossible.
const LEAST_CHANCE: f32 = 0.000_000_1;

/// The hypotheses, in the order of their columns.
const HYPOTHESES: usize = 4;
/// Their names, as the columns of what has changed.
pub const HYPOTHESIS_NAMES: [&str; HYPOTHESES] = ["one_child", "one_family", "twins", "unrelated"];
const SAME_CHILD: usize = 0;
const SAME_FAMILY: usize = 1;
const TWIN: usize = 2;
const UNRELATED: usize = 3;

/// How often each level came out, by hypothesis.
type Counts = BTreeMap<(Comparison, Level), [f32; HYPOTHESES]>;

/// A trained model beside the one it came from.
pub struct Trained {
    /// Text of the new model's file.
    pub text: String,
    /// Each level whose chances have changed under any hypothesis.
    pub changes: Vec<ChangedChance>,
    /// Rounds until the figures settled.
    pub rounds: usize,
}

/// A level's chances before and after.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChangedChance {
    /// What is compared.
    pub comparison: Comparison,
    /// How it comes out.
    pub level: Level,
    /// Chances among pairs of each hypothesis, in the order of [`HYPOTHESIS_NAMES`]: old, new.
    pub chances: [[f32; 2]; HYPOTHESES],
}

/// Estimates the chances of `model` again from patterns of pairs that share a blocking key and of pairs
/// drawn without looking.
pub fn train(
    model: &Model,
    candidates: &[Pattern],
    random: &[Pattern],
) -> Result<Trained, ModelInvalid> {
    let old = ModelFile::read(model.text())?;
    let mut current = Model::parse(model.text())?;
    let mut file = old.clone();
    let mut rounds = 0;
    while rounds < ROUNDS_MAX {
        rounds += 1;
        let counts = count(&current, candidates, random);
        let mut next = old.clone();
        let moved = estimate(&mut next, &file, &counts);
        let text = next.write();
        current = Model::parse(&text)?;
        file = next;
        if moved < SETTLED {
            break;
        }
    }
    Ok(Trained {
        text: file.write(),
        changes: changes(&old, &file),
        rounds,
    })
}

/// Counts every level by the part that each hypothesis has in its pair.
fn count(model: &Model, candidates: &[Pattern], random: &[Pattern]) -> Counts {
    let mut counts = Counts::new();
    let mut add = |pattern: &Pattern, hypothesis: usize, part: f32| {
        for comparison in Comparison::ALL {
            let level = pattern.level(comparison);
            if level == Level::Missing {
                continue;
            }
            let counted = counts.entry((comparison, level)).or_default();
            if let Some(count) = counted.get_mut(hypothesis) {
                *count += part;
            }
        }
    };
    for pattern in candidates {
        let parts = model.parts(pattern);
        for hypothesis in [SAME_CHILD, SAME_FAMILY, TWIN] {
            if let Some(part) = parts.get(hypothesis) {
                add(pattern, hypothesis, *part);
            }
        }
    }
    for pattern in random {
        add(pattern, UNRELATED, 1.0);
    }
    counts
}

/// Writes the new chances into `next` and says how far the furthest has moved from `last`. A level that
/// is conditional on how a name was typed keeps its figures: its column has no common sum.
fn estimate(next: &mut ModelFile, last: &ModelFile, counts: &Counts) -> f32 {
    let mut moved: f32 = 0.0;
    for comparison in Comparison::ALL {
        let name = comparison.as_str();
        let Some(levels) = next.comparison.get_mut(name) else {
            continue;
        };
        let known = Level::ALL
            .into_iter()
            .filter(|level| *level != Level::TonesLost);
        let known: Vec<Level> = known
            .filter(|level| levels.contains_key(level.as_str()))
            .collect();
        let mut totals = [0.0_f32; HYPOTHESES];
        for level in &known {
            let counted = counts
                .get(&(comparison, *level))
                .copied()
                .unwrap_or_default();
            for (total, count) in totals.iter_mut().zip(counted) {
                *total += count;
            }
        }
        for level in known {
            let counted = counts
                .get(&(comparison, level))
                .copied()
                .unwrap_or_default();
            let Some(chances) = levels.get_mut(level.as_str()) else {
                continue;
            };
            let estimated = |place: usize, old: f32| {
                let (count, total) = (
                    counted.get(place).copied().unwrap_or_default(),
                    totals.get(place).copied().unwrap_or_default(),
                );
                ((count + PRIOR_PAIRS * old) / (total + PRIOR_PAIRS)).clamp(LEAST_CHANCE, 1.0)
            };
            chances.same_child = estimated(SAME_CHILD, chances.same_child);
            chances.twin = chances.twin.map(|twin| estimated(TWIN, twin));
            chances.same_family = estimated(SAME_FAMILY, chances.same_family);
            chances.unrelated = estimated(UNRELATED, chances.unrelated);
            let before = last
                .comparison
                .get(name)
                .and_then(|levels| levels.get(level.as_str()));
            if let Some(before) = before {
                moved = moved.max((before.same_child - chances.same_child).abs());
                moved = moved.max((before.same_family - chances.same_family).abs());
                if let (Some(before), Some(twin)) = (before.twin, chances.twin) {
                    moved = moved.max((before - twin).abs());
                }
            }
        }
    }
    moved
}

/// Whether a chance is another one, and not the same in other decimals.
fn has_moved(old: f32, new: f32) -> bool {
    (old - new).abs() > old * CHANGED_PART
}

fn changes(old: &ModelFile, new: &ModelFile) -> Vec<ChangedChance> {
    let mut changes = Vec::new();
    for comparison in Comparison::ALL {
        for level in Level::ALL {
            let find = |file: &ModelFile| {
                let levels = file.comparison.get(comparison.as_str());
                levels
                    .and_then(|levels| levels.get(level.as_str()))
                    .copied()
            };
            if let (Some(old), Some(new)) = (find(old), find(new)) {
                let chances = side_by_side(old, new);
                if chances.iter().any(|[old, new]| has_moved(*old, *new)) {
                    changes.push(ChangedChance {
                        comparison,
                        level,
                        chances,
                    });
                }
            }
        }
    }
    changes
}

/// Old and new chances under each hypothesis; twins are as other children of one family where the file
/// does not say.
fn side_by_side(old: Chances, new: Chances) -> [[f32; 2]; HYPOTHESES] {
    let twin = |chances: Chances| chances.twin.unwrap_or(chances.same_family);
    [
        [old.same_child, new.same_child],
        [old.same_family, new.same_family],
        [twin(old), twin(new)],
        [old.unrelated, new.unrelated],
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(date: Level, given: Level) -> Pattern {
        let mut pattern = Pattern::default();
        for comparison in [
            Comparison::Mother,
            Comparison::FamilyName,
            Comparison::Phone,
        ] {
            pattern.set(comparison, Level::Same);
        }
        pattern.set(Comparison::BirthDate, date);
        pattern.set(Comparison::GivenName, given);
        pattern.set(Comparison::Sex, Level::Same);
        pattern
    }

    /// A hub whose clerks exchange day and month in every third record, which the shipped model does not
    /// expect.
    #[test]
    fn training_learns_the_faults_of_a_hub() {
        let model = Model::shipped().expect("the shipped model");
        let mut candidates = vec![pattern(Level::Same, Level::Same); 2_000];
        candidates.extend(vec![pattern(Level::Swapped, Level::Same); 1_000]);
        candidates.extend(vec![pattern(Level::Different, Level::Different); 3_000]);

        let trained = train(&model, &candidates, &[]).expect("a model");

        let file = ModelFile::read(&trained.text).expect("a model's file");
        let swapped = file.comparison["birth_date"]["swapped"].same_child;
        assert!((0.25..0.36).contains(&swapped), "{swapped}");
        assert!(Model::parse(&trained.text).is_ok());
        assert!(
            trained
                .changes
                .iter()
                .any(|change| change.level == Level::Swapped)
        );
    }

    /// An operator must see every figure that will decide, not only those of one child.
    #[test]
    fn every_hypothesis_that_was_estimated_again_is_shown() {
        let model = Model::shipped().expect("the shipped model");
        let mut family = pattern(Level::Different, Level::Different);
        family.set(Comparison::Sex, Level::Different);
        let twins = pattern(Level::Same, Level::Different);
        let candidates = [vec![family; 3_000], vec![twins; 3_000]].concat();

        let trained = train(&model, &candidates, &[]).expect("a model");

        let (old, new) = (
            ModelFile::read(model.text()).expect("a file"),
            ModelFile::read(&trained.text).expect("a file"),
        );
        let mut moved = 0;
        for (name, levels) in &old.comparison {
            for (level, chances) in levels {
                let [_, family, twins, _] = side_by_side(*chances, new.comparison[name][level]);
                if [family, twins]
                    .iter()
                    .any(|[old, new]| has_moved(*old, *new))
                {
                    moved += 1;
                    let shown = trained.changes.iter().find(|change| {
                        change.comparison.as_str() == name && change.level.as_str() == level
                    });
                    let shown = shown.expect("shown").chances;
                    assert_eq!([shown[1], shown[2]], [family, twins]);
                }
            }
        }
        assert!(moved > 0);
    }

    #[test]
    fn training_on_nothing_changes_nothing() {
        let model = Model::shipped().expect("the shipped model");

        let trained = train(&model, &[], &[]).expect("a model");

        assert_eq!(trained.changes, []);
    }
}
