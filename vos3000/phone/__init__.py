"""
Services on top of calls: what a phone asks of the switch beside calling.
"""
