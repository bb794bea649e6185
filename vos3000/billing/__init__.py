"""What a call costs, who pays, and that nobody overdraws."""
