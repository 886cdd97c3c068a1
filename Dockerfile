# One image for every process of Ebb; the command chooses which.
FROM python:3.12-slim
ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 HF_HUB_OFFLINE=1
WORKDIR /app
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY service ./service
COPY models ./models
COPY workers ./workers
COPY migrations ./migrations
# PyTorch's own index of CPU builds: the default build brings several gigabytes of GPU libraries.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN pip install --constraint constraints.txt --index-url "$TORCH_INDEX" torch==2.13.0 \
    && pip install --constraint constraints.txt . \
    && python -m workers.assets \
    && useradd --system --uid 10001 --home-dir /data ebb && mkdir -p /data && chown ebb /data
USER ebb
VOLUME /data
ENV EBB_DATABASE_URL=sqlite:////data/ebb.db
EXPOSE 8000
CMD ["ebb", "api", "--host", "0.0.0.0"]
