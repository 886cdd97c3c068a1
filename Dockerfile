# One image for every process of Ebb; the command chooses which. docker-compose.yml shows them all.
FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/ebb
ENV PATH=/opt/ebb/bin:$PATH
WORKDIR /src
COPY constraints.txt ./
# PyTorch's own index of CPU builds: the default build brings several gigabytes of GPU libraries. Alone and without
# what it depends on, so that this index serves nothing else and no other build can take its place.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN pip install --constraint constraints.txt --no-deps --index-url "$TORCH_INDEX" torch==2.13.0
COPY pyproject.toml README.md LICENSE ./
COPY service ./service
COPY models ./models
COPY workers ./workers
COPY migrations ./migrations
RUN pip install --constraint constraints.txt .
# Away from the sources, so that the chart library lands in the installed package. Compiled now: the programs run
# where nothing can be written.
WORKDIR /opt/ebb
RUN python -m workers.assets \
    && python -m compileall -q lib

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="Ebb" \
      org.opencontainers.image.description="Did complaints ebb after you shipped?" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --system --gid 10001 ebb \
    && useradd --system --uid 10001 --gid ebb --home-dir /tmp --no-create-home --shell /usr/sbin/nologin ebb \
    && install --directory --owner ebb --group ebb /data
COPY --from=build /opt/ebb /opt/ebb
# No address of a database: it would stand beside one given as a file, and Ebb refuses two. Without any, a SQLite
# file in /data is used.
ENV PATH=/opt/ebb/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HF_HUB_OFFLINE=1 \
    TOKENIZERS_PARALLELISM=false
WORKDIR /data
USER 10001:10001
EXPOSE 8000
CMD ["ebb", "api", "--host", "0.0.0.0"]
