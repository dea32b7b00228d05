"""Pages of users' studies."""
