"""What `baseload help` prints: one Markdown file a topic, its first line the title."""
