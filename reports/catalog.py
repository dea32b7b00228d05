"""The reports that come with bitmill."""

from __future__ import annotations

from .bitmod.report import REPORT as BITMOD
from .full.report import REPORT as FULL
from .int_vs_fp.report import REPORT as INT_VS_FP
from .nonlinear.report import REPORT as NONLINEAR

REPORTS = {report.study: report for report in (INT_VS_FP, FULL, BITMOD, NONLINEAR)}
"""By the name of their study."""
