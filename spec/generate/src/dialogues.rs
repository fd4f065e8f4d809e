//! Whole dialogues of private matching, with all that was drawn at random.

mod borne;
mod drawn;
mod faults;
mod play;
mod scenes;
mod session;

use crate::file::File;

pub(crate) fn file() -> File {
    let mut cases = scenes::cases();
    cases.extend(borne::cases());
    cases.extend(faults::cases());
    File {
        name: "dialogues",
        document: "03-matching.md",
        sections: &["7", "8", "9", "10", "11", "12"],
        about: &[
            "Each case is one link. `session`: what both ends know of the TLS session, their network keys and the \
             Hellos; `l` is the secret that follows, at I and at R (derivations.json); `key` is the key of R: a \
             scalar, and the seed from which DeriveKeyPair(seed, empty info) gives it. `budgets`: how many guesses \
             an end allows; null, any number.",
            "`channels` are all channels that occur, with what `l` of R and `key` make of them (null where there is \
             nothing to make).",
            "`steps` in order. `join`, `leave`: a channel is held, or held no longer, at that end. `send`: that end \
             says this message now; `frame` is its body without the length. `deliver`: the message arrives at that \
             end; `charged` is how many guesses the end charges to its budgets for it, or for tags that waited. \
             `event`: what that end finds out by the step before (several in any order). `wait`: time passes. \
             `close`: that end closes the link with `code`.",
            "Between `send` and `deliver` a message is on its way: messages of the two directions may cross. Where \
             no step says so, an end has nothing to say.",
            "`entries` tell what each entry of the list is (of an Answer: of its offer), in the order of the frame: \
             a `channel`, a `dummy` with its 32 random bytes, or `random` bytes; and in a Query by which scalar it \
             is blinded. Blinds, dummies, random tags and the order of entries are drawn; all else follows.",
            "To check your R: use `key` and `l`, do the joins and leaves at R, give it I's frames at `deliver`, and \
             compare what it says at `send`: Answer.evaluated to the byte; of offers and Revokes the number of \
             entries and the tags of channels (the dummies are your own). Events are the same.",
            "To check your I: use `l`, do the joins and leaves at I, and play R: evaluate the Query that your I \
             made with `key`, take the offers, Revokes and Busy from the case. Of your Query compare the number of \
             elements, of your Accept the number of entries and the tags of channels, of Leave all. Events are the \
             same.",
            "An end that sends later, and so says in one message what is two here, is not at fault. In invalid \
             cases what the end at fault sends is arbitrary, and what the other one sends is not given.",
        ],
        flags: &[
            ("Fault", "One end breaks a rule."),
            (
                "OneSide",
                "One end does what it need not, or should not, do; the other one bears it. `checks` is that other \
                 end; what the first one sends is arbitrary.",
            ),
            ("Race", "Messages cross."),
            ("Reload", "A channel is left and joined again."),
            ("Waits", "Budgets do not allow all at once."),
        ],
        cases,
    }
}
