//! The servers that a client trusts.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// Which servers are trusted.
#[derive(Clone, Debug)]
pub struct Tls {
    /// `None` if every server is trusted.
    roots: Option<Arc<[CertificateDer<'static>]>>,
    config: Arc<ClientConfig>,
}

impl Tls {
    /// Trusts what the operating system trusts, and these certificates too.
    ///
    /// # Errors
    ///
    /// If one of these is no certificate. Those of the operating system that are none are left out.
    pub fn new(
        extra: impl IntoIterator<Item = CertificateDer<'static>>,
    ) -> Result<Self, rustls::Error> {
        let extra: Vec<_> = extra.into_iter().collect();
        let mut store = RootCertStore::empty();
        for certificate in &extra {
            store.add(certificate.clone())?;
        }
        let mut roots = extra;
        for certificate in rustls_native_certs::load_native_certs().certs {
            if store.add(certificate.clone()).is_ok() {
                roots.push(certificate);
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(store)
            .with_no_client_auth();
        Ok(Self {
            roots: Some(roots.into()),
            config: Arc::new(config),
        })
    }

    /// Trusts every server, whatever it shows: who stands in between reads and changes everything.
    ///
    /// # Errors
    ///
    /// What rustls says if it cannot be set up.
    pub fn insecure() -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let anyone = Anyone(Arc::clone(&provider));
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(anyone))
            .with_no_client_auth();
        Ok(Self {
            roots: None,
            config: Arc::new(config),
        })
    }

    /// The certificates by which servers are trusted; `None` if every server is.
    #[must_use]
    pub fn roots(&self) -> Option<&[CertificateDer<'static>]> {
        self.roots.as_deref()
    }

    /// The settings of rustls.
    #[must_use]
    pub fn config(&self) -> &Arc<ClientConfig> {
        &self.config
    }
}

/// Takes every certificate for good. That its owner holds the key is still checked.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
