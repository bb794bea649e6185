No peer holds the others up: what one sends in a burst is served a few milliseconds at a
time, in turn with everybody else (`python -m bench.stalls` measures it).
