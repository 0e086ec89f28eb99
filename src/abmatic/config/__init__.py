"""The composition root: reads the environment, wires the rooms together. Nobody imports it."""
