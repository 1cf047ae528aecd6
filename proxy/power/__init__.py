"""From a power budget to machines that run or rest."""
