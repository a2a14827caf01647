"""How often the alert rules page, and the monitoring report."""
