"""An open carrier softswitch that behaves as VOS3000 V2.1.9.07 does."""
