//! What goes back to whoever asked over HTTP: a whole answer, or a file that is read as it is sent.

use bytes::{Bytes, BytesMut};
use http_body_util::Full;
use hyper::{
    Response, StatusCode,
    body::{Body as HttpBody, Frame, SizeHint},
    header::{CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS},
};
use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::{fs::File, sync::OwnedSemaphorePermit};
use tokio_util::io::poll_read_buf;

/// An answer.
pub(crate) type Answer = Response<Body>;

/// Bytes read from a file at once, and so the most that one download holds. A guess: a few reads for each
/// megabyte, and 512 of them take 32 MiB.
const CHUNK_BYTES: usize = 64 * 1024;

pub(crate) const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum Body {
    Whole(Full<Bytes>),
    File(Box<FileBody>),
}

impl Body {
    pub(crate) fn empty() -> Self {
        Self::Whole(Full::new(Bytes::new()))
    }
}

/// A part of a file on its way, in small pieces.
#[derive(Debug)]
pub(crate) struct FileBody {
    file: File,
    left: u64,
    chunk: BytesMut,
    _permit: OwnedSemaphorePermit,
}

impl FileBody {
    /// The next `length` bytes of the file. The permit is held until they are sent.
    pub(crate) fn new(file: std::fs::File, length: u64, permit: OwnedSemaphorePermit) -> Self {
        let mut file = File::from_std(file);
        file.set_max_buf_size(CHUNK_BYTES);
        Self { file, left: length, chunk: BytesMut::new(), _permit: permit }
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let wanted = usize::try_from(self.left).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
        self.chunk.reserve(wanted);
        let mut room = bytes::BufMut::limit(&mut self.chunk, wanted);
        let read = match ready!(poll_read_buf(Pin::new(&mut self.file), cx, &mut room)) {
            // Its length was promised already; the connection can only be cut.
            Ok(0) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter")),
            read => read,
        };
        Poll::Ready(Some(read.map(|read| {
            self.left = self.left.saturating_sub(read as u64);
            self.chunk.split().freeze()
        })))
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Whole(whole) => Pin::new(whole).poll_frame(cx).map_err(|never| match never {}),
            Self::File(file) => file.poll_chunk(cx).map_ok(Frame::data),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(whole) => whole.is_end_stream(),
            Self::File(file) => file.left == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => whole.size_hint(),
            Self::File(file) => SizeHint::with_exact(file.left),
        }
    }
}

/// A whole answer of some type, which browsers are not to guess anew.
pub(crate) fn whole(status: StatusCode, media_type: &'static str, bytes: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Body::Whole(Full::new(bytes.into())));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    answer.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

/// An answer in words.
pub(crate) fn text(status: StatusCode, words: impl Into<Bytes>) -> Answer {
    whole(status, "text/plain; charset=utf-8", words)
}

/// An answer of headers alone.
pub(crate) fn bare(status: StatusCode) -> Answer {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = status;
    answer
}
