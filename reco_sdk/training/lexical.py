"""Items whose words are alike: TF-IDF of single words and of pairs of them, beside what dense vectors say.

Spärck Jones: A statistical interpretation of term specificity and its application in retrieval (1972). A rare word that two
titles share, the name of a brand or of a model, is little in a sentence embedding and much here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reco_sdk.errors import MissingExtra
from reco_sdk.sources.item_rows import ItemRows, RowTable
from reco_sdk.training.row_tables import best_of_blocks

__all__ = ["fit_lexical", "lexical_table"]

NEIGHBOURS: Final = 100
DECAY: Final = 0.7
HISTORY: Final = 10
MOST_SHARE: Final = 0.2
"""A word of more texts than this tells nothing, and makes everything alike to everything."""
_WORD: Final = r"(?u)\b\w+\b"


def lexical_table(texts: Sequence[str], limit: int = NEIGHBOURS) -> RowTable:
    """Return for each item the others whose words are most alike, by cosine.

    Raises
    ------
    MissingExtra
        Without scikit-learn.
    """
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtra("scikit-learn", "train") from error
    # In a catalogue of a few items, what two of them share is no common word yet.
    most = max(round(MOST_SHARE * len(texts)), 10)
    vectorizer = TfidfVectorizer(
        lowercase=True,
        strip_accents="unicode",
        token_pattern=_WORD,
        ngram_range=(1, 2),
        sublinear_tf=True,
        max_df=most,
        dtype=np.float32,  # pyright: ignore[reportArgumentType]  -- its documentation has it, its stub has not
    )
    try:
        weights: Any = vectorizer.fit_transform(texts)
    except ValueError:  # there are no words at all, or each is in nearly every text
        return RowTable(np.zeros(len(texts) + 1, np.int64), np.empty(0, np.int32), np.empty(0, np.float32))
    across = weights.T.tocsr()

    def block(start: int, stop: int) -> npt.NDArray[np.float32]:
        return np.asarray((weights[start:stop] @ across).toarray(), np.float32)

    return best_of_blocks(len(texts), block, limit)


def fit_lexical(table: RowTable) -> ItemRows:
    """Return the source that sums the rows of the last items."""
    return ItemRows("lexical", table, decays=(DECAY,), max_items=HISTORY)
