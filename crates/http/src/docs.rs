//! The document of this service, for programs and for people. Nothing of it comes from elsewhere.

use crate::{code::Code, endpoint::Outcome, extract::Call, openapi, problem::Problem, routes};
use actix_web::{
    HttpResponse,
    http::header::{self, CacheControl, CacheDirective, ContentType},
};
use std::sync::Arc;
use utoipa_swagger_ui::Config;

/// `GET /openapi.json`
pub(crate) async fn document(call: Call) -> Outcome {
    let api = call.api();
    let decimals = openapi::decimals(api.policy.currency);
    let render = || openapi::document(&routes::endpoints(), decimals).to_string();
    let document = api.document.get_or_init(render).clone();
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(document))
}

/// `GET /docs`
pub(crate) async fn redirect(_call: Call) -> Outcome {
    Ok(HttpResponse::PermanentRedirect()
        .insert_header((header::LOCATION, "/docs/"))
        .finish())
}

/// `GET /docs/`
pub(crate) async fn page(_call: Call) -> Outcome {
    file("index.html")
}

/// `GET /docs/{file}`
pub(crate) async fn asset(call: Call) -> Outcome {
    file(&call.path("file"))
}

fn file(name: &str) -> Outcome {
    let config = Config::from("/openapi.json")
        .validator_url("none")
        .persist_authorization(true);
    let served = utoipa_swagger_ui::serve(name, Arc::new(config));
    let served = served.map_err(|_| Problem::new(Code::Internal, "the page could not be rendered"))?;
    let file = served.ok_or_else(|| Problem::new(Code::NotFound, "there is no such file"))?;
    let mut answer = HttpResponse::Ok();
    answer
        .content_type(file.content_type)
        .insert_header(CacheControl(vec![CacheDirective::MaxAge(3_600)]));
    if file.gzpipped {
        answer.insert_header((header::CONTENT_ENCODING, "gzip"));
    }
    Ok(answer.body(file.bytes.into_owned()))
}
