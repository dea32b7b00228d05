"""The FuseSoC core file of a unit, so that generated Verilog can be a dependency of other people's designs."""

from __future__ import annotations

import hashlib
import json
import re

from ...config.document import UnitConfig
from .verilog import TOP

_CORE = """\
CAPI=2:
name: {name}
description: {description}

filesets:
  rtl:
    files: [{file}]
    file_type: verilogSource

targets:
  default:
    filesets: [rtl]
    toplevel: {top}

  lint:
    flow: lint
    flow_options:
      tool: verilator
      verilator_options: [-Wall]
    filesets: [rtl]
    toplevel: {top}
"""


def core_name(config: UnitConfig, *, top: str = TOP) -> str:
    """``bitmill:generated:e4m3-dot32-exact-49-bit-accumulator-1f2e3d4c:0.1.0``: vendor, library, name and version.

    The name ends with a digest of the configuration, because titles leave out what does not change the result, and two units must
    not have one name; with another ``top`` than the usual one it ends with that.
    """
    from ... import __version__

    title = re.sub(r"[^a-z0-9]+", "-", config.title.lower()).strip("-")
    digest = hashlib.sha256(json.dumps(config.to_dict(), sort_keys=True).encode()).hexdigest()[:8]
    name = f"{title}-{digest}" if top == TOP else f"{title}-{digest}-{top}"
    return f"bitmill:generated:{name}:{__version__}"


def core_file(config: UnitConfig, *, file_name: str, top: str = TOP) -> str:
    """Text of a CAPI2 core file with the targets ``default`` (the Verilog) and ``lint`` (Verilator).

    Parameters
    ----------
    config
        The unit.
    file_name
        Name of its Verilog file, which lies in the same directory.
    top
        Name of its top module.

    Source: FuseSoC user guide, "The CAPI2 core description file format".
    """
    # JSON strings are YAML strings.
    return _CORE.format(
        name=core_name(config, top=top), description=json.dumps(config.title), file=json.dumps(file_name), top=top
    )
