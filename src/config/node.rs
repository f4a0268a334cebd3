//! A cursor over a configuration that knows its own path and gathers every problem.

use serde_json::{Map, Value};
use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::RangeInclusive,
    time::Duration,
};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where, e.g. `$.models.gpt.targets[0].provider`.
    pub path: String,
    /// What is wrong and what is allowed.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.what)
    }
}

/// Everything wrong with a configuration, and which keys its reader knows.
#[derive(Debug, Default)]
pub struct Reading {
    problems: RefCell<Vec<Problem>>,
    known: RefCell<BTreeMap<String, BTreeSet<&'static str>>>,
}

impl Reading {
    /// The value when nothing was wrong, else every problem, sorted by path; never an empty list.
    pub fn into_result<T>(self, value: Option<T>) -> Result<T, Vec<Problem>> {
        let mut list = self.problems.into_inner();
        list.sort_unstable();
        match value {
            Some(value) if list.is_empty() => return Ok(value),
            None if list.is_empty() => list.push(Problem {
                path: Path::ROOT.to_string(),
                what: "could not be used, for a reason that was not given".to_owned(),
            }),
            _ => {}
        }
        Err(list)
    }

    /// For each object that was read, the keys that it may hold. List items and the names of a map
    /// are one `*` each: `$.models.*.targets.*`. Keeps the published schema in step.
    pub fn known(&self) -> BTreeMap<String, BTreeSet<&'static str>> {
        self.known.borrow().clone()
    }

    pub(super) fn add(&self, path: &Path<'_>, what: impl fmt::Display) {
        self.problems.borrow_mut().push(Problem {
            path: path.to_string(),
            what: what.to_string(),
        });
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Step<'a> {
    Root,
    Key(&'a str),
    Name(&'a str),
    Index(usize),
}

/// A path kept as a chain of borrowed steps: it costs nothing until a problem is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Path<'a> {
    up: Option<&'a Path<'a>>,
    step: Step<'a>,
}

impl Path<'_> {
    pub(super) const ROOT: Path<'static> = Path {
        up: None,
        step: Step::Root,
    };

    pub(super) fn then<'s>(&'s self, step: Step<'s>) -> Path<'s> {
        Path {
            up: Some(self),
            step,
        }
    }

    fn pattern(&self) -> String {
        let up = self.up.map(Path::pattern).unwrap_or_default();
        match self.step {
            Step::Root => "$".to_owned(),
            Step::Key(key) => format!("{up}.{key}"),
            Step::Name(_) | Step::Index(_) => format!("{up}.*"),
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(up) = self.up {
            up.fmt(f)?;
        }
        match self.step {
            Step::Root => f.write_str("$"),
            Step::Key(key) => write!(f, ".{key}"),
            Step::Name(name)
                if !name.is_empty()
                    && name
                        .chars()
                        .all(|c| c.is_alphanumeric() || "-_".contains(c)) =>
            {
                write!(f, ".{name}")
            }
            Step::Name(name) => write!(f, "[{name:?}]"),
            Step::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// One value and where it stands.
#[derive(Debug, Clone, Copy)]
pub struct Node<'a> {
    value: &'a Value,
    path: Path<'a>,
    reading: &'a Reading,
}

impl<'a> Node<'a> {
    /// The outermost value.
    pub fn root(value: &'a Value, reading: &'a Reading) -> Self {
        Self {
            value,
            path: Path::ROOT,
            reading,
        }
    }

    /// Reports a problem of this value.
    pub fn wrong(&self, what: impl fmt::Display) {
        self.reading.add(&self.path, what);
    }

    /// A string.
    pub fn text(&self) -> Option<&'a str> {
        if matches!(self.value, Value::Number(_) | Value::Bool(_)) {
            let value = self.value;
            self.wrong(format_args!(
                "expected a string, found {value}; put it in quotes"
            ));
            return None;
        }
        self.take(self.value.as_str(), "a string")
    }

    /// A string that says something.
    pub fn nonempty(&self) -> Option<&'a str> {
        let text = self.text()?;
        if text.is_empty() {
            self.wrong("must not be empty");
            return None;
        }
        Some(text)
    }

    /// A name or another short text for people: it says something and has no control characters.
    pub fn plain(&self) -> Option<&'a str> {
        let text = self.nonempty()?;
        if text.chars().any(char::is_control) {
            self.wrong("must not hold control characters");
            return None;
        }
        Some(text)
    }

    /// A whole number. Envoy hands numbers that are not integers over as strings, so numeric text counts.
    pub fn count(&self) -> Option<u64> {
        let got = match self.value {
            Value::String(text) => text.parse().ok(),
            // Envoy's Struct holds doubles only; 2^53 is where they stop being exact.
            Value::Number(n) => n.as_u64().or_else(|| {
                n.as_f64()
                    .filter(|n| n.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(n))
                    .map(|n| n as u64)
            }),
            _ => None,
        };
        if got.is_none() && matches!(self.value, Value::String(_) | Value::Number(_)) {
            self.wrong(format_args!(
                "expected a whole number, found {}",
                self.value
            ));
            return None;
        }
        self.take(got, "a whole number")
    }

    /// A whole number between two bounds, both allowed.
    pub fn count_in(&self, range: RangeInclusive<u64>) -> Option<u64> {
        let count = self.count()?;
        if !range.contains(&count) {
            let (low, high) = range.into_inner();
            self.wrong(format_args!("expected {low} to {high}, found {count}"));
            return None;
        }
        Some(count)
    }

    /// A number, as it is written. Envoy hands numbers that are not integers over as strings.
    pub fn number(&self) -> Option<String> {
        let got = match self.value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        self.take(got, "a number")
    }

    /// True or false.
    pub fn flag(&self) -> Option<bool> {
        self.take(self.value.as_bool(), "true or false")
    }

    /// A duration such as `"10s"`, `"1.5s"`, `"250ms"`, `"2m"`, from a millisecond to a day.
    pub fn duration(&self) -> Option<Duration> {
        const WANT: &str = "a duration such as \"10s\", \"250ms\" or \"2m\", from 1ms to 24h";
        let text = self.take(self.value.as_str(), WANT)?;
        let got = duration(text);
        if got.is_none() {
            self.wrong(format_args!("expected {WANT}, found {text:?}"));
        }
        got
    }

    /// One of a few words.
    pub fn choice<T: Copy>(&self, words: &[(&'static str, T)]) -> Option<T> {
        let text = self.text()?;
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            self.wrong(format_args!(
                "unknown value {text:?}; allowed: {}",
                words.join(", ")
            ));
        }
        found.map(|(_, value)| *value)
    }

    /// Reads an object with `read`, then reports the keys that `read` never asked for.
    pub fn object<T>(&self, read: impl FnOnce(&Fields<'_>) -> Option<T>) -> Option<T> {
        let map = self.take(self.value.as_object(), "an object")?;
        let fields = Fields {
            map,
            node: self,
            asked: RefCell::default(),
            reserved: RefCell::default(),
            tolerant: Cell::default(),
        };
        let out = read(&fields);
        let (asked, reserved) = (fields.asked.into_inner(), fields.reserved.into_inner());
        let known = |key: &str| asked.contains(key) || reserved.contains(key);
        for key in map.keys().filter(|key| !known(key)) {
            if fields.tolerant.get() {
                break;
            }
            let allowed: Vec<_> = asked.iter().copied().collect();
            let what = format_args!("unknown key; allowed: {}", allowed.join(", "));
            self.reading.add(&self.path.then(Step::Key(key)), what);
        }
        let mut known = self.reading.known.borrow_mut();
        known.entry(self.path.pattern()).or_default().extend(asked);
        out
    }

    /// Reads an object whose keys are names that the user chose, in the order of the names.
    ///
    /// `None` if one of them failed; each failure is already reported.
    pub fn map<T>(&self, mut read: impl FnMut(&'a str, Node<'_>) -> Option<T>) -> Option<Vec<T>> {
        let map = self.take(self.value.as_object(), "an object")?;
        let mut entries: Vec<_> = map.iter().collect();
        entries.sort_unstable_by_key(|(name, _)| *name);
        let read: Vec<_> = entries
            .into_iter()
            .map(|(name, value)| {
                let node = Node {
                    value,
                    path: self.path.then(Step::Name(name)),
                    reading: self.reading,
                };
                read(name, node)
            })
            .collect();
        read.into_iter().collect()
    }

    /// Reads each item of a list.
    ///
    /// `None` if one of them failed; each failure is already reported.
    pub fn list<T>(&self, mut read: impl FnMut(Node<'_>) -> Option<T>) -> Option<Vec<T>> {
        let items = self.take(self.value.as_array(), "a list")?;
        let read: Vec<_> = items
            .iter()
            .enumerate()
            .map(|(index, value)| {
                read(Node {
                    value,
                    path: self.path.then(Step::Index(index)),
                    reading: self.reading,
                })
            })
            .collect();
        read.into_iter().collect()
    }

    /// Reads each item of a list, or one value that stands for a list of one.
    ///
    /// `None` if one of them failed; each failure is already reported.
    pub fn each<T>(&self, mut read: impl FnMut(Node<'_>) -> Option<T>) -> Option<Vec<T>> {
        match self.value {
            Value::Array(_) => self.list(read),
            _ => Some(vec![read(*self)?]),
        }
    }

    /// Whether it is true or false, and not something else.
    pub fn is_flag(&self) -> bool {
        self.value.is_boolean()
    }

    fn take<T>(&self, got: Option<T>, want: &str) -> Option<T> {
        if got.is_none() {
            self.wrong(format_args!("expected {want}, found {}", kind(self.value)));
        }
        got
    }
}

/// The fields of one object.
#[derive(Debug)]
pub struct Fields<'n> {
    map: &'n Map<String, Value>,
    node: &'n Node<'n>,
    asked: RefCell<BTreeSet<&'static str>>,
    reserved: RefCell<BTreeSet<&'static str>>,
    tolerant: Cell<bool>,
}

impl<'n> Fields<'n> {
    /// A field that may be absent; `null` is absent.
    pub fn optional(&self, key: &'static str) -> Option<Node<'_>> {
        self.given(key).filter(|node| !node.value.is_null())
    }

    /// A field that may be absent, where `null` is no way to say so: a list of keys whose lines
    /// were all commented out must not open the door.
    pub fn given(&self, key: &'static str) -> Option<Node<'_>> {
        self.asked.borrow_mut().insert(key);
        Some(Node {
            value: self.map.get(key)?,
            path: self.node.path.then(Step::Key(key)),
            reading: self.node.reading,
        })
    }

    /// A setting without which a dialect cannot speak. Where nothing at all is configured, as in the
    /// gateway role, which only asks what a dialect can express, it is empty.
    pub fn needed<T: Default>(
        &self,
        key: &'static str,
        read: impl FnOnce(Node<'_>) -> Option<T>,
    ) -> Option<T> {
        if self.map.is_empty() {
            return Some(T::default());
        }
        self.required(key).and_then(read)
    }

    /// A field that must be there.
    pub fn required(&self, key: &'static str) -> Option<Node<'_>> {
        let got = self.optional(key);
        if got.is_none() {
            self.lacks(key, "missing");
        }
        got
    }

    /// Reports a problem of a field that is not there, or not offered.
    pub fn lacks(&self, key: &'static str, what: impl fmt::Display) {
        let path = self.node.path.then(Step::Key(key));
        self.node.reading.add(&path, what);
    }

    /// A field that is not offered, with a better reason than "unknown key".
    pub fn reserved(&self, key: &'static str, why: impl fmt::Display) {
        self.reserved.borrow_mut().insert(key);
        if self.map.contains_key(key) {
            self.lacks(key, why);
        }
    }

    /// Reports no unknown keys here: which ones are known depends on a field that is wrong.
    pub fn tolerate(&self) {
        self.tolerant.set(true);
    }

    /// Reads a field or takes the default; `None` only when the field is there and wrong.
    pub fn or<T>(
        &self,
        key: &'static str,
        default: T,
        read: impl FnOnce(Node<'_>) -> Option<T>,
    ) -> Option<T> {
        self.optional(key).map_or(Some(default), read)
    }

    /// Reads a field that may be absent; `None` only when the field is there and wrong.
    pub fn maybe<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(Node<'_>) -> Option<T>,
    ) -> Option<Option<T>> {
        self.optional(key)
            .map_or(Some(None), |node| read(node).map(Some))
    }

    /// As [`Fields::maybe`], where `null` is no way to say that it is absent: see [`Fields::given`].
    pub fn if_given<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(Node<'_>) -> Option<T>,
    ) -> Option<Option<T>> {
        self.given(key)
            .map_or(Some(None), |node| read(node).map(Some))
    }
}

/// `10s`, `250ms`, `2m` or `1h`, from 1 ms to 24 h.
pub fn duration(text: &str) -> Option<Duration> {
    // Envoy counts whole milliseconds and takes none as "no limit".
    const RANGE: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_hours(24);
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at_checked(split)?;
    let number: f64 = number.parse().ok()?;
    let seconds = match unit {
        "ms" => number / 1000.0,
        "s" => number,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        _ => return None,
    };
    let duration = Duration::try_from_secs_f64(seconds).ok()?;
    RANGE.contains(&duration).then_some(duration)
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(Debug, PartialEq)]
    struct Model {
        name: String,
        limit: u64,
    }

    fn model(node: Node<'_>) -> Option<Model> {
        node.object(|fields| {
            let name = fields
                .required("name")
                .and_then(|n| n.text().map(str::to_owned));
            let limit = fields.or("limit", 10, |n| n.count());
            Some(Model {
                name: name?,
                limit: limit?,
            })
        })
    }

    fn read(value: &Value) -> Result<Vec<Model>, Vec<String>> {
        let reading = Reading::default();
        let models = Node::root(value, &reading).object(|o| o.required("models")?.list(model));
        reading
            .into_result(models)
            .map_err(|list| list.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn every_problem_is_reported_with_its_path_and_what_is_allowed() {
        let value = json!({"models": [{"name": "a", "limit": "x"}, {"nmae": "b"}], "extra": 1});
        assert_eq!(
            read(&value).unwrap_err(),
            [
                "$.extra: unknown key; allowed: models",
                "$.models[0].limit: expected a whole number, found \"x\"",
                "$.models[1].name: missing",
                "$.models[1].nmae: unknown key; allowed: limit, name",
            ]
        );
    }

    #[test]
    fn defaults_apply_and_numeric_text_is_a_number() {
        let value = json!({"models": [{"name": "a"}, {"name": "b", "limit": "12"}, {"name": "c", "limit": 7.0}]});
        let limits: Vec<_> = read(&value).unwrap().iter().map(|m| m.limit).collect();
        assert_eq!(limits, [10, 12, 7]);
    }

    #[test]
    fn durations_have_a_unit_and_are_not_zero() {
        for (text, ms) in [
            ("250ms", 250),
            ("1.5s", 1500),
            ("2m", 120_000),
            ("1h", 3_600_000),
        ] {
            assert_eq!(duration(text), Some(Duration::from_millis(ms)));
        }
        for text in ["", "10", "s", "-1s", "1 s", "1d", "1..5s", "0s", "25h"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
