"""The controller's database: state, the hash-chained event log and alarms."""
