//! HTTP requests, by ureq.

use std::sync::Arc;

use engineio_proto::http::{Answer, Request};
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::{CONNECT_TIME, Tls};

/// An agent for one lane, which can be shut down without disturbing others. It adds nothing to a request, and takes
/// every response as it is.
pub(super) fn agent(tls: &Tls) -> Agent {
    let roots = tls.roots().unwrap_or_default().iter();
    let roots: Vec<_> = roots
        .map(|root| Certificate::from_der(root).to_owned())
        .collect();
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&roots))
        .disable_verification(tls.roots().is_none())
        .unversioned_rustls_crypto_provider(Arc::clone(tls.config().crypto_provider()))
        .build();
    let config = Agent::config_builder()
        .tls_config(tls)
        .proxy(None)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent("")
        .accept("")
        .timeout_connect(Some(CONNECT_TIME))
        .build();
    Agent::new_with_config(config)
}

/// Makes a request and waits for the whole response.
pub(super) fn exchange(
    agent: &Agent,
    request: Request,
    max_payload: usize,
) -> Result<Answer, ureq::Error> {
    let request = http::Request::try_from(request)?;
    let response = if request.method() == http::Method::POST {
        let (parts, body) = request.into_parts();
        agent.run(http::Request::from_parts(parts, &*body))?
    } else {
        agent.run(request.map(drop))?
    };
    let (parts, mut body) = response.into_parts();
    let body = body.with_config().limit(max_payload as u64).read_to_vec()?;
    Ok(http::Response::from_parts(parts, body.into()).into())
}
