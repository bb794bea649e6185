"""The JSON web interface, the metrics page and what answers on HTTP."""
