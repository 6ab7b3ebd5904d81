# A starting point for a container: CI builds the binary, but has never built or run this image.
# Both stages are of one Debian release, so that the binary finds the C library it was linked with.
ARG DEBIAN=trixie

FROM rust:1-slim-${DEBIAN} AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --release --bin frontrow \
    && install -D target/release/frontrow /out/frontrow

FROM debian:${DEBIAN}-slim
# The system's certificates verify the TLS connection to a remote PostgreSQL.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --create-home --home-dir /var/lib/frontrow frontrow
COPY --from=build /out/frontrow /usr/local/bin/frontrow
USER frontrow
# Where the embedded database lands unless FRONTROW_STORAGE names another storage.
WORKDIR /var/lib/frontrow
VOLUME /var/lib/frontrow
ENV FRONTROW_LISTEN=0.0.0.0:8080 \
    FRONTROW_LOG_FORMAT=json
EXPOSE 8080
# Liveness, not readiness: a storage that is away is no reason to restart the process. bash speaks HTTP here, because
# the image has no other client.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["/bin/bash", "-c", "\
    exec 3<>/dev/tcp/127.0.0.1/8080 && \
    printf 'GET /health/live HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && \
    read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["frontrow"]
CMD ["serve"]
