"""Every bar, in one place: what each benchmark must reach, and what is only shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["BARS", "Bar"]


@dataclass(frozen=True, slots=True)
class Bar:
    """What one figure must reach.

    Parameters
    ----------
    figure
        Its name in the benchmark's answer.
    sense
        ``"<="``, ``">="`` or ``"=="``.
    limit
        In the figure's unit.
    meaning
        One line for whoever reads the table.
    """

    figure: str
    sense: Literal["<=", ">=", "=="]
    limit: float
    meaning: str

    def holds(self, value: float) -> bool:
        """Return whether ``value`` reaches the bar; NaN never does."""
        return {"<=": value <= self.limit, ">=": value >= self.limit, "==": value == self.limit}[self.sense]


BARS: Final[dict[str, tuple[Bar, ...]]] = {
    "engine": (
        Bar("similar_items_p50_ms", "<=", 0.15, "100,000 items: similar_items, median"),
        Bar("recommend_over_raw", "<=", 2.0, "(recommend p50 - 0.3 ms) / raw hnswlib knn_query(k=50) p50, 5-item session"),
        Bar("recommend_p99_ms", "<=", 3.0, "recommend with a 5-item session, 99th percentile"),
    ),
    "filters": (
        Bar("results_missing", "==", 0, "answers shorter than min(n, matching), over all cases"),
        Bar("recall_at_10_worst", ">=", 0.99, "mean recall@10 against an exact scan, worst case"),
        Bar("p50_worst_ms", "<=", 3.0, "median, worst case"),
    ),
    "rules": (
        Bar("p50_over_without", "<=", 1.5, "200 rules, five caps, an expression filter: median / the same row without them"),
        Bar("with_p99_ms", "<=", 5.0, "the same, 99th percentile"),
        Bar("live_s", "<=", 1.0, "a changed rule in the last of 4 workers, the slowest of ten changes"),
    ),
    "sequence": (Bar("forward_50_p50_ms", "<=", 0.5, "the sequence model over 50 items, numpy, one thread, median"),),
    "tag": (
        Bar("own_time_p50_ms", "<=", 1.0, "all that the tag does but the one query and the shop's card template"),
        Bar("own_by_pages_p50_ms", "<=", 1.0, "the same, by pages: with the tag - with a plain row of the same products"),
        Bar("queries", "==", 1, "database queries that the tag adds"),
    ),
    "oscar": (
        Bar("queries_more", "<=", 2, "an oscar shop's product page with the row: queries more than without"),
        Bar("page_more_p50_ms", "<=", 3.0, "the same page with the row - without, median"),
        Bar("pages_without_full_row", "==", 0, "pages whose row has fewer cards than asked for"),
    ),
    "import": (
        Bar("import_ms", "<=", 60.0, "import reco_sdk, django_reco beyond numpy and Django"),
        Bar("torch_modules", "==", 0, "torch modules loaded after serving pages"),
        Bar("resident_mb", "<=", 40.0, "resident beyond the same shop without us, mapped snapshot pages aside"),
    ),
    "embed": (
        Bar("sync_over_encode", "<=", 1.1, "first sync of the gift shop / one encode call on the same texts"),
        Bar("second_sync_embedded", "==", 0, "texts embedded by a second sync"),
        Bar("second_sync_s", "<=", 2.0, "a second sync"),
    ),
    "snapshot": (Bar("first_answer_ms", "<=", 300.0, "100,000 items, new process: open to first answer"),),
    "fresh": (
        Bar("saved_product_s", "<=", 1.0, "commit of a saved product to its first recommendation, model warm"),
        Bar("view_changes_slate", "==", 1, "share of views that change the very next slate"),
    ),
    "ingest": (
        Bar("recorded_per_s", ">=", 15_000, "interactions through the recorder into PostgreSQL, per second, all on one core"),
        Bar("over_single_inserts", ">=", 10.0, "the same / one INSERT by execute each, per second"),
    ),
    "workers": (
        Bar(
            "pss_beyond_bare_mb",
            "<=",
            60.0,
            "100,000 items, 4 gunicorn workers: PSS of the worst beyond the bare shop",
        ),
        Bar("pages_with_full_row", ">=", 0.99, "share of the later pages whose row is full"),
    ),
    "bulk": (Bar("p99_over_quiet", "<=", 1.5, "page p99 until 100,000 products are live everywhere / while nothing happens"),),
    "outage": (
        Bar("failed_rows", "==", 0, "rows without a card, PostgreSQL stopped under load, on pages that need no database"),
        Bar("added_p99_ms", "<=", 51.0, "p99 with our row - with none, of the pages due meanwhile: the deadline (50 ms) + 1 ms"),
        Bar("views_lost", "==", 0, "views recorded before, meanwhile and after that were never stored"),
    ),
    "why": (
        Bar("why_p50_ms", "<=", 5.0, "100,000 items: an explanation of a slate of ten, median"),
        Bar("why_not_p50_ms", "<=", 50.0, "why an item is not in it, and what would show it, median over all kinds"),
    ),
    "newsletter": (
        Bar("users_per_s", ">=", 1_000, "100,000 users x 8 items from all that is learnt, per second of one core, log to file"),
        Bar("rows_missing", "==", 0, "lines that are not there"),
    ),
    "load": (
        Bar("p99_over_plain", "<=", 1.1, "gift shop on PostgreSQL, 2 workers, open loop: p99 with our row / with a plain row"),
        Bar("throughput_over_plain", ">=", 0.95, "pages per second with our row / with a plain row, both workers busy"),
    ),
    "quality": (
        Bar("beauty_hr10", ">=", 0.115, "Beauty, leave-one-out: HR@10; published best .0928"),
        Bar("beauty_ndcg10", ">=", 0.070, "Beauty: NDCG@10; published best .0531"),
        Bar("beauty_text_hr10", ">=", 0.070, "Beauty, text alone: HR@10"),
        Bar("beauty_text_ndcg10", ">=", 0.041, "Beauty, text alone: NDCG@10"),
        Bar("diginetica_hr20", ">=", 0.545, "Diginetica, next item: HR@20; quoted best about .542"),
        Bar("diginetica_mrr20", ">=", 0.200, "Diginetica: MRR@20; quoted best about .190"),
        Bar("bolcom_hr20", ">=", 0.68, "bol.com example, next item: HR@20"),
        Bar("bolcom_mrr20", ">=", 0.345, "bol.com example: MRR@20; tuned VMIS-kNN .340"),
        Bar("ml100k_ndcg10", ">=", 0.450, "ml-100k, random 80/20: nDCG@10; published best .440"),
        Bar("retail_ahead", ">=", 0.0, "Online Retail, next basket: low end of NDCG@10 ahead of the best single source"),
        Bar("retail_new_ahead", ">=", 0.0, "the same without repeats"),
        Bar("beauty_curve", ">=", 0.0, "learning curve: high end of the fusion - content or popularity, worst part"),
        Bar("ml100k_curve", ">=", 0.0, "the same, ml-100k"),
        Bar("retail_curve", ">=", 0.0, "the same, Online Retail"),
        Bar("diginetica_curve", ">=", 0.0, "the same, Diginetica, beside popularity"),
        Bar("bolcom_curve", ">=", 0.0, "the same, bol.com example"),
        Bar("fit_minutes_most", "<=", 10.0, "fitting of all sources of one data set"),
        Bar("peak_gib_most", "<=", 6.0, "memory held at most"),
        Bar("bolcom_p90_ms", "<=", 0.5, "bol.com example: one answer of the fusion, 90th percentile"),
        Bar("diginetica_p90_ms", "<=", 1.7, "Diginetica: the same"),
    ),
    "peers": (
        Bar("beauty_ahead", ">=", 0.0, "low end of NDCG@10 ahead of the best peer of the same split, Beauty"),
        Bar("ml100k_ahead", ">=", 0.0, "the same, ml-100k"),
        Bar("retail_ahead", ">=", 0.0, "the same, Online Retail with repeats"),
        Bar("retail_new_ahead", ">=", 0.0, "the same, Online Retail without repeats"),
        Bar("retail_ahead_alone", ">=", 0.0, "ahead of the best single source in the same run, with repeats"),
        Bar("retail_new_ahead_alone", ">=", 0.0, "the same without repeats"),
    ),
}
