from __future__ import annotations

from itertools import combinations

from harness.core.seeding import derive_seed, stream


def test_a_seed_follows_from_the_identity_alone() -> None:
    assert derive_seed("learner", "dqn", 0) == 5953225504071743787
    assert stream("a", 1).integers(2**60) == stream("a", 1).integers(2**60)


def test_identities_have_streams_of_their_own() -> None:
    identities = [
        (purpose, name, seed)
        for purpose in ("reduction", "learner", "evaluation")
        for name in ("random", "dqn")
        for seed in range(5)
    ]
    for one, other in combinations(identities, 2):
        assert derive_seed(*one) != derive_seed(*other)
