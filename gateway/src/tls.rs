//! TLS of the listeners and towards instances: rustls with ring. Certificates are read again when
//! their files change; what cannot be read leaves the ones before in place, and is said.

use rustls::{
    RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    server::{ResolvesServerCert, WebPkiClientVerifier},
    sign::CertifiedKey,
};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

/// How often files are looked at: mounted Secrets change by swapped links, which no watch tells well.
const LOOK: Duration = Duration::from_secs(10);

/// A file that TLS needs cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", path.display())]
pub struct TlsError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub why: String,
}

impl TlsError {
    fn new(path: &Path, why: impl ToString) -> Self {
        Self { path: path.to_owned(), why: why.to_string() }
    }
}

/// Certificate and key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPair {
    /// The chain, the own certificate first, as PEM.
    pub certificate: PathBuf,
    /// Its key, as PEM.
    pub key: PathBuf,
}

impl KeyPair {
    fn read(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
        let key = PrivateKeyDer::from_pem_file(&self.key)
            .map_err(|error| TlsError::new(&self.key, error))?;
        Ok((certificates(&self.certificate)?, key))
    }

    fn certified(&self) -> Result<Arc<CertifiedKey>, TlsError> {
        let (chain, key) = self.read()?;
        let provider = ring::default_provider();
        let certified = CertifiedKey::from_der(chain, key, &provider)
            .map_err(|error| TlsError::new(&self.certificate, error))?;
        Ok(Arc::new(certified))
    }

    /// When the files changed last.
    fn changed(&self) -> [Option<SystemTime>; 2] {
        let at = |path: &Path| std::fs::metadata(path).and_then(|file| file.modified()).ok();
        [at(&self.certificate), at(&self.key)]
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bad = |error: &dyn std::fmt::Display| TlsError::new(path, error);
    let all: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(path).map_err(|error| bad(&error))?.collect();
    let all = all.map_err(|error| bad(&error))?;
    if all.is_empty() {
        return Err(TlsError::new(path, "no certificate in it; PEM is expected"));
    }
    Ok(all)
}

fn roots(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| TlsError::new(path, error))?;
    }
    Ok(roots)
}

/// The certificate of now.
#[derive(Debug)]
struct Current {
    pair: KeyPair,
    key: RwLock<Arc<CertifiedKey>>,
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.key.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// TLS of a listener.
#[derive(Debug, Clone)]
pub struct ListenerTls {
    /// For the acceptor.
    pub config: Arc<ServerConfig>,
    current: Arc<Current>,
}

impl ListenerTls {
    /// Reads the files. With `clients`, only clients with a certificate of one of these are let in.
    ///
    /// # Errors
    /// A file cannot be used.
    pub fn new(pair: KeyPair, clients: Option<&Path>) -> Result<Self, TlsError> {
        let current = Arc::new(Current { key: RwLock::new(pair.certified()?), pair });
        let provider = Arc::new(ring::default_provider());
        let bad = |error: &dyn std::fmt::Display| TlsError::new(&current.pair.certificate, error);
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| bad(&error))?;
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let roots = Arc::new(roots(path)?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider)
                    .build()
                    .map_err(|error| TlsError::new(path, error))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let resolver: Arc<Current> = Arc::clone(&current);
        Ok(Self { config: Arc::new(builder.with_cert_resolver(resolver)), current })
    }

    /// Reads the files again whenever they changed, until it is dropped.
    pub async fn keep_fresh(self) {
        let mut known = self.current.pair.changed();
        loop {
            tokio::time::sleep(LOOK).await;
            let found = self.current.pair.changed();
            if found != known && self.reload() {
                known = found;
            }
        }
    }

    /// Reads the files again; false if what is there cannot be used.
    pub fn reload(&self) -> bool {
        match self.current.pair.certified() {
            Ok(key) => {
                *self.current.key.write().unwrap_or_else(PoisonError::into_inner) = key;
                tracing::info!("the certificate was read again");
                true
            }
            Err(error) => {
                tracing::error!(%error, "a changed certificate cannot be used; the last one stays");
                false
            }
        }
    }
}

/// TLS towards instances, which have to show a certificate of one of `authorities`, of the name
/// `name`, or of their address if there is none; with a certificate of our own, if there is one.
///
/// # Errors
/// A file cannot be used, or the name is none.
pub fn towards_instances(
    authorities: &Path,
    own: Option<&KeyPair>,
    name: Option<&str>,
) -> Result<crate::relay::UpstreamTls, TlsError> {
    let bad = |error: &dyn std::fmt::Display| TlsError::new(authorities, error);
    let builder = rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| bad(&error))?
        .with_root_certificates(roots(authorities)?);
    let config = match own {
        None => builder.with_no_client_auth(),
        Some(pair) => {
            let (chain, key) = pair.read()?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| TlsError::new(&pair.certificate, error))?
        }
    };
    let name = name
        .map(|name| ServerName::try_from(name.to_owned()))
        .transpose()
        .map_err(|error| bad(&error))?;
    Ok(crate::relay::UpstreamTls { config: Arc::new(config), name })
}
