"""The bytes of ASH are those that bellows writes."""

from bellows.ash import PSEUDO_RANDOM_DATA_SEQUENCE, AshProtocol, DataFrame, Reserved
from hypothesis import example, given
from hypothesis import strategies as st

from device_plugins.zigbee import ashcodec


@given(frame=st.binary(max_size=300))
@example(frame=bytes(range(256)))
def test_the_codec_is_bellows_(frame: bytes) -> None:
    assert ashcodec.stuffed(frame) == AshProtocol._stuff_bytes(frame)
    assert ashcodec.unstuffed(ashcodec.stuffed(frame)) == frame
    assert ashcodec.checked(frame) == DataFrame.append_crc(frame)
    assert ashcodec.is_sound(ashcodec.checked(frame))
    assert ashcodec.randomized(frame[:256]) == DataFrame._randomize(frame[:256])


def test_the_codec_s_tables_are_bellows_() -> None:
    assert ashcodec.NOISE == PSEUDO_RANDOM_DATA_SEQUENCE
    assert bytes(Reserved) == ashcodec.RESERVED
    names = ("FLAG", "ESCAPE", "XON", "XOFF", "SUBSTITUTE", "CANCEL")
    assert {name: getattr(ashcodec, name)[0] for name in names} == {one.name: one.value for one in Reserved}
