"""The subcommands of the command line, one module each. Tools and libraries are imported when a command runs."""
