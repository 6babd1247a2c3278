"""Proofs: claims about the whole of Dari that a figure settles; `make prove` runs one."""
