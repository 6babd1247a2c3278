"""`dari bench NAME`: one figure beside its floor, both measured in the same run on the same machine."""
