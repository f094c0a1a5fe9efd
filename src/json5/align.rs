//! Which elements of two arrays are the same, so that what is the same keeps its text.

use std::ops::Range;

use serde_json::Value;

/// How many pairs of elements are compared; longer arrays are taken one by one.
const MAX_PAIRS: usize = 1 << 18;

/// What becomes of an element; indexes are from 0, in the old array and in the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It stays.
    Keep(usize),
    /// It stays in its place with another value.
    Change(usize, usize),
    /// It goes.
    Remove(usize),
    /// It is new.
    Insert(usize),
}

/// Says whether two values are the same to JavaScript, whose numbers have no kinds.
#[must_use]
pub fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

/// Returns how one array becomes the other, in order, with as many elements kept as can be.
///
/// An element that changes is paired with one that is alike, by `id` where it has one. What is
/// new stands behind an element that stays, or at the very start.
#[must_use]
pub fn align(before: &[Value], after: &[Value]) -> Vec<Step> {
    let head = before.iter().zip(after).take_while(|(a, b)| same(a, b)).count();
    let (old, new) = (&before[head..], &after[head..]);
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| same(a, b)).count();
    let ends = (before.len() - tail, after.len() - tail);

    let mut steps: Vec<Step> = (0..head).map(Step::Keep).collect();
    for (old, new, kept) in gaps(before, after, head..ends.0, head..ends.1, same) {
        for (old, new, changed) in gaps(before, after, old, new, alike) {
            let pairs = old.len().min(new.len());
            steps.extend(old.clone().zip(new.clone()).map(|(old, new)| Step::Change(old, new)));
            steps.extend(old.skip(pairs).map(Step::Remove));
            steps.extend(new.skip(pairs).map(Step::Insert));
            steps.extend(changed.map(|(old, new)| Step::Change(old, new)));
        }
        steps.extend(kept.map(|(old, _)| Step::Keep(old)));
    }
    steps.extend((ends.0..before.len()).map(Step::Keep));
    steps
}

/// Says whether an element may be another one changed.
fn alike(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => a.get("id") == b.get("id"),
        (Value::Array(_), Value::Array(_)) => true,
        (Value::Object(_) | Value::Array(_), _) | (_, Value::Object(_) | Value::Array(_)) => false,
        _ => true,
    }
}

/// A gap in both arrays, and the pair it ends at.
type Gap = (Range<usize>, Range<usize>, Option<(usize, usize)>);

/// Returns what lies between the pairs that match, in order.
fn gaps(
    before: &[Value],
    after: &[Value],
    old: Range<usize>,
    new: Range<usize>,
    matches: fn(&Value, &Value) -> bool,
) -> Vec<Gap> {
    let (mut i, mut j) = (old.start, new.start);
    let pairs = common(&before[old.clone()], &after[new.clone()], matches);
    let mut gaps = Vec::new();
    for (a, b) in pairs.into_iter().map(|(a, b)| (old.start + a, new.start + b)) {
        gaps.push((i..a, j..b, Some((a, b))));
        (i, j) = (a + 1, b + 1);
    }
    gaps.push((i..old.end, j..new.end, None));
    gaps
}

/// Returns the longest run of pairs that match, in order in both.
fn common(
    old: &[Value],
    new: &[Value],
    matches: fn(&Value, &Value) -> bool,
) -> Vec<(usize, usize)> {
    let wide = new.len() + 1;
    if old.is_empty() || new.is_empty() || old.len() * new.len() > MAX_PAIRS {
        return Vec::new();
    }
    // `longest` holds, for each pair of beginnings, how long the best run behind them is.
    let mut longest = vec![0u32; (old.len() + 1) * wide];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            longest[i * wide + j] = if matches(&old[i], &new[j]) {
                longest[(i + 1) * wide + j + 1] + 1
            } else {
                longest[(i + 1) * wide + j].max(longest[i * wide + j + 1])
            };
        }
    }
    let (mut i, mut j, mut pairs) = (0, 0, Vec::new());
    while i < old.len() && j < new.len() {
        if matches(&old[i], &new[j]) {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if longest[(i + 1) * wide + j] >= longest[i * wide + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn steps(before: &Value, after: &Value, expected: &[Step]) {
        let arrays = (before.as_array().unwrap(), after.as_array().unwrap());
        assert_eq!(align(arrays.0, arrays.1), expected);
    }

    #[test]
    fn what_is_the_same_stays() {
        use Step::Change;
        use Step::Insert;
        use Step::Keep;
        use Step::Remove;
        steps(&json!(["*", 1]), &json!([1]), &[Remove(0), Keep(1)]);
        steps(&json!([1, 2]), &json!([1, 2, 3]), &[Keep(0), Keep(1), Insert(2)]);
        steps(&json!([1, 2]), &json!([0, 1, 2]), &[Insert(0), Keep(0), Keep(1)]);
        steps(&json!(["*"]), &json!([]), &[Remove(0)]);
        steps(&json!([1, 2, 3]), &json!([4, 2]), &[Change(0, 0), Keep(1), Remove(2)]);
        steps(&json!([1000.0]), &json!([1000]), &[Keep(0)]);
        steps(&json!(["*", {"a": 1}]), &json!([{"a": 2}]), &[Remove(0), Change(1, 0)]);
        let list = json!([{"id": "a"}, {"id": "b", "x": 1}]);
        steps(&list, &json!([{"id": "b", "x": 2}]), &[Remove(0), Change(1, 0)]);
    }

    proptest! {
        #[test]
        fn the_steps_make_the_new_array(
            before in prop::collection::vec(0..4u8, 0..8),
            after in prop::collection::vec(0..4u8, 0..8),
        ) {
            let old: Vec<Value> = before.into_iter().map(Value::from).collect();
            let new: Vec<Value> = after.into_iter().map(Value::from).collect();
            let mut made = Vec::new();
            let mut used = Vec::new();
            for step in align(&old, &new) {
                match step {
                    Step::Keep(i) => { made.push(old[i].clone()); used.push(i); }
                    Step::Change(i, j) => { made.push(new[j].clone()); used.push(i); }
                    Step::Remove(i) => used.push(i),
                    Step::Insert(j) => made.push(new[j].clone()),
                }
            }
            prop_assert_eq!(made, new);
            prop_assert_eq!(used, (0..old.len()).collect::<Vec<_>>());
        }
    }
}
