"""The controller's database, one file a schema version."""
