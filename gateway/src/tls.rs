//! TLS of the listeners and towards instances: rustls with ring. Certificates are read again when
//! their files change; what cannot be read leaves the ones before in place, and is said.

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    server::WebPkiClientVerifier,
};
use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

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

/// Whether a certificate can be for this name.
#[must_use]
pub fn is_name(name: &str) -> bool {
    ServerName::try_from(name).is_ok()
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

/// What was made of some files, and is made again when they change.
#[derive(Debug)]
struct Kept<T> {
    what: &'static str,
    files: Vec<PathBuf>,
    /// When the files changed last, as of the first reading.
    first: Stamps,
    current: RwLock<Arc<T>>,
}

/// When each of some files changed last; none where it is not there.
pub type Stamps = Vec<Option<SystemTime>>;

fn stamps(files: &[PathBuf]) -> Stamps {
    let at = |path: &PathBuf| std::fs::metadata(path).and_then(|file| file.modified()).ok();
    files.iter().map(at).collect()
}

impl<T> Kept<T> {
    fn new(
        what: &'static str,
        files: Vec<PathBuf>,
        make: impl FnOnce() -> Result<T, TlsError>,
    ) -> Result<Self, TlsError> {
        // Before they are read: what changes meanwhile is read again.
        let first = stamps(&files);
        Ok(Self { what, files, first, current: RwLock::new(Arc::new(make()?)) })
    }

    fn current(&self) -> Arc<T> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes what was made of the files as they are now; false if they cannot be used.
    fn renew(&self, made: Result<T, TlsError>) -> bool {
        match made {
            Ok(made) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(made);
                tracing::info!(what = self.what, "files of TLS were read again");
                true
            }
            Err(error) => {
                let what = self.what;
                tracing::error!(%error, what, "changed files of TLS cannot be used; the last stay");
                false
            }
        }
    }
}

/// TLS whose files may change.
pub trait Reload {
    /// When its files changed last, as of the first reading.
    fn first(&self) -> Stamps;

    /// Its files.
    fn files(&self) -> &[PathBuf];

    /// Reads its files again; false if what is there cannot be used, and the last ones stay.
    fn reload(&self) -> bool;
}

/// Reads files again whenever they changed, until it is dropped.
pub async fn keep_fresh(tls: impl Reload) {
    let mut known = tls.first();
    loop {
        tokio::time::sleep(LOOK).await;
        let found = stamps(tls.files());
        if found != known && tls.reload() {
            known = found;
        }
    }
}

/// TLS of a listener: its certificate, and whose clients are let in.
#[derive(Debug, Clone)]
pub struct ListenerTls {
    pair: KeyPair,
    clients: Option<PathBuf>,
    kept: Arc<Kept<ServerConfig>>,
}

impl ListenerTls {
    /// Reads the files. With `clients`, only clients with a certificate of one of these are let in.
    ///
    /// # Errors
    /// A file cannot be used.
    pub fn new(pair: KeyPair, clients: Option<&Path>) -> Result<Self, TlsError> {
        let files = [&pair.certificate, &pair.key].into_iter().map(PathBuf::as_path);
        let files = files.chain(clients).map(Path::to_owned).collect();
        let kept = Kept::new("the listeners", files, || server(&pair, clients))?;
        Ok(Self { clients: clients.map(Path::to_owned), kept: Arc::new(kept), pair })
    }

    /// For the next client.
    #[must_use]
    pub fn config(&self) -> Arc<ServerConfig> {
        self.kept.current()
    }
}

impl Reload for ListenerTls {
    fn first(&self) -> Stamps {
        self.kept.first.clone()
    }

    fn files(&self) -> &[PathBuf] {
        &self.kept.files
    }

    fn reload(&self) -> bool {
        self.kept.renew(server(&self.pair, self.clients.as_deref()))
    }
}

fn server(pair: &KeyPair, clients: Option<&Path>) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let bad = |error: &dyn std::fmt::Display| TlsError::new(&pair.certificate, error);
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
    let (chain, key) = pair.read()?;
    builder.with_single_cert(chain, key).map_err(|error| bad(&error))
}

/// TLS towards instances.
#[derive(Debug, Clone)]
pub struct UpstreamTls {
    authorities: PathBuf,
    own: Option<KeyPair>,
    name: Option<ServerName<'static>>,
    kept: Arc<Kept<ClientConfig>>,
}

impl UpstreamTls {
    /// Instances have to show a certificate of one of `authorities`, of the name `name`, or of their
    /// address if there is none; they are shown a certificate of our own, if there is one.
    ///
    /// # Errors
    /// A file cannot be used, or the name is none.
    pub fn new(
        authorities: &Path,
        own: Option<&KeyPair>,
        name: Option<&str>,
    ) -> Result<Self, TlsError> {
        let name = name
            .map(|name| ServerName::try_from(name.to_owned()))
            .transpose()
            .map_err(|error| TlsError::new(authorities, error))?;
        let pair = own.into_iter().flat_map(|pair| [&pair.certificate, &pair.key]);
        let files = pair.map(PathBuf::as_path).chain([authorities]).map(Path::to_owned).collect();
        let kept = Kept::new("connections to instances", files, || client(authorities, own))?;
        let (authorities, own) = (authorities.to_owned(), own.cloned());
        Ok(Self { authorities, own, name, kept: Arc::new(kept) })
    }

    /// For the next connection.
    #[must_use]
    pub fn config(&self) -> Arc<ClientConfig> {
        self.kept.current()
    }

    /// Speaks TLS over a connection to the instance at that address, with the files as they are now.
    ///
    /// # Errors
    /// The connection broke, or the other side does not show what is expected of it.
    pub async fn connect(
        &self,
        address: SocketAddr,
        socket: TcpStream,
    ) -> io::Result<TlsStream<TcpStream>> {
        let of_address = || ServerName::IpAddress(address.ip().into());
        let name = self.name.clone().unwrap_or_else(of_address);
        TlsConnector::from(self.config()).connect(name, socket).await
    }
}

impl Reload for UpstreamTls {
    fn first(&self) -> Stamps {
        self.kept.first.clone()
    }

    fn files(&self) -> &[PathBuf] {
        &self.kept.files
    }

    fn reload(&self) -> bool {
        self.kept.renew(client(&self.authorities, self.own.as_ref()))
    }
}

fn client(authorities: &Path, own: Option<&KeyPair>) -> Result<ClientConfig, TlsError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::new(authorities, error))?
        .with_root_certificates(roots(authorities)?);
    match own {
        None => Ok(builder.with_no_client_auth()),
        Some(pair) => {
            let (chain, key) = pair.read()?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| TlsError::new(&pair.certificate, error))
        }
    }
}
