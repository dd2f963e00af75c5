"""Keeps the tiny model from outrunning its own server; loaded by vLLM as a logits processor.

Two layers answer faster than vLLM's front can hand on. Its loop then does nothing but take results
in: streams, metrics and leaving clients wait until the generation has ended. No model of a useful
size does that, so each step lasts a little longer here.
"""

import time

import torch
from vllm.config import VllmConfig
from vllm.v1.sample.logits_processor import BatchUpdate, LogitsProcessor

STEP_SECONDS = 0.004


class Pace(LogitsProcessor):
    """Changes nothing, slowly."""

    def __init__(self, vllm_config: VllmConfig, device: torch.device, is_pin_memory: bool) -> None:
        """Take what vLLM gives to each of its kind."""

    def apply(self, logits: torch.Tensor) -> torch.Tensor:
        """Return the logits as they are."""
        time.sleep(STEP_SECONDS)
        return logits

    def is_argmax_invariant(self) -> bool:
        """Say no, or greedy requests would leave it out."""
        return False

    def update_state(self, batch_update: BatchUpdate | None) -> None:
        """Have no state."""
