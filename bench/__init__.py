"""Figures of the product, each as a ratio to a floor measured in the same run. `make bench` runs them all."""
