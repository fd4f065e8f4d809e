//! Why some requirements have no check. Each reason is about that one requirement; a test sees to it that every number of the
//! documents is either here or at a check, and that nothing here is out of date.
//!
//! Documents 06 (relay) and 07 (bootstrap) define other services, which a proxy need not be or use; they have tests of their own.

/// Number and reason.
pub(crate) const UNCHECKED: &[(&str, &str)] = &[
    (
        "T-1",
        "lp() is computed at each end and never travels; every x of this version is of a fixed size or under 256 bytes",
    ),
    (
        "T-3",
        "needs two runs of the target, and the runner sees one; that the id is the same within the run is checked always",
    ),
    ("D-1", "the record is multicast DNS, which the runner does not speak: it is told an address"),
    ("D-2", "the TXT record is multicast DNS, which the runner does not speak"),
    ("D-3", "the record is multicast DNS; and what lasts from run to run shows only in several runs"),
    ("D-4", "the SRV record is multicast DNS, which the runner does not speak"),
    ("D-5", "the runner announces nothing, so the target has no odd instance name to ignore"),
    ("D-6", "the runner announces nothing, so the target has no other version to ignore"),
    (
        "D-7",
        "that a proxy does not dial its own record shows only where its record is heard; self-dial by address is checked",
    ),
    ("D-8", "the runner announces no forbidden addresses; and that nobody dials them shows only at those addresses"),
    ("D-9", "the runner announces nothing, so the target can't dial it by discovery"),
    ("D-10", "the runner announces nothing, so the target can't wait for its dial by discovery"),
    ("D-11", "the runner announces nothing, so the target can't dial a linked instance by discovery"),
    ("D-13", "the runner announces nothing, so the target has no unknown key to ignore"),
    ("L-7", "that the certificate's key is of this run shows only in several runs"),
    ("P-6", "what a proxy writes to its logs is not visible on the wire"),
    ("P-7", "the random bytes of a dummy are under a blind, or behind R's key: by design nobody else can see them"),
    ("P-13", "a blinded dummy looks like any blinded element: that is what blinding is for"),
    ("P-14", "the tag of a dummy looks like that of a channel to all but R: that is what it is for"),
    (
        "P-34",
        "needs a target with more than 8192 channels, which no test should make of it; the player counts the tags on offer all the same",
    ),
    ("P-42", "the difference is far below the noise of a network; it has to be read in the code, or measured in it"),
    ("C-8", "takes effect only when the target's user has limited origins, which the runner can't do"),
    ("C-24", "is about clients, not about proxies"),
];

/// Number, and which part of it no check sees, and why. The rest is checked.
pub(crate) const IN_PART: &[(&str, &str)] = &[
    (
        "T-2",
        "that peer ids have nothing in common is checked; of instance ids there is one in a run, and how it was drawn does not show",
    ),
    (
        "P-2",
        "that no element comes twice is checked; equal blinds of different inputs, or blinds that can be foretold, look like any others: \
         that is what blinding is for",
    ),
    (
        "P-36",
        "an R that reads on while it evaluates is told from one that takes each message in its turn by what it does with a Query; \
         to the latter nothing is early",
    ),
    (
        "P-37",
        "the budget of a link is checked, in both roles. To see those of the address (4096) and of the proxy (8192) they have to be \
         used up, and an honest proxy would be told Busy for half an hour, the next run too",
    ),
];

#[cfg(test)]
mod tests {
    use super::{IN_PART, UNCHECKED};
    use crate::{checks, spec};
    use std::collections::BTreeSet;

    #[test]
    fn every_requirement_has_a_check_or_a_reason_and_none_is_made_up() {
        let known: BTreeSet<String> = spec::numbers().into_iter().collect();
        let checked: BTreeSet<String> =
            checks::all().flat_map(|check| check.proves).map(|&number| number.to_owned()).collect();
        let excused: BTreeSet<String> = UNCHECKED.iter().map(|(number, _)| (*number).to_owned()).collect();
        let stale: Vec<_> = checked.union(&excused).filter(|number| !known.contains(*number)).collect();
        assert!(stale.is_empty(), "not in the documents any more: {stale:?}");
        let both: Vec<_> = checked.intersection(&excused).collect();
        assert!(both.is_empty(), "has a check and a reason why there is none: {both:?}");
        let missing: Vec<_> =
            known.iter().filter(|number| !checked.contains(*number) && !excused.contains(*number)).collect();
        assert!(missing.is_empty(), "neither a check nor a reason: {missing:?}");
        assert_eq!(excused.len(), UNCHECKED.len(), "a number has two reasons");
        for (number, _) in IN_PART {
            assert!(checked.contains(*number), "{number} is not checked at all");
        }
        for (number, reason) in UNCHECKED.iter().chain(IN_PART) {
            assert!(reason.len() > 30, "{number}: say why");
        }
    }

    #[test]
    fn checks_have_names_of_their_own_and_prove_something() {
        let mut names = BTreeSet::new();
        for check in checks::all() {
            assert!(names.insert(check.id), "{} twice", check.id);
            assert!(!check.proves.is_empty(), "{} proves nothing", check.id);
            let distinct: BTreeSet<_> = check.proves.iter().collect();
            assert_eq!(distinct.len(), check.proves.len(), "{} names a number twice", check.id);
        }
        assert!(names.len() > 150);
    }
}
