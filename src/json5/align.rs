//! Which elements of two arrays are the same, so that what is the same keeps its text.

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
/// What is new stands behind an element that stays, or at the very start.
#[must_use]
pub fn align(before: &[Value], after: &[Value]) -> Vec<Step> {
    let head = before.iter().zip(after).take_while(|(a, b)| same(a, b)).count();
    let (old, new) = (&before[head..], &after[head..]);
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| same(a, b)).count();
    let (old, new) = (&old[..old.len() - tail], &new[..new.len() - tail]);

    let mut steps: Vec<Step> = (0..head).map(Step::Keep).collect();
    let (mut i, mut j) = (head, head);
    let ends = (head + old.len(), head + new.len());
    for (a, b) in common(old, new).into_iter().map(|(a, b)| (head + a, head + b)).chain([ends]) {
        let changed = (a - i).min(b - j);
        steps.extend((0..changed).map(|at| Step::Change(i + at, j + at)));
        steps.extend((i + changed..a).map(Step::Remove));
        steps.extend((j + changed..b).map(Step::Insert));
        if (a, b) != ends {
            steps.push(Step::Keep(a));
        }
        (i, j) = (a + 1, b + 1);
    }
    steps.extend((ends.0..before.len()).map(Step::Keep));
    steps
}

/// Returns the longest run of pairs that are the same, in order in both.
fn common(old: &[Value], new: &[Value]) -> Vec<(usize, usize)> {
    let wide = new.len() + 1;
    if old.is_empty() || new.is_empty() || old.len() * new.len() > MAX_PAIRS {
        return Vec::new();
    }
    // `longest` holds, for each pair of beginnings, how long the best run behind them is.
    let mut longest = vec![0u32; (old.len() + 1) * wide];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            longest[i * wide + j] = if same(&old[i], &new[j]) {
                longest[(i + 1) * wide + j + 1] + 1
            } else {
                longest[(i + 1) * wide + j].max(longest[i * wide + j + 1])
            };
        }
    }
    let (mut i, mut j, mut pairs) = (0, 0, Vec::new());
    while i < old.len() && j < new.len() {
        if same(&old[i], &new[j]) {
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
