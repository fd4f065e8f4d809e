//! The file in which `serve` keeps who it is, so that it can be the same server after it was started anew. It holds a secret:
//! nobody else may read it.

use crate::{TunnelError, core::Identity};
use nws_protocol::relay::Credential;
use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

/// Where to keep it.
#[derive(Debug)]
pub(crate) struct IdentityFile(PathBuf);

impl IdentityFile {
    /// The file, and who it says that this is, if it exists.
    pub(crate) fn open(path: PathBuf) -> Result<(Self, Option<Identity>), TunnelError> {
        let file = Self(path);
        let identity = match std::fs::read_to_string(&file.0) {
            Ok(text) => Some(parse(&text).ok_or_else(|| file.error(no_identity()))?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(file.error(error)),
        };
        Ok((file, identity))
    }

    /// Keeps this one.
    pub(crate) fn write(&self, identity: &Identity) -> Result<(), TunnelError> {
        let text = format!("{} {}\n", identity.server, identity.credential.reveal());
        replace(&self.0, text.as_bytes()).map_err(|error| self.error(error))
    }

    fn error(&self, error: io::Error) -> TunnelError {
        TunnelError::ResumeFile { path: self.0.clone(), error }
    }
}

fn no_identity() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "it does not hold a server's id and credential; delete it to be a new server",
    )
}

fn parse(text: &str) -> Option<Identity> {
    let (server, credential) = text.trim_end().split_once(' ')?;
    Some(Identity { server: server.parse().ok()?, credential: Credential::new(credential.to_owned())? })
}

/// Written beside it first, so that there is always a whole one.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&beside)?.write_all(content)?;
    std::fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    #[test]
    fn what_was_kept_is_found_again_and_nobody_else_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server");
        let (file, none) = IdentityFile::open(path.clone()).unwrap();
        assert_eq!(none, None);
        let identity = Identity { server: 3, credential: Credential::new("123").unwrap() };
        file.write(&identity).unwrap();
        file.write(&identity).unwrap();
        assert_eq!(IdentityFile::open(path.clone()).unwrap().1, Some(identity));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        for bad in ["", "3", "x 123\n", "3 12x\n"] {
            std::fs::write(&path, bad).unwrap();
            assert!(IdentityFile::open(path.clone()).is_err(), "{bad:?}");
        }
    }
}
