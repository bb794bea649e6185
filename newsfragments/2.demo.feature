`vos3000 demo` (`make run`) starts a switch with a demonstration carrier, places three calls through it and shows ladder, record, charge, balance and pushes of each (docs/demo.md).
