"""Real networks and tensors: files of every format that people have, read a piece at a time and checked before they are used.

``open_model`` lists the tensors of a file, a folder or an index; ``layouts`` knows how others store quantized weights;
``plan`` says which tensors ``bitmill quantize`` takes and which it leaves alone, and ``quantize_model`` does it.
"""

from .model import Model, open_model
from .packed import read_packed
from .spec import load_matrix, load_packed

__all__ = ["Model", "load_matrix", "load_packed", "open_model", "read_packed"]
