"""Files of users: read in bounded memory and time, written whole or not at all. Standard library only."""

from .inputs import guarding_inputs, input_at, name_input, refuse_input
from .outputs import atomic_write, output_directory, output_file
from .reading import DOCUMENT_BYTES, open_regular, read_bytes, read_json, read_text, reading

__all__ = [
    "DOCUMENT_BYTES",
    "atomic_write",
    "guarding_inputs",
    "input_at",
    "name_input",
    "open_regular",
    "output_directory",
    "output_file",
    "read_bytes",
    "read_json",
    "read_text",
    "reading",
    "refuse_input",
]
