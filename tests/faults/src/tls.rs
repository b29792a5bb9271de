use std::io;
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::wire::Wire;

/// A name nobody has (RFC 6761).
const WRONG_NAME: &str = "wrong.invalid";

/// Takes TLS from clients with this certificate chain and key, both PEM.
pub(crate) fn acceptor(certificate: &[u8], key: &[u8]) -> io::Result<TlsAcceptor> {
    let chain = CertificateDer::pem_slice_iter(certificate).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| wrong(&format!("the certificate is not PEM: {error}")))?;
    let key =
        PrivateKeyDer::from_pem_slice(key).map_err(|error| wrong(&format!("the key is not PEM: {error}")))?;
    accepting(chain, key)
}

/// Takes TLS with a certificate no client should accept.
pub(crate) fn wrong_acceptor() -> io::Result<TlsAcceptor> {
    let made = generate_simple_self_signed([WRONG_NAME.to_owned()]);
    let CertifiedKey { cert, signing_key } = made.map_err(|error| wrong(&error.to_string()))?;
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).map_err(wrong)?;
    accepting(vec![cert.der().clone()], key)
}

fn accepting(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> io::Result<TlsAcceptor> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| wrong(&error.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Speaks TLS to upstream, whose certificate is for `name` and signed by one of `roots`, PEM.
pub(crate) fn connector(roots: &[u8], name: &str) -> io::Result<(TlsConnector, ServerName<'static>)> {
    let mut store = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(roots) {
        let root = root.map_err(|error| wrong(&format!("upstream's authority is not PEM: {error}")))?;
        store.add(root).map_err(|error| wrong(&error.to_string()))?;
    }
    if store.is_empty() {
        return Err(wrong("upstream's authority holds no certificate in PEM form"));
    }
    let name = ServerName::try_from(name.to_owned()).map_err(|error| wrong(&error.to_string()))?;
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&error.to_string()))?
        .with_root_certificates(store)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((TlsConnector::from(Arc::new(config)), name))
}

/// Whether a client begins a TLS handshake (RFC 8446, section 5.1: content type 22).
pub(crate) async fn begins(wire: &Wire) -> io::Result<bool> {
    Ok(wire.peek().await? == Some(22))
}

fn wrong(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, reason)
}
