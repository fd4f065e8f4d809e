//! What [`super::Neighbours`] and its owner say to each other.

use nws_protocol::LinkCode;

/// One attempt to reach one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DialId(pub(super) u64);

/// A peer that the user named, in the order of naming.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FixedId(pub(super) usize);

/// A link, numbered by the mesh; a number is not used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

/// What becomes of a link that is about to be established.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// It is the link to that proxy now. Do what [`super::Neighbours::poll`] says first.
    Keep,
    /// It is up beside the link in use, which stays in use: it matches channels and moves no lane, until
    /// [`Action::Supersede`] names it or [`Action::Admit`] does, or it is closed. Call [`super::Neighbours::proved`] when it
    /// has matched what the link in use has.
    Prove,
    /// Whether it stays shows when [`Action::Probe`] was done: then comes [`Action::Admit`] or [`Action::Close`].
    Wait,
    /// It is to be closed with this code; nothing is known of it here.
    Close(LinkCode),
}

/// What the mesh is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action<A> {
    /// Dial; then call [`super::Neighbours::dialled`] or [`super::Neighbours::dial_failed`], once.
    Dial {
        /// Names the attempt.
        dial: DialId,
        /// Where.
        address: A,
    },
    /// Abandon an attempt; the answer to it does not matter any more.
    Abandon {
        /// The attempt.
        dial: DialId,
    },
    /// Close a link now that is established, or waits, or is to prove itself; all its lanes end, without hand-over.
    Close {
        /// The link.
        link: LinkId,
        /// The code to close it with.
        code: LinkCode,
    },
    /// Move the lanes of `old` to `by`, then close `old` as a duplicate. Call [`super::Neighbours::link_down`] when it is gone.
    Supersede {
        /// The link that gives way.
        old: LinkId,
        /// The link that stays.
        by: LinkId,
    },
    /// Find out whether anything still comes on this link, which is in use; then call [`super::Neighbours::probed`].
    Probe {
        /// The link.
        link: LinkId,
    },
    /// A link that was told [`Verdict::Wait`] or [`Verdict::Prove`] is the link to its proxy now.
    Admit {
        /// The link.
        link: LinkId,
    },
    /// Tell the user: this fixed peer is this proxy itself, and won't be dialled again.
    Ourselves {
        /// Which of the fixed peers.
        peer: FixedId,
    },
}

/// Too many fixed peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more fixed peers than the table of neighbours holds")]
pub struct Full;
