//! The user's own certificate for `wss://`: read when the program starts, and again whenever it gets SIGHUP.

use crate::{
    beside::Handles,
    exit::{Exit, Failure},
    settings::Settings,
    signals::Hangups,
};
use nws_gateway::{BadCertificate, Certificate, CertificateSlot};
use std::{
    convert::Infallible,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// Chains have a few KiB; what is larger is some other file.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// What is needed to take clients over TLS.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    pub(crate) port: u16,
    pub(crate) slot: CertificateSlot,
    certificate_file: PathBuf,
    key_file: PathBuf,
}

impl Tls {
    /// As the settings say; `None` when they say nothing of it.
    ///
    /// # Errors
    /// When a file can't be read, or what is in them is of no use.
    pub(crate) fn open(settings: &Settings) -> Result<Option<Self>, Failure> {
        let (Some(certificate_file), Some(key_file), Some(port)) =
            (&settings.tls_cert, &settings.tls_key, settings.tls_port)
        else {
            return Ok(None);
        };
        let slot = CertificateSlot::new(read(certificate_file, key_file)?);
        let (certificate_file, key_file) = (certificate_file.clone(), key_file.clone());
        Ok(Some(Self { port, slot, certificate_file, key_file }))
    }

    fn reload(&self) {
        match read(&self.certificate_file, &self.key_file) {
            Ok(certificate) => {
                self.slot.replace(certificate);
                tracing::info!("the certificate was read again and is used from now on");
            }
            Err(failure) => tracing::warn!("{failure}; the one from before is used further"),
        }
    }
}

/// Reads the certificates again at each SIGHUP, for ever: that of clients, and those of servers beside.
pub(crate) async fn keep_fresh(tls: Option<Tls>, beside: Handles, hangups: &mut Hangups) -> Infallible {
    loop {
        hangups.next().await;
        let handles = beside.clone();
        drop(tokio::task::spawn_blocking(move || handles.reload()).await);
        if let Some(tls) = tls.clone() {
            // Files may be on a slow disk.
            drop(tokio::task::spawn_blocking(move || tls.reload()).await);
        }
    }
}

fn read(certificate_file: &Path, key_file: &Path) -> Result<Certificate, Failure> {
    let certificate = content(certificate_file, "certificate")?;
    let key = zeroize::Zeroizing::new(content(key_file, "private key")?);
    Certificate::from_pem(&certificate, &key).map_err(|error| {
        let file = if error == BadCertificate::NoKey { key_file } else { certificate_file };
        let words = format!(
            "{} is not a certificate that can be used: {error}. Give a chain with --tls-cert and its key with --tls-key, both in PEM",
            file.display()
        );
        Failure::new(Exit::Config, words)
    })
}

fn content(path: &Path, what: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes));
    let read = read.and_then(|length| match length as u64 <= MAX_FILE_BYTES {
        true => Ok(()),
        false => Err(io::Error::other("it is too large for that")),
    });
    match read {
        Ok(()) => Ok(bytes),
        Err(error) => {
            Err(Failure::new(Exit::Input, format!("the {what} file {} cannot be read: {error}", path.display())))
        }
    }
}
