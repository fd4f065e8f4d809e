//! What a receiver of data lanes tells its own clients, step by step.

mod trace;
mod traces;

use crate::file::File;

pub(crate) fn file() -> File {
    File {
        name: "membership",
        document: "04-membership.md",
        sections: &["3", "4", "5", "6", "8"],
        about: &[
            "Each case is one `network` channel at one proxy: it begins with nobody in it. `peers` gives the ids \
             behind the names of peers: those with `l` are clients of this proxy, those with `p` and `q` of the \
             instances P and Q; the case may let others claim them.",
            "`steps` in order, each with one `input` and what must come of it. `tell`: what every local client of \
             the channel is told, in this order, as [what, peer]; [] is nothing. `deliver_to`: the local clients \
             that get the message, in the order of their ids. `answer`: the frame that goes out on the own lane to \
             that instance. `error_to`: the local client that gets the error `unknown_target` for `target`.",
            "Inputs: `join`, `part`: a client of this proxy comes and goes; `taken` true: the id is not free, \
             another must be drawn. `lane_begins`: a lane of that instance is attached, Open has been read. \
             `frame`: a frame came on it; `type` and its fields say what it holds. `lane_finished`: the lane ended \
             by FIN at a frame's end. `lane_given_up`: it was reset, or its link is gone. `expired`: 5 s have \
             passed since it was finished, and no other has come.",
            "`close`: the frame is refused, the link is closed with `code`; a `lane_given_up` follows. A case with \
             a `close` has the result `invalid`, and the code also at its end.",
            "Presence of local clients among each other is in 05-client.md and not told here. One step may have its \
             changes in any order within one list's disconnects, and within its connects.",
        ],
        flags: &[
            ("Fault", "The instance breaks a rule."),
            ("HandOver", "A lane takes over from another."),
            ("SeveralInstances", "More than one instance has the channel."),
        ],
        cases: traces::cases(),
    }
}
