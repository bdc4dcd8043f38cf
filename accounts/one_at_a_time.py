"""Whatever looks whether a user has room and then takes it: of two such transactions of one user, one waits for the other."""

from accounts.models import User


def wait_for_others_of(user_id: int) -> None:
    """Wait here until no other transaction of the user's is behind this point; others wait until this one has ended.

    Each would else find the room that is there for one. It comes before whatever else the transaction locks.
    """
    list(User.objects.select_for_update(no_key=True).filter(pk=user_id).values_list("pk"))
