"""Which machines run, slow down or sleep: functions of a budget and a fleet."""
