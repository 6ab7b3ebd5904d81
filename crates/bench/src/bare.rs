//! The bare endpoint: what actix-web does with no service behind it.

use actix_web::{App, HttpResponse, HttpServer, rt::System, web};
use anyhow::{Context as _, Result};
use bytes::Bytes;
use std::path::Path;

/// Answers every request with 200 and the file's bytes as JSON, until the process is told to end.
/// As many threads as the service has by itself: one per core, at most 8.
///
/// # Errors
/// The file cannot be read, or nothing can be listened on.
pub fn serve(body: &Path) -> Result<()> {
    let body = web::Data::new(Bytes::from(std::fs::read(body)?));
    let workers = std::thread::available_parallelism()?.get().min(8);
    System::new().block_on(async move {
        let server = HttpServer::new(move || App::new().app_data(body.clone()).default_service(web::to(answer)))
            .workers(workers)
            .bind("127.0.0.1:0")?;
        let address = server.addrs().first().copied().context("it listens nowhere")?;
        println!("listening on http://{address}");
        Ok(server.run().await?)
    })
}

async fn answer(body: web::Data<Bytes>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(body.get_ref().clone())
}
