"""Moments that clients send, under the names that accounts has for them."""

from commonplace.platform.http.moments import Moment, moment_of_cursor

__all__ = ["Moment", "moment_of_cursor"]
