"""The composition root: what is configured is put together here, and nowhere else."""
