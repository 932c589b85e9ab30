# The image: autologin and Chromium's headless shell. `make image` builds it; docs/deploy.md tells how to run it.

ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
# Debian keeps only the newest of a release's packages, and the newest is the one with the security fixes.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*
# For a package index or a certificate authority of your own; neither stays in the image.
ARG PIP_INDEX_URL
ARG PIP_CERT
WORKDIR /src
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY autologin autologin
COPY flows flows
ENV PIP_CONSTRAINT=/src/constraints.txt PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python3 -m venv /tools \
 && /tools/bin/pip wheel --no-deps --wheel-dir /dist . \
 && python3 -m venv --without-pip /opt/autologin \
 && /tools/bin/pip --python /opt/autologin/bin/python install "$(echo /dist/*.whl)[aws,notify,sandbox]"

FROM ${BASE}
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      ca-certificates chromium-headless-shell fonts-liberation libatomic1 python3 tini tzdata \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log \
 && groupadd --gid 10001 autologin \
 && useradd --uid 10001 --gid 10001 --home-dir /tmp --no-create-home --shell /usr/sbin/nologin autologin \
 && install -d -m 0755 /config \
 && install -d -o autologin -g autologin -m 0700 /state \
 && install -d -o autologin -g autologin -m 0750 /tokens
COPY --from=build /opt/autologin /opt/autologin
# HOME is where Chromium may leave what it likes: the root is read-only, and /state is for the state alone.
ENV PATH=/opt/autologin/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/tmp \
    LANG=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    AUTOLOGIN_CONFIG=/config/config.yaml \
    AUTOLOGIN_STATE__PATH=/state
USER 10001:10001
VOLUME ["/state"]
EXPOSE 8321
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 CMD ["autologin", "healthcheck"]
ENTRYPOINT ["tini", "--", "autologin"]
CMD ["serve"]
