"""The text block of the movie-tag matrix: TF-IDF of the words of item descriptions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import scipy.sparse as sp

from recommender.schema import ACTORS, DIRECTORS
from training.datasets.config import TextConfig
from training.datasets.features.tag_matrix import Block, named_block

Words = list[str]

# Words of letters; of Chinese, Japanese and Thai, which are written without spaces, pairs of neighbouring characters.
_UNSPACED = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff"
_WORD = re.compile(rf"(?=([{_UNSPACED}]{{2}}))[{_UNSPACED}]|((?:(?![{_UNSPACED}])[^\W\d_]){{2,}})")


def described_by(items: pd.DataFrame, columns: Sequence[str], config: TextConfig) -> dict[str, Block]:
    """Return the block of words of the text `columns` of `items`, taken together; {} where there are none."""
    if not columns:
        return {}
    texts = ["\n".join(row) for row in zip(*(items[column].fillna("") for column in columns), strict=True)]
    people = [[*directors, *actors] for directors, actors in zip(items[DIRECTORS], items[ACTORS], strict=True)]
    return {"text": text_block(texts, people, config)}


def text_block(texts: Sequence[str], names: Sequence[Iterable[str]], config: TextConfig) -> Block:
    """Return TF-IDF of the words of n `texts` as (n, n_words), and the names of the words ("word:dinosaur").

    `names`: the people credited with each item. Left out are English stop words; names of credited people, in every
    text as a whole and in their own items' texts word by word; phrases that `config` lists as written after release,
    with any ending; and words in fewer or more texts than it allows (`min_films` are never too many). An item without
    text has an empty row.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer  # takes a second to import

    documents = _documents(texts, names, config)
    frequency = Counter(word for words in documents for word in set(words))
    most = max(config.max_share * sum(map(bool, documents)), config.min_films)
    vocabulary = sorted(word for word, count in frequency.items() if config.min_films <= count <= most)
    if not vocabulary:
        return named_block("word", [()] * len(documents))
    vectorizer = TfidfVectorizer(analyzer=list, vocabulary=vocabulary, sublinear_tf=True, dtype=np.float32)
    vectorizer.fit([words for words in documents if words])  # the inverse frequency is among items that have a text
    return sp.csr_matrix(vectorizer.transform(documents)), [f"word:{word}" for word in vocabulary]


def words_of(text: str) -> Words:
    """Return the words of at least two letters in a text, in lower case and in order."""
    return [pair or word for pair, word in _WORD.findall(text.casefold()) if pair or word]


def _documents(texts: Sequence[str], names: Sequence[Iterable[str]], config: TextConfig) -> list[Words]:
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    names_by_item = [[tuple(words_of(name)) for name in people] for people in names]
    whole_names = {name for people in names_by_item for name in people if len(name) > 1}
    after_release = re.compile("|".join(rf"\b{re.escape(phrase)}\w*" for phrase in config.after_release) or r"(?!)")
    documents = []
    for text, people in zip(texts, names_by_item, strict=True):
        left_out = ENGLISH_STOP_WORDS.union(*people)
        words = _without_names(words_of(after_release.sub(" ", text.casefold())), whole_names)
        documents.append([word for word in words if word not in left_out])
    return documents


def _without_names(words: Words, names: set[tuple[str, ...]]) -> Words:
    """Return the words that are not part of one of the `names`, each a sequence of words."""
    is_name_part = np.zeros(len(words), dtype=bool)
    for length in {len(name) for name in names}:
        for start in range(len(words) - length + 1):
            if tuple(words[start : start + length]) in names:
                is_name_part[start : start + length] = True
    return [word for word, is_name in zip(words, is_name_part, strict=True) if not is_name]
