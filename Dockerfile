# Packs a binary that is built outside:
#   GOOS=linux make build && docker build --build-arg VERSION="$(cat VERSION)" --tag drift_exporter .
FROM gcr.io/distroless/static-debian13:nonroot

ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="drift_exporter" \
      org.opencontainers.image.description="Prometheus exporter for drift, data quality and errors of ML models" \
      org.opencontainers.image.source="https://github.com/drift-exporter/drift_exporter" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

COPY LICENSE NOTICE /
COPY bin/drift_exporter /bin/drift_exporter

USER nonroot
EXPOSE 10058
ENTRYPOINT ["/bin/drift_exporter"]
# Mount the folder with config.yaml here, rather than the file alone: a reload then sees a file that was replaced.
CMD ["--config.file=/etc/drift_exporter/config.yaml"]
