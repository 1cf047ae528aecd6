"""OpenADR 3.1 as a virtual end node reads it: events, times, limits, reports."""
