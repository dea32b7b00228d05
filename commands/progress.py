"""What commands show of their work while it lasts."""

from ..screen.progress import Step, progress

__all__ = ["Step", "progress"]
