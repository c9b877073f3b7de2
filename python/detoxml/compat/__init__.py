"""Class names and call styles of other libraries over these rules and attacks: docs/coming-from.md."""
