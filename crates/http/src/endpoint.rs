//! One row of the URL table, and how it is served.

use crate::{code::Code, extract::Call, problem::Problem};
use actix_web::{HttpRequest, HttpResponse, Route, http::Method, web, web::ServiceConfig};
use futures_util::FutureExt as _;
use std::{collections::BTreeMap, panic::AssertUnwindSafe};

/// What a handler comes to.
pub(crate) type Outcome = Result<HttpResponse, Problem>;

/// One row of the URL table.
pub(crate) struct Endpoint {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    route: Route,
}

macro_rules! methods {
    ($($function:ident $method:ident),+) => {$(
        /// A row for this method.
        pub(crate) fn $function<F, Fut>(path: &'static str, handler: F) -> Endpoint
        where
            F: Fn(Call) -> Fut + Clone + 'static,
            Fut: Future<Output = Outcome> + 'static,
        {
            Endpoint {
                method: Method::$method,
                path,
                route: Route::new().to(answering(handler)),
            }
        }
    )+};
}

methods!(get GET, post POST, patch PATCH, delete DELETE);

/// A handler as actix calls it: refusals become problems, and so does a panic, which would
/// otherwise take the connection down without a word.
fn answering<F, Fut>(handler: F) -> impl Fn(Call) -> futures_util::future::LocalBoxFuture<'static, HttpResponse> + Clone
where
    F: Fn(Call) -> Fut + Clone + 'static,
    Fut: Future<Output = Outcome> + 'static,
{
    move |call: Call| {
        let request = call.request().clone();
        let outcome = AssertUnwindSafe(handler(call)).catch_unwind();
        async move {
            match outcome.await {
                Ok(Ok(answer)) => answer,
                Ok(Err(problem)) => problem.answer(&request),
                Err(_panic) => {
                    tracing::error!(path = request.path(), "a handler panicked");
                    Problem::new(
                        Code::Internal,
                        "the request could not be answered; it is logged under its request_id",
                    )
                    .answer(&request)
                }
            }
        }
        .boxed_local()
    }
}

/// Serves all rows; what is on none of them is `not_found`, other methods on their paths are
/// `method_not_allowed`.
pub(crate) fn serve(endpoints: Vec<Endpoint>, config: &mut ServiceConfig) {
    let mut paths: BTreeMap<&'static str, Vec<Endpoint>> = BTreeMap::new();
    for endpoint in endpoints {
        paths.entry(endpoint.path).or_default().push(endpoint);
    }
    for (path, endpoints) in paths {
        config.service(resource(path, endpoints));
    }
    config.default_service(web::to(|request: HttpRequest| async move {
        Problem::new(Code::NotFound, "there is no such route").answer(&request)
    }));
}

fn resource(path: &'static str, endpoints: Vec<Endpoint>) -> actix_web::Resource {
    let mut methods: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.method.as_str()).collect();
    methods.push("OPTIONS");
    let allow = methods.join(", ");
    let mut resource = web::resource(path);
    for endpoint in endpoints {
        resource = resource.route(endpoint.route.method(endpoint.method));
    }
    resource.default_service(web::to(move |request: HttpRequest| {
        let allow = allow.clone();
        async move {
            if request.method() == Method::OPTIONS {
                return HttpResponse::NoContent().insert_header(("allow", allow)).finish();
            }
            let detail = format!("this path answers {allow}");
            Problem::new(Code::MethodNotAllowed, detail)
                .allowing(&allow)
                .answer(&request)
        }
    }))
}
