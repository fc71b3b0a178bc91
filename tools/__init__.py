"""What maintainers run: execute lessons, solve exercises."""
