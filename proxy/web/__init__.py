"""Dashboard, API and metrics over HTTP."""
