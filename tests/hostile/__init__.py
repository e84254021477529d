"""Requests that a server must refuse: a corpus for any model, made from its contract, and endless mutations of it.

`tests` has to be on the path: `from hostile import hostile_requests`.
"""

from hostile.corpus import corpus, good_requests, hostile_requests
from hostile.request import HostileRequest, good_record

__all__ = ["HostileRequest", "corpus", "good_record", "good_requests", "hostile_requests"]
