"""Fit BERTopic to given vectors; runs in the peer's environment: VECTORS.npy TEXTS.json OUT.npz SEED SIZES.

Writes one row of labels per way (-1: no topic) and the CPU seconds of a warm default fit. Sizes: values of
`min_topic_size` after the default, separated by commas; whoever reads the labels may pick the best with the truth.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from bertopic import BERTopic
from bertopic.vectorizers import OnlineCountVectorizer
from sklearn.cluster import MiniBatchKMeans
from sklearn.decomposition import IncrementalPCA
from umap import UMAP

BATCH = 1_000  # the recipe of the online documentation; smaller batches do not fit 50 clusters


def fit(texts, vectors, seed, **options):
    """Fit once with UMAP's own defaults in BERTopic, made repeatable by a seed."""
    reducer = UMAP(
        n_neighbors=15, n_components=5, min_dist=0.0, metric="cosine", random_state=seed, low_memory=False
    )
    model = BERTopic(umap_model=reducer, embedding_model=None, **options)
    labels, _ = model.fit_transform(texts, vectors)
    return model, np.array(labels)


def online(texts, vectors):
    """Follow the recipe for online topics: IncrementalPCA and MiniBatchKMeans, batch by batch."""
    model = BERTopic(
        umap_model=IncrementalPCA(n_components=5),
        hdbscan_model=MiniBatchKMeans(n_clusters=50, random_state=0),
        vectorizer_model=OnlineCountVectorizer(stop_words="english"),
        embedding_model=None,
    )
    labels = []
    for first in range(0, len(texts), BATCH):
        part = slice(first, first + BATCH)
        model.partial_fit(texts[part], vectors[part].astype(np.float64))
        labels.extend(model.topics_)
    return np.array(labels)


def main(vectors_path, texts_path, out, seed, sizes):
    """Fit in every way and write what came out."""
    warnings.filterwarnings("ignore")
    vectors = np.load(vectors_path)
    texts = json.loads(Path(texts_path).read_text(encoding="utf-8"))
    fit(texts[:2_000], vectors[:2_000], seed)  # compiles
    began = time.process_time()
    model, labels = fit(texts, vectors, seed)
    seconds = time.process_time() - began
    filled = np.array(model.reduce_outliers(texts, labels, strategy="embeddings", embeddings=vectors))
    ways = {"default": labels, "default, outliers reassigned": filled}
    for size in sizes:
        model, labels = fit(texts, vectors, seed, min_topic_size=size)
        ways[f"size {size}"] = np.array(
            model.reduce_outliers(texts, labels, strategy="embeddings", embeddings=vectors)
        )
    ways["online recipe"] = online(texts, vectors)
    np.savez(out, ways=np.array(list(ways)), labels=np.array(list(ways.values())), seconds=seconds)


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]), [int(size) for size in sys.argv[5].split(",") if size])
