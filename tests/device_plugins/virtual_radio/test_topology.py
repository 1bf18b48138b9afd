"""The mesh is plausible for every set of nodes."""

from hypothesis import given
from hypothesis import strategies as st

from device_plugins.virtual_radio import addresses, topology
from device_plugins.virtual_radio.topology import Place, Topology

HERE = addresses.made(1, 0)
_places = st.lists(
    st.builds(Place, st.integers(1, 400).map(lambda number: addresses.made(1, number)), st.booleans()),
    max_size=20,
    unique_by=lambda place: place.ieee,
)


@given(_places)
def test_everyone_reaches_the_coordinator_over_routers(places: list[Place]) -> None:
    mesh = Topology(HERE, places)
    routers = {place.ieee for place in places if place.is_router}
    for place in places:
        relays = mesh.relays(place.ieee)
        assert set(relays) <= routers
        assert len(set(relays)) == len(relays) == mesh.depth(place.ieee) - 1
        assert mesh.parent(place.ieee) in {HERE, *routers}
        assert 20 <= mesh.lqi(place.ieee, mesh.parent(place.ieee)) <= 255


@given(_places)
def test_routers_hear_each_other_and_sleepers_their_parent(places: list[Place]) -> None:
    mesh = Topology(HERE, places)
    for place in places:
        heard = mesh.neighbours(place.ieee)
        assert place.ieee not in heard
        if place.is_router:
            assert all(place.ieee in mesh.neighbours(other) for other in heard if other == HERE)
            assert mesh.parent(place.ieee) in heard
        else:
            assert heard == [mesh.parent(place.ieee)]
            assert place.ieee in mesh.neighbours(mesh.parent(place.ieee))


def test_a_sleeper_keeps_the_parent_it_joined_through() -> None:
    router, sleeper = addresses.made(1, 1), addresses.made(1, 2)
    places = [Place(router, is_router=True), Place(sleeper, is_router=False)]
    assert Topology(HERE, places, {sleeper: router}).parent(sleeper) == router
    assert Topology(HERE, places[1:], {sleeper: router}).parent(sleeper) == HERE


def test_wi_fi_is_heard() -> None:
    assert topology.noise(HERE, 18) > topology.noise(HERE, 26)
    assert all(0 <= topology.noise(HERE, channel) <= 255 for channel in range(11, 27))
