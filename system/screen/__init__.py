"""What people see in the terminal: text of users stays text, and a stream that is closed or full is no traceback."""

from .say import give_output_away, output_stream, say, say_json, say_lines

__all__ = ["give_output_away", "output_stream", "say", "say_json", "say_lines"]
