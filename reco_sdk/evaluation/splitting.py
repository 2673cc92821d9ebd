"""Protocols: what models are fitted on, what they are then shown, and what they are asked.

Each returns a :class:`~reco_sdk.evaluation.cases.Split` for the ``test`` or for the ``validation`` part; the two share no
target, and whatever is fitted for validation knows nothing of the test.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from reco_sdk.errors import ConfigError
from reco_sdk.evaluation.cases import Cases, Part, Split, without_repeats
from reco_sdk.evaluation.dataset import TEST, TRAIN, VALIDATION, Dataset, Sequences
from reco_sdk.training.model import Log

__all__ = ["DAY_SECONDS", "PROTOCOLS", "default_protocol", "following_sessions", "last_days", "make_split"]

PROTOCOLS: Final = ("leave-one-out", "next-item", "time-split", "random-split")
DAY_SECONDS: Final = 86_400.0

Ints = npt.NDArray[np.int64]


def default_protocol(data: Dataset) -> str:
    """Return the protocol that such data are usually reported with."""
    if data.parts is not None:
        return "next-item"
    if data.log.ratings is not None:
        return "random-split"
    return "time-split" if data.timed else "leave-one-out"


def make_split(
    data: Dataset, protocol: str, *, part: Part = "test", seed: int = 0, days: float = 30.0, share: float = 0.2
) -> Split:
    """Split a data set.

    Parameters
    ----------
    protocol
        One of :data:`PROTOCOLS`.
    part
        ``validation`` to try things out on.
    seed
        For what is drawn by lot.
    days
        Length of a ``time-split``'s last part; no more than a quarter of the whole.
    share
        Of the interactions that a ``random-split`` asks for.

    Raises
    ------
    ConfigError
        For an unknown protocol, and when the data do not suffice for it.
    """
    if protocol == "leave-one-out":
        split = _leave_one_out(data, part)
    elif protocol == "next-item":
        split = _next_item(data, part, seed)
    elif protocol == "time-split":
        split = _time_split(data, part, days)
    elif protocol == "random-split":
        split = _random_split(data, part, seed, share)
    else:
        raise ConfigError(f"protocol {protocol!r} is unknown; use one of {', '.join(PROTOCOLS)}")
    asked = tuple(cases for cases in split.cases if len(cases))
    if not asked:
        raise ConfigError(
            f"{data.name}: {protocol} leaves nothing to ask ({split.description}); use another protocol or more data"
        )
    return replace(split, cases=asked)


def _single(places: Ints, starts: Ints, stops: Ints, at: Ints, units: Ints, *, exclude_input: bool) -> Cases:
    """Return cases with one target each, at ``places[at]``."""
    return Cases(
        places=places,
        starts=starts,
        stops=stops,
        targets=places[at],
        offsets=np.arange(len(at) + 1),
        units=units.astype(np.int32),
        exclude_input=exclude_input,
    )


def _leave_one_out(data: Dataset, part: Part) -> Split:
    """Ask for the last item of each user, or for the one before it; neither is fitted on."""
    log = data.log
    sequences = Sequences.of(log.users, log.n_users)
    users = np.flatnonzero(sequences.lengths() >= 3)
    ends = sequences.offsets[1:][users]
    held = np.concatenate((sequences.places[ends - 1], sequences.places[ends - 2])) if len(users) else np.empty(0, np.int64)
    fit = np.ones(len(log), np.bool_)
    fit[held] = False
    at = ends - (1 if part == "test" else 2)
    cases = _single(sequences.places, sequences.offsets[:-1][users], at, at, users, exclude_input=True)
    which = "last" if part == "test" else "last but one"
    return Split("leave-one-out", part, fit, (cases,), description=f"the {which} item of {len(users):,} users")


def _next_item(data: Dataset, part: Part, seed: int) -> Split:
    """Ask for each next item of each session of a part."""
    log = data.log
    parts, cut = (data.parts, None) if data.parts is not None else _parts_by_session(data, part, seed)
    wanted = TEST if part == "test" else VALIDATION
    fit = parts == TRAIN
    if part == "validation" and data.parts is not None and not (parts == VALIDATION).any():
        parts, cut = _last_sessions(log, fit, VALIDATION)
        fit = parts == TRAIN
    sequences = Sequences.of(log.sessions, int(log.sessions.max()) + 1)
    within = np.arange(len(log)) - np.repeat(sequences.offsets[:-1], sequences.lengths())
    asked = (within > 0) & (parts[sequences.places] == wanted)
    if data.questions is not None and part == "test":
        named = np.zeros(len(log), np.bool_)
        named[data.questions] = True
        asked &= named[sequences.places]
    at = np.flatnonzero(asked)
    sessions = log.sessions[sequences.places[at]]
    starts = sequences.offsets[:-1][sessions]
    cases = _single(sequences.places, starts, at, at, sessions.astype(np.int64), exclude_input=False)
    return Split(
        "next-item",
        part,
        fit,
        (cases,),
        cut=cut,
        description=f"{len(at):,} next items of {len(np.unique(sessions)):,} sessions",
    )


def _parts_by_session(data: Dataset, part: Part, seed: int) -> tuple[npt.NDArray[np.int8], float | None]:
    """Hold back a tenth of the sessions: the last ones where time is known, else by lot."""
    log = data.log
    if data.timed:
        parts, cut = _last_sessions(log, np.ones(len(log), np.bool_), TEST)
        if part == "validation":
            return _last_sessions(log, parts == TRAIN, VALIDATION)
        return parts, cut
    drawn = np.random.default_rng(seed).random(log.n_users)[log.users]  # all of a user: what came later tells of it
    return np.where(drawn < 0.1, TEST, np.where(drawn < 0.2, VALIDATION, TRAIN)).astype(np.int8), None


def _last_sessions(log: Log, among: npt.NDArray[np.bool_], name: int) -> tuple[npt.NDArray[np.int8], float]:
    """Name the last tenth of some sessions; what overlaps the cut, and all else, belongs to no part."""
    count = int(log.sessions.max()) + 1
    begins = np.full(count, np.inf)
    np.minimum.at(begins, log.sessions, log.times)
    present = np.unique(log.sessions[among])
    cut = float(np.sort(begins[present])[int(0.9 * len(present))]) if len(present) else np.inf
    late = begins[log.sessions] >= cut
    parts = np.full(len(log), -1, np.int8)
    parts[among & ~late & (log.times < cut)] = TRAIN
    parts[among & late] = name
    return parts, cut


def last_days(data: Dataset, part: Part, days: float) -> tuple[float, float]:
    """Return from when, and until when, is asked: the last days of the log, or those before them for validation.

    Raises
    ------
    ConfigError
        Where only the order is known, or nothing happened.
    """
    log = data.log
    if not data.timed:
        raise ConfigError(f"{data.name}: has no times, only an order; use leave-one-out, next-item or random-split")
    if not days > 0:
        raise ConfigError(f"days: {days!r} is not above 0")
    if not len(log):
        raise ConfigError(f"{data.name}: holds no interactions yet")
    first, last = float(log.times[0]), float(log.times[-1])
    window = min(days * DAY_SECONDS, (last - first) / 4.0)
    cut = last - window
    return (cut, float(np.nextafter(last, np.inf))) if part == "test" else (cut - window, cut)


def following_sessions(data: Dataset, cut: float, until: float) -> Cases:
    """Return, for each session or basket with something after the cut, what that is, given all that its user did before."""
    log = data.log
    inside = (log.times >= cut) & (log.times < until)
    sequences = Sequences.of(log.users, log.n_users)
    places = sequences.places
    # The first interaction of each session after the cut: all that the user did before it is shown. Of a session that
    # began before the cut, that is in part known, the rest is asked.
    at = np.flatnonzero(inside[places])
    numbers, begin, group = np.unique(log.sessions[places[at]], return_index=True, return_inverse=True)
    begin = at[begin]
    user = log.users[places[begin]]
    offsets = np.zeros(len(numbers) + 1, np.int64)
    np.cumsum(np.bincount(group, minlength=len(numbers)), out=offsets[1:])
    return Cases(
        places=places,
        starts=sequences.offsets[:-1][user],
        stops=begin,
        targets=places[at[np.argsort(group, kind="stable")]],
        offsets=offsets,
        units=user,
        exclude_input=False,
        name="with repeats",
    )


def _time_split(data: Dataset, part: Part, days: float) -> Split:
    """Ask for each session or basket of the last days."""
    cut, until = last_days(data, part, days)
    everything = following_sessions(data, cut, until)
    known = everything.take(np.flatnonzero(everything.lengths()))
    what = "baskets" if data.baskets else "sessions"
    description = (
        f"{len(known):,} {what} of {len(np.unique(known.units)):,} users in the {'last' if part == 'test' else 'last but one'} "
        f"{(until - cut) / DAY_SECONDS:.1f} days; {len(everything) - len(known):,} of users who did nothing before are not asked"
    )
    cases = (known, without_repeats(known, data.log, "without repeats"))
    return Split("time-split", part, data.log.times < cut, cases, cut=cut, description=description)


def _random_split(data: Dataset, part: Part, seed: int, share: float) -> Split:
    """Ask, for each user, for the interactions that were drawn by lot, given the others."""
    log = data.log
    if not 0.0 < share < 0.5:
        raise ConfigError(f"share: {share!r} is not between 0 and 0.5; 0.2 is usual")
    drawn = np.random.default_rng(seed).permutation(len(log))
    test, validation = np.split(drawn, [int(share * len(log)), int(2 * share * len(log))])[:2]
    fit = np.ones(len(log), np.bool_)
    fit[test] = False
    asked = test
    if part == "validation":
        fit[validation] = False
        asked = validation
    fitted = np.flatnonzero(fit)
    sequences = Sequences.of(log.users[fitted], log.n_users)
    asked = asked[np.lexsort((asked, log.users[asked]))]
    users, begin, counts = np.unique(log.users[asked], return_index=True, return_counts=True)
    cases = Cases(
        places=fitted[sequences.places],
        starts=sequences.offsets[:-1][users],
        stops=sequences.offsets[1:][users],
        targets=asked,
        offsets=np.append(begin, begin[-1] + counts[-1]) if len(users) else np.zeros(1, np.int64),
        units=users,
        exclude_input=True,
    )
    return Split(
        "random-split",
        part,
        fit,
        (cases,),
        ordered=False,
        description=f"{len(asked):,} interactions of {len(users):,} users, {share:.0%} drawn by seed {seed}",
    )
