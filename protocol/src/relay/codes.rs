//! The words that say what went wrong, or why a channel ended.

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$line:meta])* $code:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$line])* $code,)*
            /// A word that this version does not know. It is only ever received.
            Unknown,
        }

        impl $name {
            /// All that this version knows.
            pub const KNOWN: &[Self] = &[$(Self::$code),*];

            /// The word as it travels.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$code => $word,)*
                    Self::Unknown => "unknown",
                }
            }

            /// What the word stands for.
            #[must_use]
            pub fn from_word(word: &str) -> Self {
                match word {
                    $($word => Self::$code,)*
                    _ => Self::Unknown,
                }
            }
        }
    };
}

words! {
    /// The `code` of an `error`: section 5.
    ErrorCode {
        /// The text is not one JSON object.
        BadJson = "bad_json",
        /// A member is missing, or has a wrong type or range.
        BadMessage = "bad_message",
        /// No request has this type.
        UnknownType = "unknown_type",
        /// There is no server of this id.
        UnknownServer = "unknown_server",
        /// Not the credential of that server; also if there is no such server.
        BadCredential = "bad_credential",
        /// The server's party has left and may come back.
        ServerAway = "server_away",
        /// The server refused; its reason is in `message`.
        Refused = "refused",
        /// The server did not answer in time.
        Timeout = "timeout",
        /// No channel of this number is the party's.
        UnknownChannel = "unknown_channel",
        /// The channel is not accepted yet, or was accepted already.
        NotOpen = "not_open",
        /// Data after `finish`.
        Finished = "finished",
        /// Binary data to an end that speaks the first dialect.
        TextOnly = "text_only",
        /// The party is a server already.
        AlreadyRegistered = "already_registered",
        /// The party is no server.
        NotRegistered = "not_registered",
        /// A limit of the relay.
        TooManyServers = "too_many_servers",
        /// A limit of the relay.
        TooManyChannels = "too_many_channels",
        /// The relay ends.
        Shutdown = "shutdown",
    }
}

words! {
    /// The `code` of `disconnected`: section 4.
    DisconnectCode {
        /// The other end closed it.
        Closed = "closed",
        /// Both ends had finished.
        Finished = "finished",
        /// The other party has left, or its server was not resumed in time.
        Gone = "gone",
        /// The server did not accept it in time.
        Timeout = "timeout",
        /// Nothing was said on it for too long.
        Idle = "idle",
        /// An end sent more than it might.
        FlowControl = "flow_control",
        /// Binary data was sent to an end that speaks the first dialect.
        TextOnly = "text_only",
        /// The relay ends.
        Shutdown = "shutdown",
    }
}
