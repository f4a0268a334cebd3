use super::*;
use std::collections::BTreeMap;

const SECOND: u64 = 1000;
/// When the tests begin.
const T: u64 = 1_793_491_200_000;

fn settings() -> Settings {
    Settings::default()
}

/// An attempt that took no time.
fn note(table: &mut Table, outcome: Outcome, at: u64) -> bool {
    table.note(&settings(), "c", outcome, at, at)
}

fn failed_three_times() -> Table {
    let mut table = Table::default();
    for n in 0..3 {
        note(&mut table, Outcome::Failed, T + n);
    }
    table
}

fn cooling(until: u64) -> State {
    State::Cooling {
        until,
        why: Why::Failures,
    }
}

#[test]
fn the_third_failure_in_a_row_begins_a_cool_down_and_no_earlier_one() {
    let mut table = Table::default();
    for n in 0..2 {
        note(&mut table, Outcome::Failed, T + n);
        assert_eq!(table.state("c", T + n), State::Well);
    }
    note(&mut table, Outcome::Failed, T + 2);
    assert_eq!(table.state("c", T + 2), cooling(T + 2 + 10 * SECOND));
    assert_eq!(table.state("other", T + 2), State::Well);
}

#[test]
fn a_good_answer_breaks_the_row() {
    let mut table = Table::default();
    for n in 0..10 {
        let outcome = if n % 3 == 2 {
            Outcome::Answered
        } else {
            Outcome::Failed
        };
        note(&mut table, outcome, T + n);
        assert_eq!(table.state("c", T + n), State::Well, "{n}");
    }
}

#[test]
fn a_cool_down_ends_exactly_at_its_end() {
    let table = failed_three_times();
    let end = T + 2 + 10 * SECOND;
    assert_eq!(table.state("c", end - 1), cooling(end));
    assert_eq!(table.state("c", end), State::Due);
}

#[test]
fn one_probe_keeps_the_others_away_until_it_is_answered_or_its_time_is_over() {
    let mut table = failed_three_times();
    let end = T + 2 + 10 * SECOND;
    table.probe("c", end, Duration::from_secs(5));
    assert_eq!(table.state("c", end), cooling(end + 5 * SECOND));
    assert_eq!(
        table.state("c", end + 5 * SECOND - 1),
        cooling(end + 5 * SECOND)
    );
    assert_eq!(table.state("c", end + 5 * SECOND), State::Due);
    assert!(note(&mut table, Outcome::Answered, end + 1));
    assert_eq!(table, Table::default());
}

#[test]
fn each_failed_probe_doubles_the_pause_up_to_the_longest() {
    let mut table = failed_three_times();
    let mut now = T + 2;
    for seconds in [10, 20, 40, 80, 160, 300, 300] {
        let end = now + seconds * SECOND;
        assert_eq!(table.state("c", end - 1), cooling(end), "{seconds}");
        assert_eq!(table.state("c", end), State::Due, "{seconds}");
        note(&mut table, Outcome::Failed, end);
        now = end;
    }
    // A good answer forgets all of that.
    let end = now + 300 * SECOND;
    note(&mut table, Outcome::Answered, end);
    for n in 0..3 {
        note(&mut table, Outcome::Failed, end + n);
    }
    assert_eq!(table.state("c", end + 2), cooling(end + 2 + 10 * SECOND));
}

#[test]
fn what_began_before_a_cool_down_neither_ends_nor_lengthens_it() {
    let mut table = failed_three_times();
    let before = table.clone();
    for outcome in [Outcome::Answered, Outcome::Failed, Outcome::Gone] {
        assert!(!table.note(&settings(), "c", outcome, T + 2, T + 500));
        assert_eq!(table, before);
    }
    // Nor does a failure of one that had to be tried in the middle of it; a good answer ends it.
    assert!(!note(&mut table, Outcome::Failed, T + 600));
    assert_eq!(table, before);
    assert!(note(&mut table, Outcome::Answered, T + 601));
    assert_eq!(table.state("c", T + 601), State::Well);
}

