"""Operations: how one begins, passes from leg to leg, is looked after, and ends.

========================  ==============================================================================
``start``                 a user's request becomes an operation
``route``                 which leg comes first, and which one next: decides, and writes nothing
``hand_over``             the only place where an operation changes hands
``legs``                  the legs that a conductor does itself: ``create`` (place), ``delete`` (settle)
``reports``               what hosts take up and report
``completion``            the end, and what the server is then
``reconciler``            looks after operations that nobody works on
``cleanup``               looks once more after the servers of ended operations that are on no host
========================  ==============================================================================
"""
