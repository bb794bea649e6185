"""Programs as operators have them, which know VOS3000's tables and nothing of ours."""
