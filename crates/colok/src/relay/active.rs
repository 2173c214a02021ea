//! The rules of one direction of one connection, and what they did there.
//!
//! Chance is a function of the seed, the connection, the direction, the rule and the number of what
//! is chosen: no generator is shared, so nothing that happens elsewhere changes a choice.

use std::time::Duration;

use super::fault::{Direction, Kind, Rule};

/// A rule that holds for one direction of one connection.
#[derive(Clone, Debug)]
pub(crate) struct Active {
    pub(crate) kind: Kind,
    /// Its place in its set.
    index: usize,
    salt: u64,
    /// What it did and nobody has been told yet.
    news: u64,
    first_at: Option<u64>,
}

/// What a rule did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct News {
    /// The rule's place in its set.
    pub(crate) index: usize,
    /// The number of the first byte or datagram that it did it to.
    pub(crate) at: Option<u64>,
    /// How often, or to how many bytes.
    pub(crate) count: u64,
}

impl Active {
    /// Notes that it was done so many times, first to the byte or datagram `at`.
    pub(crate) fn applied(&mut self, count: u64, at: u64) {
        if count > 0 {
            self.first_at.get_or_insert(at);
            self.news += count;
        }
    }

    /// What chance says about the one with this number.
    pub(crate) fn draw(&self, number: u64) -> u64 {
        mix(self.salt, &[number])
    }

    /// How much later the one with this number leaves; zero unless this is a delay.
    pub(crate) fn delay(&self, number: u64) -> Duration {
        let Kind::Delay { delay, jitter } = self.kind else { return Duration::ZERO };
        let jitter = u64::try_from(jitter.as_nanos()).unwrap_or(u64::MAX / 4).min(u64::MAX / 4);
        let span = u128::from(jitter) * 2 + 1;
        // From 0 to twice the jitter; the product needs 128 bits.
        let drawn = (u128::from(self.draw(number)) * span) >> 64;
        let drawn = Duration::from_nanos(u64::try_from(drawn).unwrap_or(u64::MAX));
        (delay + drawn).saturating_sub(Duration::from_nanos(jitter))
    }

    fn take_news(&mut self) -> Option<News> {
        let count = std::mem::take(&mut self.news);
        let at = self.first_at.take();
        (count > 0).then_some(News { index: self.index, at, count })
    }
}

/// What the rules did since they were last asked.
pub(crate) fn take_news(rules: &mut [Active]) -> impl Iterator<Item = News> {
    rules.iter_mut().filter_map(Active::take_news)
}

/// The rules that hold for this direction of this connection.
pub(crate) fn rules_for(
    rules: &[Rule],
    seed: u64,
    connection: u64,
    direction: Direction,
) -> Vec<Active> {
    let here = |(index, rule): (usize, &Rule)| {
        let way = rule.direction.is_none_or(|only| only == direction);
        if !way || matches!(rule.kind, Kind::FailFirst(_)) || !holds(rule, index, seed, connection)
        {
            return None;
        }
        let salt = mix(seed, &[connection, 1 + direction as u64, index as u64]);
        Some(Active { kind: rule.kind.clone(), index, salt, news: 0, first_at: None })
    };
    rules.iter().enumerate().filter_map(here).collect()
}

/// Whether the rule is for this connection.
pub(crate) fn holds(rule: &Rule, index: usize, seed: u64, connection: u64) -> bool {
    rule.connections.takes(connection, || mix(seed, &[connection, 0, index as u64]))
}

/// Numbers stirred until each bit of the result depends on each bit of them (the output function
/// of Vigna's splitmix64, once per number).
fn mix(seed: u64, numbers: &[u64]) -> u64 {
    let mut state = seed;
    for number in numbers {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15) ^ number.rotate_left(32);
        state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        state ^= state >> 31;
    }
    state
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::Fault;

    fn rule(text: &str) -> Rule {
        Rule::of(&text.parse::<Fault>().expect("it is a fault")).expect("it was checked")
    }

    #[test]
    fn chance_is_the_same_for_the_same_seed_and_not_for_another_place() {
        let rules = [rule("lose=50%"), rule("lose=50%")];
        let draws = |seed, connection, direction, index: usize| {
            let active = &rules_for(&rules, seed, connection, direction)[index];
            (1..=64).map(|number| active.draw(number) < u64::MAX / 2).collect::<Vec<_>>()
        };
        let first = draws(1, 1, Direction::Up, 0);
        assert_eq!(first, draws(1, 1, Direction::Up, 0));
        for other in [
            draws(2, 1, Direction::Up, 0),
            draws(1, 2, Direction::Up, 0),
            draws(1, 1, Direction::Down, 0),
            draws(1, 1, Direction::Up, 1),
        ] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn a_chance_is_about_as_often_as_it_says() {
        let rules = [rule("lose=10%")];
        let active = &rules_for(&rules, 7, 1, Direction::Up)[0];
        let Kind::Lose(choice) = &active.kind else { panic!("it loses") };
        let taken = (1..=100_000).filter(|it| choice.takes(*it, || active.draw(*it))).count();
        assert!((9_500..10_500).contains(&taken), "{taken}");
    }

    #[test]
    fn jitter_stays_within_its_bounds() {
        let active = &rules_for(&[rule("delay=50ms jitter=10ms")], 7, 1, Direction::Up)[0];
        let delays: Vec<_> = (0..10_000).map(|number| active.delay(number)).collect();
        let (least, most) = (delays.iter().min(), delays.iter().max());
        assert!(least >= Some(&Duration::from_millis(40)), "{least:?}");
        assert!(most <= Some(&Duration::from_millis(60)), "{most:?}");
        assert!(
            least < Some(&Duration::from_millis(41)) && most > Some(&Duration::from_millis(59))
        );
        let short = &rules_for(&[rule("delay=1ms jitter=10ms")], 7, 1, Direction::Up)[0];
        assert!((0..100).any(|number| short.delay(number).is_zero()));
    }

    #[test]
    fn rules_are_for_their_direction_and_their_connections() {
        let rules =
            [rule("cut=1 direction=up"), rule("reset=1 connections=2-3"), rule("fail_first=1")];
        let kinds = |connection, direction| {
            let found = rules_for(&rules, 1, connection, direction);
            found.into_iter().map(|active| active.kind.word()).collect::<Vec<_>>()
        };
        assert_eq!(kinds(1, Direction::Up), ["cut"]);
        assert_eq!(kinds(2, Direction::Up), ["cut", "reset"]);
        assert_eq!(kinds(3, Direction::Down), ["reset"]);
        assert!(kinds(4, Direction::Down).is_empty());
        assert!(holds(&rules[2], 2, 1, 9));
    }
}
