"""Runs generated hardware in a simulator and compares it with golden."""

from .verify import Verification, VerificationError, verify

__all__ = ["Verification", "VerificationError", "verify"]
