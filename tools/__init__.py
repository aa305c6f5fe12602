"""What serves every lesson, and knows none of them by name."""
