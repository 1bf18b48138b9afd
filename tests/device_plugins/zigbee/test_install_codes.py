"""Install codes: what is printed on devices, and what is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zigpy.util import convert_install_code

from device_plugins.zigbee.install_codes import Admission, InstallCodeError, admission, crc

# The example of the Zigbee base device behaviour specification, 10.1.
SPECIFIED = "83FED3407A939723A5C639B26916D505C3B5"
SPECIFIED_KEY = "66b6900981e1ee3ca4206b6b861c02bb"
IEEE = "f4ce36d88ab8b6fd"

addresses = st.binary(min_size=8, max_size=8).map(bytes.hex).filter(lambda ieee: not ieee.endswith("16a720"))
codes = (
    st.sampled_from((6, 8, 12, 16))
    .flatmap(lambda size: st.binary(min_size=size, max_size=size))
    .map(lambda code: code + crc(code).to_bytes(2, "little"))
)
long_codes = st.binary(min_size=16, max_size=16).map(lambda code: code + crc(code).to_bytes(2, "little"))
prefixes = st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=40, max_size=40)


def test_the_code_of_the_specification_gives_its_key() -> None:
    found = admission(SPECIFIED, IEEE)
    assert convert_install_code(found.code).serialize().hex() == SPECIFIED_KEY


@given(
    addresses, codes, st.text("0123456789ABCDEFGMD$%:", max_size=20).filter(lambda t: t[:1] not in "0123456789ABCDEF")
)
def test_the_common_qr_text_is_read(ieee: str, code: bytes, rest: str) -> None:
    assert admission(f"Z:{ieee.upper()}$I:{code.hex().upper()}{rest}") == Admission(ieee, code)


@given(addresses, long_codes, prefixes)
def test_the_qr_texts_of_vendors_are_read(ieee: str, code: bytes, prefix: str) -> None:
    address, digits = ieee.upper(), code.hex().upper()
    for text in (
        f"G$M:69775$S:680S00003915$D:0000000017B2335C%Z$A:{address}$I:{digits}",
        f"{address}|{digits}",
        f"HUE:Z:{digits} M:{address} D:L3B A:1184",
        f"{prefix}{address}DLK{digits}",
    ):
        assert admission(text) == Admission(ieee, code)
        assert admission(text.lower()) == Admission(ieee, code)


@given(addresses, st.binary(min_size=16, max_size=16), prefixes)
def test_a_qr_text_may_hold_the_link_key_itself(ieee: str, key: bytes, prefix: str) -> None:
    assert admission(f"{prefix}{ieee}DLK{key.hex()}") == Admission(ieee, key=key)


@given(addresses, codes, st.sampled_from(" :-"))
def test_a_bare_code_needs_the_address_beside_it(ieee: str, code: bytes, between: str) -> None:
    written = code.hex(between, 2)
    assert admission(written, f" 0x{ieee} ") == Admission(ieee, code)
    assert admission(written, bytes.fromhex(ieee).hex(":")) == Admission(ieee, code)
    with pytest.raises(InstallCodeError, match="ieee"):
        admission(written)


@given(codes, st.integers(0, 17), st.integers(1, 255))
def test_a_wrong_digit_is_found(code: bytes, place: int, change: int) -> None:
    wrong = bytearray(code)
    wrong[place % len(code)] ^= change
    with pytest.raises(InstallCodeError, match="check digits"):
        admission(wrong.hex(), IEEE)


@given(st.text(max_size=500))
def test_nothing_else_is_taken_for_a_code(text: str) -> None:
    with pytest.raises(InstallCodeError):
        admission(text + "?", IEEE)


def test_addresses_that_are_printed_the_other_way_round_are_turned() -> None:
    assert admission(f"Z:010203040516A720$I:{SPECIFIED}").ieee == "20a7160504030201"


def test_a_qr_text_of_another_device_is_refused() -> None:
    with pytest.raises(InstallCodeError, match=IEEE):
        admission(f"Z:{IEEE}$I:{SPECIFIED}", "0011223344556677")


def test_a_length_that_no_code_has_is_told() -> None:
    with pytest.raises(InstallCodeError, match="16, 20, 28 or 36"):
        admission("0011223344", IEEE)
    with pytest.raises(InstallCodeError, match="16 hex digits"):
        admission(SPECIFIED, "0011")
