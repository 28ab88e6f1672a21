"""All that a process has for recommendations."""

from dataclasses import dataclass

from serve_api.places import Places
from serve_api.recommendations.answering import Answering
from serve_api.recommendations.followed_state import FollowedState
from serve_api.recommendations.live_watchers import LiveWatchers


@dataclass(frozen=True)
class Recommendations:
    """Built once by `app`."""

    state: FollowedState
    answering: Answering
    watchers: LiveWatchers
    places: Places
