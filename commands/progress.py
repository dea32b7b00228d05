"""What commands show of their work while it lasts."""

from ..system.screen.progress import Step, progress

__all__ = ["Step", "progress"]
