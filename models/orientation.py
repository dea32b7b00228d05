"""Which way round the matrices of a model are: ``[out, in]``, or ``[in, out]``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .tensor import Tensor

_CONV1D = re.compile(r"(^|[._/-])(c_attn|c_proj|c_fc|q_attn)[._/-](weight|w)(:\d+)?$")
_GROWS = re.compile(r"(^|[._/-])(c_attn|c_fc)[._/-]")
_KERNEL = re.compile(r"(^|[._/-])kernel(:\d+)?$")
_PAIRED = re.compile(r"(?s)((?:.*[._/])?experts[._/])(?:gate_up|down)_proj((?:[./]weight)?)")


@dataclass(frozen=True)
class Orientation:
    """Whether a tensor's matrices are ``[in, out]``.

    Attributes
    ----------
    transposed
        Whether they are.
    why
        What says so, for the user; empty for ``[out, in]`` that nothing contradicts.
    known
        Whether they may be taken so; if not, ``why`` says what is missing.
    """

    transposed: bool
    why: str
    known: bool = True


def orientations(tensors: Mapping[str, Tensor]) -> dict[str, Orientation]:
    """The matrices that are ``[in, out]``: those of GPT-2's Conv1D, kernels of Keras and Flax, and stacks of experts.

    A bias as long as one side and not the other says which side is out; of Conv1D's names ``c_attn`` and ``c_fc`` have more
    outputs than inputs. Other models use these names for plain linear layers, so what can be seen of some decides for all of
    a kind that cannot be seen; where nothing is seen, ``c_attn``, ``c_proj`` and ``c_fc`` are Conv1D's, and kernels are taken
    as they are. Of stacks of experts see ``_stacks``.
    """
    found = _stacks(tensors)
    for pattern, what, unseen in ((_CONV1D, "Conv1D [in, out]", True), (_KERNEL, "kernel [in, out]", False)):
        named = {name: tensor for name, tensor in tensors.items() if pattern.search(name) and len(tensor.shape) == 2}
        seen = {name: _seen(name, tensor, tensors) for name, tensor in named.items()}
        told = {verdict for verdict in seen.values() if verdict is not None}
        others = unseen if not told else True in told if len(told) == 1 else unseen
        for name, verdict in seen.items():
            if verdict if verdict is not None else others:
                found[name] = Orientation(True, what)
            elif pattern is _KERNEL and verdict is None:
                found[name] = Orientation(False, "kernel taken as [out, in]; --transpose if it is [in, out]")
    return found


def _seen(name: str, tensor: Tensor, tensors: Mapping[str, Tensor]) -> bool | None:
    """Whether shapes say ``[in, out]``; None where they do not say."""
    first, last = tensor.shape
    if first == last:
        return None
    bias = re.sub(
        r"(weight|kernel|w)(:\d+)?$", lambda found: ("b" if found[1] == "w" else "bias") + (found[2] or ""), name
    )
    if bias in tensors and tensors[bias].shape in ((first,), (last,)):
        return tensors[bias].shape == (last,)
    if _GROWS.search(name):
        return last > first
    return None


def _stacks(tensors: Mapping[str, Tensor]) -> dict[str, Orientation]:
    """Stacks of matrices ``[in, out]``, and those that may be.

    A bias ``[E, out]`` decides, as for matrices. Of ``experts.gate_up_proj`` and ``experts.down_proj`` some models have
    ``[E, in, out]`` and others ``[E, out, in]``: the pair says which, for gate and up together are twice as wide as what
    goes down.
    """
    found: dict[str, Orientation] = {}
    for name, tensor in tensors.items():
        if len(tensor.shape) != 3:
            continue
        pair = _PAIRED.fullmatch(name)
        told = _bias_says(name, tensor.shape, tensors)
        if told is None and pair:
            told = _pair_says(pair[1], pair[2], tensors)
        if told:
            found[name] = Orientation(True, "stack [in, out]")
        elif told is None and pair:
            why = "a stack of experts [in, out] or [out, in], which no shape tells: --transpose or --include"
            found[name] = Orientation(False, why, known=False)
    return found


def _bias_says(name: str, shape: tuple[int, ...], tensors: Mapping[str, Tensor]) -> bool | None:
    count, first, last = shape
    for bias in (f"{name}_bias", re.sub(r"([._/-])(weight|kernel)(:\d+)?$", r"\1bias\3", name)):
        if first != last and bias != name and bias in tensors:
            told = tensors[bias].shape
            if told in ((count, first), (count, last)):
                return told == (count, last)
    return None


def _pair_says(stem: str, leaf: str, tensors: Mapping[str, Tensor]) -> bool | None:
    both = [tensors.get(f"{stem}{part}_proj{leaf}") for part in ("gate_up", "down")]
    shapes = [tensor.shape for tensor in both if tensor is not None and len(tensor.shape) == 3]
    if len(shapes) != 2 or shapes[0][0] != shapes[1][0]:
        return None
    (_, first, last), (_, down_first, down_last) = shapes
    if first == down_last and last == 2 * down_first:
        return True
    return False if first == 2 * down_last and last == down_first else None
