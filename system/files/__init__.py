"""Files of users: read in bounded memory and time, written whole or not at all. Standard library only."""

from .inputs import guarding_inputs, input_at, name_input, refuse_input
from .outputs import STANDARD_OUTPUT, atomic_write, output_directory, output_file, recover
from .publishing import refuse_changed_input
from .reading import DOCUMENT_BYTES, kind_of, open_regular, read_bytes, read_json, read_text, reading
from .strict_json import to_json

__all__ = [
    "DOCUMENT_BYTES",
    "STANDARD_OUTPUT",
    "atomic_write",
    "guarding_inputs",
    "input_at",
    "kind_of",
    "name_input",
    "open_regular",
    "output_directory",
    "output_file",
    "read_bytes",
    "read_json",
    "read_text",
    "reading",
    "recover",
    "refuse_changed_input",
    "refuse_input",
    "to_json",
]
