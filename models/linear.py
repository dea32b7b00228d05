"""Which tensors of a model are the weights of linear layers."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .tensor import Tensor

# Of a weight of its own, "zero" and the like are names as any other.
_PART = re.compile(
    r"(.[./-](_?q?scales?|_shift|q?zeros?|zero_points?|absmax|_?amax|quant_map|quant_state|scb|g_idx|perm|codebooks?|"
    r"statistics)|\w_(scales?|zero_points?|absmax|quant_map|quant_state))(_inv|_2)?(:\d+)?$|bitsandbytes__",
    re.IGNORECASE,
)
_BIAS = re.compile(r"(^|[._/-])bias(_\w*)?(:\d+)?$", re.IGNORECASE)
_HEAD = re.compile(r"(^|[./])lm_head([./]|$)|^(model\.)?(output|embed_out)\.weight$", re.IGNORECASE)
# The following are compared with the module that a tensor belongs to: a linear layer in a module called norm1 is one.
_LEAVES = frozenset({"weight", "weights", "w", "kernel", "gamma", "beta", "g", "scale"})
_NORM = re.compile(r".*(norm|rms)(\d*d?|_\w{1,2})|(ln|bn)(_\w+|\d*)", re.IGNORECASE)
_EMBEDDING = re.compile(
    r".*embed.*|wte|wpe|word_emb|tok_emb|pos_emb|shared|rotary\w*|inv_freq|.*position.*|token_type\w*|"
    r"(cls|class|mask|register|dist)_tokens?|relative_attention_bias|.*attn_bias",
    re.IGNORECASE,
)
_CONVOLUTION = re.compile(r".*conv(\d*d?|_\w+)|patch_proj", re.IGNORECASE)
_TABLE = re.compile(r"codebooks?|query_tokens?|latents?")
# Compared with the last name.
_PARAMETER = re.compile(r"transitions?|scale_shift_table|A_log|text_projection|rel_pos(_[hwt])?")
# Of a tensor in a module, the last name that a linear layer's weights or a stack of experts have.
_WEIGHT = re.compile(
    r"weight\d*|weights|kernel|w|w[123io]|wi_\d|(\w+_)?proj_weight|weight_[ih]h_l\d+(_reverse)?|(gate_)?(up|gate|down)|"
    r"\w+_proj|original\d*|base_weight",
    re.IGNORECASE,
)
_DEEP = re.compile(r"(?s).+[./].+[./](weight|kernel|w)(:\d+)?")
_PACKED_TYPES = ("I8", "U8", "I16", "U16", "I32", "U32", "F4", "F6_E2M3", "F6_E3M2")


def is_part(name: str) -> bool:
    """Whether a name is that of scales, zero points or the like of weights that something else quantized."""
    return bool(_PART.search(name))


def is_of_modules(tensors: Mapping[str, Tensor]) -> bool:
    """Whether a model's layers are in modules of modules, so that a matrix in none is a parameter of the model's own."""
    return any(_DEEP.fullmatch(name) and len(tensor.shape) >= 2 for name, tensor in tensors.items())


def why_not_linear(tensor: Tensor, *, of_modules: bool = False) -> str:
    """Why the weights of a real tensor are left alone unless they are asked for; empty for those of a linear layer.

    A linear layer's are called ``weight``, ``kernel`` or the like in its module, or are a known stack of such weights. A name
    of its own, without a module, says nothing, unless the others are in modules of modules (``of_modules``).
    """
    dimensions, name = len(tensor.shape), tensor.name
    if dimensions not in (2, 3):
        kernel = "a convolution's kernel, " if dimensions in (4, 5) else ""
        return f"{kernel}{dimensions} dimension{'s' * (dimensions != 1)}, not 2"
    owner = _owner(name)
    for found, what in (
        (_BIAS.search(name), "a bias"),
        (_HEAD.search(name), "the output head"),
        (_EMBEDDING.fullmatch(owner), "an embedding"),
        (_NORM.fullmatch(owner), "a norm"),
        (dimensions == 3 and _CONVOLUTION.fullmatch(owner), "a convolution's kernel"),
    ):
        if found:
            return f"{what} by its name"
    last = _last(name)
    placed = bool(re.search(r"\w", _module(name))) or of_modules
    if _TABLE.fullmatch(owner) or _PARAMETER.fullmatch(last) or (placed and not _WEIGHT.fullmatch(last)):
        return "no linear layer's weight by its name"
    return ""


def _last(name: str) -> str:
    return re.split(r"[./]", re.sub(r":\d+$", "", name))[-1]


def _owner(name: str) -> str:
    """The module that a tensor is the weight of, or its own name."""
    parts = re.split(r"[./]", re.sub(r":\d+$", "", name))
    return parts[-2] if len(parts) > 1 and parts[-1] in _LEAVES else parts[-1]


def is_kernel(tensor: Tensor) -> bool:
    """Whether all axes but the first are the inputs of an output channel, as a convolution has them."""
    return len(tensor.shape) > 3 or (len(tensor.shape) == 3 and bool(_CONVOLUTION.fullmatch(_owner(tensor.name))))


def beside_packed(tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """Real tensors in one module with packed integers, such as the scales of a layout that nobody knows.

    Returns
    -------
    The name of the packed tensor by the name of each other one.
    """
    packed: dict[str, str] = {}
    for name, tensor in tensors.items():
        home = _module(name)
        if home and tensor.dtype in _PACKED_TYPES and len(tensor.shape) >= 2:
            packed.setdefault(home, name)
    found = {}
    for name, tensor in tensors.items():
        other = packed.get(_module(name)) or (_sibling(name, tensors) if tensor.is_real else None)
        if tensor.is_real and len(tensor.shape) >= 2 and other:
            found[name] = other
    return found


def _module(name: str) -> str:
    return re.split(r"[./]", name[::-1], maxsplit=1)[-1][::-1] if re.search(r"[./]", name) else ""


def _sibling(name: str, tensors: Mapping[str, Tensor]) -> str | None:
    """The packed tensor ``X_blocks`` or ``X`` of a name ``X_scales``, ``X_bias``, in modules of several."""
    base = re.sub(r"_(scales?|zeros?|bias|scale_inv)$", "", name)
    for other in (f"{base}_blocks", f"{base}_packed", base):
        tensor = tensors.get(other)
        if base != name and tensor is not None and tensor.dtype in _PACKED_TYPES:
            return other
    return None