#[test]
fn a_told_pause_begins_at_once_and_is_bounded() {
    let until = |seconds: u64| {
        let mut table = Table::default();
        let told = Outcome::Wait(Duration::from_secs(seconds));
        note(&mut table, told, T);
        match table.state("c", T) {
            State::Cooling { until, why } => (until - T, why),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(until(7), (7 * SECOND, Why::RetryAfter));
    assert_eq!(until(86_400), (300 * SECOND, Why::RetryAfter));
}

#[test]
fn of_two_told_pauses_the_longer_one_counts() {
    let mut table = Table::default();
    let told = |seconds| Outcome::Wait(Duration::from_secs(seconds));
    note(&mut table, told(7), T);
    assert!(!note(&mut table, told(5), T + 1));
    assert!(note(&mut table, told(20), T + 2));
    let State::Cooling { until, .. } = table.state("c", T + 2) else {
        panic!()
    };
    assert_eq!(until, T + 2 + 20 * SECOND);
}

#[test]
fn nobody_there_begins_a_cool_down_at_once() {
    let mut table = Table::default();
    note(&mut table, Outcome::Gone, T);
    let (until, why) = (T + 10 * SECOND, Why::NoHost);
    assert_eq!(table.state("c", T), State::Cooling { until, why });
}

#[test]
fn a_share_of_failures_counts_from_the_least_number_of_attempts_on() {
    let mut table = Table::default();
    // Every second one fails, so that no three are in a row.
    for n in 0..20 {
        assert_eq!(table.state("c", T + n), State::Well, "{n}");
        let outcome = [Outcome::Failed, Outcome::Answered][usize::from(n % 2 == 1)];
        note(&mut table, outcome, T + n);
    }
    // The 21st is the first failure behind 20 of which half have failed.
    assert_eq!(table.state("c", T + 19), State::Well);
    note(&mut table, Outcome::Failed, T + 20);
    let State::Cooling { why, .. } = table.state("c", T + 20) else {
        panic!()
    };
    assert_eq!(why, Why::ErrorRate);
}

#[test]
fn a_share_is_forgotten_with_its_window() {
    let mut table = Table::default();
    for n in 0..19 {
        let outcome = [Outcome::Failed, Outcome::Answered][usize::from(n % 2 == 1)];
        note(&mut table, outcome, T + n);
    }
    let later = T + 30 * SECOND;
    note(&mut table, Outcome::Answered, later);
    assert_eq!(table, Table::default(), "nothing is left against it");
    note(&mut table, Outcome::Failed, later);
    assert_eq!(table.state("c", later), State::Well);
}

#[test]
fn answers_that_break_off_count_although_each_was_an_answer_first() {
    let mut table = Table::default();
    for n in 0..40 {
        if let State::Cooling { why, .. } = table.state("c", T + n) {
            assert_eq!((n, why), (21, Why::ErrorRate));
            return;
        }
        note(&mut table, Outcome::Answered, T + n);
        note(&mut table, Outcome::BrokeOff, T + n);
    }
    panic!("it never cools down");
}

#[test]
fn what_is_switched_off_does_not_count() {
    let off = Settings {
        failures: 0,
        error_rate: 0,
        ..settings()
    };
    let mut table = Table::default();
    for n in 0..100 {
        table.note(&off, "c", Outcome::Failed, T + n, T + n);
    }
    assert_eq!(table.state("c", T + 100), State::Well);
}

#[test]
fn a_table_is_the_same_after_it_was_written_and_read() {
    let mut table = failed_three_times();
    table.probe("c", T + 20 * SECOND, Duration::from_secs(1));
    let told = Outcome::Wait(Duration::from_secs(9));
    table.note(&settings(), &key("c", Some("m")), told, T, T);
    assert_eq!(Table::read(&table.write()), table);
    assert_eq!(Table::read(b"\xff garbage"), Table::default());
    assert_eq!(Table::default().write(), b"[]");
}

#[test]
fn a_table_is_bounded() {
    let mut table = Table::default();
    for n in 0..2000 {
        table.note(&settings(), &n.to_string(), Outcome::Gone, T + n, T + n);
    }
    assert_eq!(table.0.len(), MAX_ENTRIES);
    assert!(!table.note(&settings(), &"x".repeat(513), Outcome::Gone, T, T));
}

#[test]
fn what_is_well_comes_first_and_nothing_is_left_out() {
    let states: BTreeMap<&str, State> = [
        ("a", cooling(T + 9)),
        ("b", State::Due),
        ("c", State::Well),
        ("d", State::Due),
        ("e", cooling(T + 3)),
        ("f", State::Well),
    ]
    .into();
    let got = order(vec!["a", "b", "c", "d", "e", "f"], |name| states[name]);
    assert_eq!(got.plan, ["b", "c", "f", "d", "e", "a"]);
    assert!(got.probes);
    let moved: Vec<_> = got.moved.iter().map(|m| (m.target, m.until - T)).collect();
    assert_eq!(moved, [("e", 3), ("a", 9)]);
    // Behind one that is well nothing is probed.
    let got = order(vec!["c", "b"], |name| states[name]);
    assert_eq!((got.plan, got.probes), (vec!["c", "b"], false));
}

/// A generator of numbers that are good enough for tests.
fn rolls(mut seed: u64) -> impl FnMut(u64) -> u64 {
    move |below| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    }
}

#[test]
fn every_plan_holds_every_target_once_and_no_cooling_one_before_a_well_one() {
    let mut roll = rolls(0x5eed);
    for _ in 0..2000 {
        let states: Vec<State> = (0..roll(8))
            .map(|_| match roll(3) {
                0 => State::Well,
                1 => State::Due,
                _ => cooling(T + roll(100)),
            })
            .collect();
        let all: Vec<usize> = (0..states.len()).collect();
        let got = order(all.clone(), |n| states[*n]);
        let mut sorted = got.plan.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, all);
        let rank = |n: &usize| match states[*n] {
            State::Well => 0,
            State::Due => 1,
            State::Cooling { until, .. } => 2 + until - T,
        };
        let from = usize::from(got.probes);
        assert!(got.plan[from..].is_sorted_by_key(rank), "{states:?}");
        assert_eq!(
            got.moved.len(),
            states
                .iter()
                .filter(|s| matches!(s, State::Cooling { .. }))
                .count()
        );
    }
}

