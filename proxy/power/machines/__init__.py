"""The machines of a site: what each is, draws, finds and proves."""
