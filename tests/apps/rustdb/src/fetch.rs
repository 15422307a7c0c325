//! One HTTPS GET, with the system's roots or with roots that are compiled in.

use std::error::Error;

use axum::Json;
use axum::extract::Query;
use axum::http::StatusCode;
use reqwest::Client;
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::store::Result;

#[derive(Deserialize)]
pub struct Asked {
    client: String,
    url: String,
}

pub async fn fetch(Query(asked): Query<Asked>) -> (StatusCode, Json<Value>) {
    match get(&asked).await {
        Ok(answer) => (StatusCode::OK, Json(answer)),
        Err(error) => {
            let first: &dyn Error = &*error;
            let causes = std::iter::successors(Some(first), |&error| error.source());
            let message = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
            (StatusCode::BAD_GATEWAY, Json(json!({ "error": "failed", "message": message })))
        }
    }
}

async fn get(asked: &Asked) -> Result<Value> {
    let answer = client(&asked.client)?.get(&asked.url).send().await?;
    let status = answer.status().as_u16();
    Ok(json!({ "status": status, "body": answer.text().await? }))
}

fn client(name: &str) -> Result<Client> {
    match name {
        "reqwest-native" => Ok(Client::new()),
        "reqwest-webpki" => {
            let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
            let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
            Ok(Client::builder().tls_backend_preconfigured(config).build()?)
        }
        _ => Err(format!("no client {name}").into()),
    }
}
