"""Operations: how one begins, passes from leg to leg, is looked after, and ends.

Which leg is next is decided in ``novalike.objects.operations.route``.

========================  ==============================================================================
``start``                 a user's request becomes an operation
``advance``               a leg has ended: what follows
``hand_over``             the only place where an operation changes hands
``dispatch``              who has an operation now is told
``legs``                  the legs that a conductor does itself: ``create`` (place), ``delete`` (settle)
``reports``               what hosts take up and report
``reschedule``            an operation looks for another host
``host_choice``           the scheduler chooses and claims hosts
``completion``            the end, and what the server is then
``reconciler``            looks after operations that nobody works on
``cleanup``               looks once more after the servers of ended operations that are on no host
========================  ==============================================================================
"""
