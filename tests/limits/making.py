"""Holders, asks and pasts in few words."""

from accounts.limits.asking import Ask, Past, Spending
from accounts.limits.holders import NO_LIMITS, LimitSet, holders_of
from accounts.limits.periods import today


def token(zone="UTC", user=7, number=1, **limits):
    """The holder of a token with these limits, as a tuple."""
    return holders_of(user, number, LimitSet(**limits), NO_LIMITS, zone)


def user(zone="UTC", number=7, **limits):
    return holders_of(number, None, NO_LIMITS, LimitSet(**limits), zone)


def asking(tokens=10, least=None, cost=0, least_cost=None):
    """An ask for exactly so much, or for at least `least`."""
    return Ask(tokens if least is None else least, tokens, cost if least_cost is None else least_cost, cost)


def past(holder, now, tokens=0, cost=0, requests=()):
    days = today(holder.zone, now)
    return Past(Spending(days.day, tokens, cost), Spending(days.month, tokens, cost), tuple(requests))
