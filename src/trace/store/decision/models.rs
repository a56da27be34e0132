//! Every interleaving of threads that take, overrule and read one sampling decision.

use std::sync::Arc;

use loom::thread;

use super::*;
use crate::primitives::every_interleaving;

/// Decisions that have something of their own in each part.
fn with_rates(number: u8) -> SamplingDecision {
    let rate = Some(f64::from(number));
    let decision =
        SamplingDecision::new(SamplingPriority::new(number.into()), SamplingMechanism::new(number));
    SamplingDecision { rate, limit_rate: rate, ..decision }
}

fn is_one_of(decision: SamplingDecision, known: &[SamplingDecision]) {
    assert!(known.contains(&decision), "a mix of several: {decision:?}");
}

#[test]
fn who_reads_sees_no_mix_of_decisions_that_overrule_each_other() {
    every_interleaving(3, || {
        let all = [with_rates(1), with_rates(2), SamplingDecision::manual(true), with_rates(3)];
        let decided = Arc::new(TraceDecision::new(Some(all[0])));
        let overruling = {
            let decided = Arc::clone(&decided);
            thread::spawn(move || all[1..].iter().for_each(|by| decided.overrule(*by)))
        };
        let mut places = Vec::new();
        for _ in 0..2 {
            let seen = decided.get().expect("it is decided");
            is_one_of(seen, &all);
            places.push(all.iter().position(|known| *known == seen));
        }
        assert!(places[0] <= places[1], "it went back: {places:?}");
        overruling.join().unwrap();
        assert_eq!(decided.get(), Some(all[3]));
    });
}

#[test]
fn who_reads_the_first_decision_sees_all_of_it() {
    every_interleaving(3, || {
        let all = [with_rates(1), with_rates(2)];
        let decided = Arc::new(TraceDecision::default());
        let others = all.map(|decision| {
            let decided = Arc::clone(&decided);
            thread::spawn(move || {
                let counts = decided.settle(decision);
                assert_eq!(decided.get(), Some(counts));
                counts
            })
        });
        if let Some(seen) = decided.get() {
            is_one_of(seen, &all);
        }
        let counts = others.map(|other| other.join().unwrap());
        assert_eq!(counts[0], counts[1], "one of them counts, for both");
        assert_eq!(decided.get(), Some(counts[0]));
    });
}

#[test]
fn the_word_of_the_user_counts_whoever_decides_meanwhile() {
    every_interleaving(3, || {
        let (decision, word) = (with_rates(1), with_rates(2));
        let decided = Arc::new(TraceDecision::default());
        let settling = {
            let decided = Arc::clone(&decided);
            thread::spawn(move || is_one_of(decided.settle(decision), &[decision, word]))
        };
        let overruling = {
            let decided = Arc::clone(&decided);
            thread::spawn(move || decided.overrule(word))
        };
        if let Some(seen) = decided.get() {
            is_one_of(seen, &[decision, word]);
        }
        settling.join().unwrap();
        overruling.join().unwrap();
        assert_eq!(decided.get(), Some(word));
    });
}
