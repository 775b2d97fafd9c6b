"""The models of one worker: loaded, warmed, shared by sessions, restarted when they die, unloaded when nobody needs them."""

from workers.models.lease import ModelLease
from workers.models.manager import Models
from workers.models.settings import ModelSettings

__all__ = ["ModelLease", "ModelSettings", "Models"]
