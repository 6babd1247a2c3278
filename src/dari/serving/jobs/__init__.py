"""Works that outlive a call: a plain async generator, run in this process or by the workers that share a Redis."""

from dari.serving.jobs.here import JobsHere
from dari.serving.jobs.standing import ENDED, Jobs, Standing, Told, Work

__all__ = ["ENDED", "Jobs", "JobsHere", "Standing", "Told", "Work"]
