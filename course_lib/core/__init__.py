"""The ground floor: checks of arguments, devices, seeds, shipped weights, training. Imports nothing of ours."""
