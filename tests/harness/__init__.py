"""What tests share: waiting with a deadline, free ports, child processes."""

from tests.harness.process import Process
from tests.harness.waiting import eventually, free_port, until

__all__ = ["Process", "eventually", "free_port", "until"]
