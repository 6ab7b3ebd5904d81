//! One row of the URL table, and how it is served.

use crate::{code::Code, extract::Call, openapi::Operation, problem::Problem};
use actix_web::{
    HttpMessage as _, HttpRequest, HttpResponse, Route,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    guard,
    http::{
        Method, StatusCode,
        header::{self, AcceptEncoding, Encoding, HeaderValue},
    },
    middleware::{Compress, Next, from_fn},
    web,
    web::ServiceConfig,
};
use futures_util::FutureExt as _;
use serde::Serialize;
use std::{collections::HashMap, panic::AssertUnwindSafe};

/// What a handler comes to.
pub(crate) type Outcome = Result<HttpResponse, Problem>;

/// An answer in JSON.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Outcome {
    // Most answers fit, so the room need not grow while they are written.
    let mut text = Vec::with_capacity(1_024);
    serde_json::to_writer(&mut text, body).map_err(|error| Problem::defect(error.to_string()))?;
    let kind = HeaderValue::from_static("application/json");
    Ok(HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, kind))
        .body(text))
}

/// The row of the URL table that answers a request, by its path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MatchedPath(pub(crate) &'static str);

/// One row of the URL table.
pub(crate) struct Endpoint {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    /// What the document says of it.
    pub(crate) operation: fn() -> Operation,
    route: Route,
    compressed: bool,
}

impl Endpoint {
    /// Its answers are large enough to be worth compressing.
    pub(crate) fn compressed(self) -> Self {
        Self {
            compressed: true,
            ..self
        }
    }
}

macro_rules! methods {
    ($($function:ident $method:ident),+) => {$(
        /// A row for this method.
        pub(crate) fn $function<F, Fut>(path: &'static str, handler: F, operation: fn() -> Operation) -> Endpoint
        where
            F: Fn(Call) -> Fut + Clone + 'static,
            Fut: Future<Output = Outcome> + 'static,
        {
            Endpoint {
                method: Method::$method,
                path,
                operation,
                route: answering(path, handler),
                compressed: false,
            }
        }
    )+};
}

methods!(get GET, post POST, patch PATCH, delete DELETE);

/// A handler as actix calls it: refusals become problems, and so does a panic, which would
/// otherwise take the connection down without a word.
fn answering<F, Fut>(path: &'static str, handler: F) -> Route
where
    F: Fn(Call) -> Fut + Clone + 'static,
    Fut: Future<Output = Outcome> + 'static,
{
    Route::new().to(move |call: Call| {
        let request = call.request().clone();
        request.extensions_mut().insert(MatchedPath(path));
        // Boxed first of all: a handler's future is large, and what wraps it is moved several times.
        let outcome = AssertUnwindSafe(Box::pin(handler(call))).catch_unwind();
        async move {
            match outcome.await {
                Ok(Ok(answer)) => answer,
                Ok(Err(problem)) => problem.answer(&request),
                Err(_panic) => Problem::defect("a handler panicked").answer(&request),
            }
        }
    })
}

/// Serves all rows; what is on none of them is `not_found`, other methods on their paths are
/// `method_not_allowed`.
pub(crate) fn serve(endpoints: Vec<Endpoint>, config: &mut ServiceConfig) {
    let order: Vec<&'static str> = endpoints.iter().map(|endpoint| endpoint.path).collect();
    let mut paths: HashMap<&'static str, Vec<Endpoint>> = HashMap::new();
    for endpoint in endpoints {
        paths.entry(endpoint.path).or_default().push(endpoint);
    }
    // One path is tried after another, and those with parameters by a regular expression each.
    let (plain, with_parameters): (Vec<_>, Vec<_>) = order.into_iter().partition(|path| !path.contains('{'));
    for path in plain.into_iter().chain(with_parameters) {
        if let Some(endpoints) = paths.remove(path) {
            serve_path(path, endpoints, config);
        }
    }
    config.default_service(web::to(|request: HttpRequest| async move {
        Problem::new(Code::NotFound, "there is no such route").answer(&request)
    }));
}

fn serve_path(path: &'static str, endpoints: Vec<Endpoint>, config: &mut ServiceConfig) {
    let mut methods: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.method.as_str()).collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    methods.push("OPTIONS");
    let allow = methods.join(", ");
    let compressed = endpoints.iter().any(|endpoint| endpoint.compressed);
    let mut resource = web::resource(path);
    for endpoint in endpoints {
        let is_get = endpoint.method == Method::GET;
        let guard = guard::Any(guard::Method(endpoint.method));
        // A HEAD is answered as the GET it asks about; the server leaves the body out.
        let guard = if is_get { guard.or(guard::Head()) } else { guard };
        resource = resource.route(endpoint.route.guard(guard));
    }
    let resource = resource.default_service(web::to(move |request: HttpRequest| {
        request.extensions_mut().insert(MatchedPath(path));
        let answer = other_method(&request, &allow);
        async move { answer }
    }));
    if compressed {
        config.service(resource.wrap(Compress::default()).wrap(from_fn(compress_if_possible)));
    } else {
        config.service(resource);
    }
}

fn other_method(request: &HttpRequest, allow: &str) -> HttpResponse {
    if request.method() == Method::OPTIONS {
        return HttpResponse::NoContent().insert_header((header::ALLOW, allow)).finish();
    }
    Problem::new(Code::MethodNotAllowed, format!("this path answers {allow}"))
        .allowing(allow)
        .answer(request)
}

/// A client that accepts no encoding we have gets none, instead of no answer.
async fn compress_if_possible<B: MessageBody>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let ours = [Encoding::identity(), Encoding::gzip(), Encoding::brotli()];
    let accepted = request.get_header::<AcceptEncoding>();
    if accepted.is_some_and(|accepted| accepted.negotiate(ours.iter()).is_none()) {
        request.headers_mut().remove(header::ACCEPT_ENCODING);
    }
    next.call(request).await
}