#[test]
fn no_pause_is_longer_than_the_longest_and_whoever_answers_is_well_again() {
    let mut roll = rolls(0xbeef);
    for _ in 0..300 {
        let (mut table, mut now) = (Table::default(), T);
        for _ in 0..100 {
            now += roll(20_000);
            let outcome = match roll(5) {
                0 => Outcome::Answered,
                1 => Outcome::Wait(Duration::from_secs(roll(1000) + 1)),
                2 => Outcome::Gone,
                3 => Outcome::BrokeOff,
                _ => Outcome::Failed,
            };
            let began = now - roll(3000);
            table.note(&settings(), "c", outcome, began, now);
            if let State::Cooling { until, .. } = table.state("c", now) {
                assert!(until <= now + 300 * SECOND);
            }
            assert_eq!(Table::read(&table.write()), table);
        }
        table.note(&settings(), "c", Outcome::Answered, now + 1, now + 1);
        assert_eq!(table.state("c", now + 1), State::Well);
    }
}

#[test]
fn what_a_clock_noted_that_has_been_set_back_since_is_forgotten() {
    let hour = 3600 * SECOND;
    let mut table = failed_three_times();
    assert_eq!(table.state("c", T - hour), State::Well);
    // One worker's time may be a little behind another's.
    assert_eq!(table.state("c", T - 500), cooling(T + 2 + 10 * SECOND));
    assert!(note(&mut table, Outcome::Answered, T - hour));
    assert_eq!(table, Table::default());
    let mut table = failed_three_times();
    let now = T - hour;
    note(&mut table, Outcome::Wait(Duration::from_secs(7)), now);
    assert_eq!(
        table.state("c", now),
        State::Cooling {
            until: now + 7 * SECOND,
            why: Why::RetryAfter
        }
    );
}
