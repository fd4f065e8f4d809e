//! What clients say in JSON, good and bad, and what they are sent, to the byte.

mod outputs;
mod requests;

use crate::file::File;

pub(crate) fn file() -> File {
    let mut cases = requests::cases();
    cases.extend(outputs::cases());
    File {
        name: "client",
        document: "05-client.md",
        sections: &["4", "5"],
        about: &[
            "`direction` `to-proxy`: `text` is one whole text message of a client of a `network` channel. result \
             `valid`: it asks for `request`; in there `data` is the JSON text that the proxy passes on, to the byte, \
             and missing where the client gave none. Binary messages are not here: their bytes do not matter.",
            "`delivered`: what the receiver is sent, where the sender is the peer `a4dqobyha4dqobyha4dqobyha4`, and \
             for `message` the target, which is then in the channel.",
            "result `invalid`: the sender gets one error with `code`, and the connection lives on. Its `message` is \
             for people and not given here.",
            "`direction` `to-client`: for `event` the client is sent exactly `text`. Of an error, `text` has the \
             member `message` as given in `event`; a proxy may use other words there. Which escapes stand in an \
             error's `target` is free too: it is the same string.",
        ],
        flags: &[
            ("BadJson", "Not JSON."),
            ("BadMessage", "JSON, but no message."),
            ("Case", "Names of members count without regard to ASCII case, values with it."),
            ("Escapes", "Names or values with escapes."),
            ("RareJson", "JSON that is valid, and that some parsers refuse or change."),
            ("Twice", "Members with the same name."),
            ("UnknownAction", "An action that a client can't ask for."),
            ("UnknownMember", "Members that mean nothing."),
        ],
        cases,
    }
}
