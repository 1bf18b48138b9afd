from collections.abc import Awaitable, Callable

import pytest

from tests.hub.cli.conftest import LAMP, Terminal

type Press = Callable[..., Awaitable[list[str]]]


@pytest.fixture
def tab(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> Press:
    """What bash is offered behind these words, parted as bash parts them."""

    async def press(*words: str) -> list[str]:
        monkeypatch.setenv("_HUB_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", "\n".join(("hub", *words)))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        done = await terminal.run()
        assert (done.code, done.err) == (0, "")
        return [line for line in done.lines if line]

    return press


async def test_devices_are_completed_by_slug_name_and_id(tab: Press) -> None:
    assert await tab("devices", "show", "") == ["hall-lamp"]
    assert await tab("devices", "show", "hal") == ["hall-lamp"]
    assert await tab("devices", "show", "Hall") == [r"Hall\ lamp"]
    assert await tab("devices", "show", '"Hall l') == ["Hall lamp"]
    assert await tab("devices", "show", "virtual-") == [LAMP.id]


async def test_what_a_device_can_be_told_is_completed(tab: Press) -> None:
    offered = await tab("devices", "set", r"Hall\ lamp", "")
    assert {"level=", "on_off=", "thermostat_mode=", "toggle"} <= set(offered)
    assert "link_quality=" not in offered
    assert await tab("devices", "set", "hall-lamp", "on_off", "=") == ["off", "on"]
    assert await tab("devices", "set", "hall-lamp", "thermostat_mode", "=", "h") == ["heat"]
    assert await tab("devices", "set", "nonesuch", "") == []


async def test_the_rest_is_completed_from_the_running_hub(tab: Press, terminal: Terminal) -> None:
    await terminal.hub.call("devices.assign", device=LAMP.id, area="Living room", labels=["night"])
    assert await tab("devices", "list", "--area", "") == [r"Living\ room"]
    assert await tab("devices", "list", "--area", "=", "L") == [r"Living\ room"]
    assert await tab("devices", "list", "--label", "") == ["night"]
    assert await tab("devices", "pair", "--protocol", "v") == ["virtual"]
    assert await tab("state", "watch", f"device/{LAMP.id}/on") == [f"device/{LAMP.id}/on_off"]
    assert "devices.rename" in await tab("--data", str(terminal.data), "services", "call", "devices.re")


async def test_file_names_are_offered_only_where_a_file_is_meant(tab: Press, terminal: Terminal) -> None:
    assert await tab("events", "tail", "--type", "") == []
    assert await tab("--data", "/nowhere", "devices", "show", "ha") == []
    assert await tab("config", "check", "") == [":files"]
    assert await tab("demo", "--report", "out") == [":files"]
    assert await tab("status", "--data", "") == [":files"]
    assert terminal.data.exists()


@pytest.mark.parametrize(
    ("shell", "words", "answer"),
    [
        ("zsh", "hub devices show ha", "_arguments '*: :((\"hall-lamp\"))'"),
        ("zsh", "hub devices show nix", ":"),
        ("zsh", "hub config check ", "_files"),
        ("fish", "hub devices show Ha", "Hall lamp"),
        ("fish", "hub devices show nix", ""),
    ],
)
async def test_other_shells_are_served(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, shell: str, words: str, answer: str
) -> None:
    monkeypatch.setenv("_HUB_COMPLETE", f"complete_{shell}")
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", words)
    assert (await terminal.run()).out.strip() == answer


@pytest.mark.parametrize(("words", "code"), [("hub devices show nix", 0), ("hub config check ", 1)])
async def test_fish_is_told_whether_files_are_meant(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, words: str, code: int
) -> None:
    monkeypatch.setenv("_HUB_COMPLETE", "complete_fish")
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "is-args")
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", words)
    assert (await terminal.run()).code == code
