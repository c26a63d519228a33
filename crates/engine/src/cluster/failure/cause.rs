//! Kinds of failure by what stopped a call on its way, told by the types of the errors inside.

use std::error::Error as StdError;
use std::io;

use super::FailureKind;
use crate::cluster::plugin::PluginError;

/// Nested sources of one error; more would be a loop.
const MAX_CHAIN: usize = 16;

pub(super) fn kind_of_cause(error: &(dyn StdError + 'static)) -> Option<FailureKind> {
    if error.is::<PluginError>() {
        return Some(FailureKind::Credential);
    }
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return kind_of_tls(tls);
    }
    let io = error.downcast_ref::<io::Error>()?;
    (io.kind() == io::ErrorKind::TimedOut).then_some(FailureKind::Timeout)
}

/// Alerts that blame a certificate; every other trouble of TLS is a connection that does not work.
fn kind_of_tls(error: &rustls::Error) -> Option<FailureKind> {
    use rustls::AlertDescription as Alert;
    let certificate = match error {
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => true,
        rustls::Error::AlertReceived(alert) => matches!(
            alert,
            Alert::BadCertificate
                | Alert::UnsupportedCertificate
                | Alert::CertificateRevoked
                | Alert::CertificateExpired
                | Alert::CertificateUnknown
                | Alert::UnknownCA
                | Alert::CertificateRequired
                | Alert::AccessDenied
        ),
        _ => false,
    };
    certificate.then_some(FailureKind::Certificate)
}

/// The error and its sources, outermost first. An `io::Error` hides what it wraps from `source()`.
pub(super) fn chain<'a>(error: &'a (dyn StdError + 'static)) -> Vec<&'a (dyn StdError + 'static)> {
    let mut found: Vec<&'a (dyn StdError + 'static)> = Vec::new();
    let mut next = Some(error);
    while let Some(one) = next.filter(|_| found.len() < MAX_CHAIN) {
        found.push(one);
        let wrapped = one
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
            .map(|inner| inner as &(dyn StdError + 'static));
        next = wrapped.or_else(|| one.source());
    }
    found
}
