//! A certificate for all who listen, and clients that trust it. Nobody resumes a session, so that
//! each connection costs a whole handshake.

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    client::Resumption,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

const NAME: &str = "bench.example";

pub(crate) fn name() -> ServerName<'static> {
    ServerName::try_from(NAME).unwrap()
}

/// Certificate and key as files.
pub(crate) struct Files(pub(crate) PathBuf);

impl Files {
    pub(crate) fn write(folder: &Path) -> Self {
        let made = rcgen::generate_simple_self_signed(vec![NAME.to_owned()]).unwrap();
        let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let files = Self(folder.to_owned());
        std::fs::write(files.certificate(), &certificate).unwrap();
        std::fs::write(files.key(), &key).unwrap();
        std::fs::write(files.both(), certificate + &key).unwrap();
        files
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.0.join("tls.crt")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.0.join("tls.key")
    }

    /// Both in one file, as HAProxy has it.
    pub(crate) fn both(&self) -> PathBuf {
        self.0.join("both.pem")
    }

    fn read(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(self.certificate()).unwrap()
    }

    pub(crate) fn connector(&self) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.read()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        TlsConnector::from(Arc::new(config))
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let key = PrivateKeyDer::from_pem_file(self.key()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.read()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}
